//! The chatbot's settings. All are optional together: without them the rest of the product runs and `/v1` says what is
//! missing. One that is set must make sense with the others.

use super::form::knowledge as form;
use super::{Reader, Secret};

/// Where Pinecone creates indexes, says where they are, embeds and reranks.
const PINECONE_CONTROL_URL: &str = "https://api.pinecone.io";
/// The version of Pinecone's API that is spoken.
const PINECONE_API_VERSION: &str = "2026-04";
/// Rerankers where only the provider is named.
const WORKERS_AI_RERANKER: &str = "@cf/baai/bge-reranker-base";
const PINECONE_RERANKER: &str = "bge-reranker-v2-m3";
/// How long a language model may take when nothing is set: a large one thinks before its first word.
const CHAT_TIMEOUT_MS: u32 = 30_000;
/// The Workers AI binding; the lookup answers anything but a blank when it is there.
const AI_BINDING: &str = "AI";

/// What the chatbot is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knowledge {
    /// The vector store; without it words alone are searched. Never there without embeddings.
    pub store: Option<Store>,
    /// The embedding model. Never there without a vector store.
    pub embeddings: Option<Embeddings>,
    /// The language model; without it nothing is answered, only found.
    pub chat: Option<Chat>,
    /// The reranker, if any.
    pub rerank: Option<Rerank>,
    /// Whether people who are not signed in may search and chat.
    pub anon: bool,
    /// When a question counts as answerable, for an embedding model that this program was not calibrated for: bias, weight
    /// of the best cosine similarity, weight of BM25's strength, threshold.
    pub gate: Option<[f64; 4]>,
}

/// A vector store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// Pinecone.
    Pinecone(Pinecone),
    /// Chroma.
    Chroma(Chroma),
}

/// An account at Pinecone: for its vector store, its embeddings and its rerankers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PineconeAccount {
    /// `Api-Key`
    pub api_key: Secret,
    /// `X-Pinecone-Api-Version`
    pub api_version: String,
    /// The control host, as a URL without a trailing slash.
    pub control_url: String,
}

/// An index of Pinecone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinecone {
    /// Whose.
    pub account: PineconeAccount,
    /// Where.
    pub place: PineconePlace,
    /// The namespace to begin with; a reindex may switch to another.
    pub namespace: String,
}

/// How an index of Pinecone is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PineconePlace {
    /// Its own host, as a URL without a trailing slash.
    Host(String),
    /// Its name; the host is asked for.
    Index(String),
}

/// A collection of Chroma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chroma {
    /// The server, without a trailing slash.
    pub url: String,
    /// The tenant.
    pub tenant: String,
    /// The database.
    pub database: String,
    /// The collection to begin with; a reindex may switch to another.
    pub collection: String,
    /// Chroma Cloud's token.
    pub token: Option<Secret>,
}

/// An embedding model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embeddings {
    /// Who runs it.
    pub provider: EmbeddingsProvider,
    /// Its name.
    pub model: String,
    /// How long its vectors are.
    pub dimension: usize,
    /// What precedes a question, such as `query: `.
    pub query_prefix: String,
    /// What precedes a passage.
    pub passage_prefix: String,
}

/// Who embeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmbeddingsProvider {
    /// Any endpoint that speaks `OpenAI`'s dialect.
    OpenAi(Endpoint),
    /// The binding of Workers AI.
    WorkersAi,
    /// Pinecone.
    Pinecone(PineconeAccount),
}

/// An endpoint that speaks `OpenAI`'s dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Up to and with `/v1`, without a trailing slash.
    pub url: String,
    /// Sent as a bearer token.
    pub api_key: Option<Secret>,
}

/// A language model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Who runs it.
    pub provider: ChatProvider,
    /// Its name.
    pub model: String,
    /// Milliseconds for the head of its answer, and between one piece of it and the next.
    pub timeout_ms: u32,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatProvider {
    /// Any endpoint that speaks `OpenAI`'s dialect.
    OpenAi(Endpoint),
    /// The binding of Workers AI.
    WorkersAi,
}

/// A reranker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rerank {
    /// Who runs it.
    pub provider: RerankProvider,
    /// Its name.
    pub model: String,
}

/// Who reranks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RerankProvider {
    /// The binding of Workers AI.
    WorkersAi,
    /// Pinecone.
    Pinecone(PineconeAccount),
}

/// Reads the chatbot's settings; what is wrong is reported to the reader.
pub(super) fn read<F: Fn(&str) -> Option<String>>(read: &mut Reader<F>) -> Knowledge {
    let stores = read.optional("VECTOR_STORE", |value| form::one_of(value, "pinecone or chroma"));
    let embeds = read.optional("EMBEDDINGS", |value| form::one_of(value, "openai, workers-ai or pinecone"));
    let chats = read.optional("CHAT", |value| form::one_of(value, "openai or workers-ai"));
    let reranks = read.optional("RERANK", |value| form::one_of(value, "none, workers-ai or pinecone"));
    let anon = read.optional("CHAT_ANON", form::yes_or_no).unwrap_or(false);
    let gate = read.optional("ANSWERABLE", form::gate);
    let named = |choice: &Option<String>, name: &str| choice.as_deref() == Some(name);
    let pinecone = [&stores, &embeds, &reranks].iter().any(|choice| named(choice, "pinecone"));
    let account = if pinecone { pinecone_account(read) } else { None };
    if [&embeds, &chats, &reranks].iter().any(|choice| named(choice, "workers-ai")) {
        read.required(AI_BINDING, |_| Ok(()));
    }
    not_alone(read, stores.as_ref(), embeds.as_ref(), chats.as_ref());
    Knowledge {
        store: stores.and_then(|name| match name.as_str() {
            "pinecone" => pinecone_index(read, account.clone()).map(Store::Pinecone),
            _ => chroma(read).map(Store::Chroma),
        }),
        embeddings: embeds.and_then(|name| embeddings(read, &name, account.clone())),
        chat: chats.and_then(|name| chat(read, &name)),
        rerank: reranks.and_then(|name| rerank(read, &name, account)),
        anon,
        gate,
    }
}

/// What is set must have what it is of use with.
fn not_alone<F: Fn(&str) -> Option<String>>(
    read: &mut Reader<F>,
    stores: Option<&String>,
    embeds: Option<&String>,
    chats: Option<&String>,
) {
    let before = read.errors.len();
    for (name, choice, parts) in [
        ("VECTOR_STORE", stores, ["CHROMA_URL", "PINECONE_HOST", "PINECONE_INDEX"]),
        ("EMBEDDINGS", embeds, ["EMBEDDINGS_URL", "EMBEDDINGS_MODEL", "EMBEDDINGS_DIMENSION"]),
        ("CHAT", chats, ["CHAT_URL", "CHAT_MODEL", "CHAT_API_KEY"]),
    ] {
        let is_set = |part: &&str| (read.lookup)(part).is_some_and(|value| !value.trim().is_empty());
        let said = read.errors.iter().any(|(key, _)| *key == name);
        if choice.is_none() && !said && parts.iter().any(is_set) {
            read.report(name, "is missing, although settings that belong to it are there");
        }
    }
    let said = |name: &str| read.errors.iter().any(|(key, _)| *key == name);
    if read.errors.len() == before && !said("VECTOR_STORE") && !said("EMBEDDINGS") {
        match (stores, embeds) {
            (Some(_), None) => read.report("EMBEDDINGS", "is missing, although VECTOR_STORE is set"),
            (None, Some(_)) => read.report("VECTOR_STORE", "is missing, although EMBEDDINGS is set"),
            _ => {}
        }
    }
}

fn pinecone_account<F: Fn(&str) -> Option<String>>(read: &mut Reader<F>) -> Option<PineconeAccount> {
    let api_key = read.required("PINECONE_API_KEY", form::key);
    let api_version = read.optional("PINECONE_API_VERSION", form::api_version);
    let control_url = read.optional("PINECONE_CONTROL_URL", super::form::base_url);
    Some(PineconeAccount {
        api_key: api_key?,
        api_version: api_version.unwrap_or_else(|| PINECONE_API_VERSION.to_owned()),
        control_url: control_url.unwrap_or_else(|| PINECONE_CONTROL_URL.to_owned()),
    })
}

fn pinecone_index<F: Fn(&str) -> Option<String>>(
    read: &mut Reader<F>,
    account: Option<PineconeAccount>,
) -> Option<Pinecone> {
    let before = read.errors.len();
    let host = read.optional("PINECONE_HOST", form::host);
    let index = read.optional("PINECONE_INDEX", form::index_name);
    let namespace = read.optional("PINECONE_NAMESPACE", form::index_name);
    let place = host.map(PineconePlace::Host).or(index.map(PineconePlace::Index));
    if place.is_none() && read.errors.len() == before {
        read.report("PINECONE_HOST", "is missing (or set PINECONE_INDEX)");
    }
    let namespace = namespace.unwrap_or_else(|| "knowledge".to_owned());
    Some(Pinecone { account: account?, place: place?, namespace })
}

fn chroma<F: Fn(&str) -> Option<String>>(read: &mut Reader<F>) -> Option<Chroma> {
    let url = read.required("CHROMA_URL", super::form::base_url);
    let collection = read.optional("CHROMA_COLLECTION", form::index_name);
    let tenant = read.optional("CHROMA_TENANT", form::path_part);
    let database = read.optional("CHROMA_DATABASE", form::path_part);
    let token = read.optional("CHROMA_TOKEN", form::key);
    Some(Chroma {
        url: url?,
        tenant: tenant.unwrap_or_else(|| "default_tenant".to_owned()),
        database: database.unwrap_or_else(|| "default_database".to_owned()),
        collection: collection.unwrap_or_else(|| "knowledge".to_owned()),
        token,
    })
}

fn embeddings<F: Fn(&str) -> Option<String>>(
    read: &mut Reader<F>,
    provider: &str,
    account: Option<PineconeAccount>,
) -> Option<Embeddings> {
    let provider = match provider {
        "openai" => endpoint(read, "EMBEDDINGS_URL", "EMBEDDINGS_API_KEY").map(EmbeddingsProvider::OpenAi),
        "workers-ai" => Some(EmbeddingsProvider::WorkersAi),
        _ => account.map(EmbeddingsProvider::Pinecone),
    };
    let model = read.required("EMBEDDINGS_MODEL", super::form::plain_text);
    let dimension = read.required("EMBEDDINGS_DIMENSION", form::dimension);
    // Their white space counts: `query: ` ends with one.
    let query_prefix = read.optional("EMBEDDINGS_QUERY_PREFIX", form::prefix).unwrap_or_default();
    let passage_prefix = read.optional("EMBEDDINGS_PASSAGE_PREFIX", form::prefix).unwrap_or_default();
    Some(Embeddings {
        provider: provider?,
        model: model?,
        dimension: dimension?,
        query_prefix,
        passage_prefix,
    })
}

fn chat<F: Fn(&str) -> Option<String>>(read: &mut Reader<F>, provider: &str) -> Option<Chat> {
    let provider = match provider {
        "openai" => endpoint(read, "CHAT_URL", "CHAT_API_KEY").map(ChatProvider::OpenAi),
        _ => Some(ChatProvider::WorkersAi),
    };
    let model = read.required("CHAT_MODEL", super::form::plain_text);
    let timeout_ms = read.optional("CHAT_TIMEOUT_MS", super::form::timeout_ms).unwrap_or(CHAT_TIMEOUT_MS);
    Some(Chat { provider: provider?, model: model?, timeout_ms })
}

fn endpoint<F: Fn(&str) -> Option<String>>(
    read: &mut Reader<F>,
    url: &'static str,
    api_key: &'static str,
) -> Option<Endpoint> {
    let url = read.required(url, form::endpoint);
    let api_key = read.optional(api_key, form::key);
    Some(Endpoint { url: url?, api_key })
}

fn rerank<F: Fn(&str) -> Option<String>>(
    read: &mut Reader<F>,
    provider: &str,
    account: Option<PineconeAccount>,
) -> Option<Rerank> {
    let (provider, model) = match provider {
        "none" => return None,
        "workers-ai" => (Some(RerankProvider::WorkersAi), WORKERS_AI_RERANKER),
        _ => (account.map(RerankProvider::Pinecone), PINECONE_RERANKER),
    };
    let chosen = read.optional("RERANK_MODEL", super::form::plain_text);
    Some(Rerank { provider: provider?, model: chosen.unwrap_or_else(|| model.to_owned()) })
}
