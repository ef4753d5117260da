//! HTTP as the pure part of the program sees it: a request read lazily, a call to an upstream and its reply, the
//! answer to the client, and the one port through which everything outside is reached.

use std::borrow::Cow;
use std::fmt;

use futures::stream::LocalBoxStream;

use crate::auth::Credentials;
use crate::auth::jwk::Key;

/// A header: its name in lower case, and its value.
pub type Header = (Cow<'static, str>, Cow<'static, str>);
/// Headers, in the order in which they are sent.
pub type Headers = Vec<Header>;

/// A header of that lower-case name.
pub fn header(name: &'static str, value: impl Into<Cow<'static, str>>) -> Header {
    (Cow::Borrowed(name), value.into())
}

/// The methods that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PATCH
    Patch,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
    /// Any other.
    Other,
}

impl Method {
    /// The method of that name; method names are case-sensitive.
    pub fn parse(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PATCH" => Self::Patch,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }

    /// Its name; `OTHER` for those that are not told apart.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other => "OTHER",
        }
    }

    /// GET or HEAD.
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// Why a request's body cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// The client broke off.
    Aborted,
}

/// A request whose parts are fetched only when asked for: each header costs a crossing into JavaScript.
pub trait Request {
    /// The method.
    fn method(&self) -> Method;
    /// The path, still percent-encoded, starting with `/`.
    fn path(&self) -> &str;
    /// The query string, still percent-encoded, without `?`.
    fn query(&self) -> &str;
    /// A header by its lower-case name; several of one name come joined by `, `.
    fn header(&self, name: &str) -> Option<Cow<'_, str>>;
    /// What [`Platform::know`] called credentials that are the same, to the letter, as this request's.
    fn known(&self) -> Option<u64> {
        None
    }
    /// The whole body, at most `limit` bytes.
    fn body(&self, limit: usize) -> impl Future<Output = Result<Vec<u8>, BodyError>>;
}

/// A request to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub url: String,
    /// Headers, names in lower case.
    pub headers: Headers,
    /// The body, if any.
    pub body: Option<Vec<u8>>,
    /// The reply's headers that will be read: each costs a crossing.
    pub reads: &'static [&'static str],
    /// Up to how many bytes of a good reply's body come with its head, so that [`Platform::collect`] need not wait for them;
    /// 0 for a body that is passed on as it comes.
    pub whole: usize,
    /// The same of a reply of 400 and above; 0 where its head tells enough.
    pub errors: usize,
    /// What [`Platform::know`] called the credentials that are among the headers.
    pub known: Option<u64>,
    /// Whether a request is answered as soon as this call is late: the platform ends the call with the request, at the latest when
    /// what goes on after its answer is done.
    pub ends_with_request: bool,
}

impl Call {
    /// A call of whose reply nothing but the status is read, and the body only if it is asked for.
    pub const fn new(method: Method, url: String, headers: Headers, body: Option<Vec<u8>>) -> Self {
        Self {
            method,
            url,
            headers,
            body,
            reads: &[],
            whole: 0,
            errors: 0,
            known: None,
            ends_with_request: false,
        }
    }
}

/// An upstream's reply; `S` is its body, still a stream.
#[derive(Clone, Debug)]
pub struct Reply<S> {
    /// The status.
    pub status: u16,
    /// The headers that were asked for, names in lower case.
    pub headers: Headers,
    /// The body.
    pub body: S,
}

impl<S> Reply<S> {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// The first header of that lower-case name.
pub fn find<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_ref())
}

/// Replaces or adds a header.
pub fn set_header(headers: &mut Headers, name: &'static str, value: impl Into<Cow<'static, str>>) {
    let (name, value) = header(name, value);
    match headers.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => headers.push((name, value)),
    }
}

/// Why an upstream gave no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// No connection, or it broke before the reply's head, or in a body that is read with it; the text is for the log.
    Unreachable(String),
    /// The reply's head, or a body that is read with it, did not come within the time-out.
    Timeout,
}

/// A body as it comes, piece by piece. Dropping it tells the upstream to stop.
pub type Pieces = LocalBoxStream<'static, Result<Vec<u8>, SendError>>;

/// A body read up to a limit.
#[derive(Debug)]
pub enum Collected<S> {
    /// It ended within the limit.
    Whole(Vec<u8>),
    /// It is longer; this is all of it, as a stream.
    Longer(S),
}

/// Which budget a request counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Callers without a token, or with one that is refused; by address.
    Anon,
    /// Signed-in callers; by user.
    User,
    /// Sign-in, sign-up and their like; by address.
    Auth,
}

/// The one port to everything outside: upstreams, budgets, the arithmetic of public keys, the clock.
pub trait Platform {
    /// A body that has not been read.
    type Stream;

    /// Sends a call and waits for the reply's head, and for as much of its body as the call wants with it, at most `timeout_ms`.
    fn send(
        &self,
        call: &Call,
        timeout_ms: u32,
    ) -> impl Future<Output = Result<Reply<Self::Stream>, SendError>>;

    /// Runs a model of the Workers AI binding and waits for the reply's head, at most `timeout_ms`. `input` is JSON;
    /// the reply is what the service answered, an error's status and body included.
    fn run_ai(
        &self,
        model: &str,
        input: &str,
        timeout_ms: u32,
    ) -> impl Future<Output = Result<Reply<Self::Stream>, SendError>>;

    /// The bytes of a body that came with its head ([`Call::whole`]), which is as good as before.
    fn taken(&self, body: &Self::Stream) -> Option<Vec<u8>>;

    /// Reads a body up to a limit.
    fn collect(
        &self,
        body: Self::Stream,
        limit: usize,
    ) -> impl Future<Output = Result<Collected<Self::Stream>, SendError>>;

    /// A body piece by piece, each at most `idle_ms` after the one before.
    fn pieces(&self, body: Self::Stream, idle_ms: u32) -> Pieces;

    /// Whether the budget of this key allows one more request.
    fn admit(&self, budget: Budget, key: &str) -> impl Future<Output = Result<bool, String>>;

    /// Whether the key made the signature. An error, which is for the log, where the platform cannot use the key: then it
    /// made none.
    fn verify(
        &self,
        key: &Key,
        signed: &[u8],
        signature: &[u8],
    ) -> impl Future<Output = Result<bool, String>>;

    /// Gives credentials that were found right a number, by which a later request with the same is known, and which a call in
    /// their name may have: the platform need then not hand long texts to and fro.
    /// It is forgotten when they end, soon after `until`, in Unix seconds.
    fn know(&self, _said: Credentials<'_>, _until: u64) -> Option<u64> {
        None
    }

    /// Opens a socket in one of the clinic's Rooms; the reply is the upgrade.
    fn open_room(
        &self,
        clinic: &str,
        shards: u32,
        vsn: &str,
    ) -> impl Future<Output = Result<Reply<Self::Stream>, SendError>>;

    /// Keeps a reading of medical records ([`crate::access`]) for certain; the intent is JSON.
    fn note_access(&self, clinic: &str, intent: String) -> impl Future<Output = Result<(), String>>;

    /// Where the change log stands as far as the public catalogue is concerned; `None` while nobody follows it.
    fn catalogue_version(&self, clinic: &str) -> impl Future<Output = Option<String>>;

    /// A reply that was kept under this URL, with these of its headers.
    fn recall(
        &self,
        key: &str,
        reads: &'static [&'static str],
    ) -> impl Future<Output = Option<Reply<Self::Stream>>>;

    /// Keeps a reply under this URL for at most so many seconds, and gives it back.
    fn keep(
        &self,
        key: &str,
        reply: Reply<Self::Stream>,
        max_age: u32,
    ) -> impl Future<Output = Reply<Self::Stream>>;

    /// What the chatbot's Worker answers to `/ready`, at most after `timeout_ms`; `None` where there is none that answers.
    fn chatbot_ready(&self, timeout_ms: u32) -> impl Future<Output = Option<Vec<u8>>>;

    /// Waits.
    fn sleep(&self, ms: u32) -> impl Future<Output = ()>;

    /// Whether a call was made for this request whose reply nobody has asked for.
    fn has_reply_left(&self) -> bool {
        false
    }

    /// How long this request has waited for upstreams so far, in milliseconds.
    fn upstream_ms(&self) -> u64;

    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// A new random UUID, hyphenated.
    fn new_id(&self) -> String;
}

/// What goes back to the client, but for what every answer carries (request id, CORS, security headers).
#[derive(Debug)]
pub struct Answer<S> {
    /// The status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Headers,
    /// The body.
    pub body: Payload<S>,
}

/// An answer's body.
pub enum Payload<S> {
    /// None.
    Empty,
    /// Bytes made here.
    Bytes(Vec<u8>),
    /// An upstream's, untouched.
    Stream(S),
    /// Made here while the client reads it; dropped when the client goes away.
    Made(LocalBoxStream<'static, Vec<u8>>),
}

impl<S> fmt::Debug for Payload<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Bytes(_) => "Bytes",
            Self::Stream(_) => "Stream",
            Self::Made(_) => "Made",
        })
    }
}

impl<S> Answer<S> {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Payload::Empty }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push(header(name, value));
        self
    }
}
