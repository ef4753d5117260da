//! Cross-origin requests: an allow-list, and nothing for anybody else.

use crate::http::{Answer, Request, header, set_header};
use crate::problem::{Kind, Problem};

const METHODS: &str = "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS";
/// What the official clients send, and what is ours.
const REQUEST_HEADERS: &str = "authorization, apikey, content-type, accept, accept-profile, content-profile, prefer, range, \
     range-unit, if-match, idempotency-key, x-client-info, x-request-id, x-retry-count, x-supabase-api-version, \
     traceparent, tracestate, baggage, x-stainless-lang, x-stainless-package-version, x-stainless-os, x-stainless-arch, \
     x-stainless-runtime, x-stainless-runtime-version, x-stainless-retry-count, x-stainless-timeout, \
     x-stainless-helper-method, openai-organization, openai-project";
/// What a page's script may read of an answer.
const RESPONSE_HEADERS: &str = "cache-status, content-range, etag, idempotency-replayed, location, preference-applied, ratelimit-policy, \
     retry-after, www-authenticate, x-chairside-outcome, x-chairside-retrieval, x-request-id";
/// How long a browser may remember a preflight, in seconds: as long as Chromium does at most.
const MAX_AGE: &str = "7200";

/// Answers OPTIONS: a preflight from an allowed origin, or what methods the path has.
pub fn preflight<S>(
    request: &impl Request,
    origin: Option<&str>,
    allowed: &str,
) -> Result<Answer<S>, Problem> {
    let is_preflight = request.header("access-control-request-method").is_some();
    match (is_preflight, origin) {
        (false, _) => Ok(Answer::empty(204).header("allow", format!("{allowed}, OPTIONS"))),
        (true, None) => Err(Problem::new(Kind::OriginRefused, "This origin may not call the API.")
            .hint("Add it to ALLOWED_ORIGINS.")),
        (true, Some(_)) => Ok(Answer::empty(204)
            .header("access-control-allow-methods", METHODS)
            .header("access-control-allow-headers", REQUEST_HEADERS)
            .header("access-control-max-age", MAX_AGE)),
    }
}

/// Lets an allowed origin's page read the answer; caches must tell origins apart in any case.
pub fn expose<S>(answer: &mut Answer<S>, origin: Option<&str>) {
    set_header(&mut answer.headers, "vary", "origin");
    if let Some(origin) = origin {
        answer.headers.push(header("access-control-allow-origin", origin.to_owned()));
        answer.headers.push(header("access-control-expose-headers", RESPONSE_HEADERS));
    }
}
