//! The knowledge base's upkeep: a document becomes pieces, vectors and rows, in an order that leaves no moment without an
//! answer: the vectors of new pieces first, which nobody finds before their rows are there; then the document and its pieces
//! in one transaction; then the vectors of pieces that stayed are renewed and the stale ones go. The database is the source
//! of truth: where the vector store fails the document is written all the same, and the reconcile makes up for it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::chunk::Piece;
use super::embed::Embedder;
use super::lexical::{Database, said};
use super::store::VectorStore;
use super::upstream::{Fault, Patience, Upstream, exchange};
use super::vectors::{Kept, Wanted};
use crate::http::Call;
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

/// What is known of a document before it is written.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct State {
    /// Its version; 0 when there is none.
    pub version: u32,
    /// Ids of its pieces.
    pub pieces: Vec<String>,
    /// The indexes that keep its vectors.
    pub indexes: Vec<String>,
}

impl Database {
    /// Asks for a document's [`State`]. `first_index` becomes the active index where there is none; `made_with` says which
    /// indexes are meant.
    pub fn state(&self, slug: &str, first_index: Option<&str>, made_with: Option<&str>) -> Call {
        let body = json!({"slug": slug, "first_index": first_index, "made_with": made_with});
        self.rpc("knowledge_document_state", &body)
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
    pub fn delete(&self, slug: &str, expected: Option<u32>) -> Call {
        self.rpc("delete_knowledge_document", &json!({"slug": slug, "expected_version": expected}))
    }
}

/// What became of a document's vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Pieces that were embedded.
    pub embedded: usize,
    /// Pieces whose vectors were there already.
    pub kept: usize,
    /// Vectors that are gone, counted in one index.
    pub deleted: usize,
    /// What went wrong; the reconcile makes up for it.
    pub fault: Option<Fault>,
}

/// Writes a document everywhere. Pieces whose vectors are there already are not embedded again.
///
/// # Errors
/// The database's; what the vector store's fault was is in the report.
pub async fn put<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: &Kept<'_, E, S>,
    database: &Database,
    document: &Document,
    pieces: &[Piece],
    expected: Option<u32>,
) -> Result<(Written, Report), Fault> {
    let wanted: Vec<Wanted<'_>> = wanted(document, pieces);
    let mut report = Report::default();
    let added = vectors.add_missing(upstream, &wanted).await;
    let answered = exchange(upstream, database.put(document, pieces, expected), Patience::WRITE).await?;
    let written: Written = said(&answered)?;
    let outcome = match added {
        Ok(added) => {
            report.embedded = added.embedded;
            let kept = pieces.len() - added.embedded;
            report.kept = if vectors.stores.is_empty() { 0 } else { kept };
            after(upstream, vectors, &added.stale, &written, &mut report).await
        }
        Err(fault) => Err(fault),
    };
    report.fault = outcome.err();
    Ok((written, report))
}

async fn after<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: &Kept<'_, E, S>,
    stale: &[Vec<super::store::Point>],
    written: &Written,
    report: &mut Report,
) -> Result<(), Fault> {
    vectors.renew(upstream, stale).await?;
    if !vectors.stores.is_empty() {
        vectors.delete(upstream, &written.removed).await?;
        report.deleted = written.removed.len();
    }
    Ok(())
}

/// The pieces of a document with what their vectors are filtered by.
pub fn wanted<'a>(document: &'a Document, pieces: &'a [Piece]) -> Vec<Wanted<'a>> {
    let metadata =
        metadata(document, seconds(document.valid_from.as_deref()), seconds(document.valid_until.as_deref()));
    pieces.iter().map(|piece| Wanted { piece, title: &document.title, metadata: metadata.clone() }).collect()
}

/// Deletes a document everywhere.
///
/// # Errors
/// The database's.
pub async fn delete<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: &Kept<'_, E, S>,
    database: &Database,
    slug: &str,
    expected: Option<u32>,
) -> Result<(Written, Report), Fault> {
    let answered = exchange(upstream, database.delete(slug, expected), Patience::WRITE).await?;
    let written: Written = said(&answered)?;
    let mut report = Report::default();
    report.fault = after(upstream, vectors, &[], &written, &mut report).await.err();
    Ok((written, report))
}

// RFC 3339 as seconds since 1970; what cannot be read is left to the database, which refuses it.
fn seconds(time: Option<&str>) -> Option<i64> {
    Some(Moment::parse(time?)?.micros().div_euclid(1_000_000))
}
