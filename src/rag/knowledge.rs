//! The knowledge base's upkeep: a document becomes pieces, vectors and rows, in an order that leaves no moment without an
//! answer: new vectors first, then the document and its pieces in one transaction, then the stale vectors go.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::chunk::{Piece, chunk};
use super::embed::{Embedder, Kind};
use super::lexical::Database;
use super::retrieve::Vectors;
use super::store::{Point, VectorStore};
use super::upstream::{Answered, Fault, Patience, Upstream, exchange, json as read};
use crate::http::{Call, Method};
use crate::live::moment::Moment;

/// The end of time, for documents that are valid until further notice.
const FOREVER: i64 = 253_402_300_799;

/// A document as an admin writes it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Names the document; the path says it where a request's body does not.
    #[serde(default)]
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its text, in Markdown.
    pub body: String,
    /// What kind of document it is.
    #[serde(default = "general")]
    pub category: String,
    /// The language it is written in.
    #[serde(default = "english")]
    pub language: String,
    /// `public`, `patients` or `staff`.
    #[serde(default = "public")]
    pub audience: String,
    /// RFC 3339; not shown before.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// RFC 3339; not shown from then on.
    #[serde(default)]
    pub valid_until: Option<String>,
}

fn general() -> String {
    "general".to_owned()
}

fn english() -> String {
    "en".to_owned()
}

fn public() -> String {
    "public".to_owned()
}

/// What writing a document did.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Written {
    /// `created`, `updated`, `unchanged` or `deleted`.
    pub outcome: String,
    /// The row, but after a deletion.
    #[serde(default)]
    pub document: Value,
    /// Ids of new pieces.
    #[serde(default)]
    pub added: Vec<String>,
    /// Ids of pieces that are gone.
    #[serde(default)]
    pub removed: Vec<String>,
}

/// What a vector is filtered by. All keys are always there, so that one filter serves all documents; times are seconds
/// since 1970, since both stores compare numbers alone.
pub fn metadata(document: &Document, from: Option<i64>, until: Option<i64>) -> Map<String, Value> {
    let fields = [
        ("document", json!(document.slug)),
        ("category", json!(document.category)),
        ("language", json!(document.language)),
        ("audience", json!(document.audience)),
        ("valid_from", json!(from.unwrap_or(0))),
        ("valid_until", json!(until.unwrap_or(FOREVER))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Database {
    fn rpc(&self, function: &str, body: &Value) -> Call {
        let mut headers = self.headers.clone();
        headers.push((Cow::Borrowed("content-type"), "application/json".to_owned()));
        Call {
            method: Method::Post,
            url: format!("{}/rpc/{function}", self.rest_url),
            headers,
            body: Some(body.to_string().into_bytes()),
            reads: &["retry-after"],
        }
    }

    /// Writes a document and its pieces; `expected` is the version that the writer knows, 0 for none.
    pub fn put(&self, document: &Document, pieces: &[Piece], expected: Option<u32>) -> Call {
        let chunks: Vec<Value> = pieces
            .iter()
            .map(|piece| json!({"id": piece.id, "ordinal": piece.ordinal, "heading": piece.heading, "content": piece.content}))
            .collect();
        self.rpc(
            "put_knowledge_document",
            &json!({"document": document, "chunks": chunks, "expected_version": expected}),
        )
    }

    /// Deletes a document.
    pub fn delete(&self, slug: &str) -> Call {
        self.rpc("delete_knowledge_document", &json!({"slug": slug}))
    }
}

/// Reads the database's word about a write. What it says about a refusal is PostgREST's, for the error map.
pub fn written(answered: &Answered) -> Result<Written, Fault> {
    read(answered, |body| String::from_utf8_lossy(body).into_owned())
}

/// Writes a document everywhere. Pieces whose vectors are there already are not embedded again, only their metadata is
/// renewed.
///
/// # Errors
/// The first fault; what was done until then is repaired by writing again.
pub async fn put<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: Option<&Vectors<'_, E, S>>,
    database: &Database,
    document: &Document,
    expected: Option<u32>,
) -> Result<Written, Fault> {
    let pieces = chunk(&document.slug, &document.title, &document.body);
    if let Some(vectors) = vectors {
        put_vectors(upstream, vectors, document, &pieces).await?;
    }
    let answered = exchange(upstream, database.put(document, &pieces, expected), Patience::UPKEEP).await?;
    let written = written(&answered)?;
    if let (Some(vectors), false) = (vectors, written.removed.is_empty()) {
        vectors.store.delete(upstream, &written.removed).await?;
    }
    Ok(written)
}

/// Gives every piece its vector; says how many were written.
pub(super) async fn put_vectors<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: &Vectors<'_, E, S>,
    document: &Document,
    pieces: &[Piece],
) -> Result<usize, Fault> {
    let ids: Vec<String> = pieces.iter().map(|piece| piece.id.clone()).collect();
    let wanted =
        metadata(document, seconds(document.valid_from.as_deref()), seconds(document.valid_until.as_deref()));
    let mut points = if ids.is_empty() { Vec::new() } else { vectors.store.fetch(upstream, &ids).await? };
    let missing: Vec<&Piece> =
        pieces.iter().filter(|piece| points.iter().all(|point| point.id != piece.id)).collect();
    points.retain(|point| point.metadata != wanted);
    let texts: Vec<String> = missing.iter().map(|piece| piece.embedded_text(&document.title)).collect();
    let embedded = vectors.embedder.embed(upstream, &texts, Kind::Passage).await?;
    for point in &mut points {
        point.metadata.clone_from(&wanted);
    }
    let fresh = missing.iter().zip(embedded);
    points.extend(fresh.map(|(piece, values)| Point {
        id: piece.id.clone(),
        values,
        metadata: wanted.clone(),
    }));
    if !points.is_empty() {
        vectors.store.upsert(upstream, &points).await?;
    }
    Ok(points.len())
}

/// Deletes a document everywhere.
///
/// # Errors
/// The first fault.
pub async fn delete<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: Option<&Vectors<'_, E, S>>,
    database: &Database,
    slug: &str,
) -> Result<Written, Fault> {
    let answered = exchange(upstream, database.delete(slug), Patience::UPKEEP).await?;
    let written = written(&answered)?;
    if let (Some(vectors), false) = (vectors, written.removed.is_empty()) {
        vectors.store.delete(upstream, &written.removed).await?;
    }
    Ok(written)
}

// RFC 3339 as seconds since 1970; what cannot be read is left to the database, which refuses it.
fn seconds(time: Option<&str>) -> Option<i64> {
    Some(Moment::parse(time?)?.micros().div_euclid(1_000_000))
}
