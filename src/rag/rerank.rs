//! A second look at the best passages, by a model that reads question and passage together. Optional: where there is none,
//! or it fails, the order of the fused searches stands.

use serde::Deserialize;

use super::chunk::text_for_models;
use super::lexical::Passage;
use super::pinecone::PineconeReranker;
use super::retrieve::{Found, Retrieval};
use super::upstream::{Fault, Upstream};
use super::workers_ai::WorkersAiReranker;
use crate::gathered::order;

/// The passages that are looked at again: what costs most, in money and time, is their number.
pub const RERANKED: usize = 30;

/// How well a text answers a question.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub struct Score {
    /// Its place in what was asked.
    pub index: usize,
    /// Comparable within one question only.
    pub score: f64,
}

/// A reranking model.
#[derive(Clone, Debug)]
pub enum Reranker {
    /// Of Workers AI.
    WorkersAi(WorkersAiReranker),
    /// Of Pinecone.
    Pinecone(PineconeReranker),
}

impl Reranker {
    async fn rank<U: Upstream>(
        &self,
        upstream: &U,
        question: &str,
        texts: &[&str],
    ) -> Result<Vec<Score>, Fault> {
        match self {
            Self::WorkersAi(model) => model.rank(upstream, question, texts).await,
            Self::Pinecone(model) => model.rank(upstream, question, texts).await,
        }
    }
}

/// One score for each text, in the order of the texts.
pub(super) fn scores(mut found: Vec<Score>, texts: usize) -> Result<Vec<Score>, Fault> {
    order(&mut found, |a, b| a.index.cmp(&b.index));
    let in_order = found.iter().enumerate().all(|(n, score)| score.index == n && score.score.is_finite());
    if found.len() != texts || !in_order {
        return Err(Fault::Garbled("not one score for each text"));
    }
    Ok(found)
}

fn text(passage: &Passage) -> String {
    text_for_models(&passage.title, &passage.heading, &passage.content)
}

/// Puts the best of what was found into the reranker's order; the rest follows as it was. Whether the question can be
/// answered was judged before: the gate is calibrated on the searches' scores.
pub async fn reranked<U: Upstream>(
    upstream: &U,
    reranker: Option<&Reranker>,
    question: &str,
    mut retrieval: Retrieval,
) -> Retrieval {
    let best = retrieval.found.len().min(RERANKED);
    let Some(reranker) = reranker.filter(|_| best > 1) else { return retrieval };
    let texts: Vec<String> = retrieval.found[..best].iter().map(|found| text(&found.passage)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    match reranker.rank(upstream, question, &texts).await {
        Ok(scores) => {
            for (found, score) in retrieval.found.iter_mut().zip(scores) {
                found.reranked = Some(score.score);
            }
            // Stable: equals stay in the fused order.
            let rest = retrieval.found.split_off(best);
            let key = |found: &Found| found.reranked.unwrap_or(f64::MIN);
            order(&mut retrieval.found, |a, b| key(b).total_cmp(&key(a)));
            retrieval.found.extend(rest);
        }
        Err(fault) => retrieval.without_reranker = Some(fault),
    }
    retrieval
}
