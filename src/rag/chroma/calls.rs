//! Each call of the API that is used, and how its reply is read.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::filter;
use crate::config::Secret;
use crate::gathered::order;
use crate::http::{Call, Method, header};
use crate::rag::store::{Filter, Hit, Point};
use crate::rag::upstream::{Answered, Fault, json as read};

/// Records in one request at most.
pub const BATCH: usize = 5_000;
/// Ids in one page of a listing.
pub const PAGE: usize = 5_000;

/// Where the collection is.
#[derive(Clone)]
pub struct Settings {
    /// `http://host:port`, without a trailing slash.
    pub url: String,
    /// The tenant; `default_tenant` on a server of one's own.
    pub tenant: String,
    /// The database; `default_database` likewise.
    pub database: String,
    /// The collection's name: 3 to 512 of `[a-zA-Z0-9._-]`.
    pub collection: String,
    /// Chroma Cloud's token.
    pub token: Option<Secret>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &self.url)
            .field("collection", &self.collection)
            .finish_non_exhaustive()
    }
}

impl Settings {
    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Call {
        let mut headers = vec![header("content-type", "application/json")];
        if let Some(token) = &self.token {
            headers.push(header("x-chroma-token", token.expose().to_owned()));
        }
        let Self { url, tenant, database, .. } = self;
        let url = format!("{url}/api/v2/tenants/{tenant}/databases/{database}/collections{path}");
        Call {
            reads: &["retry-after"],
            ..Call::new(method, url, headers, body.map(|body| body.to_string().into_bytes()))
        }
    }

    /// Makes the collection, or finds it.
    pub fn open(&self) -> Call {
        let body = json!({
            "name": self.collection, "get_or_create": true, "configuration": {"hnsw": {"space": "cosine"}},
        });
        self.call(Method::Post, "", Some(&body))
    }

    /// Writes at most [`BATCH`] points.
    pub fn upsert(&self, collection: &str, points: &[Point]) -> Call {
        let ids: Vec<_> = points.iter().map(|point| &point.id).collect();
        let embeddings: Vec<_> = points.iter().map(|point| &point.values).collect();
        let metadatas: Vec<_> = points.iter().map(|point| &point.metadata).collect();
        let body = json!({"ids": ids, "embeddings": embeddings, "metadatas": metadatas});
        self.call(Method::Post, &format!("/{collection}/upsert"), Some(&body))
    }

    /// Drops the keys that are null.
    pub fn drop_keys(&self, collection: &str, stale: &[(String, Map<String, Value>)]) -> Call {
        let (ids, metadatas): (Vec<_>, Vec<_>) = stale.iter().map(|(id, nulls)| (id, nulls)).unzip();
        let body = json!({"ids": ids, "metadatas": metadatas});
        self.call(Method::Post, &format!("/{collection}/update"), Some(&body))
    }

    /// The points nearest to a vector.
    pub fn query(&self, collection: &str, vector: &[f32], top_k: usize, filter: &Filter) -> Call {
        let mut body = json!({
            "query_embeddings": [vector], "n_results": top_k, "include": ["metadatas", "distances"],
        });
        // An empty `where` is refused.
        if let Some(condition) = filter::to_where(filter) {
            body["where"] = condition;
        }
        self.call(Method::Post, &format!("/{collection}/query"), Some(&body))
    }

    /// Points by id, with or without their vectors.
    pub fn get(&self, collection: &str, ids: &[String], vectors: bool) -> Call {
        let include = if vectors { json!(["metadatas", "embeddings"]) } else { json!(["metadatas"]) };
        let body = json!({"ids": ids, "include": include, "limit": ids.len(), "offset": 0});
        self.call(Method::Post, &format!("/{collection}/get"), Some(&body))
    }

    /// A page of ids.
    pub fn page(&self, collection: &str, offset: usize) -> Call {
        let body = json!({"limit": PAGE, "offset": offset, "include": []});
        self.call(Method::Post, &format!("/{collection}/get"), Some(&body))
    }

    /// Deletes by id; the list is not empty.
    pub fn delete(&self, collection: &str, ids: &[String]) -> Call {
        self.call(Method::Post, &format!("/{collection}/delete"), Some(&json!({"ids": ids})))
    }

    /// How many points there are.
    pub fn count(&self, collection: &str) -> Call {
        self.call(Method::Get, &format!("/{collection}/count"), None)
    }
}

/// A collection that was opened.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Opened {
    /// Its id.
    pub id: String,
    /// The dimension of what it holds; none while it is empty.
    pub dimension: Option<usize>,
}

/// The words of an error: `{"error", "message"}`, or plain text as 413 has it.
pub fn words(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Said {
        error: String,
        message: String,
    }
    match serde_json::from_slice::<Said>(body) {
        Ok(said) => format!("{}: {}", said.error, said.message),
        Err(_) => String::from_utf8_lossy(body).chars().take(200).collect(),
    }
}

/// Reads the reply to [`Settings::open`]; a collection of another space would rank by another measure.
pub fn opened(answered: &Answered) -> Result<Opened, Fault> {
    let found: Value = read(answered, words)?;
    let space = found
        .pointer("/configuration_json/hnsw/space")
        .or_else(|| found.pointer("/configuration_json/spann/space"));
    if space.is_some_and(|space| space != "cosine") {
        return Err(Fault::Refused(409, "the collection was made with another space than cosine".to_owned()));
    }
    serde_json::from_value(found).map_err(|_| Fault::Garbled("a collection without an id"))
}

/// Reads the reply to [`Settings::query`]: distances become similarities.
pub fn hits(answered: &Answered) -> Result<Vec<Hit>, Fault> {
    #[derive(Deserialize)]
    struct Found {
        ids: Vec<Vec<String>>,
        distances: Vec<Vec<f64>>,
        metadatas: Vec<Vec<Option<Map<String, Value>>>>,
    }
    let found: Found = read(answered, words)?;
    let (Some(ids), Some(distances), Some(metadatas)) = (
        found.ids.into_iter().next(),
        found.distances.into_iter().next(),
        found.metadatas.into_iter().next(),
    ) else {
        return Err(Fault::Garbled("a query without a result"));
    };
    if ids.len() != distances.len() || ids.len() != metadatas.len() {
        return Err(Fault::Garbled("a query's result with parts of different lengths"));
    }
    let mut hits: Vec<Hit> = ids
        .into_iter()
        .zip(distances)
        .zip(metadatas)
        .map(|((id, distance), metadata)| Hit {
            id,
            score: 1.0 - distance,
            metadata: metadata.unwrap_or_default(),
        })
        .collect();
    order(&mut hits, |a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    Ok(hits)
}

/// Reads the reply to [`Settings::get`] and [`Settings::page`].
pub fn records(answered: &Answered) -> Result<Vec<Point>, Fault> {
    #[derive(Deserialize)]
    struct Found {
        ids: Vec<String>,
        embeddings: Option<Vec<Vec<f32>>>,
        metadatas: Option<Vec<Option<Map<String, Value>>>>,
    }
    let found: Found = read(answered, words)?;
    let mut vectors = found.embeddings.unwrap_or_default().into_iter();
    let mut metadatas = found.metadatas.unwrap_or_default().into_iter();
    let point = |id| Point {
        id,
        values: vectors.next().unwrap_or_default(),
        metadata: metadatas.next().flatten().unwrap_or_default(),
    };
    Ok(found.ids.into_iter().map(point).collect())
}

/// Reads the reply to [`Settings::count`].
pub fn counted(answered: &Answered) -> Result<u64, Fault> {
    read(answered, words)
}

/// Reads a reply whose body says nothing.
pub fn done(answered: &Answered) -> Result<(), Fault> {
    match answered.status {
        200..300 => Ok(()),
        status => Err(Fault::Refused(status, words(&answered.body))),
    }
}
