//! How replies are read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Number, Value};

use super::errors::words;
use crate::gathered::order;
use crate::rag::store::{Hit, Point};
use crate::rag::upstream::{Answered, Fault, json as read};

/// An index as `describe_index` has it.
#[derive(Debug, Deserialize)]
pub struct Described {
    /// The host, with or without a scheme.
    pub host: String,
    /// The dimension of its vectors.
    pub dimension: Option<usize>,
    /// How nearness is measured.
    pub metric: String,
    /// Whether it is up.
    pub status: Status,
}

/// Whether an index is up.
#[derive(Debug, Deserialize)]
pub struct Status {
    /// It takes requests.
    pub ready: bool,
}

/// `describe_index_stats`.
#[derive(Debug, Deserialize)]
pub struct Stats {
    /// The dimension of its vectors.
    pub dimension: Option<usize>,
    /// How nearness is measured, where it is said.
    pub metric: Option<String>,
    /// What is in each namespace.
    #[serde(default)]
    pub namespaces: BTreeMap<String, Summary>,
}

/// What is in a namespace.
#[derive(Debug, Deserialize)]
pub struct Summary {
    /// How many points.
    #[serde(rename = "vectorCount")]
    pub vectors: u64,
}

impl Stats {
    /// How many points a namespace holds; the default one has two names.
    pub fn count(&self, namespace: &str) -> u64 {
        let names: &[&str] = if is_default(namespace) { &["", "__default__"] } else { &[namespace] };
        names.iter().filter_map(|name| self.namespaces.get(*name)).map(|summary| summary.vectors).sum()
    }
}

fn is_default(namespace: &str) -> bool {
    namespace.is_empty() || namespace == "__default__"
}

/// A page of a listing.
#[derive(Debug, Default, Deserialize)]
pub struct Page {
    /// The ids.
    #[serde(default)]
    pub vectors: Vec<Id>,
    /// Where it goes on.
    #[serde(default)]
    pub pagination: Option<Pagination>,
}

/// An id.
#[derive(Debug, Deserialize)]
pub struct Id {
    /// Itself.
    pub id: String,
}

/// Where a listing goes on.
#[derive(Debug, Deserialize)]
pub struct Pagination {
    /// What the next page is asked for with.
    #[serde(default)]
    pub next: Option<String>,
}

/// Reads JSON of 2xx.
pub fn parsed<T: serde::de::DeserializeOwned>(answered: &Answered) -> Result<T, Fault> {
    read(answered, words)
}

/// Reads how many points were written.
pub fn upserted(answered: &Answered, sent: usize) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Upserted {
        #[serde(rename = "upsertedCount")]
        count: usize,
    }
    if parsed::<Upserted>(answered)?.count == sent {
        return Ok(());
    }
    Err(Fault::Garbled("not as many vectors were written as were sent"))
}

/// Reads a query's result: best first, equal scores in the order of their ids.
pub fn hits(answered: &Answered) -> Result<Vec<Hit>, Fault> {
    #[derive(Deserialize)]
    struct Found {
        matches: Vec<Match>,
    }
    #[derive(Deserialize)]
    struct Match {
        id: String,
        #[serde(default)]
        score: f64,
        #[serde(default)]
        metadata: Map<String, Value>,
    }
    let found: Found = parsed(answered)?;
    let hit = |Match { id, score, metadata }| Hit { id, score, metadata: whole_numbers(metadata) };
    let mut hits: Vec<Hit> = found.matches.into_iter().map(hit).collect();
    order(&mut hits, |a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    Ok(hits)
}

/// Reads a fetch's result.
pub fn points(answered: &Answered) -> Result<Vec<Point>, Fault> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(default)]
        vectors: BTreeMap<String, Vector>,
    }
    #[derive(Deserialize)]
    struct Vector {
        #[serde(default)]
        values: Vec<f32>,
        #[serde(default)]
        metadata: Map<String, Value>,
    }
    let found: Found = parsed(answered)?;
    let point = |(id, Vector { values, metadata })| Point { id, values, metadata: whole_numbers(metadata) };
    Ok(found.vectors.into_iter().map(point).collect())
}

// All numbers are floating-point ones over there, and `5.0` is not `5` to whoever compares what is stored with what
// should be.
fn whole_numbers(mut metadata: Map<String, Value>) -> Map<String, Value> {
    for value in metadata.values_mut() {
        if let Some(whole) = value.as_f64().and_then(whole) {
            *value = Value::Number(whole);
        }
    }
    metadata
}

#[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
fn whole(number: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() < EXACT).then(|| (number as i64).into())
}

/// The number of a write, by the header of its reply.
pub fn written_lsn(answered: &Answered) -> Option<u64> {
    lsn(answered, "x-pinecone-request-lsn")
}

/// Up to which write a query's result reaches.
pub fn indexed_lsn(answered: &Answered) -> Option<u64> {
    lsn(answered, "x-pinecone-max-indexed-lsn")
}

fn lsn(answered: &Answered, name: &str) -> Option<u64> {
    crate::http::find(&answered.headers, name)?.trim().parse().ok()
}
