//! Forms: what is the same in many calls and answers (method or status, headers), which JavaScript has by number. Its headers
//! are made once, and neither their text nor a caller's token is handed over each time. Only a request's id differs, and a URL.

use std::cell::RefCell;
use std::collections::HashMap;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::http::{Call, Header};

#[wasm_bindgen(module = "/src/shell/edge.js")]
extern "C" {
    #[wasm_bindgen(js_name = define)]
    fn define(number: u32, lines: &str);
}

thread_local! {
    static NUMBERS: RefCell<HashMap<String, u32>> = RefCell::default();
}

/// How many are kept.
const MOST: usize = 512;
/// The number of one that is for once.
const ONCE: u32 = 0;
/// The headers that say who calls.
pub const CREDENTIALS: &[&str] = &["authorization", "apikey"];

/// A call's.
pub fn of_call(call: &Call) -> u32 {
    let lines = |known: Option<u64>| {
        let mut lines = start(call.method.name(), call.reads, &call.headers);
        if let Some(number) = known {
            // What no name has stands between.
            lines.extend(["#", itoa::Buffer::new().format(number)]);
        }
        push_headers(&mut lines, &call.headers, known.is_some());
        lines
    };
    match call.known {
        Some(_) => number(lines(call.known), || Some(lines(None))),
        // A token that nobody knows by number is not kept.
        None if call.headers.iter().any(is_of_caller) => {
            define(ONCE, &lines(None));
            ONCE
        }
        None => number(lines(None), || None),
    }
}

/// An answer's.
pub fn of_answer(status: u16, headers: &[Header]) -> u32 {
    let mut lines = start(itoa::Buffer::new().format(status), &[], headers);
    push_headers(&mut lines, headers, false);
    number(lines, || None)
}

/// The number under which JavaScript has these lines; `whole` are the lines themselves, where they differ from what they are known
/// by.
fn number(known_by: String, whole: impl FnOnce() -> Option<String>) -> u32 {
    NUMBERS.with_borrow_mut(|numbers| {
        if let Some(number) = numbers.get(&known_by) {
            return *number;
        }
        if numbers.len() >= MOST {
            numbers.clear();
        }
        let number = ONCE + 1 + u32::try_from(numbers.len()).unwrap_or(ONCE);
        define(number, whole().as_ref().unwrap_or(&known_by));
        numbers.insert(known_by, number);
        number
    })
}

fn start(first: &str, wanted: &[&str], headers: &[Header]) -> String {
    let length: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let mut lines = String::with_capacity(length + HEAD_BYTES);
    lines.extend([first, "\n"]);
    push_names(&mut lines, wanted);
    lines
}

/// The names of headers, in a line.
pub fn push_names(lines: &mut String, names: &[&str]) {
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            lines.push(',');
        }
        lines.push_str(name);
    }
}

/// A header whose value holds a line break is none.
fn push_headers(lines: &mut String, headers: &[Header], without_caller: bool) {
    let is_left_out = |header: &Header| header.0 == REQUEST_ID || without_caller && is_of_caller(header);
    for (name, value) in headers.iter().filter(|header| !is_left_out(header) && !header.1.contains('\n')) {
        lines.extend(["\n", name, "\n", value]);
    }
}

fn is_of_caller((name, _): &Header) -> bool {
    CREDENTIALS.contains(&name.as_ref())
}

/// The id of the request that a call or an answer belongs to.
pub fn request_id(headers: &[Header]) -> &str {
    headers.iter().find(|(name, _)| name == REQUEST_ID).map_or("", |(_, value)| value)
}

const REQUEST_ID: &str = "x-request-id";
/// What else is in such lines: a method or a status, and names of headers.
const HEAD_BYTES: usize = 128;
