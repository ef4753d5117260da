//! PostgREST's reply: a good one is passed through untouched, an error is read and mapped.

use crate::http::{Answer, Collected, Headers, Method, Payload, Platform, Reply};
use crate::problem::Problem;
use crate::rest::errors::{self, PgError};
use crate::rest::unreachable;
use crate::schema::Schema;

/// The headers of a reply that are read at all.
pub const HEADERS: &[&str] =
    &["content-type", "content-range", "preference-applied", "location", SOFT_DELETED];
/// Those that the reply to a read has without `Prefer`: each that is read costs.
pub const HEADERS_OF_READ: &[&str] = &["content-type", "content-range"];
/// How many rows a soft delete marked; PostgREST itself counts none.
pub const SOFT_DELETED: &str = "chairside-deleted";
/// Those that are passed on.
const PASSED: &[&str] = &["content-type", "content-range", "preference-applied", "location"];

/// A reply, told apart.
#[derive(Debug)]
pub enum Outcome<S> {
    /// 2xx, its body not looked at.
    Good(Reply<S>),
    /// An error, with PostgREST's status.
    Refused(u16, PgError),
    /// An error without a body to read (HEAD).
    Bodiless(u16, Headers),
}

impl<S> Outcome<S> {
    /// The good reply, or the problem that the client is told.
    pub fn or_problem(self, schema: &Schema, method: Method) -> Result<Reply<S>, Problem> {
        match self {
            Self::Good(reply) => Ok(reply),
            Self::Refused(status, error) => Err(errors::problem(schema, method, status, &error)),
            Self::Bodiless(status, headers) => {
                let mut problem = errors::bodiless(status);
                problem.headers = headers;
                Err(problem)
            }
        }
    }
}

/// Tells a good reply from an error; what is neither (a proxy's page, a redirect) is 502.
pub async fn classify<P: Platform>(
    platform: &P,
    method: Method,
    reply: Reply<P::Stream>,
) -> Result<Outcome<P::Stream>, Problem> {
    match reply.status {
        200 | 201 | 204 | 206 if is_expected(method, &reply) => Ok(Outcome::Good(reply)),
        400..=599 if method == Method::Head => Ok(Outcome::Bodiless(reply.status, of_error(&reply))),
        400..=599 => {
            let (status, headers) = (reply.status, of_error(&reply));
            let body = platform
                .collect(reply.body, errors::MAX_BYTES)
                .await
                .map_err(|error| unreachable(error, "database"))?;
            let Collected::Whole(bytes) = body else { return Err(errors::unreadable(status)) };
            let error = errors::parse(&bytes).ok_or_else(|| without_error(status))?;
            Ok(Outcome::Refused(status, PgError { headers, ..error }))
        }
        status => Err(errors::unreadable(status)),
    }
}

/// What an error says of the rows there are (416).
fn of_error<S>(reply: &Reply<S>) -> Headers {
    let names = ["content-range", "preference-applied"];
    reply.headers.iter().filter(|(name, _)| names.contains(&name.as_ref())).cloned().collect()
}

/// A gateway's own page for an upstream that is away says so by its status alone.
fn without_error(status: u16) -> Problem {
    match status {
        503 => errors::bodiless(503).retry_after(5).cause("upstream 503 without a PostgREST error"),
        _ => errors::unreadable(status),
    }
}

/// A good reply is JSON or CSV, or has no body.
fn is_expected<S>(method: Method, reply: &Reply<S>) -> bool {
    match reply.header("content-type") {
        None => method == Method::Head || matches!(reply.status, 201 | 204),
        Some(media) => ["application/json", "application/vnd.pgrst.", "text/csv"]
            .iter()
            .any(|expected| media.starts_with(expected)),
    }
}

/// The reply as the client's answer: status, body and the headers that clients read.
pub fn pass<S>(reply: Reply<S>) -> Answer<S> {
    let has_body = reply.status != 204 && reply.header("content-type").is_some();
    let headers = reply.headers.into_iter().filter(|(name, _)| PASSED.contains(&name.as_ref())).collect();
    Answer {
        status: reply.status,
        headers,
        body: if has_body { Payload::Stream(reply.body) } else { Payload::Empty },
    }
}
