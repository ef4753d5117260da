//! From a checked request to the call to PostgREST, through postgrest-rs's builder.
//!
//! The builder knows neither every operator nor every preference: what it does not know is added to the request it
//! built, and the body is attached afterwards, so that it is never copied.

use std::borrow::Cow;

use postgrest::{Builder, Postgrest};

use crate::auth::Caller;
use crate::config::Config;
use crate::http::{Call, Method};
use crate::problem::{Kind, Problem};
use crate::rest::reply::HEADERS;

/// What a call is made of, but for who makes it.
#[derive(Debug)]
pub struct Spec<'a> {
    /// A table's name, or `rpc/name`.
    pub target: &'a str,
    /// The method.
    pub method: Method,
    /// Decoded names and values.
    pub query: Vec<(String, String)>,
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
}

impl<'a> Spec<'a> {
    /// A read of JSON.
    pub fn get(target: &'a str, query: Vec<(String, String)>) -> Self {
        Self { method: Method::Get, ..Self::post(target, query, None) }
    }

    /// A POST that answers JSON.
    pub const fn post(target: &'a str, query: Vec<(String, String)>, body: Option<Vec<u8>>) -> Self {
        Self {
            target,
            method: Method::Post,
            query,
            accept: "application/json",
            prefer: None,
            range: None,
            headers: Vec::new(),
            body,
        }
    }
}

/// Where calls go and in whose name.
#[derive(Clone, Copy)]
pub struct Forward<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The client of postgrest-rs, which is used as a builder.
    pub postgrest: &'a Postgrest,
    /// Who calls.
    pub caller: &'a Caller,
    /// The request's id, for the audit log.
    pub request_id: &'a str,
}

impl Forward<'_> {
    /// Builds the call.
    ///
    /// # Errors
    /// 500 when the builder refuses, which checked input cannot bring about.
    pub fn call(&self, spec: Spec<'_>) -> Result<Call, Problem> {
        let builder = self.builder(&spec);
        let rest: Vec<_> = spec.query.iter().filter(|(name, _)| name != "select").collect();
        let built =
            builder.build().query(&rest).build().map_err(|_| {
                Problem::new(Kind::Internal, "The request could not be built.").cause("builder")
            })?;
        let mut headers = vec![(Cow::Borrowed("x-request-id"), self.request_id.to_owned())];
        headers.push((Cow::Borrowed("accept"), spec.accept.to_owned()));
        let auth = self.caller.upstream(self.config);
        headers.extend(auth.apikey.map(|key| (Cow::Borrowed("apikey"), key.to_owned())));
        headers.extend(auth.bearer.map(|token| (Cow::Borrowed("authorization"), format!("Bearer {token}"))));
        headers.extend(spec.prefer.map(|prefer| (Cow::Borrowed("prefer"), prefer)));
        if let Some((first, last)) = spec.range {
            headers.push((Cow::Borrowed("range-unit"), "items".to_owned()));
            let last = last.map(|last| last.to_string()).unwrap_or_default();
            headers.push((Cow::Borrowed("range"), format!("{first}-{last}")));
        }
        if spec.body.is_some() {
            headers.push((Cow::Borrowed("content-type"), "application/json".to_owned()));
        }
        headers.extend(spec.headers.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)));
        Ok(Call {
            method: spec.method,
            url: built.url().as_str().to_owned(),
            headers,
            body: spec.body,
            reads: HEADERS,
        })
    }

    /// Method and headers are set on the call itself: the builder's `insert`, `update` and `upsert` bring a `Prefer`
    /// of their own, and it has no HEAD and no PUT.
    fn builder(&self, spec: &Spec<'_>) -> Builder {
        let builder = self.postgrest.from(spec.target);
        match spec.query.iter().find(|(name, _)| name == "select") {
            Some((_, select)) => builder.select(select),
            None => builder,
        }
    }
}
