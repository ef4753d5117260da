//! The client's request: its head in one piece, its body when it is asked for.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::StreamExt;
use worker::js_sys::Uint8Array;
use worker::web_sys;

use super::edge::Head;
use super::lane::settled;
use crate::apart::apart;
use crate::http::{BodyError, Method, Request};

/// A request of the runtime.
#[derive(Debug)]
pub struct EdgeRequest {
    inner: web_sys::Request,
    head: Head,
    path: std::ops::Range<usize>,
    query: std::ops::Range<usize>,
    is_asked_more: Cell<bool>,
    longest: Cell<Option<usize>>,
    told: RefCell<Option<Uint8Array>>,
    received: Rc<RefCell<Option<Received>>>,
}

/// A body as JavaScript has it, and its bytes.
#[derive(Debug)]
pub struct Received {
    /// As it came.
    pub buffer: Uint8Array,
    /// The same.
    pub bytes: Vec<u8>,
}

impl EdgeRequest {
    /// With this head; the body may have been read already.
    pub fn new(inner: web_sys::Request, head: Head, body: Option<Uint8Array>) -> Self {
        let (path, query) = split(head.url());
        Self {
            inner,
            head,
            path,
            query,
            is_asked_more: Cell::default(),
            longest: Cell::default(),
            told: RefCell::new(body),
            received: Rc::default(),
        }
    }

    /// Its head.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Whether it was asked for a header besides.
    pub const fn is_asked_more(&self) -> bool {
        self.is_asked_more.get()
    }

    /// How long its body might have been, if it was asked for.
    pub const fn longest(&self) -> Option<usize> {
        self.longest.get()
    }

    /// The runtime's own.
    pub const fn inner(&self) -> &web_sys::Request {
        &self.inner
    }

    /// Where its body is once it was read, if it is short.
    pub fn received(&self) -> Rc<RefCell<Option<Received>>> {
        Rc::clone(&self.received)
    }

    /// Reads and forgets the body that a refusal left unread: whatever is in front of the Worker takes a connection
    /// with a rest of a body on it for a broken one, and fails the next request that it sends there.
    pub async fn drain(&self) {
        if self.longest.get().is_none() && self.inner.body().is_some() && !self.inner.body_used() {
            let _ = self.body(0).await;
        }
    }
}

/// How long a body is at most that is passed on from where it lies.
const MAX_RECEIVED: usize = 64 * 1024;
/// How much of a body is read only to be forgotten.
const MAX_DISCARDED: usize = 4 * 1024 * 1024;

/// Where path and query are in an absolute URL, which the runtime has normalised.
fn split(url: &str) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    let end = url.find('#').unwrap_or(url.len());
    let authority = url.find("://").map_or(0, |at| at + 3);
    let path = url[authority..end].find(['/', '?']).map_or(end, |at| authority + at);
    match url[path..end].find('?') {
        Some(at) => (path..path + at, path + at + 1..end),
        None => (path..end, end..end),
    }
}

impl Request for EdgeRequest {
    fn method(&self) -> Method {
        self.head.method()
    }

    fn path(&self) -> &str {
        &self.head.url()[self.path.clone()]
    }

    fn query(&self) -> &str {
        &self.head.url()[self.query.clone()]
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.head.header(name, || {
            self.is_asked_more.set(true);
            self.inner.headers().get(name).ok().flatten()
        })
    }

    fn known(&self) -> Option<u64> {
        self.head.known()
    }

    async fn body(&self, limit: usize) -> Result<Vec<u8>, BodyError> {
        self.longest.set(Some(limit));
        // 64 bits: what is announced may not fit an address of Wasm.
        let length = self.header("content-length").and_then(|length| length.parse::<u64>().ok());
        match length {
            Some(length) if length > (limit + MAX_DISCARDED) as u64 => Err(BodyError::TooLarge),
            // The runtime delivers no more than what was announced.
            Some(length) if length <= limit as u64 => {
                let told = self.told.take();
                let buffer = if let Some(buffer) = told {
                    buffer
                } else {
                    let promise = self.inner.array_buffer().map_err(|_| BodyError::Aborted)?;
                    Uint8Array::new(&settled(promise).await.map_err(|_| BodyError::Aborted)?)
                };
                let bytes = buffer.to_vec();
                if bytes.len() <= MAX_RECEIVED {
                    self.received.replace(Some(Received { buffer, bytes: bytes.clone() }));
                }
                Ok(bytes)
            }
            None if self.inner.body().is_none() => Ok(Vec::new()),
            // A stream that was begun cannot be had again.
            _ if self.inner.body_used() => Err(BodyError::Aborted),
            _ => apart(discarding(Clone::clone(&self.inner), limit)).await,
        }
    }
}

/// Reads up to `limit`; what is longer is refused, but read on for a while, see [`EdgeRequest::drain`].
async fn discarding(request: web_sys::Request, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut request = worker::Request::from(request);
    let mut stream = request.stream().map_err(|_| BodyError::Aborted)?;
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| BodyError::Aborted)?;
        length += chunk.len();
        if length <= limit {
            bytes.extend_from_slice(&chunk);
        } else if length > limit + MAX_DISCARDED {
            break;
        }
    }
    if length > limit { Err(BodyError::TooLarge) } else { Ok(bytes) }
}
