//! What every request goes through, whatever its path: settings, request id, CORS, route, caller, budget, and the
//! answer's common headers. The routes read like a table of contents in [`Route::parse`].

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::Ipv6Addr;

use uuid::Uuid;

use crate::access;
use crate::apart::apart;
use crate::auth::{self, Caller, Credentials, Jwks, Outcome, Role, Verified, challenge};
use crate::config::{Config, ConfigError};
use crate::http::{Answer, Budget, Method, Payload, Platform, Request, SendError};
use crate::ids::text_of;
use crate::problem::{Kind, Problem, ProblemDetails};
use crate::rag::parts::Parts;
use crate::rest::{self, BodyCheck};
#[cfg(feature = "clinic")]
use crate::rest::{Rest, query::Known};
use crate::schema::Schema;
use crate::v1;
use crate::{cors, health, pass_auth, realtime};

/// One isolate's program: its settings and what it remembers between requests.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The database as the edge knows it.
    pub schema: &'static Schema,
    /// The chatbot's parts.
    pub(crate) parts: Parts,
    keys: RefCell<Jwks>,
    verified: RefCell<Verified>,
    #[cfg(feature = "clinic")]
    known: RefCell<Known>,
}

/// A request's outcome: what goes to the client and what goes to the log.
#[derive(Debug)]
pub struct Handled<S> {
    /// The answer.
    pub answer: Answer<S>,
    /// The log line.
    pub log: LogLine,
    /// Whether something may have been written, of which live rooms want to hear at once.
    pub wrote: bool,
    /// What became of readings of medical records, which their queue wants to hear.
    pub access: Vec<access::Outcome>,
    /// What the request's body had to be: nothing else of it has decided what came of the request. `None` where that is not known.
    pub body: Option<BodyCheck>,
}

/// What is logged of a request: no query value, no body, no name.
#[derive(Debug)]
pub struct LogLine {
    /// The request's id.
    pub request_id: String,
    /// The method.
    pub method: &'static str,
    /// The route's pattern, with the table's or function's name where it is known.
    pub route: Cow<'static, str>,
    /// The caller's role.
    pub role: &'static str,
    /// The status.
    pub status: u16,
    /// How long it took, in milliseconds, as far as the runtime's clock shows: it stands still but for input and
    /// output.
    pub ms: u64,
    /// How long of that upstreams took to answer.
    pub upstream_ms: u64,
    /// The problem's code, if it is one.
    pub code: Option<String>,
    /// Its cause, if it is ours to know.
    pub cause: Option<String>,
}

impl LogLine {
    /// As JSON, on one line. Written here: what serde makes for each member is much code, and every request goes through it.
    pub fn to_json(&self) -> String {
        let mut buffer = itoa::Buffer::new();
        let mut line = String::with_capacity(256);
        line.extend(["{\"request_id\":\"", &self.request_id, &self.middle(), buffer.format(self.ms)]);
        line.extend([",\"upstream_ms\":", buffer.format(self.upstream_ms), "}"]);
        line
    }

    /// What stands in it between the request's id, which is a UUID, and `ms`.
    pub fn middle(&self) -> String {
        let texts = [
            ("\",\"method\":", Some(self.method)),
            (",\"route\":", Some(self.route.as_ref())),
            (",\"role\":", Some(self.role)),
            (",\"code\":", self.code.as_deref()),
            (",\"cause\":", self.cause.as_deref()),
        ];
        let mut middle = String::with_capacity(192);
        for (start, text) in texts {
            let Some(text) = text else { continue };
            middle.push_str(start);
            push_json(&mut middle, text);
        }
        middle.extend([",\"status\":", itoa::Buffer::new().format(self.status), ",\"ms\":"]);
        middle
    }
}

fn push_json(out: &mut String, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.extend(["\"", text, "\""]);
    }
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `/rest/v1/{table}`
    Table(&'a str),
    /// `/rest/v1/rpc/{function}`
    Function(&'a str),
    /// `/auth/v1/*`: the rest of the path, with its slash.
    Auth(&'a str),
    /// `/v1/audit/verify`
    Audit,
    /// `/v1/*`: the chatbot and its knowledge base.
    V1(v1::Path<'a>),
    /// `/realtime/v1/websocket`
    Realtime,
    /// `/health`: the Worker runs.
    Health,
    /// `/ready`: the upstreams answer.
    Ready,
    /// `/.well-known/chairside`, and `/` where no page is served in front of the Worker: what this is.
    Home,
    /// Nothing is here.
    Unknown,
}

impl<'a> Route<'a> {
    /// Takes a path apart.
    pub fn parse(path: &'a str) -> Self {
        if let Some(name) = path.strip_prefix("/rest/v1/") {
            return match name.strip_prefix("rpc/") {
                Some(function) => Self::Function(function),
                None => Self::Table(name),
            };
        }
        if path == "/v1/audit/verify" {
            return Self::Audit;
        }
        if let Some(rest) = path.strip_prefix("/v1/") {
            return Self::V1(v1::Path::parse(rest));
        }
        match path {
            "/realtime/v1/websocket" => Self::Realtime,
            "/health" => Self::Health,
            "/ready" => Self::Ready,
            "/.well-known/chairside" | "/" => Self::Home,
            _ => path
                .strip_prefix("/auth/v1")
                .filter(|rest| rest.starts_with('/'))
                .map_or(Self::Unknown, Self::Auth),
        }
    }

    /// What `Allow` says of it, but for OPTIONS, which is everywhere. Of what is not there: what could be.
    fn methods(self, schema: &Schema) -> Cow<'static, str> {
        const ALL: &str = "GET, HEAD, POST, PATCH, PUT, DELETE";
        match self {
            Self::Table(name) => {
                schema.table(name).map_or(ALL.into(), |table| rest::methods(table).join(", ").into())
            }
            Self::Function(name) => match schema.function(name) {
                Some(function) if function.read_only => "GET, HEAD, POST".into(),
                _ => "POST".into(),
            },
            Self::Auth(path) => auth::routes::allow(path).map_or(ALL.into(), Cow::Owned),
            Self::Realtime | Self::Audit => "GET".into(),
            Self::Health | Self::Ready | Self::Home => "GET, HEAD".into(),
            Self::V1(path) => path.methods().into(),
            Self::Unknown => ALL.into(),
        }
    }

    /// The route's name in logs: never a part of the path that a client made up.
    fn pattern(self, schema: &Schema) -> Cow<'static, str> {
        match self {
            Self::Table(name) => match schema.table(name) {
                Some(table) => Cow::Owned(["/rest/v1/", table.name].concat()),
                None => Cow::Borrowed("/rest/v1/{table}"),
            },
            Self::Function(name) => match schema.function(name) {
                Some(function) => Cow::Owned(["/rest/v1/rpc/", function.name].concat()),
                None => Cow::Borrowed("/rest/v1/rpc/{function}"),
            },
            Self::Auth(_) => Cow::Borrowed("/auth/v1/*"),
            Self::Audit => Cow::Borrowed("/v1/audit/verify"),
            Self::V1(path) => Cow::Borrowed(path.pattern()),
            Self::Realtime => Cow::Borrowed("/realtime/v1/websocket"),
            Self::Health => Cow::Borrowed("/health"),
            Self::Ready => Cow::Borrowed("/ready"),
            Self::Home => Cow::Borrowed("/.well-known/chairside"),
            Self::Unknown => Cow::Borrowed("{unknown}"),
        }
    }
}

impl App {
    /// A program with these settings. `key` is random and kept by nobody else, see [`Verified::new`].
    pub fn new(config: Config, schema: &'static Schema, key: Option<[u8; 16]>) -> Self {
        let parts = Parts::new(&config.knowledge);
        let verified = RefCell::new(Verified::new(key));
        Self {
            config,
            schema,
            parts,
            keys: RefCell::default(),
            verified,
            #[cfg(feature = "clinic")]
            known: RefCell::default(),
        }
    }

    /// Serves one request.
    pub async fn handle<P: Platform>(&self, request: &impl Request, platform: &P) -> Handled<P::Stream> {
        let started = platform.now_ms();
        let origin = request.header("origin").filter(|origin| self.config.allows_origin(origin));
        let request_id = request_id(request, platform);
        let mut seen = Seen {
            role: Role::Anon,
            budget: None,
            access: access::Slot::default(),
            cause: None,
            body: RefCell::default(),
        };
        let route = Route::parse(request.path());
        let result = match request.method() {
            Method::Options => cors::preflight(request, origin.as_deref(), &route.methods(self.schema)),
            _ => self.route(route, request, platform, &request_id, &mut seen).await,
        };
        // What was sent is done, whatever is wrong with the request by now.
        let is_lost = !request.method().is_read() && platform.has_reply_left();
        let result = if is_lost { Err(lost(result.err())) } else { result };
        let is_head = request.method() == Method::Head;
        let wrote = result.is_ok() && self.may_write(route, request.method());
        let (mut answer, code, cause) = settle(result, route, &request_id, is_head);
        if let Some(budget) = seen.budget {
            answer = answer.header("ratelimit-policy", self.config.rate_limits.policy(budget));
        }
        let mut answer = answer.header("x-request-id", request_id.clone());
        cors::expose(&mut answer, origin.as_deref());
        let log = LogLine {
            method: request.method().name(),
            route: route.pattern(self.schema),
            role: seen.role.as_str(),
            status: answer.status,
            ms: platform.now_ms().saturating_sub(started),
            upstream_ms: platform.upstream_ms(),
            code,
            cause: cause.or(seen.cause),
            request_id,
        };
        let access = seen.access.outcomes(&answer);
        Handled { answer, log, wrote, access, body: seen.body.into_inner() }
    }

    /// Whether such a request may change rows.
    fn may_write(&self, route: Route<'_>, method: Method) -> bool {
        match route {
            Route::Table(_) => !method.is_read() && method != Method::Options,
            Route::Function(name) => {
                method == Method::Post
                    && self.schema.function(name).is_some_and(|function| !function.read_only)
            }
            _ => false,
        }
    }

    async fn route<P: Platform>(
        &self,
        route: Route<'_>,
        request: &impl Request,
        platform: &P,
        request_id: &str,
        seen: &mut Seen,
    ) -> Result<Answer<P::Stream>, Problem> {
        // What is the other Worker's is not compiled in.
        match route {
            Route::Home if cfg!(feature = "clinic") => health::home(&self.config, request.method()),
            Route::Health => health::live(request.method()),
            Route::Ready => {
                // It asks two upstreams each time. Who asks the chatbot's Worker has been counted by the other.
                if cfg!(feature = "clinic") {
                    seen.budget = Some(Budget::Anon);
                    self.spend(platform, Budget::Anon, &address(request)).await?;
                }
                apart(health::ready(self, request.method(), platform)).await
            }
            Route::Realtime if cfg!(feature = "clinic") => {
                apart(realtime::open(self, request, platform, seen)).await
            }
            Route::Auth(path) if cfg!(feature = "clinic") => {
                seen.budget = Some(Budget::Auth);
                apart(pass_auth::serve(self, path, request, platform, request_id, seen)).await
            }
            Route::V1(path) if cfg!(feature = "chatbot") => {
                apart(v1::serve(self, path, request, platform, request_id, seen)).await
            }
            Route::V1(_) => Err(Problem::new(Kind::Unavailable, "The chatbot cannot be reached; try again.")
                .retry_after(5)
                .cause("no Worker at the binding CHATBOT")),
            #[cfg(feature = "clinic")]
            Route::Table(_) | Route::Function(_) | Route::Audit => {
                let caller = self.admitted(request, platform, seen).await?;
                let rest = Rest {
                    config: &self.config,
                    schema: self.schema,
                    platform,
                    request,
                    caller: &caller,
                    request_id,
                    known: &self.known,
                    access: &seen.access,
                    body: &seen.body,
                };
                match route {
                    Route::Audit => apart(rest.verify_audit()).await,
                    Route::Function(name) => apart(rest.function(name)).await,
                    Route::Table(name) => rest.table(name).await,
                    _ => Err(nothing_here()),
                }
            }
            _ => Err(nothing_here()),
        }
    }

    /// Who calls, once their budget allows it. A bad token counts against its address, so that guessing costs.
    pub(crate) async fn admitted<P: Platform>(
        &self,
        request: &impl Request,
        platform: &P,
        seen: &mut Seen,
    ) -> Result<Caller, Problem> {
        let caller = self.caller(request, platform).await;
        let (budget, key) = match &caller {
            Ok(Caller { id: Some(id), role, .. }) => {
                seen.role = *role;
                (Budget::User, text_of(*id))
            }
            _ => (Budget::Anon, address(request)),
        };
        seen.budget = Some(budget);
        self.spend(platform, budget, &key).await?;
        caller
    }

    /// Takes one request from a budget.
    pub(crate) async fn spend<P: Platform>(
        &self,
        platform: &P,
        budget: Budget,
        key: &str,
    ) -> Result<(), Problem> {
        match platform.admit(budget, key).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Problem::new(Kind::RateLimited, "Too many requests; slow down.")
                .retry_after(self.config.rate_limits.of(budget).seconds)),
            Err(cause) => Err(Problem::new(Kind::Unavailable, "The request cannot be counted.")
                .retry_after(5)
                .cause(cause)),
        }
    }

    /// Who calls; fetches the project's key set when a token needs it.
    pub(crate) async fn caller<P: Platform>(
        &self,
        request: &impl Request,
        platform: &P,
    ) -> Result<Caller, Problem> {
        let now = || platform.now_ms() / 1000;
        let known = request.known().and_then(|number| self.verified.borrow().numbered(number, now()));
        if let Some(caller) = known {
            return Ok(caller);
        }
        let (authorization, apikey) = (request.header("authorization"), request.header("apikey"));
        let credentials = Credentials { authorization: authorization.as_deref(), apikey: apikey.as_deref() };
        let Some(token) = auth::bearer_token(credentials, &self.config)? else { return Ok(Caller::anon()) };
        let caller = self.token_caller(token, platform).await?;
        // A public key is a bearer too, but nobody's, and no token that was verified.
        let until = self.verified.borrow().until(&caller);
        if let Some((number, until)) =
            until.and_then(|until| Some((platform.know(credentials, until)?, until)))
        {
            self.verified.borrow_mut().number(number, &caller, until, now());
        }
        Ok(caller)
    }

    /// Whom a bare token speaks for.
    pub(crate) async fn token_caller<P: Platform>(
        &self,
        token: &str,
        platform: &P,
    ) -> Result<Caller, Problem> {
        let now = || platform.now_ms() / 1000;
        if let Some(holder) = self.verified.borrow().find(token, now()) {
            return Ok(Caller::holding(holder, token));
        }
        // A fetch of the key set, or another request's, ends long before this many turns.
        for _ in 0..MAX_TURNS {
            let outcome = auth::authenticate_token(token, &self.config, &self.keys.borrow(), now())?;
            let caller = match outcome {
                Outcome::Caller(caller) => caller,
                Outcome::Verify(pending) => {
                    let is_right =
                        apart(platform.verify(pending.key(), pending.signed(), pending.signature())).await;
                    pending.verified(is_right, &self.config, now())?
                }
                Outcome::FetchKeys => {
                    apart(self.fetch_keys(platform)).await;
                    continue;
                }
                Outcome::AwaitKeys => {
                    platform.sleep(WAIT_MS).await;
                    continue;
                }
            };
            if let Some(holder) = caller.holder() {
                self.verified.borrow_mut().keep(token, holder, now());
            }
            return Ok(caller);
        }
        Err(Problem::new(Kind::Unavailable, "Tokens cannot be checked at the moment.").retry_after(5))
    }

    async fn fetch_keys<P: Platform>(&self, platform: &P) {
        let Some(url) = &self.config.jwks_url else { return };
        self.keys.borrow_mut().begin(platform.now_ms() / 1000);
        let document = health::fetch(platform, url, self.config.upstream_timeout_ms).await;
        let mut keys = self.keys.borrow_mut();
        let loaded = document.is_some_and(|bytes| keys.loaded(platform.now_ms() / 1000, &bytes).is_ok());
        if !loaded {
            keys.failed();
        }
    }
}

/// A call was made, and then the request was refused, for what is told to the log alone.
fn lost(refusal: Option<Problem>) -> Problem {
    let code = refusal.map(|refusal| refusal.into_details().code);
    let cause = format!("sent, then refused: {}", code.as_deref().unwrap_or("its reply was not asked for"));
    rest::unreachable(SendError::Timeout, "database").cause(cause)
}

fn nothing_here() -> Problem {
    Problem::new(Kind::NotFound, "There is nothing at this path.")
}

const WAIT_MS: u32 = 50;
const MAX_TURNS: u32 = 200;

/// What has been found out about a request so far.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) role: Role,
    pub(crate) budget: Option<Budget>,
    pub(crate) access: access::Slot,
    /// For the log: why a part of the answer is missing, though it is no error.
    pub(crate) cause: Option<String>,
    pub(crate) body: RefCell<Option<BodyCheck>>,
}

/// Serves every request while the settings are wrong: 503 that names the settings; what is wrong with each is in the
/// log.
pub fn misconfigured<P: Platform>(
    error: &ConfigError,
    request: &impl Request,
    platform: &P,
) -> Handled<P::Stream> {
    let request_id = request_id(request, platform);
    let problem = Problem::from(error.clone()).retry_after(60);
    let is_head = request.method() == Method::Head;
    let route = Route::parse(request.path());
    let (answer, code, cause) = settle(Err(problem), route, &request_id, is_head);
    let log = LogLine {
        method: request.method().name(),
        route: Cow::Borrowed("{misconfigured}"),
        role: Role::Anon.as_str(),
        status: answer.status,
        ms: 0,
        upstream_ms: 0,
        code,
        cause,
        request_id: request_id.clone(),
    };
    Handled {
        answer: answer.header("x-request-id", request_id),
        log,
        wrote: false,
        access: Vec::new(),
        body: None,
    }
}

/// The client's own id when it is a UUID, else a new one.
fn request_id<P: Platform>(request: &impl Request, platform: &P) -> String {
    request
        .header("x-request-id")
        .and_then(|id| Uuid::try_parse(&id).ok())
        .map_or_else(|| platform.new_id(), text_of)
}

/// The client's address, as Cloudflare saw it. Of IPv6 the network: whoever has one address has all of its /64, and a
/// budget for each of them would be none.
pub(crate) fn address(request: &impl Request) -> String {
    let Some(address) = request.header("cf-connecting-ip") else { return "unknown".to_owned() };
    match address.parse::<Ipv6Addr>() {
        Ok(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).to_string(),
        Err(_) => address.into_owned(),
    }
}

/// Makes an answer of a problem, and adds what no answer goes without.
fn settle<S>(
    result: Result<Answer<S>, Problem>,
    route: Route<'_>,
    request_id: &str,
    is_head: bool,
) -> (Answer<S>, Option<String>, Option<String>) {
    let (answer, code, cause) = match result {
        Ok(answer) => (answer, None, None),
        Err(problem) => {
            let answer = problem_answer(&problem, route, request_id, is_head);
            let ProblemDetails { code, cause, .. } = problem.into_details();
            (answer, Some(code.into_owned()), cause)
        }
    };
    let has_policy = crate::http::find(&answer.headers, "cache-control").is_some();
    let answer = if has_policy { answer } else { answer.header("cache-control", "no-store") };
    (answer.header("x-content-type-options", "nosniff"), code, cause)
}

fn problem_answer<S>(problem: &Problem, route: Route<'_>, request_id: &str, is_head: bool) -> Answer<S> {
    let (media, body) = match route {
        Route::V1(_) => ("application/json", v1::errors::body(problem)),
        _ => ("application/problem+json", problem.to_json(request_id)),
    };
    let mut answer = Answer::empty(problem.status).header("content-type", media);
    if !is_head {
        answer.body = Payload::Bytes(body);
    }
    if let Some(seconds) = problem.retry_after {
        answer = answer.header("retry-after", seconds.to_string());
    }
    answer.headers.extend(problem.headers.iter().cloned());
    if let Some(challenge) = challenge(problem) {
        answer = answer.header("www-authenticate", challenge);
    }
    match (&problem.hint, problem.kind) {
        (Some(allowed), Kind::MethodNotAllowed) => {
            answer.header("allow", allowed.trim_start_matches("Use ").to_owned())
        }
        _ => answer,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_is_one_line_of_json(route in any::<String>(), cause in any::<Option<String>>(), ms in any::<u64>()) {
            let line = LogLine {
                request_id: "id".to_owned(),
                method: "GET",
                route: Cow::Owned(route.clone()),
                role: "anon",
                status: 503,
                ms,
                upstream_ms: 0,
                code: None,
                cause: cause.clone(),
            };
            let mut told = serde_json::json!({
                "request_id": "id", "method": "GET", "route": route, "role": "anon", "status": 503, "ms": ms, "upstream_ms": 0,
            });
            if let Some(cause) = cause {
                told["cause"] = cause.into();
            }
            let text = line.to_json();
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).ok(), Some(told));
        }
    }
}
