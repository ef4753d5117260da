//! The passages that a question's answer may be made of: both searches, fused, judged by the gate.
//!
//! The vector search comes first; then one call to the database does the full-text search, scores what the vectors found,
//! and leaves out whatever the caller may not see: the vector store is never trusted with that. When the vector store or
//! the embedding model is down, words alone carry on and the result says so.

use std::collections::HashMap;

use serde_json::json;

use super::embed::{Embedder, Kind};
use super::fusion::{Candidate, DENSE_WEIGHT, fuse};
use super::gate::{Features, Gate, Verdict};
use super::lexical::{Database, Passage, Search, passages};
use super::store::{Filter, VectorStore};
use super::synonyms::related;
use super::upstream::{Fault, Patience, Upstream, exchange};

/// How far each search's list reaches.
const CANDIDATES: usize = 50;
/// The passages that the gate looks at.
const JUDGED: usize = 3;

/// What is searched by vectors.
#[derive(Debug)]
pub struct Vectors<'a, E, S> {
    /// The model.
    pub embedder: &'a E,
    /// The store.
    pub store: &'a S,
}

/// A question and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The text, already stripped of personal data and made to stand alone.
    pub text: &'a str,
    /// The audiences the caller belongs to: a hint for the vector store, which the database does not rely on.
    pub audiences: &'a [&'a str],
    /// Only documents of this category.
    pub category: Option<&'a str>,
    /// Only documents in this language.
    pub language: Option<&'a str>,
    /// Only documents that fit, by what [`super::knowledge::metadata`] holds.
    pub filter: Option<&'a Filter>,
    /// Seconds since 1970.
    pub now: u64,
}

/// A passage with all its scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The passage; its own score is BM25's.
    pub passage: Passage,
    /// Cosine similarity, where the vector search's list reaches.
    pub dense: Option<f64>,
    /// The fused score, comparable within this question only.
    pub score: f64,
    /// The reranker's, where there is one and it looked at this passage.
    pub reranked: Option<f64>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrieval {
    /// Best first, as far as they were reranked by that; everything either search found.
    pub found: Vec<Found>,
    /// Whether the passages answer the question at all.
    pub verdict: Verdict,
    /// What the gate looked at.
    pub features: Features,
    /// Why the vectors were left out, if they were configured and failed.
    pub without_vectors: Option<Fault>,
    /// Why the order is that of the searches alone, if a reranker is configured and failed.
    pub without_reranker: Option<Fault>,
}

/// Retrieves. `vectors` is none where none are configured.
///
/// # Errors
/// When the database cannot be asked: without it there is no text.
pub async fn retrieve<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: Option<Vectors<'_, E, S>>,
    database: &Database,
    question: Question<'_>,
    gate: &Gate,
) -> Result<Retrieval, Fault> {
    let names = related(question.text);
    let (dense, without_vectors) = match vectors {
        None => (HashMap::new(), None),
        Some(vectors) => {
            match nearest(upstream, &vectors, &names.question_with_names(question.text), question).await {
                Ok(dense) => (dense, None),
                Err(fault) => (HashMap::new(), Some(fault)),
            }
        }
    };
    let ids: Vec<String> = dense.keys().cloned().collect();
    let search = Search {
        question: question.text,
        related: &names.names(),
        k: CANDIDATES,
        ids: &ids,
        category: question.category,
        language: question.language,
        filter: question.filter,
    };
    let answered = exchange(upstream, database.search(&search), Patience::TURN).await?;
    let found = ranked(passages(&answered)?, &dense);
    let features = features(&found);
    Ok(Retrieval { verdict: gate.judge(features), features, found, without_vectors, without_reranker: None })
}

async fn nearest<U: Upstream, E: Embedder, S: VectorStore>(
    upstream: &U,
    vectors: &Vectors<'_, E, S>,
    text: &str,
    question: Question<'_>,
) -> Result<HashMap<String, f64>, Fault> {
    let embedded = vectors.embedder.embed(upstream, &[text.to_owned()], Kind::Query).await?;
    let vector = embedded.into_iter().next().ok_or(Fault::Garbled("no vector"))?;
    let hits = vectors.store.query(upstream, &vector, CANDIDATES, &visible(question)).await?;
    Ok(hits.into_iter().map(|hit| (hit.id, hit.score)).collect())
}

/// The filter of what a caller may see, over the metadata that [`super::knowledge`] writes.
fn visible(question: Question<'_>) -> Filter {
    let mut filter = json!({
        "audience": {"$in": question.audiences},
        "valid_from": {"$lte": question.now},
        "valid_until": {"$gt": question.now},
    });
    for (name, value) in [("category", question.category), ("language", question.language)] {
        if let Some(value) = value {
            filter[name] = json!(value);
        }
    }
    // Nobody is in no audience; the filter is well formed whoever asks.
    let visible = Filter::parse(&filter).unwrap_or_default();
    match question.filter {
        Some(wanted) => visible.and(wanted),
        None => visible,
    }
}

fn ranked(passages: Vec<Passage>, dense: &HashMap<String, f64>) -> Vec<Found> {
    let candidates: Vec<Candidate> = passages
        .iter()
        .map(|passage| Candidate {
            id: passage.id.clone(),
            dense: dense.get(&passage.id).copied(),
            lexical: passage.score,
        })
        .collect();
    let mut passages: Vec<Option<Passage>> = passages.into_iter().map(Some).collect();
    let found = fuse(&candidates, DENSE_WEIGHT).into_iter().filter_map(|ranked| {
        let passage = passages[ranked.index].take()?;
        Some(Found { passage, dense: candidates[ranked.index].dense, score: ranked.score, reranked: None })
    });
    found.collect()
}

fn features(found: &[Found]) -> Features {
    let strength = found.iter().take(JUDGED).map(|found| found.passage.strength).fold(0.0, f64::max);
    let dense = found
        .iter()
        .filter_map(|found| found.dense)
        .fold(None, |best: Option<f64>, score| Some(best.map_or(score, |best| best.max(score))));
    Features { dense, strength }
}
