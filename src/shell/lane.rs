//! The fast lane: a request's future, polled by JavaScript itself.
//!
//! What a request mostly waits for is one promise after the other. `wasm-bindgen-futures` makes two closures, a
//! registration for their collection and a microtask of each; here the promise goes back to JavaScript (`entry.js`), which awaits
//! it and comes back with its value ([`resume`]). Of several that are waited for at once all are awaited before the
//! future is polled again: they are joined, never raced. A future that waits for anything else keeps a clone of the
//! waker; then it goes on as an ordinary one.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::js_sys::{Array, Promise};
use worker::wasm_bindgen_futures::{JsFuture, future_to_promise};

use super::object::{self, random};
use crate::turns::Turns;

/// What a request comes to: a `Response`.
type Work = Pin<Box<dyn Future<Output = JsValue>>>;

/// What is settled of a promise.
type Settled = Result<JsValue, JsValue>;

thread_local! {
    static LANE: RefCell<Option<Lane>> = const { RefCell::new(None) };
    static LAST: Cell<u64> = const { Cell::new(0) };
    static BEGUN: Cell<u64> = const { Cell::new(0) };
    static TURNS: RefCell<Turns<Turn>> = RefCell::new(Turns::new(random()));
}

/// The turn that is being polled.
#[derive(Default)]
struct Lane {
    /// Each wait has a number of its own, so that none takes another's value.
    waits_for: Vec<(u64, Promise)>,
    settled: Vec<(u64, Settled)>,
    /// The clock, which stands still while a turn is polled, once somebody has looked at it.
    now_ms: Option<u64>,
}

/// The waker of a future in the lane, which JavaScript polls when its promises are settled. Who clones it waits for something
/// else: some, as a timer does, wake the first waker that they were shown, so that one tells the ordinary task.
#[derive(Default)]
struct Relay {
    task: Mutex<Option<Waker>>,
}

impl Relay {
    fn tells(&self, task: &Waker) {
        if let Ok(mut known) = self.task.lock() {
            known.clone_from(&Some(task.clone()));
        }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        let task = self.task.lock().ok().and_then(|task| task.clone());
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// A request between two promises.
struct Turn {
    /// Nothing where it goes on as an ordinary one, of whose promise JavaScript brings the value.
    work: Option<Work>,
    waits: Vec<u64>,
}

/// Serves a request: its `Response`, or what JavaScript waits for, a promise or an array of several, to go on with the turn that
/// [`begun`] names.
pub fn run(work: impl Future<Output = JsValue> + 'static) -> JsValue {
    let now_ms = object::now_ms();
    let (number, given_up) = TURNS.with_borrow_mut(|turns| (turns.begin(now_ms), turns.sweep(now_ms)));
    // Dropped when the turns are no longer borrowed: what a future does at its end is its own business.
    drop(given_up);
    BEGUN.set(number);
    go_on(number, Box::pin(work), Lane { now_ms: Some(now_ms), ..Lane::default() })
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    LANE.with_borrow_mut(|lane| match lane {
        Some(lane) => *lane.now_ms.get_or_insert_with(object::now_ms),
        None => object::now_ms(),
    })
}

/// The turn that was begun last: it is asked for at once.
#[wasm_bindgen]
#[expect(clippy::cast_precision_loss, reason = "numbers of turns are less than 2^53")]
pub fn begun() -> f64 {
    BEGUN.get() as f64
}

/// The promise is settled: gives what is to be waited for next, or the `Response`.
#[wasm_bindgen]
pub fn resume(turn: f64, value: JsValue, is_error: bool) -> JsValue {
    come_back(turn, vec![settled_as(value, is_error)])
}

/// All of several promises are settled.
#[wasm_bindgen(js_name = resumeAll)]
pub fn resume_all(turn: f64, values: Vec<JsValue>, are_errors: &[u8]) -> JsValue {
    let settled = values.into_iter().zip(are_errors);
    come_back(turn, settled.map(|(value, is_error)| settled_as(value, *is_error != 0)).collect())
}

fn settled_as(value: JsValue, is_error: bool) -> Settled {
    if is_error { Err(value) } else { Ok(value) }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is one of ours, a whole number"
)]
fn come_back(turn: f64, mut settled: Vec<Settled>) -> JsValue {
    let number = turn as u64;
    match TURNS.with_borrow_mut(|turns| turns.go_on(number)) {
        Some(Turn { work: Some(work), waits }) => {
            let settled = waits.into_iter().zip(settled).collect();
            go_on(number, work, Lane { settled, ..Lane::default() })
        }
        Some(Turn { work: None, .. }) => {
            end(number, settled.pop().and_then(Result::ok).unwrap_or(JsValue::UNDEFINED))
        }
        // It was given up long ago.
        None => JsValue::UNDEFINED,
    }
}

fn go_on(number: u64, work: Work, lane: Lane) -> JsValue {
    let (next, turn) = match poll(work, lane) {
        Step::Done(response) => return end(number, response),
        Step::Waits(next, turn) => (next, turn),
        Step::Ordinary(promise) => (promise.into(), Turn { work: None, waits: Vec::new() }),
    };
    TURNS.with_borrow_mut(|turns| turns.wait(number, turn));
    next
}

fn end(number: u64, response: JsValue) -> JsValue {
    TURNS.with_borrow_mut(|turns| turns.end(number));
    response
}

enum Step {
    Done(JsValue),
    Waits(JsValue, Turn),
    Ordinary(Promise),
}

fn poll(mut work: Work, lane: Lane) -> Step {
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(Arc::clone(&relay));
    let before = LANE.replace(Some(lane));
    let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
    let lane = LANE.replace(before);
    drop(waker);
    let waits_for = lane.map(|lane| lane.waits_for).unwrap_or_default();
    if let Poll::Ready(response) = polled {
        return Step::Done(response);
    }
    if waits_for.is_empty() || Arc::strong_count(&relay) > 1 {
        // It is polled once more at once: what was woken before the relay knew the task is not lost.
        return Step::Ordinary(future_to_promise(poll_fn(move |context| {
            relay.tells(context.waker());
            work.as_mut().poll(context).map(Ok)
        })));
    }
    let (waits, mut promises): (Vec<_>, Vec<_>) = waits_for.into_iter().unzip();
    let next = match promises.pop() {
        Some(only) if promises.is_empty() => only.into(),
        last => promises.into_iter().chain(last).collect::<Array>().into(),
    };
    Step::Waits(next, Turn { work: Some(work), waits })
}

/// A promise's value.
pub enum Wait {
    /// It has not been waited for.
    New(Promise),
    /// JavaScript awaits it, under this number.
    InLane(Promise, u64),
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
                let number = LAST.get() + 1;
                let is_in_lane = LANE.with_borrow_mut(|lane| {
                    lane.as_mut().map(|lane| lane.waits_for.push((number, promise.clone()))).is_some()
                });
                if !is_in_lane {
                    return self.ordinary(promise, context);
                }
                LAST.set(number);
                *self = Self::InLane(promise, number);
                Poll::Pending
            }
            Self::InLane(promise, number) => {
                let (promise, number) = (promise.clone(), *number);
                let settled = LANE.with_borrow_mut(|lane| {
                    let settled = &mut lane.as_mut()?.settled;
                    let at = settled.iter().position(|(of, _)| *of == number)?;
                    Some(settled.swap_remove(at).1)
                });
                match settled {
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
