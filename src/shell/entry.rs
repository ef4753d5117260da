//! The fetch event: from a `worker` request to a `worker` response.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use worker::{Context, Delay, Env, Headers, Response, ResponseBuilder, console_error, console_log, event};

use super::metrics;
use super::object::{now_ms, post};
use super::platform::EdgePlatform;
use super::request::EdgeRequest;
use crate::access::Outcome;
use crate::app::{App, Handled, misconfigured};
use crate::config::ConfigError;
use crate::http::{Answer, Payload};
use crate::schema::SCHEMA;

/// How long outcomes of readings gather.
const SETTLE_MS: u64 = 100;

thread_local! {
    // Settings do not change within an isolate: they are read once.
    static APP: OnceCell<Rc<Result<App, ConfigError>>> = const { OnceCell::new() };
    static OUTCOMES: RefCell<Vec<Outcome>> = const { RefCell::new(Vec::new()) };
    static SETTLING: Cell<Option<u64>> = const { Cell::new(None) };
}

#[event(fetch)]
async fn fetch(request: worker::Request, env: Env, context: Context) -> worker::Result<Response> {
    let app = APP.with(|cell| Rc::clone(cell.get_or_init(|| Rc::new(load(&env)))));
    let request = EdgeRequest::new(&request);
    #[cfg(feature = "panic-route")]
    panic_on_purpose(&request);
    let platform = EdgePlatform::new(env);
    let Handled { answer, log, wrote, access } = match app.as_ref() {
        Ok(app) => app.handle(&request, &platform).await,
        Err(error) => misconfigured(error, &request, &platform),
    };
    request.drain().await;
    let line = serde_json::to_string(&log)?;
    if log.status >= 500 {
        console_error!("{line}");
    } else {
        console_log!("{line}");
    }
    if let Ok(app) = app.as_ref() {
        metrics::write(platform.env(), &app.config.clinic_id, &log);
        if wrote {
            nudge(app, platform.env(), &context);
        }
        settle(app, platform.env(), &context, access);
    }
    respond(answer)
}

/// Tells the Feed, after the reply, that something was written: it need not wait for Realtime's next poll. A nudge that
/// is lost costs nothing but that wait.
fn nudge(app: &App, env: &Env, context: &Context) {
    if app.config.service_key.is_none() {
        return;
    }
    let (clinic, feeds) = (app.config.clinic_id.clone(), super::env::feeds(env));
    context.wait_until(async move {
        if let Ok(feeds) = feeds {
            let _ = post(&feeds, &clinic, "/nudge", String::new()).await;
        }
    });
}

/// Tells the queue of readings, after the replies, what came of some. Those of a moment are told together. Should that be
/// lost, the readings are logged all the same.
fn settle(app: &App, env: &Env, context: &Context, outcomes: Vec<Outcome>) {
    if outcomes.is_empty() {
        return;
    }
    OUTCOMES.with_borrow_mut(|waiting| waiting.extend(outcomes));
    let now = now_ms();
    // Another request will tell them; should that one have ended without, the next one does.
    if SETTLING.get().is_some_and(|since| now < since + SETTLE_MS * 20) {
        return;
    }
    SETTLING.set(Some(now));
    let (clinic, queues) = (app.config.clinic_id.clone(), super::env::access_queues(env));
    context.wait_until(async move {
        Delay::from(Duration::from_millis(SETTLE_MS)).await;
        SETTLING.set(None);
        let outcomes = OUTCOMES.take();
        if let (Ok(queues), Ok(body)) = (queues, serde_json::to_string(&outcomes)) {
            let _ = post(&queues, &clinic, "/settle", body).await;
        }
    });
}

fn load(env: &Env) -> Result<App, ConfigError> {
    Ok(App::new(super::env::config(env)?, &SCHEMA))
}

fn respond(answer: Answer<Response>) -> worker::Result<Response> {
    let answer = match answer {
        // An upgrade is passed on as it is: it carries the socket.
        Answer { status: 101, body: Payload::Stream(upgrade), .. } => return Ok(upgrade),
        answer => answer,
    };
    let headers = Headers::new();
    for (name, value) in &answer.headers {
        headers.set(name, value)?;
    }
    let builder = ResponseBuilder::new().with_status(answer.status).with_headers(headers);
    Ok(match answer.body {
        Payload::Empty => builder.empty(),
        Payload::Bytes(bytes) => builder.fixed(bytes),
        Payload::Stream(upstream) => builder.body(upstream.into_parts().1),
        Payload::Made(pieces) => builder.from_stream(pieces.map(Ok::<_, worker::Error>))?,
    })
}

/// Test builds only: what a bug of ours would do to the requests around it.
#[cfg(feature = "panic-route")]
#[expect(clippy::panic, reason = "that is its purpose")]
fn panic_on_purpose(request: &EdgeRequest) {
    use crate::http::Request as _;
    assert!(request.path() != "/__panic", "a panic on purpose");
}
