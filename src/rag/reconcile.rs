//! Makes an index what the database says: pieces without a vector get one, vectors whose metadata is out of date are
//! renewed, vectors without a piece go. Page by page, so that a run may end anywhere and the next goes on from there. Run on
//! a schedule it repairs whatever a broken write left behind; run on a new index it is the reindex.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use super::chunk::Piece;
use super::embed::Embedder;
use super::knowledge::{Document, wanted};
use super::lexical::{Database, said};
use super::limited::Limited;
use super::store::VectorStore;
use super::upstream::{Fault, Patience, Upstream, exchange};
use super::vectors::{Kept, Wanted};
use crate::http::{Call, Method};

/// Pieces in one page.
pub const PAGE: usize = 100;
/// How long an upload may be between its vectors and its rows, in milliseconds.
const GRACE_MS: u32 = 5_000;

/// What was repaired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Pieces that were compared.
    pub pieces: usize,
    /// Vectors written: new ones, and those with other metadata than they should have.
    pub written: usize,
    /// Vectors deleted.
    pub deleted: usize,
}

impl std::ops::AddAssign for Repaired {
    fn add_assign(&mut self, other: Self) {
        self.pieces += other.pieces;
        self.written += other.written;
        self.deleted += other.deleted;
    }
}

/// How far a pass has come: first the pieces, in the order of their ids, then the store's own ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// The pieces after this one; at the beginning the empty id.
    Pieces(String),
    /// The store's ids from this page on; none is the first.
    Stored(Option<String>),
}

impl Default for Cursor {
    fn default() -> Self {
        Self::Pieces(String::new())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pieces(after) if after.is_empty() => Ok(()),
            Self::Pieces(after) => write!(f, "pieces:{after}"),
            Self::Stored(from) => write!(f, "stored:{}", from.as_deref().unwrap_or_default()),
        }
    }
}

impl FromStr for Cursor {
    type Err = std::convert::Infallible;

    /// What cannot be read is the beginning: a pass more does no harm.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let stored = text.strip_prefix("stored:").map(|from| (!from.is_empty()).then(|| from.to_owned()));
        let pieces = || text.strip_prefix("pieces:").unwrap_or_default().to_owned();
        Ok(stored.map_or_else(|| Self::Pieces(pieces()), Self::Stored))
    }
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

/// Compares one page. `database` must see every document: an admin's token or the service key. Answers where the next page
/// begins; none when the pass is done.
///
/// # Errors
/// The first fault; the same page may be tried again.
pub async fn step<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: &Kept<'_, E, S>,
    database: &Database,
    cursor: &Cursor,
) -> Result<(Repaired, Option<Cursor>), Fault> {
    match cursor {
        Cursor::Pieces(after) => compare_pieces(upstream, vectors, database, after).await,
        Cursor::Stored(from) => compare_stored(upstream, vectors, database, from.as_deref()).await,
    }
}

/// A whole pass from the beginning.
///
/// # Errors
/// The first fault.
pub async fn reconcile<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: &Kept<'_, E, S>,
    database: &Database,
) -> Result<Repaired, Fault> {
    let mut all = Repaired::default();
    let mut next = Some(Cursor::default());
    while let Some(cursor) = next {
        let (repaired, after) = step(upstream, vectors, database, &cursor).await?;
        all += repaired;
        next = after;
    }
    Ok(all)
}

async fn compare_pieces<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: &Kept<'_, E, S>,
    database: &Database,
    after: &str,
) -> Result<(Repaired, Option<Cursor>), Fault> {
    if after.is_empty() {
        // What was written before is seen: nothing is embedded again that is there.
        for store in &vectors.stores {
            store.settle(upstream).await?;
        }
    }
    let answered = exchange(upstream, page(database, after), Patience::UPKEEP).await?;
    let rows: Vec<Row> = said(&answered)?;
    let last = rows.last().filter(|_| rows.len() == PAGE).map(|row| row.id.clone());
    let pieces: Vec<(Document, [Piece; 1])> = rows.into_iter().map(Row::parts).collect();
    let wanted: Vec<Wanted<'_>> =
        pieces.iter().flat_map(|(document, piece)| wanted(document, piece)).collect();
    let added = vectors.add_missing(upstream, &wanted).await?;
    vectors.renew(upstream, &added.stale).await?;
    let renewed = added.stale.iter().map(Vec::len).max().unwrap_or(0);
    let repaired = Repaired { pieces: wanted.len(), written: added.embedded + renewed, deleted: 0 };
    Ok((repaired, Some(last.map_or(Cursor::Stored(None), Cursor::Pieces))))
}

async fn compare_stored<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: &Kept<'_, E, S>,
    database: &Database,
    from: Option<&str>,
) -> Result<(Repaired, Option<Cursor>), Fault> {
    let mut repaired = Repaired::default();
    let mut next = None;
    for store in &vectors.stores {
        let (ids, after) = store.page(upstream, from).await?;
        let orphans = orphans(upstream, database, ids).await?;
        if !orphans.is_empty() {
            store.delete(upstream, &orphans).await?;
        }
        repaired.deleted += orphans.len();
        next = next.or(after.map(|after| Cursor::Stored(Some(after))));
    }
    Ok((repaired, next))
}

/// Requests of one run to the outside, and how many of them a page may need: the smallest plan allows fifty.
pub const REQUESTS: u32 = 40;
const PAGE_REQUESTS: u32 = 12;

/// An index as the database knows it.
#[derive(Debug, Deserialize)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// `active`, `building` or `retired`.
    pub state: String,
    /// How far a pass has come.
    pub cursor: String,
}

/// What a bounded part of a pass came to.
#[derive(Debug)]
pub struct Filled {
    /// What was repaired.
    pub repaired: Repaired,
    /// Where the next part begins.
    pub cursor: Cursor,
    /// Whether the pass is done.
    pub done: bool,
}

impl From<&Index> for Filled {
    fn from(index: &Index) -> Self {
        let cursor = index.cursor.parse().unwrap_or_default();
        Self { repaired: Repaired::default(), cursor, done: false }
    }
}

impl Filled {
    /// What `mark_knowledge_index` is told.
    pub fn mark(&self, name: &str) -> serde_json::Value {
        json!({"name": name, "cursor": self.cursor.to_string(), "pass_done": self.done})
    }
}

/// Goes through pages until the requests run short or the pass is done. What was done before a fault counts.
///
/// # Errors
/// The first fault.
pub async fn fill<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &Limited<'_, U>,
    kept: &Kept<'_, E, S>,
    database: &Database,
    filled: &mut Filled,
) -> Result<(), Fault> {
    while upstream.left() >= PAGE_REQUESTS && !filled.done {
        let (repaired, next) = step(upstream, kept, database, &filled.cursor).await?;
        filled.repaired += repaired;
        filled.done = next.is_none();
        filled.cursor = next.unwrap_or_default();
    }
    Ok(())
}

/// Empties an index, a page of it at a time; says how many vectors went, and none when there were none.
///
/// # Errors
/// The first fault.
pub async fn empty<U: Upstream, S: VectorStore>(upstream: &U, store: &S) -> Result<Option<usize>, Fault> {
    let (ids, _) = store.page(upstream, None).await?;
    if ids.is_empty() {
        return Ok(None);
    }
    store.delete(upstream, &ids).await?;
    Ok(Some(ids.len()))
}

impl Row {
    fn parts(self) -> (Document, [Piece; 1]) {
        let Self { id, ordinal, heading, content, document } = self;
        (document.into(), [Piece { id, ordinal, heading, content }])
    }
}

impl From<Head> for Document {
    fn from(head: Head) -> Self {
        let Head { slug, title, category, language, audience, valid_from, valid_until } = head;
        Self { slug, title, body: String::new(), category, language, audience, valid_from, valid_until }
    }
}

// An upload writes its vectors before its rows: what has no row yet may have one a moment later.
async fn orphans<U: Upstream>(
    upstream: &U,
    database: &Database,
    ids: Vec<String>,
) -> Result<Vec<String>, Fault> {
    let orphans = without_piece(upstream, database, ids).await?;
    if orphans.is_empty() {
        return Ok(orphans);
    }
    upstream.pause(GRACE_MS).await;
    without_piece(upstream, database, orphans).await
}

async fn without_piece<U: Upstream>(
    upstream: &U,
    database: &Database,
    ids: Vec<String>,
) -> Result<Vec<String>, Fault> {
    if ids.is_empty() {
        return Ok(ids);
    }
    let call = database.rpc("missing_knowledge_pieces", &json!({"ids": ids}));
    said(&exchange(upstream, call, Patience::UPKEEP).await?)
}

fn page(database: &Database, after: &str) -> Call {
    let document =
        "document:knowledge_document(slug,title,category,language,audience,valid_from,valid_until)";
    let after = utf8_percent_encode(after, NON_ALPHANUMERIC);
    let query = format!("select=id,ordinal,heading,content,{document}&id=gt.{after}&order=id&limit={PAGE}");
    let url = format!("{}/knowledge_chunk?{query}", database.rest_url);
    Call { reads: &["retry-after"], ..Call::new(Method::Get, url, database.headers.clone(), None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        for cursor in [
            Cursor::default(),
            Cursor::Pieces("a#1".into()),
            Cursor::Stored(None),
            Cursor::Stored(Some("5000".into())),
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        assert_eq!("nonsense".parse(), Ok(Cursor::default()));
    }
}
