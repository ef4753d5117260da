//! The models that the settings choose: for embeddings, answers and reranking.

use super::chat::{self, Chat, OpenAiChat, ReadEvent};
use super::embed::{Embedder, Kind, OpenAiEmbedder};
use super::pinecone::{Inference, PineconeEmbedder, PineconeReranker};
use super::rerank::Reranker;
use super::upstream::{Fault, Patience, Upstream};
use super::workers_ai::{WorkersAiChat, WorkersAiEmbedder, WorkersAiReranker};
use crate::config::knowledge::{
    self, ChatProvider, EmbeddingsProvider, PineconeAccount, Rerank, RerankProvider,
};
use crate::http::{Platform, Reply, SendError};

/// Texts in one request to an endpoint of `OpenAI`'s dialect: what self-hosted ones answer in time.
const OPENAI_BATCH: usize = 64;

/// An embedding model.
#[derive(Clone, Debug)]
pub struct Model {
    kind: EmbedderKind,
    dimension: usize,
}

#[derive(Clone, Debug)]
enum EmbedderKind {
    OpenAi(OpenAiEmbedder),
    WorkersAi(WorkersAiEmbedder),
    Pinecone(PineconeEmbedder),
}

impl Model {
    /// The model of these settings.
    pub fn new(settings: &knowledge::Embeddings, patience: Patience) -> Self {
        let knowledge::Embeddings { provider, model, dimension, query_prefix, passage_prefix } =
            settings.clone();
        let kind = match provider {
            EmbeddingsProvider::OpenAi(endpoint) => EmbedderKind::OpenAi(OpenAiEmbedder {
                url: endpoint.url,
                model,
                api_key: endpoint.api_key,
                query_prefix,
                passage_prefix,
                batch: OPENAI_BATCH,
                patience,
            }),
            EmbeddingsProvider::WorkersAi => {
                EmbedderKind::WorkersAi(WorkersAiEmbedder { model, query_prefix, passage_prefix, patience })
            }
            // These are told by a parameter what a text is.
            EmbeddingsProvider::Pinecone(account) => EmbedderKind::Pinecone(PineconeEmbedder {
                inference: inference(account, model, patience),
                dimension: None,
            }),
        };
        let kind = match kind {
            EmbedderKind::Pinecone(model) if has_dimensions(&model.inference.model) => {
                EmbedderKind::Pinecone(PineconeEmbedder { dimension: Some(dimension), ..model })
            }
            kind => kind,
        };
        Self { kind, dimension }
    }
}

// Of Pinecone's models those that make vectors of several dimensions want to be told which.
fn has_dimensions(model: &str) -> bool {
    model == "llama-text-embed-v2"
}

fn inference(account: PineconeAccount, model: String, patience: Patience) -> Inference {
    let PineconeAccount { api_key, api_version, control_url } = account;
    Inference { control_url, api_key, api_version, model, patience }
}

impl Embedder for Model {
    async fn embed<U: Upstream>(
        &self,
        upstream: &U,
        texts: &[String],
        kind: Kind,
    ) -> Result<Vec<Vec<f32>>, Fault> {
        let found = match &self.kind {
            EmbedderKind::OpenAi(model) => model.embed(upstream, texts, kind).await?,
            EmbedderKind::WorkersAi(model) => model.embed(upstream, texts, kind).await?,
            EmbedderKind::Pinecone(model) => model.embed(upstream, texts, kind).await?,
        };
        match found.iter().map(Vec::len).find(|length| *length != self.dimension) {
            None => Ok(found),
            Some(length) => Err(Fault::Unfit(format!(
                "the embedding model makes vectors of dimension {length}, EMBEDDINGS_DIMENSION says {}",
                self.dimension
            ))),
        }
    }
}

/// A language model.
#[derive(Clone, Debug)]
pub enum Talker {
    /// Of an endpoint that speaks `OpenAI`'s dialect.
    OpenAi(OpenAiChat),
    /// Of Workers AI.
    WorkersAi(WorkersAiChat),
}

impl Talker {
    /// The model of these settings.
    pub fn new(settings: &knowledge::Chat) -> Self {
        let knowledge::Chat { provider, model, timeout_ms } = settings.clone();
        match provider {
            ChatProvider::OpenAi(endpoint) => {
                Self::OpenAi(OpenAiChat { url: endpoint.url, model, api_key: endpoint.api_key, timeout_ms })
            }
            ChatProvider::WorkersAi => Self::WorkersAi(WorkersAiChat { model, timeout_ms }),
        }
    }
}

impl Chat for Talker {
    async fn open<P: Platform>(&self, platform: &P, ask: &chat::Ask) -> Result<Reply<P::Stream>, SendError> {
        match self {
            Self::OpenAi(model) => model.open(platform, ask).await,
            Self::WorkersAi(model) => model.open(platform, ask).await,
        }
    }

    fn reader(&self) -> ReadEvent {
        match self {
            Self::OpenAi(model) => model.reader(),
            Self::WorkersAi(model) => model.reader(),
        }
    }

    fn timeout_ms(&self) -> u32 {
        match self {
            Self::OpenAi(model) => model.timeout_ms(),
            Self::WorkersAi(model) => model.timeout_ms(),
        }
    }
}

/// The reranker of these settings.
pub fn reranker(settings: &Rerank, patience: Patience) -> Reranker {
    let Rerank { provider, model } = settings.clone();
    match provider {
        RerankProvider::WorkersAi => Reranker::WorkersAi(WorkersAiReranker { model, patience }),
        RerankProvider::Pinecone(account) => {
            Reranker::Pinecone(PineconeReranker(inference(account, model, patience)))
        }
    }
}
