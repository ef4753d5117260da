//! What `edge.js` does, as functions: requests, replies and answers in few calls out of Wasm. A call costs little, but each
//! object and string that the runtime makes for one costs more than most of what is computed here.

use std::borrow::Cow;
use std::ops::Range;

use wasm_bindgen::prelude::{JsCast as _, JsValue, wasm_bindgen};
use worker::js_sys::{Promise, Uint8Array};
use worker::worker_sys::Context as JsContext;
use worker::{Env, web_sys};

use super::forms::{self, CREDENTIALS};
use super::lane::settled;
use crate::auth::Credentials;
use crate::http::{Budget, Call, Header, Method, Reply, SendError};

#[wasm_bindgen(module = "/src/shell/edge.js")]
extern "C" {
    #[wasm_bindgen(js_name = know)]
    fn know_credentials(lines: &str, until: f64, now: f64) -> f64;
    // What needs no glue of wasm-bindgen's would be imported by itself, as a second key of the same name.
    /// Whether there is a form of calls, in the name of these credentials: see `forms`.
    #[wasm_bindgen(catch, js_name = hasCall)]
    pub fn has_call(form: u32, known: f64) -> Result<bool, JsValue>;
    /// Has one; false where the credentials were forgotten.
    #[wasm_bindgen(catch, js_name = defineCall)]
    pub fn define_call(form: u32, known: f64, lines: &str) -> Result<bool, JsValue>;
    /// Forgets all, before their numbers are given anew.
    #[wasm_bindgen(catch, js_name = forgetCalls)]
    pub fn forget_calls() -> Result<(), JsValue>;
    /// Has a form of answers.
    #[wasm_bindgen(catch, js_name = defineAnswer)]
    pub fn define_answer(number: u32, lines: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(catch)]
    fn admit(env: &Env, budget: u32, key: &str) -> Result<Promise, JsValue>;
    /// Tells the Feed, after the reply, that something was written: it need not wait for Realtime's next poll. A nudge that is
    /// lost costs nothing but that wait.
    #[wasm_bindgen(catch)]
    pub fn nudge(env: &Env, clinic: &str, context: &JsContext) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_name = passToChatbot)]
    fn pass_request(env: &Env, request: &web_sys::Request) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_name = chatbotReady)]
    fn ask_chatbot(env: &Env, ms: u32) -> Promise;
    #[wasm_bindgen(js_name = send)]
    fn send_call(
        form: u32,
        known: f64,
        call: &str,
        body: Option<Uint8Array>,
        ms: u32,
        whole: usize,
        errors: usize,
        ends_with_request: bool,
    ) -> Promise;
    #[wasm_bindgen(js_name = tell)]
    fn tell_object(objects: &JsValue, name: &str, url: &str, header: &str, text: &str) -> Promise;
    #[wasm_bindgen(js_name = verify)]
    fn verify_signature(jwk: &str, signed: Uint8Array, signature: Uint8Array) -> Promise;
    #[wasm_bindgen(js_name = replyHead)]
    fn reply_head(response: &web_sys::Response, wanted: Vec<String>) -> String;
    #[wasm_bindgen(catch)]
    fn respond(form: u32, said: &str, body: &JsValue) -> Result<web_sys::Response, JsValue>;
    /// Writes a request's data point, of an index and blobs, each in a line; whether Analytics Engine is bound.
    #[wasm_bindgen(catch)]
    pub fn measure(env: &Env, point: &str, status: u16, ms: u32, upstream_ms: u32) -> Result<bool, JsValue>;
    /// Writes a request's line to the log.
    pub fn log(line: &str, status: u16);
    /// A response from elsewhere.
    pub fn wrap(response: web_sys::Response) -> Sent;
    #[wasm_bindgen(js_name = collect)]
    fn collect_body(response: &web_sys::Response, limit: usize, ms: u32) -> Promise;

    /// Whether a request is within its budget.
    #[derive(Debug)]
    pub type Outcome;
    #[wasm_bindgen(method, getter, structural)]
    fn success(this: &Outcome) -> Option<bool>;

    /// An upstream's response, and what was read of it.
    #[derive(Clone, Debug)]
    pub type Sent;
    #[wasm_bindgen(method, getter, structural)]
    fn head(this: &Sent) -> Option<String>;
    #[wasm_bindgen(method, getter, structural)]
    pub fn response(this: &Sent) -> web_sys::Response;
    #[wasm_bindgen(method, getter, structural)]
    fn taken(this: &Sent) -> Option<Uint8Array>;

    type Body;
    #[wasm_bindgen(method, getter, structural)]
    fn bytes(this: &Body) -> Option<Uint8Array>;
    #[wasm_bindgen(method, getter, structural)]
    fn rest(this: &Body) -> Option<web_sys::Response>;
}

/// The headers that most requests are read for, by method, those first; any other is asked for by itself.
const READ: &[&str] =
    &["authorization", "apikey", "origin", "x-request-id", "accept", "accept-profile", "prefer", "range"];
const WRITE: &[&str] = &[
    "authorization",
    "apikey",
    "origin",
    "x-request-id",
    "accept",
    "content-profile",
    "prefer",
    "content-type",
    "content-encoding",
    "if-match",
    "idempotency-key",
    // The last, by itself: what is the same for two requests but for this is the same for both, see `plans`.
    "content-length",
];

/// The headers that JavaScript reads of GET and HEAD, besides the credentials.
#[wasm_bindgen(js_name = listedOfRead)]
pub fn listed_of_read() -> String {
    READ[CREDENTIALS.len()..].join(",")
}

/// The same for all other methods, but for `content-length`.
#[wasm_bindgen(js_name = listedOfWrite)]
pub fn listed_of_write() -> String {
    WRITE[CREDENTIALS.len()..WRITE.len() - 1].join(",")
}

/// Has JavaScript keep credentials that were found right, until then in Unix seconds: their number. What has ended goes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "seconds, and numbers that JavaScript counts from 1 on"
)]
pub fn know(said: Credentials<'_>, until: u64, now: u64) -> Option<u64> {
    let apikey = said.apikey.map(|apikey| ["=", apikey].concat());
    let lines = [said.authorization?, "\n", apikey.as_deref().unwrap_or_default()].concat();
    Some(know_credentials(&lines, until as f64, now as f64) as u64)
}

/// A request's first lines: method, URL, and the usual headers.
#[derive(Debug)]
pub struct Head {
    method: Method,
    known: Option<u64>,
    url: Range<usize>,
    /// Where the values are of those that are there, in the order of their names.
    values: [Option<Range<usize>>; WRITE.len()],
    lines: String,
}

impl Head {
    /// Of the lines that JavaScript made.
    pub fn new(lines: String) -> Self {
        let mut end = 0;
        let mut places = lines.split('\n').map(|line| {
            let start = end;
            end = start + line.len() + 1;
            start..start + line.len()
        });
        let method = Method::parse(&lines[places.next().unwrap_or_default()]);
        let url = places.next().unwrap_or_default();
        let known = lines[places.next().unwrap_or_default()].parse().ok();
        let mut values = [const { None }; WRITE.len()];
        for (value, place) in values.iter_mut().zip(places) {
            *value = lines[place.clone()].starts_with('=').then(|| place.start + 1..place.end);
        }
        Self { method, known, url, values, lines }
    }

    /// The number of the request's credentials, which stand for themselves then.
    pub const fn known(&self) -> Option<u64> {
        self.known
    }

    /// The method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// All lines but the body's length.
    pub fn without_length(&self) -> &str {
        self.lines.rsplit_once('\n').map_or("", |(lines, _)| lines)
    }

    /// The absolute URL.
    pub fn url(&self) -> &str {
        &self.lines[self.url.clone()]
    }

    /// A header by its lower-case name; `ask` is for those that were not read.
    pub fn header(&self, name: &str, ask: impl FnOnce() -> Option<String>) -> Option<Cow<'_, str>> {
        if self.known.is_some() && CREDENTIALS.contains(&name) {
            return ask().map(Cow::Owned);
        }
        let names = if self.method.is_read() { READ } else { WRITE };
        let Some(at) = names.iter().position(|known| *known == name) else { return ask().map(Cow::Owned) };
        self.values[at].clone().map(|place| Cow::Borrowed(&self.lines[place]))
    }
}

/// Where a budget is in JavaScript's list.
pub const fn place(budget: Budget) -> u32 {
    match budget {
        Budget::Anon => 0,
        Budget::User => 1,
        Budget::Auth => 2,
    }
}

/// Asks whether one more request is within a budget.
pub async fn ask_budget(env: &Env, budget: Budget, key: &str) -> Result<Outcome, String> {
    let silent = |_| format!("{} does not answer", binding(budget));
    let outcome = settled(admit(env, place(budget), key).map_err(silent)?).await;
    outcome.map(wasm_bindgen::JsCast::unchecked_into).map_err(silent)
}

/// What came of asking.
pub fn is_admitted(outcome: &Outcome, budget: Budget) -> Result<bool, String> {
    outcome.success().ok_or_else(|| format!("{} gives no answer", binding(budget)))
}

const fn binding(budget: Budget) -> &'static str {
    match budget {
        Budget::Anon => "RATE_LIMIT_ANON",
        Budget::User => "RATE_LIMIT_USER",
        Budget::Auth => "RATE_LIMIT_AUTH",
    }
}

/// Hands a request to the chatbot's Worker as it is; its answer is the client's.
pub async fn pass_to_chatbot(env: &Env, request: &web_sys::Request) -> Result<web_sys::Response, JsValue> {
    settled(pass_request(env, request)?).await?.dyn_into()
}

/// What the chatbot's Worker answers to `/ready`, whatever the status.
pub async fn chatbot_ready(env: &Env, timeout_ms: u32) -> Result<String, JsValue> {
    settled(ask_chatbot(env, timeout_ms)).await.map(|said| said.as_string().unwrap_or_default())
}

/// Sends a call under this form, see [`forms::of_call`], and waits for the reply's head and what is wanted with it.
pub async fn send(
    call: &Call,
    (form, known): (u32, f64),
    timeout_ms: u32,
    body: Option<Uint8Array>,
) -> Result<Sent, JsValue> {
    let lines = [forms::request_id(&call.headers), "\n", &call.url].concat();
    let (whole, errors, ends) = (call.whole, call.errors, call.ends_with_request);
    let sent = settled(send_call(form, known, &lines, body, timeout_ms, whole, errors, ends)).await;
    sent.map(wasm_bindgen::JsCast::unchecked_into)
}

/// What came of a call.
pub fn reply_to(call: &Call, sent: Result<Sent, JsValue>) -> Result<Reply<Sent>, SendError> {
    let sent = sent.map_err(|error| broken(&error.into()))?;
    let head = sent.head().ok_or(SendError::Timeout)?;
    Ok(parse(&head, sent, call.reads))
}

/// Tells an object of a namespace something in a header; whether it took it.
pub async fn tell(
    objects: &JsValue,
    name: &str,
    url: &str,
    header: &str,
    text: &str,
) -> worker::Result<bool> {
    let taken = settled(tell_object(objects, name, url, header, text)).await?;
    Ok(taken.as_bool() == Some(true))
}

/// Whether a public key, a JWK, made a signature; an error where `WebCrypto` cannot use the key.
pub async fn is_signed(jwk: &str, signed: &[u8], signature: &[u8]) -> Result<bool, String> {
    // Copies: the key may have to be imported first, and meanwhile Wasm's memory may move.
    let verified = settled(verify_signature(jwk, signed.into(), signature.into())).await;
    let is_right = verified.map_err(|error| worker::Error::from(error).to_string())?;
    Ok(is_right.as_bool() == Some(true))
}

/// A response as a reply with these of its headers.
pub fn reply(response: web_sys::Response, reads: &'static [&'static str]) -> Reply<Sent> {
    let wanted = reads.iter().map(|name| (*name).to_owned()).collect();
    parse(&reply_head(&response, wanted), wrap(response), reads)
}

fn parse(head: &str, body: Sent, reads: &'static [&'static str]) -> Reply<Sent> {
    let mut lines = head.split('\n');
    let status = lines.next().and_then(|status| status.parse().ok()).unwrap_or_default();
    let headers = reads
        .iter()
        .zip(lines)
        .filter_map(|(name, line)| Some((Cow::Borrowed(*name), line.strip_prefix('=')?.to_owned().into())))
        .collect();
    Reply { status, headers, body }
}

/// The bytes of a body that came with its head.
pub fn taken(sent: &Sent) -> Option<Vec<u8>> {
    sent.taken().map(|bytes| bytes.to_vec())
}

/// A body up to a limit: the bytes, or all of it when it is longer. Nothing is waited for if it came with the head.
pub async fn collect(sent: Sent, limit: usize, timeout_ms: u32) -> Result<Result<Vec<u8>, Sent>, SendError> {
    if let Some(bytes) = sent.taken() {
        return Ok(if bytes.length() as usize <= limit { Ok(bytes.to_vec()) } else { Err(sent) });
    }
    let body = settled(collect_body(&sent.response(), limit, timeout_ms)).await;
    let body: Body = body.map_err(|error| broken(&error.into()))?.into();
    match (body.bytes(), body.rest()) {
        (Some(bytes), _) => Ok(Ok(bytes.to_vec())),
        (None, Some(rest)) => Ok(Err(wrap(rest))),
        (None, None) => Err(SendError::Timeout),
    }
}

/// Makes an answer of this form, and writes the request's line, if it is not empty, to the log. The body is bytes, [`Sent`] or null.
pub fn answer(
    form: u32,
    line: &str,
    headers: &[Header],
    body: &JsValue,
) -> Result<web_sys::Response, JsValue> {
    respond(form, &[forms::request_id(headers), "\n", line].concat(), body)
}

/// The runtime's own words: they name hosts at most, never what was sent.
pub fn broken(error: &worker::Error) -> SendError {
    SendError::Unreachable(error.to_string())
}
