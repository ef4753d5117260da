//! `/v1`: the chatbot and its knowledge base. Every error here is in `OpenAI`'s shape ([`errors`]).

pub mod errors;

use std::borrow::Cow;

use serde_json::Value;

use crate::app::{App, Seen};
use crate::auth::Caller;
use crate::http::{Answer, BodyError, Payload, Platform, Request};
use crate::problem::{Kind, Problem, Violation};
use crate::rag::lexical::Database;

/// Where a path under `/v1/` leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path<'a> {
    /// `knowledge/documents`
    Documents,
    /// `knowledge/documents/{slug}`
    Document(&'a str),
    /// `knowledge/search`
    Search,
    /// Nothing is here.
    Unknown,
}

impl<'a> Path<'a> {
    /// Takes what follows `/v1/` apart.
    pub fn parse(rest: &'a str) -> Self {
        match rest {
            "knowledge/documents" => Self::Documents,
            "knowledge/search" => Self::Search,
            _ => rest.strip_prefix("knowledge/documents/").map_or(Self::Unknown, Self::Document),
        }
    }

    /// The path's name in logs.
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Documents => "/v1/knowledge/documents",
            Self::Document(_) => "/v1/knowledge/documents/{slug}",
            Self::Search => "/v1/knowledge/search",
            Self::Unknown => "/v1/{unknown}",
        }
    }
}

/// What every request to `/v1` shares.
pub struct V1<'a, P, R> {
    /// The program: settings, and what is remembered between requests.
    pub app: &'a App,
    /// The port to everything outside.
    pub platform: &'a P,
    /// The request.
    pub request: &'a R,
    /// Who calls.
    pub caller: &'a Caller,
    /// The request's id.
    pub request_id: &'a str,
}

/// Serves a path under `/v1/`.
pub(crate) async fn serve<P: Platform, R: Request>(
    app: &App,
    path: Path<'_>,
    request: &R,
    platform: &P,
    request_id: &str,
    seen: &mut Seen,
) -> Result<Answer<P::Stream>, Problem> {
    let caller = app.admitted(request, platform, seen).await?;
    V1 { app, platform, request, caller: &caller, request_id }.route(path).await
}

impl<P: Platform, R: Request> V1<'_, P, R> {
    #[expect(clippy::unused_async, reason = "the handlers of its paths wait for upstreams")]
    async fn route(&self, path: Path<'_>) -> Result<Answer<P::Stream>, Problem> {
        self.require_welcome()?;
        match path {
            Path::Documents | Path::Document(_) | Path::Search | Path::Unknown => Err(nothing_here()),
        }
    }

    /// Refuses people who are not signed in, where the clinic has not let them in.
    ///
    /// # Errors
    /// 401.
    pub fn require_welcome(&self) -> Result<(), Problem> {
        if self.caller.id.is_some() || self.app.config.knowledge.anon {
            return Ok(());
        }
        Err(Problem::new(Kind::Unauthorized, "Sign in to ask the clinic's documents."))
    }

    /// The database in the caller's name.
    pub fn database(&self) -> Database {
        let config = &self.app.config;
        let auth = self.caller.upstream(config);
        let mut headers = vec![(Cow::Borrowed("x-request-id"), self.request_id.to_owned())];
        headers.extend(auth.apikey.map(|key| (Cow::Borrowed("apikey"), key.to_owned())));
        headers.extend(auth.bearer.map(|token| (Cow::Borrowed("authorization"), format!("Bearer {token}"))));
        Database { rest_url: format!("{}/rest/v1", config.supabase_url), headers }
    }

    /// The whole body, at most `limit` bytes.
    ///
    /// # Errors
    /// 413, or 400 when it broke off.
    pub async fn body(&self, limit: usize) -> Result<Vec<u8>, Problem> {
        self.request.body(limit).await.map_err(|error| match error {
            BodyError::TooLarge => {
                let kib = limit / 1024;
                Problem {
                    errors: vec![Violation::body("", "too-large", format!("at most {kib} KiB"))],
                    ..Problem::new(Kind::TooLarge, format!("The body is larger than {kib} KiB."))
                }
            }
            BodyError::Aborted => Problem::new(Kind::InvalidBody, "The body broke off."),
        })
    }
}

fn nothing_here() -> Problem {
    Problem::new(Kind::NotFound, "There is nothing at this path.")
}

/// An answer of JSON.
pub fn json<S>(status: u16, body: &Value) -> Answer<S> {
    let answer = Answer::empty(status).header("content-type", "application/json");
    Answer { body: Payload::Bytes(body.to_string().into_bytes()), ..answer }
}
