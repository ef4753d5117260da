//! Requests that come again: `plans.js` does for the next what was found out for one.
//!
//! The program answers a request by its head and by what the [`Platform`](crate::http::Platform) tells it: what is the same to it gets
//! the same answer, but for the id and the time. (What it remembers of tokens, keys and queries spares work and decides nothing.) So
//! a request whose credentials were verified has a plan when all that it came to is in it: it counted against one budget, made one
//! call, whose reply's body it passed on without a look, and asked for nothing besides ([`Trace`]; but for the clock, which tells only
//! how long it took). Of a body it must have said what decides ([`BodyCheck`]). A plan is for the same head to the letter, in the name
//! of the same credentials, as long as these are known; it skips no check whose outcome could be another. Readings of medical records
//! are noted each time and have none.

use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hasher as _};

use wasm_bindgen::prelude::{JsCast as _, JsValue, wasm_bindgen};
use worker::js_sys::Uint8Array;

use super::edge::{Outcome, Sent, place};
use super::forms::{ONCE, REQUEST_ID};
use super::request::EdgeRequest;
use crate::app::LogLine;
use crate::http::{Budget, Call, Method, Payload, Request as _};
use crate::rest::BodyCheck;

#[wasm_bindgen(module = "/src/shell/plans.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = checkNumber)]
    fn check_number() -> Result<f64, JsValue>;
    #[wasm_bindgen(catch, js_name = keepPlan)]
    fn keep_plan(head: &str, call: &str, reply: &Sent, answer: &str, numbers: &[f64]) -> Result<(), JsValue>;

    /// What a request with a plan was told before it turned out to need more than that.
    pub type Told;
    #[wasm_bindgen(method, getter, structural)]
    fn budget(this: &Told) -> u32;
    #[wasm_bindgen(method, getter, structural)]
    fn key(this: &Told) -> String;
    #[wasm_bindgen(method, getter, structural)]
    fn method(this: &Told) -> String;
    #[wasm_bindgen(method, getter, structural)]
    fn url(this: &Told) -> String;
    #[wasm_bindgen(method, getter, structural)]
    fn at(this: &Told) -> f64;
    #[wasm_bindgen(method, getter, structural)]
    fn id(this: &Told) -> String;
    #[wasm_bindgen(method, getter, structural)]
    fn admitted(this: &Told) -> Option<Outcome>;
    #[wasm_bindgen(method, getter, structural)]
    fn body(this: &Told) -> Option<Uint8Array>;
    #[wasm_bindgen(method, getter, structural, js_name = isSent)]
    fn is_sent(this: &Told) -> bool;
    #[wasm_bindgen(method, getter, structural)]
    fn sent(this: &Told) -> Option<Sent>;
    #[wasm_bindgen(method, getter, structural)]
    fn error(this: &Told) -> JsValue;
    #[wasm_bindgen(method, getter, structural, js_name = upstreamMs)]
    fn upstream_ms(this: &Told) -> f64;
}

/// The number of the check of a request without a body.
const NO_CHECK: f64 = 0.0;
/// How many checks are kept.
const MOST_CHECKS: usize = 64;

/// The longest head that has a plan, in bytes: what is longer hardly comes twice.
const LONGEST_HEAD: usize = 4096;
/// How many places there are for heads that came once.
const MOST_HEADS: usize = 512;

thread_local! {
    static CAME: RefCell<[u64; MOST_HEADS]> = const { RefCell::new([0; MOST_HEADS]) };
    static CHECKS: RefCell<Vec<(f64, BodyCheck)>> = const { RefCell::new(Vec::new()) };
}

/// Whether the check of this number finds a body right; one that is not known finds none.
#[wasm_bindgen]
#[expect(clippy::float_cmp, reason = "whole numbers that JavaScript counts from 1 on")]
pub fn accepts(number: f64, body: &[u8]) -> bool {
    CHECKS.with_borrow(|checks| {
        checks.iter().any(|(known, check)| *known == number && check.check(body).is_ok())
    })
}

/// The number of a check, the same for one that does the same.
fn number_of(check: &BodyCheck) -> Result<f64, JsValue> {
    let known = CHECKS.with_borrow(|checks| {
        checks.iter().find(|(_, known)| known.is_same(check)).map(|(number, _)| *number)
    });
    if let Some(number) = known {
        return Ok(number);
    }
    let number = check_number()?;
    CHECKS.with_borrow_mut(|checks| {
        if checks.len() >= MOST_CHECKS {
            checks.clear();
        }
        checks.push((number, check.clone()));
    });
    Ok(number)
}

/// What a request has asked the platform for, as long as a plan can have it. All is noted before it is done.
#[derive(Debug, Default)]
pub struct Trace(RefCell<Option<Steps>>);

#[derive(Debug)]
struct Steps {
    method: Method,
    has_id: bool,
    budget: Option<(Budget, String)>,
    call: Option<Asked>,
    reply: Option<Sent>,
    has_own_body: bool,
}

/// The call that a request made.
#[derive(Debug)]
struct Asked {
    url: String,
    timeout_ms: u32,
    errors: usize,
}

impl Trace {
    /// Of a request that may have a plan. A client's own id is no other request's.
    pub fn of(request: &EdgeRequest) -> Self {
        let head = request.head();
        let method = head.method();
        let may_have = head.known().is_some()
            && matches!(method, Method::Get | Method::Post)
            && request.header(REQUEST_ID).is_none()
            && head.without_length().len() <= LONGEST_HEAD
            && came_before(head.without_length());
        Self(RefCell::new(may_have.then_some(Steps {
            method,
            has_id: false,
            budget: None,
            call: None,
            reply: None,
            has_own_body: false,
        })))
    }

    /// It asked for something that no plan has.
    pub fn leave(&self) {
        self.0.take();
    }

    // `step` says whether a plan can still have it.
    fn note(&self, step: impl FnOnce(&mut Steps) -> bool) {
        let mut steps = self.0.borrow_mut();
        if steps.as_mut().is_some_and(|steps| !step(steps)) {
            *steps = None;
        }
    }

    /// It takes a new id: one is its own.
    pub fn note_id(&self) {
        self.note(|steps| !std::mem::replace(&mut steps.has_id, true));
    }

    /// It counts against a budget.
    pub fn note_budget(&self, budget: Budget, key: &str) {
        self.note(|steps| steps.budget.replace((budget, key.to_owned())).is_none());
    }

    /// The body of its call is its own, to the byte.
    pub fn note_own_body(&self) {
        self.note(|steps| {
            steps.has_own_body = true;
            true
        });
    }

    /// It makes a call under this form.
    pub fn note_call(&self, call: &Call, timeout_ms: u32, form: u32) {
        self.note(|steps| {
            let asked = Asked { url: call.url.clone(), timeout_ms, errors: call.errors };
            let is_first = steps.call.replace(asked).is_none();
            is_first
                && call.method == steps.method
                && call.whole == 0
                && call.ends_with_request
                && form != ONCE
                && call.known.is_some()
        });
    }

    /// Its call was answered.
    pub fn note_reply(&self, reply: &Sent) {
        self.note(|steps| {
            steps.reply = Some(reply.clone());
            true
        });
    }
}

/// Whether a request with this head came before, a moment ago: most that come once do not come again, and a plan costs more than it
/// saves then. Of two that share a place the later one has it.
fn came_before(head: &str) -> bool {
    let mut hasher = DefaultHasher::new();
    hasher.write(head.as_bytes());
    let hash = hasher.finish();
    CAME.with_borrow_mut(|came| {
        let place = usize::try_from(hash % MOST_HEADS as u64).unwrap_or(0);
        std::mem::replace(&mut came[place], hash) == hash
    })
}

/// What a plan has of an answer.
#[derive(Debug)]
pub struct Planned<'a> {
    /// Its form.
    pub form: u32,
    /// The line in the log.
    pub log: &'a LogLine,
    /// Whose Feed heard that something was written.
    pub nudges: Option<&'a str>,
    /// The data point, if one was written.
    pub point: Option<&'a str>,
    /// The body.
    pub body: &'a Payload<Sent>,
}

/// Has JavaScript keep what a request came to, if a plan can have all of it.
#[expect(clippy::cast_precision_loss, reason = "small numbers, or such that JavaScript counts from 1 on")]
pub fn keep(
    request: &EdgeRequest,
    trace: &Trace,
    body: Option<&BodyCheck>,
    answer: &Planned<'_>,
) -> Result<(), JsValue> {
    let Some(steps) = trace.0.take() else { return Ok(()) };
    let Steps { budget: Some((budget, key)), call: Some(call), reply: Some(reply), has_own_body, .. } = steps
    else {
        return Ok(());
    };
    let head = request.head();
    let has_body = match answer.body {
        Payload::Stream(_) => true,
        Payload::Empty => false,
        Payload::Bytes(_) | Payload::Made(_) => return Ok(()),
    };
    let is_body_decided = match body {
        None => request.longest().is_none(),
        Some(_) => has_own_body,
    };
    let is_plain = answer.form != ONCE && answer.log.status < 400 && !request.is_asked_more();
    let (Some(known), true, true) = (head.known(), is_body_decided, is_plain) else { return Ok(()) };
    let numbers = [
        known as f64,
        place(budget).into(),
        call.timeout_ms.into(),
        call.errors as f64,
        body.map_or(Ok(NO_CHECK), number_of)?,
        request.longest().unwrap_or_default() as f64,
        answer.form.into(),
        u8::from(has_body).into(),
    ];
    let asked = [&key, "\n", &call.url].concat();
    let (nudges, point) = (answer.nudges.unwrap_or_default(), answer.point.unwrap_or_default());
    let said = [&answer.log.middle(), "\n", nudges, "\n", point].concat();
    keep_plan(head.without_length(), &asked, &reply, &said, &numbers)
}

/// What was told already to a request that is served from its beginning. Each is for what it was told of alone, whatever else the
/// program asks first this time: it may have forgotten a token or the keys meanwhile.
#[derive(Debug)]
pub struct Before {
    began_ms: Cell<Option<u64>>,
    id: RefCell<Option<String>>,
    outcome: RefCell<Option<(u32, String, Outcome)>>,
    reply: RefCell<Option<ToldReply>>,
}

#[derive(Debug)]
struct ToldReply {
    method: String,
    url: String,
    sent: Result<Sent, JsValue>,
    upstream_ms: u64,
}

impl Before {
    /// Its clock: it stands where the request began until it is counted, since who calls was decided then.
    pub const fn now_ms(&self) -> Option<u64> {
        self.began_ms.get()
    }

    /// Its id, once.
    pub fn id(&self) -> Option<String> {
        self.id.take()
    }

    /// Whether it is within this budget, once.
    pub fn outcome_of(&self, budget: Budget, key: &str) -> Option<Outcome> {
        self.began_ms.set(None);
        let is_same = |(of, known, _): &mut (u32, String, Outcome)| *of == place(budget) && known == key;
        self.outcome.borrow_mut().take_if(is_same).map(|(.., outcome)| outcome)
    }

    /// What came of this call and how long that took, in milliseconds, once.
    pub fn reply_to(&self, call: &Call) -> Option<(Result<Sent, JsValue>, u64)> {
        let is_same = |told: &mut ToldReply| told.method == call.method.name() && told.url == call.url;
        let told = self.reply.borrow_mut().take_if(is_same)?;
        Some((told.sent, told.upstream_ms))
    }

    /// Whether its call was made, and nobody has asked for what came of it.
    pub fn has_reply_left(&self) -> bool {
        self.reply.borrow().is_some()
    }
}

/// Of what JavaScript was told, if it was; besides, the body.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds")]
pub fn before(told: JsValue) -> (Option<Before>, Option<Uint8Array>) {
    if told.is_undefined() {
        return (None, None);
    }
    let told: Told = told.unchecked_into();
    let reply = told.is_sent().then(|| ToldReply {
        method: told.method(),
        url: told.url(),
        sent: told.sent().ok_or_else(|| told.error()),
        upstream_ms: told.upstream_ms() as u64,
    });
    let before = Before {
        began_ms: Cell::new(Some(told.at() as u64)),
        id: RefCell::new(Some(told.id())),
        outcome: RefCell::new(told.admitted().map(|outcome| (told.budget(), told.key(), outcome))),
        reply: RefCell::new(reply),
    };
    (Some(before), told.body())
}
