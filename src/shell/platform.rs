//! [`Platform`] on Workers: fetch, the rate-limit bindings, `WebCrypto`, timers, the clock, randomness.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, select};
use futures::{StreamExt, pin_mut, stream};
use worker::js_sys::Uint8Array;
use worker::{AbortController, Cache, Delay, Env};

use super::edge::{Sent, broken};
use super::lane::now_ms;
use super::object::{post, random, random_bytes, tell};
use super::plans::{Before, Trace};
use super::request::{EdgeRequest, Received};
use super::{ai, edge, env, forms};
use crate::apart::apart;
use crate::auth::Credentials;
use crate::auth::jwk::Key;
use crate::http::{Budget, Call, Collected, Pieces, Platform, Reply, SendError, set_header};
use crate::ids::text_of;

/// The Worker's environment, as the one port to everything outside.
#[derive(Debug)]
pub struct EdgePlatform {
    env: Env,
    upstreams: Upstreams,
    received: Rc<RefCell<Option<Received>>>,
    before: Option<Before>,
    trace: Trace,
}

/// How long was waited for upstreams, several at once counted once.
#[derive(Debug, Default)]
struct Upstreams {
    ms: Cell<u64>,
    waits: Cell<u32>,
    since: Cell<u64>,
}

impl Upstreams {
    /// Until what it gives is dropped.
    fn wait(&self) -> Waiting<'_> {
        if self.waits.get() == 0 {
            self.since.set(now_ms());
        }
        self.waits.set(self.waits.get() + 1);
        Waiting(self)
    }
}

struct Waiting<'a>(&'a Upstreams);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Upstreams { ms, waits, since } = self.0;
        waits.set(waits.get() - 1);
        if waits.get() == 0 {
            ms.set(ms.get() + now_ms().saturating_sub(since.get()));
        }
    }
}

impl EdgePlatform {
    /// The platform of one request.
    pub fn new(env: Env) -> Self {
        Self {
            env,
            upstreams: Upstreams::default(),
            received: Rc::default(),
            before: None,
            trace: Trace::default(),
        }
    }

    /// The same for a request whose body will be there, and that was told this before.
    pub fn of_request(self, request: &EdgeRequest, before: Option<Before>) -> Self {
        Self { received: request.received(), before, trace: Trace::of(request), ..self }
    }

    // What is as the request's own was is sent from where that lies.
    fn body_of(&self, call: &Call) -> Option<Uint8Array> {
        let body = call.body.as_deref()?;
        match &*self.received.borrow() {
            Some(received) if received.bytes == body => {
                self.trace.note_own_body();
                Some(received.buffer.clone())
            }
            _ => Some(Uint8Array::from(body)),
        }
    }

    /// What was asked of it.
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The environment.
    pub const fn env(&self) -> &Env {
        &self.env
    }
}

impl Platform for EdgePlatform {
    type Stream = Sent;

    async fn send(&self, call: &Call, timeout_ms: u32) -> Result<Reply<Sent>, SendError> {
        let form = forms::of_call(call).map_err(|error| broken(&error.into()))?;
        let body = self.body_of(call);
        self.trace.note_call(call, timeout_ms, form.0);
        let told = self.before.as_ref().and_then(|before| before.reply_to(call));
        let sent = if let Some((sent, upstream_ms)) = told {
            self.upstreams.ms.set(self.upstreams.ms.get() + upstream_ms);
            sent
        } else {
            let _waiting = self.upstreams.wait();
            edge::send(call, form, timeout_ms, body).await
        };
        let reply = edge::reply_to(call, sent).inspect_err(|_| self.trace.leave())?;
        self.trace.note_reply(&reply.body);
        Ok(reply)
    }

    async fn run_ai(&self, model: &str, input: &str, timeout_ms: u32) -> Result<Reply<Sent>, SendError> {
        self.trace.leave();
        let waiting = self.upstreams.wait();
        let controller = AbortController::default();
        let run = ai::run(&self.env, model, input, controller.signal());
        pin_mut!(run);
        let outcome = select(run, Delay::from(Duration::from_millis(timeout_ms.into()))).await;
        drop(waiting);
        match outcome {
            Either::Left((Ok(response), _)) => Ok(edge::reply(response, &["retry-after"])),
            Either::Left((Err(error), _)) => Err(broken(&error)),
            Either::Right(_) => {
                controller.abort();
                Err(SendError::Timeout)
            }
        }
    }

    fn taken(&self, body: &Sent) -> Option<Vec<u8>> {
        self.trace.leave();
        edge::taken(body)
    }

    async fn collect(&self, body: Sent, limit: usize) -> Result<Collected<Sent>, SendError> {
        self.trace.leave();
        match apart(edge::collect(body, limit, COLLECT_TIMEOUT_MS)).await? {
            Ok(bytes) => Ok(Collected::Whole(bytes)),
            Err(longer) => Ok(Collected::Longer(longer)),
        }
    }

    fn pieces(&self, body: Sent, idle_ms: u32) -> Pieces {
        self.trace.leave();
        if let Some(bytes) = edge::taken(&body) {
            return stream::once(async move { Ok(bytes) }).boxed_local();
        }
        pieces(&body, Duration::from_millis(idle_ms.into())).unwrap_or_else(|error| {
            let broken = broken(&error);
            stream::once(async { Err(broken) }).boxed_local()
        })
    }

    async fn admit(&self, budget: Budget, key: &str) -> Result<bool, String> {
        self.trace.note_budget(budget, key);
        let told = self.before.as_ref().and_then(|before| before.outcome_of(budget, key));
        let outcome = match told {
            Some(outcome) => outcome,
            None => edge::ask_budget(&self.env, budget, key).await?,
        };
        edge::is_admitted(&outcome, budget)
    }

    async fn verify(&self, key: &Key, signed: &[u8], signature: &[u8]) -> Result<bool, String> {
        self.trace.leave();
        edge::is_signed(key.jwk(), signed, signature).await
    }

    fn know(&self, said: Credentials<'_>, until: u64) -> Option<u64> {
        edge::know(said, until, now_ms() / 1000)
    }

    async fn open_room(&self, clinic: &str, shards: u32, vsn: &str) -> Result<Reply<Sent>, SendError> {
        self.trace.leave();
        let shard = u32::try_from(random() % u64::from(shards.max(1))).unwrap_or(0);
        let opened = async {
            let room = env::rooms(&self.env)?.get_by_name(&env::room_name(clinic, shard))?;
            let mut request =
                worker::Request::new(&format!("https://object/socket?vsn={vsn}"), worker::Method::Get)?;
            request.headers_mut()?.set("upgrade", "websocket")?;
            room.fetch_with_request(request).await
        };
        opened.await.map(|response| edge::reply(response.into(), &[])).map_err(|error| broken(&error))
    }

    async fn note_access(&self, clinic: &str, intent: String) -> Result<(), String> {
        self.trace.leave();
        let queues = env::access_queues(&self.env).map_err(|_| "no binding ACCESS_QUEUE".to_owned())?;
        tell(&queues, clinic, "/note", intent).await.map_err(|error| error.to_string())
    }

    async fn catalogue_version(&self, clinic: &str) -> Option<String> {
        self.trace.leave();
        let version = post(&env::feeds(&self.env).ok()?, clinic, "/catalogue", String::new()).await.ok()?;
        (!version.is_empty()).then_some(version)
    }

    async fn recall(&self, key: &str, reads: &'static [&'static str]) -> Option<Reply<Sent>> {
        self.trace.leave();
        let kept = Cache::default().get(key.to_owned(), false).await.ok()??;
        Some(edge::reply(kept.into(), reads))
    }

    async fn keep(&self, key: &str, reply: Reply<Sent>, max_age: u32) -> Reply<Sent> {
        self.trace.leave();
        let Reply { status, headers, body } = reply;
        if let Ok(copy) = body.response().clone() {
            // What was read of the upstream's headers is what a later reader needs; its own caching rules are not ours.
            let mut kept = headers.clone();
            set_header(&mut kept, "cache-control", format!("max-age={max_age}"));
            let copied = forms::of_answer(status, &kept)
                .and_then(|form| edge::answer(form, "", &kept, edge::wrap(copy).as_ref()));
            if let Ok(copy) = copied {
                let _ = Cache::default().put(key.to_owned(), worker::Response::from(copy)).await;
            }
        }
        Reply { status, headers, body }
    }

    async fn chatbot_ready(&self, timeout_ms: u32) -> Option<Vec<u8>> {
        self.trace.leave();
        edge::chatbot_ready(&self.env, timeout_ms).await.ok().map(String::into_bytes)
    }

    async fn sleep(&self, ms: u32) {
        self.trace.leave();
        Delay::from(Duration::from_millis(ms.into())).await;
    }

    fn upstream_ms(&self) -> u64 {
        self.upstreams.ms.get()
    }

    fn has_reply_left(&self) -> bool {
        self.before.as_ref().is_some_and(Before::has_reply_left)
    }

    fn now_ms(&self) -> u64 {
        self.before.as_ref().and_then(Before::now_ms).unwrap_or_else(now_ms)
    }

    fn new_id(&self) -> String {
        self.trace.note_id();
        if let Some(id) = self.before.as_ref().and_then(Before::id) {
            return id;
        }
        text_of(uuid::Builder::from_random_bytes(random_bytes()).into_uuid())
    }
}

/// How long a body that is read here may take to come: it is short, and its head is there already.
const COLLECT_TIMEOUT_MS: u32 = 5000;

/// Dropping the stream cancels its reader, and with it the fetch.
fn pieces(body: &Sent, idle: Duration) -> worker::Result<Pieces> {
    let open = Some(worker::Response::from(body.response()).stream()?);
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
