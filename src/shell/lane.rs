//! The fast lane: a request's future, polled by JavaScript itself.
//!
//! What a request mostly waits for is one promise after the other. `wasm-bindgen-futures` makes two closures, a
//! registration for their collection and a microtask of each; here the promise goes back to JavaScript, which awaits it
//! and comes back with its value ([`Turn::resume`]). A future that waits for anything else, or for two things at once,
//! keeps a clone of the waker; then it goes on as an ordinary one.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::{JsFuture, future_to_promise};

#[wasm_bindgen(module = "/src/shell/edge.js")]
extern "C" {
    fn follow(promise: Promise, turn: Turn) -> Promise;
}

/// What a request comes to: a `Response`.
type Work = Pin<Box<dyn Future<Output = JsValue>>>;

/// What is settled of a promise.
type Settled = Result<JsValue, JsValue>;

thread_local! {
    static LANE: RefCell<Option<Lane>> = const { RefCell::new(None) };
}

/// The turn that is being polled.
#[derive(Default)]
struct Lane {
    waits_for: Option<Promise>,
    settled: Option<Settled>,
}

/// A waker that nobody waits for: whether it was cloned is all that matters.
struct Unheard;

impl Wake for Unheard {
    fn wake(self: Arc<Self>) {}
}

/// A request between two promises. JavaScript owns it, and frees it when the client has gone away meanwhile.
#[wasm_bindgen]
pub struct Turn {
    work: Option<Work>,
}

#[wasm_bindgen]
impl Turn {
    /// The promise is settled: gives the next one, or the `Response`.
    pub fn resume(&mut self, value: JsValue, is_error: bool) -> JsValue {
        let settled = if is_error { Err(value) } else { Ok(value) };
        match self.work.take() {
            Some(work) => match poll(work, Some(settled)) {
                Step::Done(response) => response,
                Step::Waits(promise, work) => {
                    self.work = Some(work);
                    promise.into()
                }
                Step::Ordinary(promise) => promise.into(),
            },
            // It went on as an ordinary one, whose promise this was.
            None => settled.unwrap_or(JsValue::UNDEFINED),
        }
    }
}

/// Runs a request: its `Response`, or a promise of it.
pub fn run(work: impl Future<Output = JsValue> + 'static) -> JsValue {
    match poll(Box::pin(work), None) {
        Step::Done(response) => response,
        Step::Waits(promise, work) => follow(promise, Turn { work: Some(work) }).into(),
        Step::Ordinary(promise) => promise.into(),
    }
}

enum Step {
    Done(JsValue),
    Waits(Promise, Work),
    Ordinary(Promise),
}

fn poll(mut work: Work, settled: Option<Settled>) -> Step {
    let unheard = Arc::new(Unheard);
    let waker = Waker::from(Arc::clone(&unheard));
    let before = LANE.replace(Some(Lane { waits_for: None, settled }));
    let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
    let lane = LANE.replace(before);
    drop(waker);
    match (polled, lane.and_then(|lane| lane.waits_for)) {
        (Poll::Ready(response), _) => Step::Done(response),
        (Poll::Pending, Some(promise)) if Arc::strong_count(&unheard) == 1 => Step::Waits(promise, work),
        (Poll::Pending, _) => Step::Ordinary(future_to_promise(async move { Ok(work.await) })),
    }
}

/// A promise's value.
pub enum Wait {
    /// It has not been waited for.
    New(Promise),
    /// JavaScript awaits it.
    InLane(Promise),
    /// It is waited for like any other.
    Ordinary(JsFuture),
}

impl Wait {
    fn ordinary(&mut self, promise: Promise, context: &mut Context<'_>) -> Poll<Settled> {
        let mut future = JsFuture::from(promise);
        let polled = Pin::new(&mut future).poll(context);
        *self = Self::Ordinary(future);
        polled
    }
}

impl Future for Wait {
    type Output = Settled;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Settled> {
        match &mut *self {
            Self::New(promise) => {
                let promise = promise.clone();
                let is_in_lane = LANE.with_borrow_mut(|lane| match lane {
                    Some(lane) if lane.waits_for.is_none() => {
                        lane.waits_for = Some(promise.clone());
                        true
                    }
                    _ => false,
                });
                if is_in_lane {
                    *self = Self::InLane(promise);
                    return Poll::Pending;
                }
                self.ordinary(promise, context)
            }
            Self::InLane(promise) => {
                let promise = promise.clone();
                match LANE.with_borrow_mut(|lane| lane.as_mut().and_then(|lane| lane.settled.take())) {
                    Some(settled) => Poll::Ready(settled),
                    None => self.ordinary(promise, context),
                }
            }
            Self::Ordinary(future) => Pin::new(future).poll(context),
        }
    }
}

/// Waits for a promise.
pub fn settled(promise: Promise) -> Wait {
    Wait::New(promise)
}
