//! From a checked request to the call to PostgREST.
//!
//! Its URL is printed here and not by postgrest-rs's builder, which parses the base anew for each call, copies what it is
//! given and knows neither every operator nor every preference; the Worker is also smaller without its HTTP client. Tests hold
//! the two to the same path and parameters.

use crate::auth::Caller;
use crate::config::Config;
use crate::http::{Call, Headers, Method, header};
use crate::rest::errors::MAX_BYTES;
use crate::rest::reply::{HEADERS, HEADERS_OF_READ};

/// What a call is made of, but for who makes it.
#[derive(Debug)]
pub struct Spec<'a> {
    /// A table's name, or `rpc/name`.
    pub target: &'a str,
    /// The method.
    pub method: Method,
    /// The parameters as a URL has them, without the question mark: see [`text`](crate::rest::query::text).
    pub query: String,
    /// `Accept`
    pub accept: &'static str,
    /// `Prefer`
    pub prefer: Option<String>,
    /// `Range`, in rows.
    pub range: Option<(u64, Option<u64>)>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, already checked.
    pub body: Option<Vec<u8>>,
    /// See [`Call::whole`].
    pub whole: usize,
}

impl<'a> Spec<'a> {
    /// A read of JSON.
    pub fn get(target: &'a str, query: String) -> Self {
        Self { method: Method::Get, ..Self::post(target, query, None) }
    }

    /// A POST that answers JSON.
    pub const fn post(target: &'a str, query: String, body: Option<Vec<u8>>) -> Self {
        Self {
            target,
            method: Method::Post,
            query,
            accept: "application/json",
            prefer: None,
            range: None,
            headers: Vec::new(),
            body,
            whole: 0,
        }
    }
}

/// Where calls go and in whose name.
#[derive(Clone, Copy)]
pub struct Forward<'a> {
    /// The settings.
    pub config: &'a Config,
    /// Who calls.
    pub caller: &'a Caller,
    /// The request's id, for the audit log.
    pub request_id: &'a str,
}

impl Forward<'_> {
    /// Builds the call.
    pub fn call(&self, spec: Spec<'_>) -> Call {
        let url = url(&self.config.supabase_url, spec.target, &spec.query);
        let mut headers: Headers = Vec::with_capacity(8);
        headers.push(header("x-request-id", self.request_id.to_owned()));
        headers.push(header("accept", spec.accept));
        let auth = self.caller.upstream(self.config);
        headers.extend(auth.apikey.map(|key| header("apikey", key.to_owned())));
        headers.extend(auth.bearer.map(|token| header("authorization", ["Bearer ", token].concat())));
        let reads = if spec.method.is_read() && spec.prefer.is_none() { HEADERS_OF_READ } else { HEADERS };
        headers.extend(spec.prefer.map(|prefer| header("prefer", prefer)));
        if let Some((first, last)) = spec.range {
            let last = last.map(|last| last.to_string()).unwrap_or_default();
            headers.extend([header("range-unit", "items"), header("range", format!("{first}-{last}"))]);
        }
        if spec.body.is_some() {
            headers.push(header("content-type", "application/json"));
        }
        headers.extend(spec.headers.into_iter().map(|(name, value)| header(name, value)));
        Call {
            method: spec.method,
            url,
            headers,
            body: spec.body,
            reads,
            whole: spec.whole,
            errors: MAX_BYTES,
            known: self.caller.known(),
            ends_with_request: false,
        }
    }
}

fn url(supabase_url: &str, target: &str, query: &str) -> String {
    let mark = if query.is_empty() { "" } else { "?" };
    [supabase_url, "/rest/v1/", target, mark, query].concat()
}

#[cfg(test)]
mod tests {
    use postgrest::Postgrest;
    use proptest::prelude::*;
    use url::Url;

    use crate::rest::query::text::text;

    const BASE: &str = "https://clinic.supabase.co";

    fn pairs(url: &Url) -> Vec<(String, String)> {
        url.query_pairs().into_owned().collect()
    }

    proptest! {
        #[test]
        fn says_what_postgrest_rs_says(query in proptest::collection::vec((".{1,8}", ".{0,20}"), 0..6)) {
            let ours = Url::parse(&super::url(BASE, "appointment", &text(&query))).unwrap();
            let builder = Postgrest::new(format!("{BASE}/rest/v1")).from("appointment").build().query(&query);
            let theirs = builder.build().unwrap();
            prop_assert_eq!(ours.path(), theirs.url().path());
            prop_assert_eq!(pairs(&ours), pairs(theirs.url()));
            prop_assert_eq!(pairs(&ours), query);
            prop_assert_eq!(ours.fragment(), None);
        }
    }
}
