//! The knowledge base's documents, for admins: `/v1/knowledge/documents` and `/v1/knowledge/documents/{slug}`.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::{V1, document, is_media, json as answer};
use crate::http::{Answer, Call, Method, Platform, Request};
use crate::problem::{Kind, Problem, Violation};
use crate::rag::chunk::chunk;
use crate::rag::knowledge::{self, Document, Report, State};
use crate::rag::models_of::Model;
use crate::rag::store_of::Store;
use crate::rag::upstream::Patience;
use crate::rag::vectors::Kept;

/// What a list shows: all but the text.
const LISTED: &str =
    "slug,title,category,language,audience,valid_from,valid_until,version,created_at,updated_at,updated_by";
/// Documents in one page of a list.
const MAX_PAGE: u32 = 1_000;

impl<P: Platform, R: Request> V1<'_, P, R> {
    /// Lists the documents, in the order of their slugs: `?limit=` of them, `?after=` a slug.
    pub(super) async fn documents(&self) -> Result<Answer<P::Stream>, Problem> {
        self.require_method(&[Method::Get])?;
        self.require_admin()?;
        let (limit, after) = page(self.request.query())?;
        let query = format!("select={LISTED}&slug=gt.{}&order=slug&limit={limit}", escaped(&after));
        let rows: Vec<Value> = self.ask_database(self.read(&query), Patience::TURN).await?;
        Ok(answer(200, &json!({"documents": rows})))
    }

    /// Reads, writes or deletes one document.
    pub(super) async fn document(&self, slug: &str) -> Result<Answer<P::Stream>, Problem> {
        self.require_method(&[Method::Get, Method::Put, Method::Delete])?;
        self.require_admin()?;
        match self.request.method() {
            Method::Put => self.put_document(slug).await,
            Method::Delete => self.delete_document(slug).await,
            _ => self.read_document(slug).await,
        }
    }

    async fn read_document(&self, slug: &str) -> Result<Answer<P::Stream>, Problem> {
        let query = format!("select=body,{LISTED}&slug=eq.{}", escaped(slug));
        let rows: Vec<Value> = self.ask_database(self.read(&query), Patience::TURN).await?;
        let row = rows.into_iter().next().ok_or_else(no_such_document)?;
        let tag = etag(&row);
        Ok(answer(200, &row).header("etag", tag))
    }

    async fn put_document(&self, slug: &str) -> Result<Answer<P::Stream>, Problem> {
        let document = self.sent_document(slug).await?;
        let condition = Condition::read(self.request)?;
        let state = self.state(slug).await?;
        let expected = condition.expected(state.version)?;
        let pieces = chunk(slug, &document.title, &document.body);
        let stores = self.stores(&state.indexes);
        let kept = self.kept(&stores);
        let database = self.database();
        let put = knowledge::put(self.platform, &kept, &database, &document, &pieces, expected).await;
        let (written, report) = put.map_err(|fault| super::database::problem(self.app.schema, fault))?;
        self.note("vectors", report.fault.as_ref());
        let status = if written.outcome == "created" { 201 } else { 200 };
        let tag = etag(&written.document);
        let body = json!({
            "outcome": written.outcome, "document": shown(written.document),
            "pieces": {
                "total": pieces.len(), "added": written.added.len(), "removed": written.removed.len(),
                "kept": pieces.len().saturating_sub(written.added.len()),
            },
            "vectors": self.told(&report),
        });
        Ok(answer(status, &body).header("etag", tag))
    }

    async fn delete_document(&self, slug: &str) -> Result<Answer<P::Stream>, Problem> {
        let condition = Condition::read(self.request)?;
        let state = self.state(slug).await?;
        if state.version == 0 {
            return Err(no_such_document());
        }
        let expected = condition.expected(state.version)?;
        let stores = self.stores(&state.indexes);
        let kept = self.kept(&stores);
        let deleted = knowledge::delete(self.platform, &kept, &self.database(), slug, expected).await;
        let (written, report) = deleted.map_err(|fault| super::database::problem(self.app.schema, fault))?;
        self.note("vectors", report.fault.as_ref());
        let body = json!({
            "outcome": written.outcome, "pieces": {"removed": written.removed.len()}, "vectors": self.told(&report),
        });
        Ok(answer(200, &body))
    }

    async fn sent_document(&self, slug: &str) -> Result<Document, Problem> {
        let media = self.request.header("content-type").unwrap_or_default();
        let body = self.body(document::MAX_BYTES).await?;
        if is_media(&media, "application/json") {
            document::from_json(self.app.schema, slug, &body)
        } else if is_media(&media, "text/markdown") {
            document::from_markdown(self.app.schema, slug, &body)
        } else {
            Err(Problem::new(
                Kind::UnsupportedMediaType,
                "A document is sent as application/json or as text/markdown.",
            ))
        }
    }

    /// What is there before a write. The database refuses whoever is no admin any more before anything else happens.
    async fn state(&self, slug: &str) -> Result<State, Problem> {
        let parts = &self.app.parts;
        let call = self.database().state(slug, parts.first_index(), parts.made_with().as_deref());
        self.ask_database(call, Patience::TURN).await
    }

    fn read(&self, query: &str) -> Call {
        let database = self.database();
        let url = format!("{}/knowledge_document?{query}", database.rest_url);
        Call { reads: &["retry-after"], ..Call::new(Method::Get, url, database.headers, None) }
    }

    pub(super) fn kept<'s>(&'s self, stores: &'s [std::rc::Rc<Store>]) -> Kept<'s, Model, Store> {
        Kept { embedder: self.app.parts.keeper(), stores: stores.iter().map(AsRef::as_ref).collect() }
    }

    fn told(&self, report: &Report) -> Value {
        let state = match (&report.fault, self.app.parts.embedder()) {
            (_, None) => "none",
            (Some(_), _) => "pending",
            (None, _) => "stored",
        };
        let mut told = json!({
            "state": state, "embedded": report.embedded, "kept": report.kept, "deleted": report.deleted,
        });
        if state == "pending" {
            told["message"] = json!(
                "The vector store or the embedding model is unavailable. The document is found by its words; its \
                 vectors follow with the next reconcile."
            );
        }
        told
    }
}

/// What the client demands of the version that is there.
enum Condition {
    Any,
    Exists,
    Missing,
    Version(u32),
}

impl Condition {
    fn read(request: &impl Request) -> Result<Self, Problem> {
        let (matches, none) = (request.header("if-match"), request.header("if-none-match"));
        let refused = |name, detail| {
            Err(Problem::violations(Kind::InvalidHeader, vec![Violation::header(name, "etag", detail)]))
        };
        match (matches.as_deref(), none.as_deref()) {
            (None, None) => Ok(Self::Any),
            (Some("*"), None) => Ok(Self::Exists),
            (None, Some("*")) => Ok(Self::Missing),
            (None, Some(_)) => refused("if-none-match", "If-None-Match knows * alone here"),
            (Some(_), Some(_)) => refused("if-match", "If-Match and If-None-Match exclude each other"),
            (Some(tag), None) => match tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) {
                Some(version) if version.bytes().all(|b| b.is_ascii_digit()) => {
                    match version.parse::<i32>() {
                        Ok(version) => Ok(Self::Version(version.unsigned_abs())),
                        Err(_) => {
                            refused("if-match", "If-Match wants one ETag as it was given, such as \"3\"")
                        }
                    }
                }
                _ => refused("if-match", "If-Match wants one ETag as it was given, such as \"3\""),
            },
        }
    }

    /// The version to insist on, or a refusal where it is known already that it is not there.
    fn expected(&self, current: u32) -> Result<Option<u32>, Problem> {
        let fits = match self {
            Self::Any => return Ok(None),
            Self::Exists => current > 0,
            Self::Missing => current == 0,
            Self::Version(version) => current > 0 && *version == current,
        };
        if fits {
            return Ok(Some(current));
        }
        Err(Problem::new(Kind::PreconditionFailed, "The document is not in the version that you named.")
            .hint("Read it again and decide anew."))
    }
}

fn no_such_document() -> Problem {
    Problem::new(Kind::NotFound, "There is no such document.")
}

fn etag(row: &Value) -> String {
    format!("\"{}\"", row["version"])
}

/// A document without its text: the client has just sent it.
fn shown(mut document: Value) -> Value {
    if let Some(members) = document.as_object_mut() {
        members.remove("body");
        members.remove("content_hash");
    }
    document
}

fn escaped(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

fn page(query: &str) -> Result<(u32, String), Problem> {
    let (mut limit, mut after, mut errors) = (MAX_PAGE, String::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy();
        match name {
            "limit" => match value.parse() {
                Ok(found) if (1..=MAX_PAGE).contains(&found) => limit = found,
                _ => errors.push(Violation::query("limit", "range", format!("limit is 1 to {MAX_PAGE}"))),
            },
            "after" => after = value.into_owned(),
            _ => errors.push(Violation::query(
                &name.chars().take(50).collect::<String>(),
                "unknown-parameter",
                "only limit and after are known here",
            )),
        }
    }
    if errors.is_empty() { Ok((limit, after)) } else { Err(Problem::violations(Kind::InvalidQuery, errors)) }
}
