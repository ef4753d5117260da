//! The one error type, and the only place where it becomes a reply: `application/problem+json` (RFC 9457)
//! that also carries PostgREST's members, so that supabase-js reads it.
//!
//! What a client reads (`detail`, `errors`) and what only the log sees (`cause`) are separate fields.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use serde::Serialize;

use crate::http::Headers;

/// Where the documentation pages of the error types live; a problem's `type` is this plus its kebab-case name.
pub const TYPE_BASE: &str = "https://chairside.dev/errors/";

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:literal, $title:literal;)*) => {
        /// Everything that can go wrong, as a client may tell it apart.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// All kinds, for the documentation and its tests.
            pub const ALL: &[Kind] = &[$(Kind::$variant,)*];

            /// The stable kebab-case name: the end of `type`, and `code` for what the edge itself refuses.
            pub const fn name(self) -> &'static str { match self { $(Kind::$variant => $name,)* } }

            /// The HTTP status, unless the upstream's own says otherwise.
            pub const fn status(self) -> u16 { match self { $(Kind::$variant => $status,)* } }

            /// The same sentence for every occurrence.
            pub const fn title(self) -> &'static str { match self { $(Kind::$variant => $title,)* } }
        }
    };
}

kinds! {
    /// The query string does not parse, or does not fit the schema.
    InvalidQuery = "invalid-query", 400, "The query is not valid";
    /// A header's value cannot be understood or is not supported.
    InvalidHeader = "invalid-header", 400, "A header is not valid";
    /// The body is not JSON of the shape that is wanted here.
    InvalidBody = "invalid-body", 400, "The body cannot be read";
    /// The body's values do not fit the table.
    Validation = "validation-failed", 422, "Some values are not valid";
    /// PATCH or DELETE without a filter.
    MissingFilter = "missing-filter", 400, "A filter is required";
    /// Something of PostgREST that is switched off here on purpose.
    Unsupported = "unsupported", 400, "This is not supported here";
    /// The token is no JWT.
    TokenMalformed = "token-malformed", 401, "The token is not valid";
    /// The token's algorithm is not one that its key allows (`none` among them).
    TokenAlgorithm = "token-algorithm", 401, "The token is not valid";
    /// No key of that id is known.
    TokenUnknownKey = "token-unknown-key", 401, "The token is not valid";
    /// The signature is wrong.
    TokenSignature = "token-signature", 401, "The token is not valid";
    /// `exp` has passed.
    TokenExpired = "token-expired", 401, "The token has expired";
    /// `nbf` has not come.
    TokenNotYetValid = "token-not-yet-valid", 401, "The token is not valid yet";
    /// `iss` is another's.
    TokenIssuer = "token-issuer", 401, "The token is not valid";
    /// `aud` is another's.
    TokenAudience = "token-audience", 401, "The token is not valid";
    /// A claim that is needed is missing or has the wrong type.
    TokenClaims = "token-claims", 401, "The token is not valid";
    /// An `apikey` that is none of the project's.
    ApiKeyUnknown = "api-key-unknown", 401, "The API key is not valid";
    /// Postgres wants somebody who is signed in.
    Unauthorized = "unauthorized", 401, "Sign in first";
    /// A service-role token on a client's path.
    ServiceKeyRefused = "service-key-refused", 403, "The service key is refused here";
    /// Row level security or a grant says no.
    Forbidden = "forbidden", 403, "Not allowed";
    /// The browser's origin is not on the allow-list.
    OriginRefused = "origin-refused", 403, "This origin is not allowed";
    /// No such path, table or function.
    NotFound = "not-found", 404, "Not found";
    /// The path exists, the method does not.
    MethodNotAllowed = "method-not-allowed", 405, "The method is not allowed";
    /// No representation that is asked for.
    NotAcceptable = "not-acceptable", 406, "Not acceptable";
    /// Another row, or another state of the row, stands in the way.
    Conflict = "conflict", 409, "Conflict with the current state";
    /// A unique value is taken.
    AlreadyExists = "already-exists", 409, "Already exists";
    /// Other rows refer to this one.
    StillReferenced = "still-referenced", 409, "Still referenced";
    /// The slot was taken.
    SlotTaken = "slot-taken", 409, "The slot is taken";
    /// `If-Match` names another version.
    PreconditionFailed = "precondition-failed", 412, "The row has changed";
    /// The body is over the limit.
    TooLarge = "too-large", 413, "The body is too large";
    /// The query string is over the limit.
    UriTooLong = "uri-too-long", 414, "The query is too long";
    /// The body's media type is not JSON.
    UnsupportedMediaType = "unsupported-media-type", 415, "The media type is not supported";
    /// The range starts after the end.
    RangeNotSatisfiable = "range-not-satisfiable", 416, "The range cannot be satisfied";
    /// The idempotency key was used with another request.
    IdempotencyKeyReused = "idempotency-key-reused", 422, "The idempotency key was used before";
    /// A plain request where a WebSocket is.
    UpgradeRequired = "upgrade-required", 426, "A WebSocket is required";
    /// Too many requests.
    RateLimited = "rate-limited", 429, "Too many requests";
    /// A bug of ours; the cause is in the log.
    Internal = "internal", 500, "Something went wrong";
    /// The upstream answered something that cannot be passed on.
    BadUpstream = "bad-upstream", 502, "The database answered something unexpected";
    /// The upstream cannot be reached or refuses work.
    Unavailable = "unavailable", 503, "The service is unavailable";
    /// The Worker's settings are incomplete.
    Misconfigured = "misconfigured", 503, "The service is not configured";
    /// The upstream did not answer in time.
    UpstreamTimeout = "upstream-timeout", 504, "The database did not answer in time";
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Where: an RFC 6901 JSON pointer into the body (`/0/starts_at`), `?name` for a query parameter,
    /// `header:name` for a header.
    pub pointer: String,
    /// What, in stable kebab-case.
    pub code: &'static str,
    /// What, in a sentence. Never repeats the value: it may be a patient's.
    pub detail: String,
}

impl Violation {
    /// A violation at a query parameter.
    pub fn query(parameter: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: format!("?{parameter}"), code, detail: detail.into() }
    }

    /// A violation in the body, at an RFC 6901 pointer.
    pub fn body(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into() }
    }

    /// A violation at a header, named in lower case.
    pub fn header(name: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: format!("header:{name}"), code, detail: detail.into() }
    }
}

/// An error on its way to the client. One pointer: it passes through every function on the way, and what has room for it where
/// nothing went wrong costs time there.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem(Box<ProblemDetails>);

/// What a [`Problem`] says.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemDetails {
    /// Which.
    pub kind: Kind,
    /// The status, where it is not the kind's own (`PTnnn`).
    pub status: u16,
    /// `code`: the database's (SQLSTATE, `PGRSTnnn`), or the kind's name for what the edge refuses.
    pub code: Cow<'static, str>,
    /// What happened this time, for the client.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// PostgREST's `details`, where clients read it (its own `PGRST` codes).
    pub details: Option<String>,
    /// Everything that is wrong, in the order of the request.
    pub errors: Vec<Violation>,
    /// Free slots near one that was taken.
    pub alternatives: Option<serde_json::Value>,
    /// The patient's alerts that a treatment waits for.
    pub alerts: Option<serde_json::Value>,
    /// Seconds until a retry makes sense.
    pub retry_after: Option<u32>,
    /// Headers of PostgREST's that go with it: how many rows there are when the range starts after them.
    pub headers: Headers,
    /// For the log alone: no query value, no body, no name.
    pub cause: Option<String>,
}

impl Problem {
    /// A problem of this kind with its own status and code.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self::with_detail(kind, detail.into())
    }

    // A function of its own, and a cold one: a problem may arise at hundreds of places, each of which would hold a copy.
    #[cold]
    #[inline(never)]
    fn with_detail(kind: Kind, detail: String) -> Self {
        Self(Box::new(ProblemDetails {
            kind,
            status: kind.status(),
            code: Cow::Borrowed(kind.name()),
            detail,
            hint: None,
            details: None,
            errors: Vec::new(),
            alternatives: None,
            alerts: None,
            retry_after: None,
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// All that it says.
    pub fn into_details(self) -> ProblemDetails {
        *self.0
    }

    /// A problem made of one or several violations; its detail is the first one's.
    pub fn violations(kind: Kind, errors: Vec<Violation>) -> Self {
        let detail = match errors.as_slice() {
            [] => kind.title().to_owned(),
            [only] => only.detail.clone(),
            [first, rest @ ..] => format!("{} (and {} more)", first.detail, rest.len()),
        };
        Self::new(kind, detail).errors(errors)
    }

    /// The same with what is wrong.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn errors(mut self, errors: Vec<Violation>) -> Self {
        self.errors = errors;
        self
    }

    /// The same with another status than its kind's.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with advice.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with a cause for the log.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same with `Retry-After`, in seconds.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The body, as UTF-8 JSON. `instance` is the request's id.
    pub fn to_json(&self, instance: &str) -> Vec<u8> {
        let body = Body {
            r#type: format!("{TYPE_BASE}{}", self.kind.name()),
            title: self.kind.title(),
            status: self.status,
            detail: &self.detail,
            instance: format!("urn:uuid:{instance}"),
            code: &self.code,
            message: &self.detail,
            details: self.details.as_deref(),
            hint: self.hint.as_deref(),
            errors: &self.errors,
            alternatives: self.alternatives.as_ref(),
            alerts: self.alerts.as_ref(),
        };
        // A struct of strings cannot fail to serialise; an empty body would still carry the status.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl Deref for Problem {
    type Target = ProblemDetails;

    fn deref(&self) -> &ProblemDetails {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut ProblemDetails {
        &mut self.0
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: String,
    code: &'a str,
    message: &'a str,
    details: Option<&'a str>,
    hint: Option<&'a str>,
    errors: &'a [Violation],
    #[serde(skip_serializing_if = "Option::is_none")]
    alternatives: Option<&'a serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<&'a serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_both_dialects() {
        let problem = Problem::violations(
            Kind::Validation,
            vec![Violation::body("/tooth", "pattern", "tooth is not a tooth")],
        );
        let json: serde_json::Value = serde_json::from_slice(&problem.to_json("id")).unwrap();
        assert_eq!(json["type"], format!("{TYPE_BASE}validation-failed"));
        assert_eq!(json["status"], 422);
        assert_eq!(json["message"], json["detail"]);
        assert_eq!(json["code"], "validation-failed");
        assert_eq!(json["errors"][0]["pointer"], "/tooth");
        assert!(json["hint"].is_null() && json["details"].is_null());
    }

    #[test]
    fn names_are_unique_kebab_case() {
        let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
