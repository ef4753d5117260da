//! Full-text search: the function `search_knowledge` of the database, which ranks by BM25 under the caller's policies and
//! is also the only place where pieces' texts come from, whichever search found them.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::store::Filter;
use super::upstream::{Answered, Fault, json as read};
use crate::http::{Call, Headers, Method, header};

/// The database in somebody's name.
#[derive(Clone, Debug)]
pub struct Database {
    /// Up to and with `/rest/v1`.
    pub rest_url: String,
    /// Who asks: `apikey`, `authorization`, and what else every call carries.
    pub headers: Headers,
}

/// What to search for.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The question.
    pub question: &'a str,
    /// Other names of what it names.
    pub related: &'a [&'static str],
    /// How many of the best pieces by words.
    pub k: usize,
    /// Pieces that come along whatever their rank.
    pub ids: &'a [String],
    /// Only documents of this category.
    pub category: Option<&'a str>,
    /// Only documents in this language.
    pub language: Option<&'a str>,
    /// Only documents that fit.
    pub filter: Option<&'a Filter>,
}

/// A piece that the caller may see.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Passage {
    /// The piece's id.
    pub id: String,
    /// Its document.
    pub document_slug: String,
    /// The document's title.
    pub title: String,
    /// The headings it stands under.
    pub heading: String,
    /// The text, in Markdown.
    pub content: String,
    /// The document's category.
    pub category: String,
    /// Its language.
    pub language: String,
    /// Its audience.
    pub audience: String,
    /// When the document was last changed.
    pub updated_at: String,
    /// BM25.
    pub score: f64,
    /// The score over the most that the question's words could score.
    pub strength: f64,
}

impl Database {
    /// The search as a call.
    pub fn search(&self, search: &Search<'_>) -> Call {
        let Search { question, related, k, ids, category, language, filter } = *search;
        let body = json!({
            "query": question, "k": k, "ids": ids, "in_category": category, "in_language": language, "related": related,
            "filter": filter.map(Filter::to_json),
        });
        self.rpc("search_knowledge", &body)
    }

    /// A call of one of the database's functions.
    pub fn rpc(&self, function: &str, body: &Value) -> Call {
        let mut headers = self.headers.clone();
        headers.push(header("content-type", "application/json"));
        let url = format!("{}/rpc/{function}", self.rest_url);
        Call {
            reads: &["retry-after"],
            ..Call::new(Method::Post, url, headers, Some(body.to_string().into_bytes()))
        }
    }
}

/// What the database answered. Its words about a refusal are PostgREST's own, for the error map.
pub fn said<T: DeserializeOwned>(answered: &Answered) -> Result<T, Fault> {
    read(answered, |body| String::from_utf8_lossy(body).into_owned())
}

/// Reads the reply, best first.
pub fn passages(answered: &Answered) -> Result<Vec<Passage>, Fault> {
    said(answered)
}
