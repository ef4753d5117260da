//! The fast lane: a request's future, polled by JavaScript itself.
//!
//! What a request mostly waits for is one promise after the other. `wasm-bindgen-futures` makes two closures, a
//! registration for their collection and a microtask of each; here the promise goes back to JavaScript, which awaits it
//! and comes back with its value ([`Turn::resume`]). Of several that are waited for at once all are awaited before the
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

#[wasm_bindgen(module = "/src/shell/edge.js")]
extern "C" {
    fn follow(next: JsValue, turn: Turn) -> Promise;
}

/// What a request comes to: a `Response`.
type Work = Pin<Box<dyn Future<Output = JsValue>>>;

/// What is settled of a promise.
type Settled = Result<JsValue, JsValue>;

thread_local! {
    static LANE: RefCell<Option<Lane>> = const { RefCell::new(None) };
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// The turn that is being polled.
#[derive(Default)]
struct Lane {
    /// Each wait has a number of its own, so that none takes another's value.
    waits_for: Vec<(u64, Promise)>,
    settled: Vec<(u64, Settled)>,
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

/// A request between two promises. JavaScript owns it, and frees it when the client has gone away meanwhile.
#[wasm_bindgen]
pub struct Turn {
    work: Option<Work>,
    waits: Vec<u64>,
}

#[wasm_bindgen]
impl Turn {
    /// The promise is settled: gives the next one, an array of several, or the `Response`.
    pub fn resume(&mut self, value: JsValue, is_error: bool) -> JsValue {
        self.go_on(vec![settled_as(value, is_error)])
    }

    /// All of several promises are settled.
    #[wasm_bindgen(js_name = resumeAll)]
    pub fn resume_all(&mut self, values: Vec<JsValue>, are_errors: &[u8]) -> JsValue {
        let settled = values.into_iter().zip(are_errors);
        self.go_on(settled.map(|(value, is_error)| settled_as(value, *is_error != 0)).collect())
    }
}

impl Turn {
    fn go_on(&mut self, mut settled: Vec<Settled>) -> JsValue {
        match self.work.take() {
            Some(work) => match poll(work, self.waits.drain(..).zip(settled).collect()) {
                Step::Done(response) => response,
                Step::Waits(next, turn) => {
                    *self = turn;
                    next
                }
                Step::Ordinary(promise) => promise.into(),
            },
            // It went on as an ordinary one, whose promise this was.
            None => settled.pop().and_then(Result::ok).unwrap_or(JsValue::UNDEFINED),
        }
    }
}

fn settled_as(value: JsValue, is_error: bool) -> Settled {
    if is_error { Err(value) } else { Ok(value) }
}

/// Runs a request: its `Response`, or a promise of it.
pub fn run(work: impl Future<Output = JsValue> + 'static) -> JsValue {
    match poll(Box::pin(work), Vec::new()) {
        Step::Done(response) => response,
        Step::Waits(next, turn) => follow(next, turn).into(),
        Step::Ordinary(promise) => promise.into(),
    }
}

enum Step {
    Done(JsValue),
    Waits(JsValue, Turn),
    Ordinary(Promise),
}

fn poll(mut work: Work, settled: Vec<(u64, Settled)>) -> Step {
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(Arc::clone(&relay));
    let before = LANE.replace(Some(Lane { waits_for: Vec::new(), settled }));
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
