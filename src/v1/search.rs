//! `POST /v1/knowledge/search`: what the documents say, with scores.

use serde_json::{Map, Value, json};

use super::retrieval::{Mode, WITHOUT_VECTORS};
use super::{V1, json as answer};
use crate::http::{Answer, Method, Platform, Request};
use crate::problem::{Kind, Problem, Violation};
use crate::rag::retrieve::{Found, Retrieval};
use crate::rag::store::Filter;

const MAX_BYTES: usize = 64 * 1024;
const MAX_QUERY: usize = 4_000;
const MAX_HITS: usize = 50;
const DEFAULT_HITS: usize = 10;
/// What may be filtered by; `valid_from` and `valid_until` in seconds since 1970.
const FIELDS: [&str; 6] = ["document", "category", "language", "audience", "valid_from", "valid_until"];

struct Asked {
    query: String,
    top_k: usize,
    filter: Option<Filter>,
    mode: Mode,
}

impl<P: Platform, R: Request> V1<'_, P, R> {
    /// Searches.
    ///
    /// # Errors
    /// Whatever the client is to be told.
    pub(super) async fn search(&self) -> Result<Answer<P::Stream>, Problem> {
        self.require_method(&[Method::Post])?;
        self.require_welcome()?;
        let body = self.json_body(MAX_BYTES).await?;
        let asked = read(&body)?;
        let retrieval = self.retrieve(&asked.query, asked.filter.as_ref(), asked.mode).await?;
        let by_words = asked.mode == Mode::Lexical
            || self.app.parts.embedder().is_none()
            || retrieval.without_vectors.is_some();
        let mode = if by_words { Mode::Lexical } else { asked.mode };
        Ok(answer(200, &found(&retrieval, asked.top_k, mode)))
    }
}

fn found(retrieval: &Retrieval, top_k: usize, mode: Mode) -> Value {
    json!({
        "mode": mode.name(),
        "degraded": retrieval.without_vectors.as_ref().map(|_| WITHOUT_VECTORS),
        "answerable": retrieval.verdict.answerable,
        "hits": retrieval.found.iter().take(top_k).map(|found| hit(found, mode)).collect::<Vec<_>>(),
    })
}

fn hit(found: &Found, mode: Mode) -> Value {
    let passage = &found.passage;
    let score = match mode {
        Mode::Dense => found.dense,
        Mode::Lexical => Some(passage.score),
        Mode::Hybrid => found.reranked.or(Some(found.score)),
    };
    json!({
        "id": passage.id, "document": passage.document_slug, "title": passage.title, "heading": passage.heading,
        "content": passage.content, "category": passage.category, "language": passage.language,
        "audience": passage.audience, "updated_at": passage.updated_at, "score": score,
        "scores": {"dense": found.dense, "lexical": passage.score, "fused": found.score, "reranked": found.reranked},
    })
}

fn read(body: &[u8]) -> Result<Asked, Problem> {
    let members: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let mut errors = Vec::new();
    let asked = Asked {
        query: query(members.get("query"), &mut errors),
        top_k: top_k(members.get("top_k"), &mut errors),
        filter: filter(members.get("filter"), &mut errors),
        mode: mode(members.get("mode"), &mut errors),
    };
    for name in members.keys().filter(|name| !["query", "top_k", "filter", "mode"].contains(&name.as_str())) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        errors.push(Violation::body(
            pointer,
            "unknown-member",
            "only query, top_k, filter and mode are known here",
        ));
    }
    if errors.is_empty() { Ok(asked) } else { Err(Problem::violations(Kind::Validation, errors)) }
}

fn query(value: Option<&Value>, errors: &mut Vec<Violation>) -> String {
    let mut refuse = |code, detail: String| errors.push(Violation::body("/query", code, detail));
    match value {
        None | Some(Value::Null) => refuse("required", "query is required".to_owned()),
        Some(Value::String(query)) if query.trim().is_empty() => {
            refuse("length", "query must not be blank".to_owned());
        }
        Some(Value::String(query)) if query.chars().count() > MAX_QUERY => {
            refuse("length", format!("query has at most {MAX_QUERY} characters"));
        }
        Some(Value::String(query)) if query.contains('\0') => {
            refuse("pattern", "query must not contain the character U+0000".to_owned());
        }
        Some(Value::String(query)) => return query.clone(),
        Some(_) => refuse("type", "query is a text".to_owned()),
    }
    String::new()
}

fn top_k(value: Option<&Value>, errors: &mut Vec<Violation>) -> usize {
    let Some(value) = value.filter(|value| !value.is_null()) else { return DEFAULT_HITS };
    let found = value.as_u64().and_then(|k| usize::try_from(k).ok()).filter(|k| (1..=MAX_HITS).contains(k));
    found.unwrap_or_else(|| {
        let detail = format!("top_k is a whole number from 1 to {MAX_HITS}");
        errors.push(Violation::body("/top_k", "range", detail));
        DEFAULT_HITS
    })
}

fn mode(value: Option<&Value>, errors: &mut Vec<Violation>) -> Mode {
    match value.map(|value| value.as_str().unwrap_or_default()) {
        None | Some("hybrid") => Mode::Hybrid,
        Some("dense") => Mode::Dense,
        Some("lexical") => Mode::Lexical,
        Some(_) => {
            errors.push(Violation::body("/mode", "enum", "mode is hybrid, dense or lexical"));
            Mode::Hybrid
        }
    }
}

fn filter(value: Option<&Value>, errors: &mut Vec<Violation>) -> Option<Filter> {
    let value = value.filter(|value| !value.is_null())?;
    match Filter::parse(value) {
        Ok(filter) => {
            if let Some(other) = filter.fields().into_iter().find(|name| !FIELDS.contains(name)) {
                let other: String = other.chars().take(50).collect();
                let detail = format!("{other} is no field; there are {}", FIELDS.join(", "));
                errors.push(Violation::body("/filter", "unknown-field", detail));
            }
            Some(filter)
        }
        Err(detail) => {
            errors.push(Violation::body("/filter", "filter", detail));
            None
        }
    }
}
