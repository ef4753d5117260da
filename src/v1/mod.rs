//! `/v1`: the chatbot and its knowledge base. Every error here is in `OpenAI`'s shape ([`errors`]).

mod chat;
pub mod database;
mod document;
pub mod errors;
mod indexes;
mod knowledge;
pub mod retrieval;
mod search;

use std::cell::RefCell;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::{App, Seen, address};
use crate::auth::{Caller, Role};
use crate::http::{Answer, BodyError, Budget, Call, Method, Payload, Platform, Request, header};
use crate::ids::text_of;
use crate::problem::{Kind, Problem, Violation};
use crate::rag::lexical::{Database, said};
use crate::rag::upstream::{Patience, exchange};
use crate::rest;

/// Where a path under `/v1/` leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path<'a> {
    /// `knowledge/documents`
    Documents,
    /// `knowledge/documents/{slug}`
    Document(&'a str),
    /// `knowledge/search`
    Search,
    /// `knowledge/indexes`
    Indexes,
    /// `knowledge/indexes/{name}/fill`
    Fill(&'a str),
    /// `knowledge/indexes/{name}/activate`
    Activate(&'a str),
    /// `chat/completions`
    Chat,
    /// `chat/feedback`
    Feedback,
    /// `models`, and `models/{id}`
    Models(Option<&'a str>),
    /// Nothing is here.
    Unknown,
}

impl<'a> Path<'a> {
    /// Takes what follows `/v1/` apart.
    pub fn parse(rest: &'a str) -> Self {
        let parts: Vec<&str> = rest.splitn(5, '/').collect();
        match parts.as_slice() {
            ["chat", "completions"] => Self::Chat,
            ["chat", "feedback"] => Self::Feedback,
            ["models"] => Self::Models(None),
            ["models", id] => Self::Models(Some(id)),
            ["knowledge", "documents"] => Self::Documents,
            ["knowledge", "documents", slug] => Self::Document(slug),
            ["knowledge", "search"] => Self::Search,
            ["knowledge", "indexes"] => Self::Indexes,
            ["knowledge", "indexes", name, "fill"] => Self::Fill(name),
            ["knowledge", "indexes", name, "activate"] => Self::Activate(name),
            _ => Self::Unknown,
        }
    }

    /// What `Allow` says of it.
    pub const fn methods(self) -> &'static str {
        match self {
            Self::Documents | Self::Indexes => "GET",
            Self::Models(_) => "GET, HEAD",
            Self::Document(_) => "GET, PUT, DELETE",
            Self::Search | Self::Fill(_) | Self::Activate(_) | Self::Chat | Self::Feedback => "POST",
            Self::Unknown => "GET, POST, PUT, DELETE",
        }
    }

    /// The path's name in logs.
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Documents => "/v1/knowledge/documents",
            Self::Document(_) => "/v1/knowledge/documents/{slug}",
            Self::Search => "/v1/knowledge/search",
            Self::Indexes => "/v1/knowledge/indexes",
            Self::Fill(_) => "/v1/knowledge/indexes/{name}/fill",
            Self::Activate(_) => "/v1/knowledge/indexes/{name}/activate",
            Self::Chat => "/v1/chat/completions",
            Self::Feedback => "/v1/chat/feedback",
            Self::Models(_) => "/v1/models",
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
    /// For the log: why a part of the answer is missing, though it is no error.
    pub note: RefCell<Option<String>>,
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
    if path == Path::Chat {
        // A turn costs far more than a read: it counts against the strict budget too, under a key of its own.
        seen.budget = Some(Budget::Auth);
        let key = caller.id.map_or_else(|| address(request), text_of);
        app.spend(platform, Budget::Auth, &format!("chat:{key}")).await?;
    }
    let v1 = V1 { app, platform, request, caller: &caller, request_id, note: RefCell::default() };
    let answer = v1.route(path).await;
    seen.cause = v1.note.into_inner();
    answer
}

impl<P: Platform, R: Request> V1<'_, P, R> {
    async fn route(&self, path: Path<'_>) -> Result<Answer<P::Stream>, Problem> {
        match path {
            Path::Chat => self.chat().await,
            Path::Feedback => self.feedback().await,
            Path::Models(id) => chat::models(self.request.method(), id),
            Path::Documents => self.documents().await,
            Path::Document(slug) => self.document(slug).await,
            Path::Search => self.search().await,
            Path::Indexes => self.indexes().await,
            Path::Fill(name) => self.fill_index(name).await,
            Path::Activate(name) => self.activate_index(name).await,
            Path::Unknown => Err(Problem::new(Kind::NotFound, "There is nothing at this path.")),
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

    /// Refuses whoever's token does not say admin. Which of them still are is the database's to say.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn require_admin(&self) -> Result<(), Problem> {
        match (self.caller.id, self.caller.role) {
            (None, _) => Err(Problem::new(Kind::Unauthorized, "Sign in as an admin.")),
            (Some(_), Role::Admin) => Ok(()),
            _ => Err(Problem::new(Kind::Forbidden, "Only admins keep the knowledge base.")),
        }
    }

    /// The database in the caller's name.
    pub fn database(&self) -> Database {
        let config = &self.app.config;
        let auth = self.caller.upstream(config);
        let mut headers = vec![header("x-request-id", self.request_id.to_owned())];
        headers.extend(auth.apikey.map(|key| header("apikey", key.to_owned())));
        headers.extend(auth.bearer.map(|token| header("authorization", format!("Bearer {token}"))));
        Database { rest_url: format!("{}/rest/v1", config.supabase_url), headers }
    }

    /// Asks the database, and reads what it says.
    ///
    /// # Errors
    /// What it refuses, as the client is told.
    pub async fn ask_database<T: DeserializeOwned>(
        &self,
        call: Call,
        patience: Patience,
    ) -> Result<T, Problem> {
        let answered = exchange(self.platform, call, patience).await;
        answered
            .and_then(|answered| said(&answered))
            .map_err(|fault| database::problem(self.app.schema, fault))
    }

    /// The body as JSON: one object of no great depth whose members differ.
    ///
    /// # Errors
    /// 400, 413, 415.
    pub async fn json_body(&self, limit: usize) -> Result<Vec<u8>, Problem> {
        let media = self.request.header("content-type").unwrap_or_default();
        if !is_media(&media, "application/json") {
            return Err(Problem::new(Kind::UnsupportedMediaType, "The body must be application/json."));
        }
        let body = self.body(limit).await?;
        let text = rest::body::text(&body)?;
        rest::body::check_depth(text)?;
        if rest::body::parse(text)?.bulk {
            let errors = vec![Violation::body("", "type", "one JSON object is wanted")];
            return Err(Problem::violations(Kind::InvalidBody, errors));
        }
        Ok(body)
    }

    /// 405 unless it is one of these.
    ///
    /// # Errors
    /// 405.
    pub fn require_method(&self, allowed: &'static [Method]) -> Result<(), Problem> {
        if allowed.contains(&self.request.method()) {
            return Ok(());
        }
        let names = allowed.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ");
        Err(Problem::new(Kind::MethodNotAllowed, format!("Only {names} is allowed here.")).hint(names))
    }

    /// The whole body, at most `limit` bytes.
    ///
    /// # Errors
    /// 413, or 400 when it broke off.
    pub async fn body(&self, limit: usize) -> Result<Vec<u8>, Problem> {
        self.request.body(limit).await.map_err(|error| match error {
            BodyError::TooLarge => {
                let kib = limit / 1024;
                Problem::new(Kind::TooLarge, format!("The body is larger than {kib} KiB."))
                    .errors(vec![Violation::body("", "too-large", format!("at most {kib} KiB"))])
            }
            BodyError::Aborted => Problem::new(Kind::InvalidBody, "The body broke off."),
        })
    }
}

/// Whether a `Content-Type` is of this media type, whatever its parameters.
pub fn is_media(content_type: &str, media: &str) -> bool {
    content_type.split(';').next().is_some_and(|found| found.trim().eq_ignore_ascii_case(media))
}

/// An answer of JSON.
pub fn json<S>(status: u16, body: &Value) -> Answer<S> {
    let answer = Answer::empty(status).header("content-type", "application/json");
    Answer { body: Payload::Bytes(body.to_string().into_bytes()), ..answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_they_say() {
        for (rest, path) in [
            ("knowledge/documents", Path::Documents),
            ("knowledge/documents/a-b", Path::Document("a-b")),
            ("knowledge/search", Path::Search),
            ("knowledge/indexes", Path::Indexes),
            ("knowledge/indexes/x/fill", Path::Fill("x")),
            ("knowledge/indexes/x/activate", Path::Activate("x")),
            ("knowledge/documents/a/b", Path::Unknown),
            ("knowledge/indexes/x/fill/y", Path::Unknown),
            ("knowledge", Path::Unknown),
        ] {
            assert_eq!(Path::parse(rest), path, "{rest}");
        }
    }
}
