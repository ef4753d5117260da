//! The fetch event: from a `worker` request to a `worker` response.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::{Request, Response};
use worker::worker_sys::Context as JsContext;
use worker::{Context, Delay, Env, ResponseBuilder, console_error};

use super::edge::Head;
use super::object::{now_ms, post, random_key};
use super::plans::{self, Planned};
use super::platform::EdgePlatform;
use super::request::EdgeRequest;
use super::{edge, forms, lane, metrics};
use crate::access::Outcome;
use crate::app::{App, Handled, Route, misconfigured};
use crate::config::ConfigError;
use crate::http::{Answer, Payload, Request as _};
use crate::schema::SCHEMA;

/// How long outcomes of readings gather.
const SETTLE_MS: u64 = 100;

thread_local! {
    // Settings do not change within an isolate: they are read once.
    static APP: OnceCell<Rc<Result<App, ConfigError>>> = const { OnceCell::new() };
    static OUTCOMES: RefCell<Vec<Outcome>> = const { RefCell::new(Vec::new()) };
    static SETTLING: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Serves a request: a `Response` or a promise of it. `head` is what JavaScript read of it; `told` what it was told before (`plans`), or
/// undefined.
#[wasm_bindgen]
pub fn fetch(request: Request, env: Env, context: JsContext, head: String, told: JsValue) -> JsValue {
    lane::run(async move {
        let served = serve(request, env, Context::new(context), Head::new(head), told).await;
        let response = served.or_else(|error| {
            console_error!("{error}");
            worker::Response::error("INTERNAL SERVER ERROR", 500).map(Response::from)
        });
        response.map_or(JsValue::UNDEFINED, JsValue::from)
    })
}

async fn serve(
    request: Request,
    env: Env,
    context: Context,
    head: Head,
    told: JsValue,
) -> worker::Result<Response> {
    let app = APP.with(|cell| Rc::clone(cell.get_or_init(|| Rc::new(load(&env)))));
    let (before, body) = plans::before(told);
    let request = EdgeRequest::new(request, head, body);
    #[cfg(feature = "panic-route")]
    panic_on_purpose(&request);
    let platform = EdgePlatform::new(env).of_request(&request, before);
    let may_be_chat = !cfg!(feature = "chatbot") && request.path().starts_with("/v1/") && app.is_ok();
    if may_be_chat && matches!(Route::parse(request.path()), Route::V1(_)) {
        // The chatbot's Worker counts, logs and answers for itself. Should there be none, this one says so.
        if let Ok(answer) = edge::pass_to_chatbot(platform.env(), request.inner()).await {
            return Ok(answer);
        }
    }
    let handled = match app.as_ref() {
        Ok(app) => app.handle(&request, &platform).await,
        Err(error) => misconfigured(error, &request, &platform),
    };
    request.drain().await;
    let Handled { answer, log, wrote, access, body } = handled;
    // An upgrade is passed on as it is: it carries the socket.
    let answer = match answer {
        Answer { status: 101, body: Payload::Stream(upgrade), .. } => {
            edge::log(&log.to_json(), log.status);
            return Ok(upgrade.response());
        }
        answer => answer,
    };
    let form = forms::of_answer(answer.status, &answer.headers)?;
    if let Ok(app) = app.as_ref() {
        let clinic = app.config.clinic_id.as_str();
        let point = metrics::write(platform.env(), clinic, &log);
        let nudges = (wrote && app.config.service_key.is_some()).then_some(clinic);
        if let Some(clinic) = nudges {
            let _ = edge::nudge(platform.env(), clinic, context.as_ref());
        }
        if access.is_empty() {
            let planned = Planned { form, log: &log, nudges, point: point.as_deref(), body: &answer.body };
            // Without one the next is served as this was.
            let _ = plans::keep(&request, platform.trace(), body.as_ref(), &planned);
        }
        settle(app, platform.env(), &context, access);
    }
    let body = match answer.body {
        Payload::Empty => JsValue::NULL,
        Payload::Bytes(bytes) => Uint8Array::from(bytes.as_slice()).into(),
        Payload::Stream(upstream) => upstream.into(),
        Payload::Made(pieces) => {
            let made: Response =
                ResponseBuilder::new().from_stream(pieces.map(Ok::<_, worker::Error>))?.into();
            edge::wrap(made).into()
        }
    };
    Ok(edge::answer(form, &log.to_json(), &answer.headers, &body)?)
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
    Ok(App::new(super::env::config(env)?, &SCHEMA, random_key()))
}

/// Test builds only: what a bug of ours would do to the requests around it.
#[cfg(feature = "panic-route")]
#[expect(clippy::panic, reason = "that is its purpose")]
fn panic_on_purpose(request: &EdgeRequest) {
    assert!(request.path() != "/__panic", "a panic on purpose");
}
