//! [`Platform`] on Workers: fetch, the rate-limit bindings, timers, the clock, randomness.

use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

use futures::future::{Either, select};
use futures::{StreamExt, pin_mut, stream};
use worker::js_sys::Uint8Array;
use worker::{AbortController, Cache, Delay, Env, Fetch, Headers, RequestInit, RequestRedirect, Response};

use super::object::{now_ms, post, random};
use super::{ai, env};
use crate::http::{Budget, Call, Collected, Method, Pieces, Platform, Reply, SendError};

/// The Worker's environment, as the one port to everything outside.
#[derive(Debug)]
pub struct EdgePlatform {
    env: Env,
    upstream_ms: Cell<u64>,
}

impl EdgePlatform {
    /// The platform of one request.
    pub const fn new(env: Env) -> Self {
        Self { env, upstream_ms: Cell::new(0) }
    }

    /// The environment.
    pub const fn env(&self) -> &Env {
        &self.env
    }
}

impl Platform for EdgePlatform {
    type Stream = Response;

    async fn send(&self, call: Call, timeout_ms: u32) -> Result<Reply<Response>, SendError> {
        let reads = call.reads;
        let request = request(call).map_err(|error| broken(&error))?;
        let started = now_ms();
        let controller = AbortController::default();
        let signal = controller.signal();
        let fetch = Fetch::Request(request);
        let sent = fetch.send_with_signal(&signal);
        let timer = Delay::from(Duration::from_millis(timeout_ms.into()));
        pin_mut!(sent);
        let outcome = select(sent, timer).await;
        self.upstream_ms.set(self.upstream_ms.get() + now_ms().saturating_sub(started));
        match outcome {
            Either::Left((Ok(response), _)) => Ok(reply(response, reads)),
            Either::Left((Err(error), _)) => Err(broken(&error)),
            Either::Right(_) => {
                controller.abort();
                Err(SendError::Timeout)
            }
        }
    }

    async fn run_ai(&self, model: &str, input: &str, timeout_ms: u32) -> Result<Reply<Response>, SendError> {
        let started = now_ms();
        let controller = AbortController::default();
        let run = ai::run(&self.env, model, input, controller.signal());
        pin_mut!(run);
        let outcome = select(run, Delay::from(Duration::from_millis(timeout_ms.into()))).await;
        self.upstream_ms.set(self.upstream_ms.get() + now_ms().saturating_sub(started));
        match outcome {
            Either::Left((Ok(response), _)) => Ok(reply(response, &["retry-after"])),
            Either::Left((Err(error), _)) => Err(broken(&error)),
            Either::Right(_) => {
                controller.abort();
                Err(SendError::Timeout)
            }
        }
    }

    async fn collect(&self, body: Response, limit: usize) -> Result<Collected<Response>, SendError> {
        let read = read(body, limit);
        pin_mut!(read);
        match select(read, Delay::from(COLLECT_TIMEOUT)).await {
            Either::Left((collected, _)) => collected.map_err(|error| broken(&error)),
            Either::Right(_) => Err(SendError::Timeout),
        }
    }

    fn pieces(&self, body: Response, idle_ms: u32) -> Pieces {
        pieces(body, Duration::from_millis(idle_ms.into())).unwrap_or_else(|error| {
            let broken = broken(&error);
            stream::once(async { Err(broken) }).boxed_local()
        })
    }

    async fn admit(&self, budget: Budget, key: &str) -> Result<bool, String> {
        let name = match budget {
            Budget::Anon => "RATE_LIMIT_ANON",
            Budget::User => "RATE_LIMIT_USER",
            Budget::Auth => "RATE_LIMIT_AUTH",
        };
        let limiter = self.env.rate_limiter(name).map_err(|_| format!("no binding {name}"))?;
        let outcome = limiter.limit(key.to_owned()).await.map_err(|_| format!("{name} does not answer"))?;
        Ok(outcome.success)
    }

    async fn open_room(&self, clinic: &str, shards: u32, vsn: &str) -> Result<Reply<Response>, SendError> {
        let shard = u32::try_from(random() % u64::from(shards.max(1))).unwrap_or(0);
        let opened = async {
            let room = env::rooms(&self.env)?.get_by_name(&env::room_name(clinic, shard))?;
            let mut request =
                worker::Request::new(&format!("https://object/socket?vsn={vsn}"), worker::Method::Get)?;
            request.headers_mut()?.set("upgrade", "websocket")?;
            room.fetch_with_request(request).await
        };
        opened.await.map(|response| reply(response, &[])).map_err(|error| broken(&error))
    }

    async fn note_access(&self, clinic: &str, intent: String) -> Result<(), String> {
        let queues = env::access_queues(&self.env).map_err(|_| "no binding ACCESS_QUEUE".to_owned())?;
        post(&queues, clinic, "/note", intent).await.map(drop).map_err(|error| error.to_string())
    }

    async fn catalogue_version(&self, clinic: &str) -> Option<String> {
        let version = post(&env::feeds(&self.env).ok()?, clinic, "/catalogue", String::new()).await.ok()?;
        (!version.is_empty()).then_some(version)
    }

    async fn recall(&self, key: &str, reads: &'static [&'static str]) -> Option<Reply<Response>> {
        let kept = Cache::default().get(key.to_owned(), false).await.ok()??;
        Some(reply(kept, reads))
    }

    async fn keep(&self, key: &str, reply: Reply<Response>, max_age: u32) -> Reply<Response> {
        let Reply { status, headers, body: mut response } = reply;
        if let Ok(mut copy) = response.cloned() {
            // What was read of the upstream's headers is what a later reader needs; its own caching rules are not ours.
            let kept = Headers::new();
            for (name, value) in &headers {
                let _ = kept.set(name, value);
            }
            let _ = kept.set("cache-control", &format!("max-age={max_age}"));
            let body = std::mem::replace(copy.headers_mut(), kept);
            drop(body);
            let _ = Cache::default().put(key.to_owned(), copy).await;
        }
        Reply { status, headers, body: response }
    }

    async fn sleep(&self, ms: u32) {
        Delay::from(Duration::from_millis(ms.into())).await;
    }

    fn upstream_ms(&self) -> u64 {
        self.upstream_ms.get()
    }

    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn new_id(&self) -> String {
        let mut bytes = [0; 16];
        // An id that is not random is still an id: the request goes on.
        let _ = getrandom::fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string()
    }
}

/// How long a body that is read here may take to come: it is short, and its head is there already.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(5);

async fn read(mut body: Response, limit: usize) -> worker::Result<Collected<Response>> {
    // A reply without a body (204) has no stream either.
    let Ok(mut rest) = body.stream() else { return Ok(Collected::Whole(Vec::new())) };
    let mut bytes = Vec::new();
    while let Some(chunk) = rest.next().await {
        bytes.extend_from_slice(&chunk?);
        if bytes.len() > limit {
            let whole = stream::once(async { Ok::<_, worker::Error>(bytes) }).chain(rest);
            return Response::from_stream(whole).map(Collected::Longer);
        }
    }
    Ok(Collected::Whole(bytes))
}

/// Dropping the stream cancels its reader, and with it the fetch.
fn pieces(mut body: Response, idle: Duration) -> worker::Result<Pieces> {
    let open = Some(body.stream()?);
    let pieces = stream::unfold(open, move |open| async move {
        let mut open = open?;
        match select(open.next(), Delay::from(idle)).await {
            Either::Left((piece, _)) => match piece? {
                Ok(piece) => Some((Ok(piece), Some(open))),
                Err(error) => Some((Err(broken(&error)), None)),
            },
            Either::Right(_) => Some((Err(SendError::Timeout), None)),
        }
    });
    Ok(pieces.boxed_local())
}

fn request(call: Call) -> worker::Result<worker::Request> {
    let headers = Headers::new();
    for (name, value) in &call.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(method(call.method)).with_headers(headers).with_redirect(RequestRedirect::Manual);
    if let Some(body) = call.body {
        init.with_body(Some(Uint8Array::from(body.as_slice()).into()));
    }
    worker::Request::new_with_init(&call.url, &init)
}

const fn method(method: Method) -> worker::Method {
    match method {
        Method::Get | Method::Other => worker::Method::Get,
        Method::Head => worker::Method::Head,
        Method::Post => worker::Method::Post,
        Method::Patch => worker::Method::Patch,
        Method::Put => worker::Method::Put,
        Method::Delete => worker::Method::Delete,
        Method::Options => worker::Method::Options,
    }
}

fn reply(response: Response, reads: &'static [&'static str]) -> Reply<Response> {
    let headers = response.headers();
    let headers = reads
        .iter()
        .filter_map(|name| Some((Cow::Borrowed(*name), headers.get(name).ok().flatten()?)))
        .collect();
    Reply { status: response.status_code(), headers, body: response }
}

/// The runtime's own words: they name hosts at most, never what was sent.
fn broken(error: &worker::Error) -> SendError {
    SendError::Unreachable(error.to_string())
}
