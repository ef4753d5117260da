//! Pinecone's hosted models: embeddings and reranking.

use serde::Deserialize;
use serde_json::json;

use super::calls::call;
use super::errors::words;
use crate::config::Secret;
use crate::http::{Call, Method};
use crate::rag::embed::{Embedder, Kind, in_batches, unit_vectors};
use crate::rag::rerank::{Score, scores};
use crate::rag::upstream::{Answered, Fault, Patience, Upstream, exchange, json as read};

/// Inputs in one request at most.
const INPUTS: usize = 96;

/// Where the models are and who asks.
#[derive(Clone, Debug)]
pub struct Inference {
    /// [`super::CONTROL_URL`] unless another is set.
    pub control_url: String,
    /// The project's key.
    pub api_key: Secret,
    /// [`super::API_VERSION`] unless another is set.
    pub api_version: String,
    /// The model.
    pub model: String,
    /// How long to wait and how often to try again.
    pub patience: Patience,
}

impl Inference {
    fn post(&self, path: &str, body: &serde_json::Value) -> Call {
        let url = format!("{}{path}", self.control_url);
        call(&self.api_key, &self.api_version, Method::Post, url, Some(body.to_string().into_bytes()))
    }
}

/// A hosted embedding model.
#[derive(Clone, Debug)]
pub struct PineconeEmbedder {
    /// The model.
    pub inference: Inference,
    /// The dimension, for models that have several.
    pub dimension: Option<usize>,
}

impl PineconeEmbedder {
    fn call(&self, texts: &[String], kind: Kind) -> Call {
        let input_type = if kind == Kind::Query { "query" } else { "passage" };
        let mut parameters = json!({"input_type": input_type, "truncate": "END"});
        if let Some(dimension) = self.dimension {
            parameters["dimension"] = json!(dimension);
        }
        let inputs: Vec<_> = texts.iter().map(|text| json!({"text": text})).collect();
        let body = json!({"model": self.inference.model, "parameters": parameters, "inputs": inputs});
        self.inference.post("/embed", &body)
    }
}

fn vectors(answered: &Answered, texts: usize) -> Result<Vec<Vec<f32>>, Fault> {
    #[derive(Deserialize)]
    struct Found {
        data: Vec<Embedding>,
    }
    #[derive(Deserialize)]
    struct Embedding {
        values: Vec<f32>,
    }
    let found: Found = read(answered, words)?;
    unit_vectors(found.data.into_iter().map(|embedding| embedding.values).collect(), texts)
}

impl Embedder for PineconeEmbedder {
    async fn embed<U: Upstream>(
        &self,
        upstream: &U,
        texts: &[String],
        kind: Kind,
    ) -> Result<Vec<Vec<f32>>, Fault> {
        let patience = self.inference.patience;
        in_batches(upstream, texts, INPUTS, patience, |some| self.call(some, kind), vectors).await
    }
}

/// A hosted reranking model.
#[derive(Clone, Debug)]
pub struct PineconeReranker(pub Inference);

impl PineconeReranker {
    /// How well each text answers the question.
    pub async fn rank<U: Upstream>(
        &self,
        upstream: &U,
        question: &str,
        texts: &[&str],
    ) -> Result<Vec<Score>, Fault> {
        #[derive(Deserialize)]
        struct Found {
            data: Vec<Score>,
        }
        let documents: Vec<_> = texts.iter().map(|text| json!({"text": text})).collect();
        let body = json!({
            "model": self.0.model, "query": question, "documents": documents, "top_n": texts.len(),
            "return_documents": false, "rank_fields": ["text"], "parameters": {"truncate": "END"},
        });
        let answered = exchange(upstream, self.0.post("/rerank", &body), self.0.patience).await?;
        let found: Found = read(&answered, words)?;
        scores(found.data, texts.len())
    }
}
