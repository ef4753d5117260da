//! Embeddings: what the chatbot wants of a model, and any endpoint that speaks `OpenAI`'s `POST /embeddings`.

use serde::Deserialize;
use serde_json::json;

use super::upstream::{Answered, Ask, Fault, Patience, Upstream, exchange, json as read};
use crate::config::Secret;
use crate::gathered::order;
use crate::http::{Call, Method, header};

/// What a text is: some models want to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A question.
    Query,
    /// A piece of a document.
    Passage,
}

/// Turns texts into vectors of length 1.
pub trait Embedder {
    /// The vectors, in the order of the texts.
    fn embed<U: Upstream>(
        &self,
        upstream: &U,
        texts: &[String],
        kind: Kind,
    ) -> impl Future<Output = Result<Vec<Vec<f32>>, Fault>>;
}

/// An endpoint that speaks `OpenAI`'s dialect.
#[derive(Clone, Debug)]
pub struct OpenAiEmbedder {
    /// Up to and with `/v1`.
    pub url: String,
    /// The model's name.
    pub model: String,
    /// Sent as a bearer token.
    pub api_key: Option<Secret>,
    /// What precedes a question, such as `query: `.
    pub query_prefix: String,
    /// What precedes a passage.
    pub passage_prefix: String,
    /// Texts in one request.
    pub batch: usize,
    /// How long to wait and how often to try again.
    pub patience: Patience,
}

impl OpenAiEmbedder {
    /// One request.
    pub fn call(&self, texts: &[String], kind: Kind) -> Call {
        let prefix = if kind == Kind::Query { &self.query_prefix } else { &self.passage_prefix };
        let input: Vec<String> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let body = json!({"model": self.model, "input": input, "encoding_format": "float"});
        let mut headers = vec![header("content-type", "application/json")];
        if let Some(key) = &self.api_key {
            headers.push(header("authorization", format!("Bearer {}", key.expose())));
        }
        let url = format!("{}/embeddings", self.url);
        Call {
            reads: &["retry-after"],
            ..Call::new(Method::Post, url, headers, Some(body.to_string().into_bytes()))
        }
    }
}

/// Reads a reply: as many vectors as there were texts, each of length 1 afterwards.
pub fn vectors(answered: &Answered, texts: usize) -> Result<Vec<Vec<f32>>, Fault> {
    #[derive(Deserialize)]
    struct Found {
        data: Vec<Vector>,
    }
    #[derive(Deserialize)]
    struct Vector {
        index: usize,
        embedding: Vec<f32>,
    }
    let mut found: Found = read(answered, words)?;
    order(&mut found.data, |a, b| a.index.cmp(&b.index));
    if found.data.iter().enumerate().any(|(n, vector)| vector.index != n) {
        return Err(NOT_ONE_EACH);
    }
    unit_vectors(found.data.into_iter().map(|vector| vector.embedding).collect(), texts)
}

const NOT_ONE_EACH: Fault = Fault::Garbled("not one vector for each text");

/// One vector for each text, all alike, each made to have length 1.
pub(super) fn unit_vectors(found: Vec<Vec<f32>>, texts: usize) -> Result<Vec<Vec<f32>>, Fault> {
    let alike = found.windows(2).all(|pair| pair[0].len() == pair[1].len());
    if found.len() != texts || !alike {
        return Err(NOT_ONE_EACH);
    }
    found.into_iter().map(normalised).collect()
}

/// Reads the reply to a request for so many vectors.
type ReadVectors = fn(&Answered, usize) -> Result<Vec<Vec<f32>>, Fault>;

/// Embeds texts, so many in one request.
pub(super) async fn in_batches<U: Upstream, A: Into<Ask>>(
    upstream: &U,
    texts: &[String],
    batch: usize,
    patience: Patience,
    ask: impl Fn(&[String]) -> A,
    read: ReadVectors,
) -> Result<Vec<Vec<f32>>, Fault> {
    let mut found = Vec::with_capacity(texts.len());
    for some in texts.chunks(batch.max(1)) {
        let answered = exchange(upstream, ask(some), patience).await?;
        found.extend(read(&answered, some.len())?);
    }
    Ok(found)
}

fn normalised(mut vector: Vec<f32>) -> Result<Vec<f32>, Fault> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(Fault::Garbled("a vector without a direction"));
    }
    for x in &mut vector {
        *x /= length;
    }
    Ok(vector)
}

fn words(body: &[u8]) -> String {
    let found: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said =
        found.as_ref().and_then(|body| body.pointer("/error/message")).and_then(|message| message.as_str());
    said.unwrap_or("no reason given").chars().take(200).collect()
}

impl Embedder for OpenAiEmbedder {
    async fn embed<U: Upstream>(
        &self,
        upstream: &U,
        texts: &[String],
        kind: Kind,
    ) -> Result<Vec<Vec<f32>>, Fault> {
        in_batches(upstream, texts, self.batch, self.patience, |some| self.call(some, kind), vectors).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedder() -> OpenAiEmbedder {
        OpenAiEmbedder {
            url: "http://models.test/v1".into(),
            model: "m".into(),
            api_key: Some(Secret::new("key")),
            query_prefix: "query: ".into(),
            passage_prefix: "passage: ".into(),
            batch: 2,
            patience: Patience::TURN,
        }
    }

    fn answered(status: u16, body: &str) -> Answered {
        Answered { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_call_carries_prefix_and_key() {
        let call = embedder().call(&["a".into()], Kind::Query);
        assert_eq!(call.url, "http://models.test/v1/embeddings");
        assert!(call.headers.contains(&header("authorization", "Bearer key")));
        let body = String::from_utf8(call.body.unwrap_or_default()).unwrap_or_default();
        assert_eq!(body, r#"{"encoding_format":"float","input":["query: a"],"model":"m"}"#);
        assert!(!format!("{:?}", embedder()).contains("key\""));
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts_with_length_one() {
        let body = r#"{"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[3,4]}]}"#;
        assert_eq!(vectors(&answered(200, body), 2), Ok(vec![vec![0.6, 0.8], vec![0.0, 1.0]]));
    }

    #[test]
    fn a_reply_that_does_not_fit_is_refused() {
        for body in [
            r#"{"data":[]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[0]}]}"#,
            "no json",
        ] {
            assert!(matches!(vectors(&answered(200, body), 2), Err(Fault::Garbled(_))), "{body}");
        }
        let refused = vectors(&answered(401, r#"{"error":{"message":"bad key"}}"#), 1);
        assert_eq!(refused, Err(Fault::Refused(401, "bad key".into())));
    }
}
