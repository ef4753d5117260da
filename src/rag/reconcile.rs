//! Makes the vector store what the database says: pieces without a vector get one, vectors whose metadata is out of date
//! are renewed, vectors without a piece go. Run on a schedule it repairs whatever a broken write left behind; run on an
//! empty collection it is the reindex, after which the setting is switched to it.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::chunk::Piece;
use super::embed::Embedder;
use super::knowledge::{Document, put_vectors};
use super::lexical::Database;
use super::retrieve::Vectors;
use super::store::VectorStore;
use super::upstream::{Answered, Fault, Patience, Upstream, exchange, json as read};
use crate::http::{Call, Method};

/// Pieces in one page; PostgREST gives no more than 1,000 rows where it is set up so.
const PAGE: usize = 500;
/// How long an upload may be between its vectors and its rows, in milliseconds.
const GRACE_MS: u32 = 5_000;

/// What was repaired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Pieces in the database.
    pub pieces: usize,
    /// Vectors written: new ones, and those with other metadata than they should have.
    pub written: usize,
    /// Vectors deleted.
    pub deleted: usize,
}

#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    ordinal: usize,
    heading: String,
    content: String,
    document: Head,
}

#[derive(Debug, Deserialize)]
struct Head {
    slug: String,
    title: String,
    category: String,
    language: String,
    audience: String,
    valid_from: Option<String>,
    valid_until: Option<String>,
}

/// Reconciles. `database` must see every document: an admin's token or the service key.
///
/// # Errors
/// The first fault; the next run goes on from there.
pub async fn reconcile<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: &Vectors<'_, E, S>,
    database: &Database,
) -> Result<Repaired, Fault> {
    vectors.store.settle(upstream).await?;
    // Listed first: what is written from here on is nobody's orphan.
    let stored = vectors.store.list(upstream, "").await?;
    let documents = documents(upstream, database).await?;
    let mut repaired = Repaired::default();
    for (document, pieces) in documents.values() {
        repaired.pieces += pieces.len();
        repaired.written += put_vectors(upstream, vectors, document, pieces).await?;
    }
    let known: BTreeSet<&str> =
        documents.values().flat_map(|(_, pieces)| pieces).map(|piece| piece.id.as_str()).collect();
    let orphans: Vec<String> = stored.into_iter().filter(|id| !known.contains(id.as_str())).collect();
    let orphans = still_orphans(upstream, database, orphans).await?;
    if !orphans.is_empty() {
        vectors.store.delete(upstream, &orphans).await?;
    }
    repaired.deleted = orphans.len();
    Ok(repaired)
}

async fn documents<U: Upstream>(
    upstream: &U,
    database: &Database,
) -> Result<BTreeMap<String, (Document, Vec<Piece>)>, Fault> {
    let mut found: BTreeMap<String, (Document, Vec<Piece>)> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let answered = exchange(upstream, page(database, &after), Patience::UPKEEP).await?;
        let rows: Vec<Row> = parsed(&answered)?;
        let last = rows.len() < PAGE;
        if let Some(row) = rows.last() {
            after.clone_from(&row.id);
        }
        for Row { id, ordinal, heading, content, document } in rows {
            let piece = Piece { id, ordinal, heading, content };
            found.entry(document.slug.clone()).or_insert_with(|| (document.into(), Vec::new())).1.push(piece);
        }
        if last {
            return Ok(found);
        }
    }
}

impl From<Head> for Document {
    fn from(head: Head) -> Self {
        let Head { slug, title, category, language, audience, valid_from, valid_until } = head;
        Self { slug, title, body: String::new(), category, language, audience, valid_from, valid_until }
    }
}

// An upload writes its vectors before its rows: what has no row yet may have one a moment later.
async fn still_orphans<U: Upstream>(
    upstream: &U,
    database: &Database,
    mut orphans: Vec<String>,
) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    if orphans.is_empty() {
        return Ok(orphans);
    }
    upstream.pause(GRACE_MS).await;
    let mut there = BTreeSet::new();
    for some in orphans.chunks(100) {
        let answered = exchange(upstream, those(database, some), Patience::UPKEEP).await?;
        there.extend(parsed::<Vec<Id>>(&answered)?.into_iter().map(|row| row.id));
    }
    orphans.retain(|id| !there.contains(id));
    Ok(orphans)
}

fn parsed<T: serde::de::DeserializeOwned>(answered: &Answered) -> Result<T, Fault> {
    read(answered, |_| "the database refused to list the pieces".to_owned())
}

fn page(database: &Database, after: &str) -> Call {
    let document =
        "document:knowledge_document(slug,title,category,language,audience,valid_from,valid_until)";
    let after = utf8_percent_encode(after, NON_ALPHANUMERIC);
    get(
        database,
        &format!("select=id,ordinal,heading,content,{document}&id=gt.{after}&order=id&limit={PAGE}"),
    )
}

fn those(database: &Database, ids: &[String]) -> Call {
    // Quoted, as PostgREST wants what may hold a comma or a bracket.
    let quoted: Vec<String> =
        ids.iter().map(|id| format!("\"{}\"", id.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    let list = quoted.join(",");
    get(database, &format!("select=id&id=in.({})", utf8_percent_encode(&list, NON_ALPHANUMERIC)))
}

fn get(database: &Database, query: &str) -> Call {
    Call {
        method: Method::Get,
        url: format!("{}/knowledge_chunk?{query}", database.rest_url),
        headers: database.headers.clone(),
        body: None,
        reads: &["retry-after"],
    }
}
