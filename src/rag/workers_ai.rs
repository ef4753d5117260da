//! Models of Workers AI through its binding: embeddings, reranking, answers.

mod chat;

use serde::Deserialize;
use serde_json::{Value, json};

use super::embed::{Embedder, Kind, in_batches, unit_vectors};
use super::rerank::{Score, scores};
use super::upstream::{Answered, Ask, Fault, Patience, Upstream, exchange, json as read};

pub use chat::WorkersAiChat;

/// Texts in one request: what the models take.
const TEXTS: usize = 100;

/// What a model is asked.
pub fn asked(model: &str, input: &Value) -> Ask {
    Ask::Ai { model: model.to_owned(), input: input.to_string() }
}

/// The words of an error: `{"internalCode", "description"}` or `{"errors": [{"code", "message"}]}`.
pub fn words(body: &[u8]) -> String {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer: &str| {
        said.pointer(pointer).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let (code, message) = match text("/internalCode") {
        Some(code) => (Some(code), text("/description")),
        None => (text("/errors/0/code"), text("/errors/0/message")),
    };
    let parts: Vec<String> = code.into_iter().chain(message).collect();
    if parts.is_empty() { "no reason given".to_owned() } else { parts.join(": ").chars().take(200).collect() }
}

/// An embedding model.
#[derive(Clone, Debug)]
pub struct WorkersAiEmbedder {
    /// Its name, such as `@cf/baai/bge-m3`.
    pub model: String,
    /// What precedes a question.
    pub query_prefix: String,
    /// What precedes a passage.
    pub passage_prefix: String,
    /// How long to wait and how often to try again.
    pub patience: Patience,
}

impl WorkersAiEmbedder {
    fn ask(&self, texts: &[String], kind: Kind) -> Ask {
        let prefix = if kind == Kind::Query { &self.query_prefix } else { &self.passage_prefix };
        let texts: Vec<String> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let mut input = json!({"text": texts});
        // The better of the two ways these have of making one vector of many, and not the default.
        if self.model.starts_with("@cf/baai/bge-") && self.model.ends_with("-en-v1.5") {
            input["pooling"] = json!("cls");
        }
        asked(&self.model, &input)
    }
}

fn vectors(answered: &Answered, texts: usize) -> Result<Vec<Vec<f32>>, Fault> {
    #[derive(Deserialize)]
    struct Found {
        data: Vec<Vec<f32>>,
    }
    unit_vectors(read::<Found>(answered, words)?.data, texts)
}

impl Embedder for WorkersAiEmbedder {
    async fn embed<U: Upstream>(
        &self,
        upstream: &U,
        texts: &[String],
        kind: Kind,
    ) -> Result<Vec<Vec<f32>>, Fault> {
        in_batches(upstream, texts, TEXTS, self.patience, |some| self.ask(some, kind), vectors).await
    }
}

/// A reranking model.
#[derive(Clone, Debug)]
pub struct WorkersAiReranker {
    /// Its name, such as `@cf/baai/bge-reranker-base`.
    pub model: String,
    /// How long to wait and how often to try again.
    pub patience: Patience,
}

impl WorkersAiReranker {
    /// How well each text answers the question.
    pub async fn rank<U: Upstream>(
        &self,
        upstream: &U,
        question: &str,
        texts: &[&str],
    ) -> Result<Vec<Score>, Fault> {
        #[derive(Deserialize)]
        struct Found {
            response: Vec<Ranked>,
        }
        #[derive(Deserialize)]
        struct Ranked {
            id: usize,
            score: f64,
        }
        let contexts: Vec<_> = texts.iter().map(|text| json!({"text": text})).collect();
        let input = json!({"query": question, "contexts": contexts, "top_k": texts.len()});
        let answered = exchange(upstream, asked(&self.model, &input), self.patience).await?;
        let found: Found = read(&answered, words)?;
        let ranked = found.response.into_iter().map(|Ranked { id, score }| Score { index: id, score });
        scores(ranked.collect(), texts.len())
    }
}
