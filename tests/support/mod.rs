//! The pure program under test: a request made by hand, an upstream that answers from a script, tokens.
#![allow(dead_code, missing_docs, clippy::missing_panics_doc, reason = "each test file takes what it needs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::unnecessary_wraps,
    reason = "a test that cannot go on fails"
)]

mod signatures;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};

use base64ct::{Base64UrlUnpadded, Encoding};
use chairside::access::Outcome;
use chairside::app::{App, Handled};
use chairside::auth::{Credentials, jwk::Key};
use chairside::config::Config;
use chairside::http::{
    BodyError, Budget, Call, Collected, Headers, Method, Payload, Pieces, Platform, Reply, Request, SendError,
};
use chairside::rest::BodyCheck;
use chairside::schema::SCHEMA;
use futures::executor::block_on;
use futures::{StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

pub const SECRET: &str = "a-secret-of-the-tests-that-is-long-enough";
pub const NOW: u64 = 1_800_000_000;
pub const PATIENT: &str = "00000000-0000-4000-8000-0000000a0001";
pub const REQUEST_ID: &str = "11111111-1111-4111-8111-111111111111";

/// The id that the platform gives when asked for a new one.
pub const NEW_ID: &str = "22222222-2222-4222-8222-222222222222";

/// A JWT with these claims, signed as Supabase's legacy secret would.
pub fn sign(claims: &Value) -> String {
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes()))
}

pub fn anon_key() -> String {
    sign(
        &json!({ "iss": "supabase", "role": "anon", "ref": "local", "iat": NOW - 1000, "exp": NOW + 1_000_000 }),
    )
}

pub fn user_token(id: &str, clinic_role: &str) -> String {
    sign(&json!({
        "iss": "https://clinic.supabase.co/auth/v1", "aud": "authenticated", "sub": id, "role": "authenticated",
        "iat": NOW - 10, "exp": NOW + 3600, "app_metadata": { "clinic_role": clinic_role },
    }))
}

pub fn app() -> App {
    app_with(&[])
}

/// The program with further settings.
pub fn app_with(settings: &[(&str, &str)]) -> App {
    let anon = anon_key();
    let config = Config::from_lookup(|name| {
        if let Some((_, value)) = settings.iter().find(|(known, _)| *known == name) {
            return Some((*value).to_owned());
        }
        Some(match name {
            "SUPABASE_URL" => "https://clinic.supabase.co".to_owned(),
            "SUPABASE_ANON_KEY" => anon.clone(),
            "SUPABASE_JWT_SECRET" => SECRET.to_owned(),
            "CLINIC_ID" => "demo".to_owned(),
            "ALLOWED_ORIGINS" => "https://app.clinic.test".to_owned(),
            "RATE_LIMITS" => "anon=120/60 user=600/60 auth=20/60".to_owned(),
            "RATE_LIMIT_ANON" | "RATE_LIMIT_USER" | "RATE_LIMIT_AUTH" => "bound".to_owned(),
            _ => return None,
        })
    })
    .unwrap();
    App::new(config, &SCHEMA, Some([7; 16]))
}

/// A request made by hand.
#[derive(Clone, Debug)]
pub struct TestRequest {
    method: Method,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    known: Option<u64>,
}

pub fn request(method: Method, target: &str) -> TestRequest {
    TestRequest {
        method,
        target: target.to_owned(),
        headers: vec![("x-request-id".to_owned(), REQUEST_ID.to_owned())],
        body: Vec::new(),
        known: None,
    }
}

pub fn get(target: &str) -> TestRequest {
    request(Method::Get, target)
}

impl TestRequest {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The platform knows its credentials by this number.
    pub fn known(mut self, number: u64) -> Self {
        self.known = Some(number);
        self
    }

    pub fn with_id(mut self, id: &str) -> Self {
        self.headers.retain(|(name, _)| name != "x-request-id");
        self.header("x-request-id", id)
    }

    pub fn by_patient(self) -> Self {
        let token = user_token(PATIENT, "patient");
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self.header("content-type", "application/json")
    }

    pub fn bytes(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("content-type", "application/json")
    }
}

impl Request for TestRequest {
    fn method(&self) -> Method {
        self.method
    }

    fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| Cow::Borrowed(value.as_str()))
    }

    fn known(&self) -> Option<u64> {
        self.known
    }

    async fn body(&self, limit: usize) -> Result<Vec<u8>, BodyError> {
        if self.body.len() > limit { Err(BodyError::TooLarge) } else { Ok(self.body.clone()) }
    }
}

/// One scripted reply.
pub type Scripted = Result<Reply<Vec<u8>>, SendError>;

pub fn reply(status: u16, headers: &[(&'static str, &str)], body: &str) -> Scripted {
    let headers =
        headers.iter().map(|(name, value)| (Cow::Borrowed(*name), (*value).to_owned().into())).collect();
    Ok(Reply { status, headers, body: body.as_bytes().to_vec() })
}

pub fn ok_json(body: &str) -> Scripted {
    reply(200, &[("content-type", "application/json; charset=utf-8"), ("content-range", "0-0/*")], body)
}

pub fn pg_error(status: u16, code: &str, message: &str) -> Scripted {
    let body = json!({ "code": code, "message": message, "details": "Key (email)=(a@b.c)", "hint": null });
    reply(status, &[("content-type", "application/json; charset=utf-8")], &body.to_string())
}

/// In a scripted body: the connection breaks here.
pub const BREAKS_OFF: u8 = 0;
/// In a scripted body: nothing comes any more.
pub const FALLS_SILENT: u8 = 1;

/// An upstream that answers from a script and remembers what it was asked.
pub struct Script {
    replies: RefCell<VecDeque<Scripted>>,
    pub calls: RefCell<Vec<Call>>,
    pub admitted: RefCell<Vec<(Budget, String)>>,
    pub refuse: Cell<bool>,
    pub catalogue: RefCell<Option<String>>,
    /// The readings of medical records that were noted; refused while `full`.
    pub noted: RefCell<Vec<Value>>,
    pub full: Cell<bool>,
    /// How many signatures were to be verified; none can be while `cannot_verify`.
    pub verified: Cell<usize>,
    pub cannot_verify: Cell<bool>,
    /// The credentials that have a number, which is their place.
    pub known: RefCell<Vec<(Option<String>, Option<String>)>>,
    /// A call was made before, whose reply nobody has asked for.
    pub has_reply_left: Cell<bool>,
    /// Unix seconds.
    pub now: Cell<u64>,
    kept: RefCell<HashMap<String, Kept>>,
}

type Kept = (u16, Headers, Vec<u8>);

pub fn script(replies: Vec<Scripted>) -> Script {
    Script {
        replies: RefCell::new(replies.into()),
        calls: RefCell::default(),
        admitted: RefCell::default(),
        refuse: Cell::new(false),
        catalogue: RefCell::default(),
        noted: RefCell::default(),
        full: Cell::new(false),
        verified: Cell::default(),
        cannot_verify: Cell::default(),
        known: RefCell::default(),
        has_reply_left: Cell::default(),
        now: Cell::new(NOW),
        kept: RefCell::default(),
    }
}

impl Platform for Script {
    type Stream = Vec<u8>;

    async fn send(&self, call: &Call, _timeout_ms: u32) -> Scripted {
        let reads = call.reads;
        self.calls.borrow_mut().push(call.clone());
        let mut reply = self.replies.borrow_mut().pop_front().expect("the script has no further reply")?;
        reply.headers.retain(|(name, _)| reads.contains(&name.as_ref()));
        Ok(reply)
    }

    // The binding's calls stand in the script as POSTs to `ai:MODEL`.
    async fn run_ai(&self, model: &str, input: &str, timeout_ms: u32) -> Scripted {
        let url = format!("ai:{model}");
        let call = Call {
            reads: &["retry-after"],
            ..Call::new(Method::Post, url, Vec::new(), Some(input.as_bytes().to_vec()))
        };
        self.send(&call, timeout_ms).await
    }

    fn taken(&self, body: &Vec<u8>) -> Option<Vec<u8>> {
        self.calls.borrow().last().filter(|call| body.len() <= call.whole).map(|_| body.clone())
    }

    async fn collect(&self, body: Vec<u8>, limit: usize) -> Result<Collected<Vec<u8>>, SendError> {
        Ok(if body.len() > limit { Collected::Longer(body) } else { Collected::Whole(body) })
    }

    fn pieces(&self, body: Vec<u8>, _idle_ms: u32) -> Pieces {
        // Byte by byte: nothing may depend on where pieces begin and end. A byte that no text has stands for a fault.
        let piece = |byte| match byte {
            BREAKS_OFF => Err(SendError::Unreachable("the connection broke".to_owned())),
            FALLS_SILENT => Err(SendError::Timeout),
            byte => Ok(vec![byte]),
        };
        stream::iter(body.into_iter().map(piece)).boxed_local()
    }

    async fn admit(&self, budget: Budget, key: &str) -> Result<bool, String> {
        self.admitted.borrow_mut().push((budget, key.to_owned()));
        Ok(!self.refuse.get())
    }

    async fn verify(&self, key: &Key, signed: &[u8], signature: &[u8]) -> Result<bool, String> {
        self.verified.set(self.verified.get() + 1);
        if self.cannot_verify.get() {
            return Err("the key cannot be used".to_owned());
        }
        signatures::verify(key.jwk(), signed, signature)
    }

    fn know(&self, said: Credentials<'_>, _until: u64) -> Option<u64> {
        let mut known = self.known.borrow_mut();
        known.push((said.authorization.map(str::to_owned), said.apikey.map(str::to_owned)));
        Some(known.len() as u64 - 1)
    }

    async fn open_room(&self, clinic: &str, shards: u32, vsn: &str) -> Scripted {
        reply(101, &[], &format!("{clinic} {shards} {vsn}"))
    }

    async fn note_access(&self, _clinic: &str, intent: String) -> Result<(), String> {
        if self.full.get() {
            return Err("full".to_owned());
        }
        self.noted.borrow_mut().push(serde_json::from_str(&intent).unwrap());
        Ok(())
    }

    async fn catalogue_version(&self, _clinic: &str) -> Option<String> {
        self.catalogue.borrow().clone()
    }

    async fn recall(&self, key: &str, reads: &'static [&'static str]) -> Option<Reply<Vec<u8>>> {
        let kept = self.kept.borrow();
        let (status, headers, body) = kept.get(key)?;
        let headers = headers.iter().filter(|(name, _)| reads.contains(&name.as_ref())).cloned().collect();
        Some(Reply { status: *status, headers, body: body.clone() })
    }

    async fn keep(&self, key: &str, reply: Reply<Vec<u8>>, _max_age: u32) -> Reply<Vec<u8>> {
        let copy = (reply.status, reply.headers.clone(), reply.body.clone());
        self.kept.borrow_mut().insert(key.to_owned(), copy);
        reply
    }

    async fn chatbot_ready(&self, _timeout_ms: u32) -> Option<Vec<u8>> {
        None
    }

    async fn sleep(&self, _ms: u32) {}

    fn has_reply_left(&self) -> bool {
        self.has_reply_left.get()
    }

    fn upstream_ms(&self) -> u64 {
        7
    }

    fn now_ms(&self) -> u64 {
        self.now.get() * 1000
    }

    fn new_id(&self) -> String {
        NEW_ID.to_owned()
    }
}

/// What the client sees.
pub struct Seen {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub log: String,
    pub calls: Vec<Call>,
    pub access: Vec<Outcome>,
    pub body_check: Option<BodyCheck>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        chairside::http::find(&self.headers, name)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The pointers and codes of all violations.
    pub fn violations(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| (text(&error["pointer"]), text(&error["code"]))).collect()
    }

    /// The decoded query of a call, in order.
    pub fn query(&self, call: usize) -> Vec<(String, String)> {
        let (_, query) = self.calls[call].url.split_once('?').unwrap_or_default();
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let decode = |text: &str| {
                    percent_encoding::percent_decode_str(&text.replace('+', " "))
                        .decode_utf8()
                        .unwrap()
                        .into_owned()
                };
                (decode(name), decode(value))
            })
            .collect()
    }
}

/// Runs one request against a script.
pub fn run(request: &TestRequest, script: &Script) -> Seen {
    run_on(&app(), request, script)
}

/// The same on a program with other settings.
pub fn run_on(app: &App, request: &TestRequest, script: &Script) -> Seen {
    let Handled { answer, log, access, body: body_check, .. } = block_on(app.handle(request, script));
    let body = match answer.body {
        Payload::Empty => Vec::new(),
        Payload::Bytes(bytes) | Payload::Stream(bytes) => bytes,
        Payload::Made(pieces) => block_on(pieces.collect::<Vec<_>>()).concat(),
    };
    Seen {
        status: answer.status,
        headers: answer.headers,
        body,
        log: log.to_json(),
        calls: script.calls.borrow().clone(),
        access,
        body_check,
    }
}

/// Runs one request against these replies.
pub fn serve(request: &TestRequest, replies: Vec<Scripted>) -> Seen {
    run(request, &script(replies))
}
