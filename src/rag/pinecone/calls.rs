//! Each call of the API that is used.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::filter::to_filter;
use crate::config::Secret;
use crate::http::{Call, Method, header};
use crate::rag::store::Filter;

/// The version that is spoken unless another is set; without the header the oldest would answer.
pub const API_VERSION: &str = "2026-04";
/// Where indexes are described and hosted models run.
pub const CONTROL_URL: &str = "https://api.pinecone.io";
/// Ids in one page of a listing.
pub const PAGE: usize = 100;
/// The most that a query may ask for.
const TOP_K: usize = 10_000;
/// What is read of a reply's headers.
const READS: &[&str] = &["retry-after", "x-pinecone-request-lsn", "x-pinecone-max-indexed-lsn"];

/// Which index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its host as a URL, without a trailing slash.
    Host(String),
    /// Its name; the host is looked up.
    Index(String),
}

/// Where vectors are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The project's key.
    pub api_key: Secret,
    /// [`CONTROL_URL`] unless another is set.
    pub control_url: String,
    /// [`API_VERSION`] unless another is set.
    pub api_version: String,
    /// The index.
    pub place: Place,
    /// The namespace.
    pub namespace: String,
}

/// A call with what every call carries.
pub fn call(api_key: &Secret, version: &str, method: Method, url: String, body: Option<Vec<u8>>) -> Call {
    let mut headers = vec![
        header("api-key", api_key.expose().to_owned()),
        header("x-pinecone-api-version", version.to_owned()),
    ];
    if body.is_some() {
        headers.push(header("content-type", "application/json"));
    }
    Call { reads: READS, ..Call::new(method, url, headers, body) }
}

fn escaped(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

fn parameter(name: &str, value: &str) -> String {
    format!("&{name}={}", escaped(value))
}

impl Settings {
    fn get(&self, url: String) -> Call {
        call(&self.api_key, &self.api_version, Method::Get, url, None)
    }

    fn post(&self, url: String, body: Vec<u8>) -> Call {
        call(&self.api_key, &self.api_version, Method::Post, url, Some(body))
    }

    fn post_json(&self, url: String, body: &Value) -> Call {
        self.post(url, body.to_string().into_bytes())
    }

    /// Says an index's host and dimension.
    pub fn describe(&self, index: &str) -> Call {
        self.get(format!("{}/indexes/{}", self.control_url, escaped(index)))
    }

    /// Says the dimension and how much is in each namespace.
    pub fn stats(&self, host: &str) -> Call {
        self.post_json(format!("{host}/describe_index_stats"), &json!({}))
    }

    /// Writes points that are JSON already.
    pub fn upsert(&self, host: &str, points: &[String]) -> Call {
        let namespace = json!(self.namespace);
        let body = format!("{{\"namespace\":{namespace},\"vectors\":[{}]}}", points.join(","));
        self.post(format!("{host}/vectors/upsert"), body.into_bytes())
    }

    /// The points nearest to a vector.
    pub fn query(&self, host: &str, vector: &[f32], top_k: usize, filter: &Filter) -> Call {
        let mut body = json!({
            "namespace": self.namespace, "vector": vector, "topK": top_k.clamp(1, TOP_K),
            "includeMetadata": true, "includeValues": false,
        });
        if let Some(condition) = to_filter(filter) {
            body["filter"] = condition;
        }
        self.post_json(format!("{host}/query"), &body)
    }

    /// Points by id.
    pub fn fetch(&self, host: &str, ids: &[String]) -> Call {
        let ids: String = ids.iter().map(|id| parameter("ids", id)).collect();
        self.get(format!("{host}/vectors/fetch?namespace={}{ids}", escaped(&self.namespace)))
    }

    /// Deletes by id.
    pub fn delete(&self, host: &str, ids: &[String]) -> Call {
        let body = json!({"namespace": self.namespace, "ids": ids});
        self.post_json(format!("{host}/vectors/delete"), &body)
    }

    /// A page of ids.
    pub fn page(&self, host: &str, prefix: &str, token: Option<&str>) -> Call {
        let prefix = if prefix.is_empty() { String::new() } else { parameter("prefix", prefix) };
        let token = token.map_or_else(String::new, |token| parameter("paginationToken", token));
        let namespace = escaped(&self.namespace);
        self.get(format!("{host}/vectors/list?limit={PAGE}&namespace={namespace}{prefix}{token}"))
    }
}
