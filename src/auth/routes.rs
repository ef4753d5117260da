//! Which endpoints of Supabase Auth are passed through, and how: an allow-list of paths and methods, the
//! bodies they take and the headers that cross. Everything else does not exist here.
//!
//! Left out on purpose: `admin/*`, `invite` and `generate_link` (they want the service key), `sso`, `saml/*`
//! and `oauth/*` (nothing of the clinic uses them).
//!
//! The shell must not follow redirects for these calls: `authorize` and `verify` answer with one.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::problem::{Kind, Problem, Violation};

/// The longest body, in bytes.
pub const MAX_BODY: u64 = 64 * 1024;
/// The longest query string, in bytes.
pub const MAX_QUERY: usize = 4 * 1024;

/// Headers copied from the client. `authorization` and `apikey` come from [`super::Caller::upstream`], and
/// nothing about addresses is copied: a client must not choose whom Auth's own limits count.
pub const REQUEST_HEADERS: &[&str] = &["accept", "content-type", "x-client-info", "x-supabase-api-version"];

/// Headers copied back. No cookies: Auth needs none here.
pub const RESPONSE_HEADERS: &[&str] = &[
    "cache-control",
    "content-type",
    "location",
    "retry-after",
    "x-sb-error-code",
    "x-supabase-api-version",
];

/// How often a caller may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// As anywhere else.
    Ordinary,
    /// Passwords and codes can be guessed here, or messages sent to people.
    Strict,
}

/// What the body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none; what comes is not passed on.
    None,
    /// `application/json`. Forms are refused because Auth would let a form's `grant_type` win over the query's.
    Json,
    /// `application/x-www-form-urlencoded`: providers that post their callback.
    Form,
}

/// A request that is passed through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthRoute {
    /// The path's pattern, for logs; `{id}` stands for an id.
    pub pattern: &'static str,
    /// How often.
    pub limit: Limit,
    /// Which body.
    pub body: Body,
}

type Method = (&'static str, Limit, Body);

const GET: Method = ("GET", Limit::Ordinary, Body::None);
const GET_STRICT: Method = ("GET", Limit::Strict, Body::None);
const POST: Method = ("POST", Limit::Ordinary, Body::Json);
const POST_STRICT: Method = ("POST", Limit::Strict, Body::Json);
const DELETE: Method = ("DELETE", Limit::Ordinary, Body::None);

const ROUTES: &[(&str, &[Method])] = &[
    ("/.well-known/jwks.json", &[GET]),
    ("/authorize", &[GET]),
    ("/callback", &[GET, ("POST", Limit::Ordinary, Body::Form)]),
    ("/factors", &[POST]),
    ("/factors/{id}", &[DELETE]),
    ("/factors/{id}/challenge", &[POST_STRICT]),
    ("/factors/{id}/verify", &[POST_STRICT]),
    ("/health", &[GET]),
    ("/logout", &[POST]),
    ("/magiclink", &[POST_STRICT]),
    ("/otp", &[POST_STRICT]),
    ("/reauthenticate", &[GET_STRICT]),
    ("/recover", &[POST_STRICT]),
    ("/resend", &[POST_STRICT]),
    ("/settings", &[GET]),
    ("/signup", &[POST_STRICT]),
    ("/token", &[POST_STRICT]),
    ("/user", &[GET, ("PUT", Limit::Strict, Body::Json)]),
    ("/user/identities/authorize", &[GET]),
    ("/user/identities/{id}", &[DELETE]),
    ("/verify", &[GET_STRICT, POST_STRICT]),
];

/// Finds the route. `path` is what follows `/auth/v1`, as it came; `query` is the raw query string.
///
/// What is found may be appended to the project's `/auth/v1` as it is: it holds no escapes, no dots beyond
/// the table's own, and the query is checked.
pub fn route(method: &str, path: &str, query: &str) -> Result<AuthRoute, Problem> {
    let (pattern, methods) = find(path).ok_or_else(|| not_found(path))?;
    let (_, limit, body) = *methods.iter().find(|(name, ..)| *name == method).ok_or_else(|| {
        Problem::new(Kind::MethodNotAllowed, "This method does not exist here")
            .hint(format!("Use {}", names(methods)))
    })?;
    check_query(query)?;
    // A refresh token cannot be guessed, and every open page of the clinic sends one each hour.
    let limit = if pattern == "/token" && is_refresh(query) { Limit::Ordinary } else { limit };
    Ok(AuthRoute { pattern, limit, body })
}

/// The value of `Allow` for a path that exists.
pub fn allow(path: &str) -> Option<String> {
    find(path).map(|(_, methods)| names(methods))
}

impl AuthRoute {
    /// Checks what a body announces. An absent length is for the reader of the stream to watch.
    pub fn check_body(&self, content_type: Option<&str>, length: Option<u64>) -> Result<(), Problem> {
        if self.body == Body::None || length == Some(0) {
            return Ok(());
        }
        if length.is_some_and(|length| length > MAX_BODY) {
            return Err(Problem::new(Kind::TooLarge, format!("A body here may have {MAX_BODY} bytes")));
        }
        let wanted = match self.body {
            Body::Form => "application/x-www-form-urlencoded",
            Body::Json | Body::None => "application/json",
        };
        let media_type = content_type.map(|value| value.split(';').next().unwrap_or_default().trim());
        match media_type {
            Some(sent) if !sent.eq_ignore_ascii_case(wanted) => {
                Err(Problem::new(Kind::UnsupportedMediaType, format!("Send {wanted}")))
            }
            None if length.is_some() => {
                Err(Problem::new(Kind::UnsupportedMediaType, format!("Send {wanted}")))
            }
            _ => Ok(()),
        }
    }
}

fn find(path: &str) -> Option<(&'static str, &'static [Method])> {
    ROUTES.iter().find(|(pattern, _)| fits(pattern, path)).copied()
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("{id}"), Some(id)) if id.len() == 36 && Uuid::try_parse(id).is_ok() => {}
            (Some(wanted), Some(given)) if wanted == given && wanted != "{id}" => {}
            _ => return false,
        }
    }
}

fn names(methods: &[Method]) -> String {
    methods.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
}

fn not_found(path: &str) -> Problem {
    let problem = Problem::new(Kind::NotFound, "This part of Supabase Auth does not exist here");
    let wants_service_key =
        ["/admin", "/invite", "/generate_link"].iter().any(|start| path.starts_with(start));
    if wants_service_key {
        return problem.hint("It wants the service key: call the Supabase project itself, from a server");
    }
    problem
}

fn check_query(query: &str) -> Result<(), Problem> {
    if query.len() > MAX_QUERY {
        return Err(Problem::new(Kind::UriTooLong, format!("A query here may have {MAX_QUERY} bytes")));
    }
    if !query.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        return Err(Problem::new(Kind::InvalidQuery, "The query holds characters that must be escaped"));
    }
    // The gateway would take it for a credential, one that nobody here has looked at.
    if parameters(query).any(|(name, _)| name.eq_ignore_ascii_case("apikey")) {
        let violation = Violation::query("apikey", "not-here", "Send apikey as a header");
        return Err(Problem::violations(Kind::InvalidQuery, vec![violation]));
    }
    Ok(())
}

/// Exactly one `grant_type`, and it is `refresh_token`.
fn is_refresh(query: &str) -> bool {
    let mut grants = parameters(query).filter(|(name, _)| name == "grant_type");
    grants.next().is_some_and(|(_, value)| value == "refresh_token") && grants.next().is_none()
}

fn parameters(query: &str) -> impl Iterator<Item = (String, String)> {
    // Go's parser drops a pair with `;` and decodes `+`: both are read here as the worse of two meanings.
    query.split(['&', ';']).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (unescape(name), unescape(value))
    })
}

fn unescape(text: &str) -> String {
    let text: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}
