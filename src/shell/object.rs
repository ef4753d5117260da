//! What the Durable Objects need: the clock, randomness, alarms and calls to each other.

use std::cell::RefCell;

use worker::js_sys::Date;
use worker::{
    Method, ObjectNamespace, Request, RequestInit, Response, ResponseBuilder, Result, ScheduledTime, State,
    console_error,
};

use super::edge;

/// The name by which objects address each other's paths; no request leaves the machine for it.
const ORIGIN: &str = "https://object";

/// Milliseconds since 1970.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since 1970 fit")]
pub fn now_ms() -> u64 {
    Date::now() as u64
}

/// A random number.
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    // Only jitter, names and numbers hang on it.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A key that nobody can guess, or none where there is no randomness.
pub fn random_key() -> Option<[u8; 16]> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).ok()?;
    Some(key)
}

/// Random bytes for an id, of which many are asked for at once.
pub fn random_bytes() -> [u8; 16] {
    thread_local! {
        static POOL: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
    }
    POOL.with_borrow_mut(|pool| {
        if pool.is_empty() {
            let mut bytes = [[0; 16]; 64];
            // An id that is not random is still an id: the request goes on.
            let _ = getrandom::fill(bytes.as_flattened_mut());
            pool.extend(bytes);
        }
        pool.pop().unwrap_or_default()
    })
}

/// Sets or clears the object's one alarm.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit")]
pub fn set_alarm(state: &State, at: Option<u64>) {
    let storage = state.storage();
    state.wait_until(async move {
        let done = match at {
            Some(at) => storage.set_alarm(ScheduledTime::new(Date::new(&(at as f64).into()))).await,
            None => storage.delete_alarm().await,
        };
        if let Err(error) = done {
            console_error!("the alarm was not set: {error}");
        }
    });
}

/// The path of a call, and nothing for a URL that no object calls another by.
pub fn path(url: &str) -> &str {
    url.strip_prefix(ORIGIN).unwrap_or_default()
}

/// Says no more than that it is done. A 204 and not an empty 200, whose body is a stream that the caller has to read to
/// find it empty.
pub fn done() -> Response {
    ResponseBuilder::new().with_status(204).empty()
}

/// The header that a short text comes in, instead of a body: the object's `told` gets it and gives a status, see
/// `scripts/stack/objects.js`.
const TEXT: &str = "text";
/// It was taken.
pub const TAKEN: u16 = 204;
/// It was taken, and nobody is there to be told of it.
pub const UNHEARD: u16 = 202;
/// It was not taken.
pub const NOT_TAKEN: u16 = 503;
/// The longest text that does: headers are small things.
const MAX_TEXT: usize = 8 * 1024;

/// Posts JSON to another object; the body of its answer, when that is 200 or [`done`].
pub async fn post(objects: &ObjectNamespace, name: &str, path: &str, body: String) -> Result<String> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(body.into()));
    let request = Request::new_with_init(&format!("{ORIGIN}{path}"), &init)?;
    let mut reply = objects.get_by_name(name)?.fetch_with_request(request).await?;
    match reply.status_code() {
        200 => reply.text().await,
        204 => Ok(String::new()),
        status => Err(format!("{path} answered {status}").into()),
    }
}

/// Tells another object something for which somebody waits. A body is a stream on both sides, which costs about as much as
/// all else about such a call: what fits goes in a header, and what does not is posted.
pub async fn tell(objects: &ObjectNamespace, name: &str, path: &str, text: String) -> Result<()> {
    if text.len() > MAX_TEXT || !text.is_ascii() {
        return post(objects, name, path, text).await.map(drop);
    }
    let is_taken = edge::tell(objects.as_ref(), name, &format!("{ORIGIN}{path}"), TEXT, &text).await?;
    if is_taken { Ok(()) } else { Err(format!("{path} was not taken").into()) }
}
