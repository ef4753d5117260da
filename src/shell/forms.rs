//! Forms: what is the same in many calls and answers (method or status, headers), which JavaScript has by number. Its headers
//! are made once, and neither their text nor a caller's token is handed over each time. Only a request's id differs, and a URL.

use std::cell::RefCell;
use std::collections::HashMap;
use std::thread::LocalKey;

use wasm_bindgen::prelude::JsValue;

use super::edge::{define_answer, define_call, forget_calls, has_call};
use crate::http::{Call, Header};

type Numbers = RefCell<HashMap<String, u32>>;

thread_local! {
    static CALLS: Numbers = RefCell::default();
    static ANSWERS: Numbers = RefCell::default();
}

/// How many are kept of either kind.
const MOST: usize = 512;
/// The number of one that is for once.
pub const ONCE: u32 = 0;
/// Whose name a call is in that is in nobody's, or in theirs whom nobody knows by number.
const NOBODY: f64 = 0.0;
/// The headers that say who calls.
pub const CREDENTIALS: &[&str] = &["authorization", "apikey"];
/// The headers of calls that are the same again and again.
const COMMON_IN_CALLS: &[&str] = &["accept", "content-type", "prefer"];
/// The headers of answers that are the same again and again. `location` is none: it names a row, and where it is Auth's it may hold
/// tokens.
const COMMON_IN_ANSWERS: &[&str] = &[
    "access-control-allow-origin",
    "access-control-expose-headers",
    "cache-control",
    "content-range",
    "content-type",
    "etag",
    "preference-applied",
    "ratelimit-policy",
    "vary",
    "x-content-type-options",
];

/// A call's, and in whose name JavaScript has it: nobody's is 0.
pub fn of_call(call: &Call) -> Result<(u32, f64), JsValue> {
    let lines = |without_caller: bool| {
        let mut lines = start(call.method.name(), call.reads, &call.headers);
        push_headers(&mut lines, &call.headers, without_caller);
        lines
    };
    let is_kept = |header: &Header| {
        is_request_id(header)
            || COMMON_IN_CALLS.contains(&header.0.as_ref())
            // A token that nobody knows by number is for once.
            || call.known.is_some() && is_of_caller(header)
    };
    if call.headers.iter().all(is_kept) {
        let known = name_of(call.known);
        let form = number(&CALLS, &lines(true), forget_calls, |_| Ok(()))?;
        // JavaScript forgets what it likes.
        if has_call(form, known)? || define_call(form, known, &lines(false))? {
            return Ok((form, known));
        }
    }
    define_call(ONCE, NOBODY, &lines(false))?;
    Ok((ONCE, NOBODY))
}

#[expect(clippy::cast_precision_loss, reason = "JavaScript counts them from 1 on")]
fn name_of(known: Option<u64>) -> f64 {
    known.map_or(NOBODY, |number| number as f64)
}

/// An answer's.
pub fn of_answer(status: u16, headers: &[Header]) -> Result<u32, JsValue> {
    let mut lines = start(itoa::Buffer::new().format(status), &[], headers);
    push_headers(&mut lines, headers, false);
    let is_kept = |header: &Header| {
        // An exact count is another each time.
        let is_common = header.0 != "content-range" || header.1.ends_with("/*");
        is_request_id(header) || COMMON_IN_ANSWERS.contains(&header.0.as_ref()) && is_common
    };
    if headers.iter().all(is_kept) {
        number(&ANSWERS, &lines, || Ok(()), |number| define_answer(number, &lines))
    } else {
        define_answer(ONCE, &lines).map(|()| ONCE)
    }
}

/// The number under which JavaScript has what is known by these lines, which is defined where they are new. Before numbers are given,
/// for the first time in this instance or anew, what has them is forgotten.
fn number(
    known: &'static LocalKey<Numbers>,
    known_by: &str,
    forget: impl FnOnce() -> Result<(), JsValue>,
    define: impl FnOnce(u32) -> Result<(), JsValue>,
) -> Result<u32, JsValue> {
    if let Some(number) = known.with_borrow(|numbers| numbers.get(known_by).copied()) {
        return Ok(number);
    }
    let count = known.with_borrow(HashMap::len) % MOST;
    if count == 0 {
        forget()?;
        known.with_borrow_mut(HashMap::clear);
    }
    let number = ONCE + 1 + u32::try_from(count).unwrap_or(ONCE);
    define(number)?;
    known.with_borrow_mut(|numbers| numbers.insert(known_by.to_owned(), number));
    Ok(number)
}

fn start(first: &str, wanted: &[&str], headers: &[Header]) -> String {
    let length: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let mut lines = String::with_capacity(length + HEAD_BYTES);
    lines.extend([first, "\n"]);
    push_names(&mut lines, wanted);
    lines
}

/// The names of headers, in a line.
fn push_names(lines: &mut String, names: &[&str]) {
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            lines.push(',');
        }
        lines.push_str(name);
    }
}

/// A header whose value holds a line break is none.
fn push_headers(lines: &mut String, headers: &[Header], without_caller: bool) {
    let is_left_out = |header: &Header| is_request_id(header) || without_caller && is_of_caller(header);
    for (name, value) in headers.iter().filter(|header| !is_left_out(header) && !header.1.contains('\n')) {
        lines.extend(["\n", name, "\n", value]);
    }
}

fn is_of_caller((name, _): &Header) -> bool {
    CREDENTIALS.contains(&name.as_ref())
}

fn is_request_id((name, _): &Header) -> bool {
    name == REQUEST_ID
}

/// The id of the request that a call or an answer belongs to.
pub fn request_id(headers: &[Header]) -> &str {
    headers.iter().find(|header| is_request_id(header)).map_or("", |(_, value)| value)
}

/// The header of a request's id.
pub const REQUEST_ID: &str = "x-request-id";
/// What else is in such lines: a method or a status, and names of headers.
const HEAD_BYTES: usize = 128;
