//! The chatbot's parts as the settings choose them, and what an isolate remembers of them between requests: where stores
//! are, and which index is searched.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::json;

use super::gate::Gate;
use super::lexical::{Database, said};
use super::models_of::{Model, reranker};
use super::rerank::Reranker;
use super::store_of::Store;
use super::upstream::{Fault, Patience, Upstream, exchange};
use crate::config::knowledge::{self, Knowledge};

/// How long an isolate remembers which index is searched, in milliseconds. An index that was replaced is kept for longer.
const REMEMBERED_MS: u64 = 30_000;

/// What is built once from the settings.
#[derive(Debug)]
pub struct Parts {
    settings: Knowledge,
    embedder: Option<Model>,
    keeper: Option<Model>,
    reranker: Option<Reranker>,
    gate: Gate,
    stores: RefCell<HashMap<String, Rc<Store>>>,
    // Until when it is believed; none is before the first document.
    active: RefCell<Option<(Option<Active>, u64)>>,
}

/// The index that is searched.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Active {
    /// Its name.
    pub name: String,
    /// The store and the model that it was made with.
    pub made_with: String,
}

impl Parts {
    /// Builds what the settings name.
    pub fn new(settings: &Knowledge) -> Self {
        Self {
            embedder: settings.embeddings.as_ref().map(|settings| Model::new(settings, Patience::TURN)),
            keeper: settings.embeddings.as_ref().map(|settings| Model::new(settings, Patience::BULK)),
            reranker: settings.rerank.as_ref().map(|settings| reranker(settings, Patience::TURN)),
            gate: Gate::of(
                settings.embeddings.as_ref().map(|embeddings| embeddings.model.as_str()),
                settings.gate,
            ),
            settings: settings.clone(),
            stores: RefCell::default(),
            active: RefCell::default(),
        }
    }

    /// The embedding model, if any is configured; then there is a vector store too.
    pub const fn embedder(&self) -> Option<&Model> {
        self.embedder.as_ref()
    }

    /// The same model with patience for many texts at once.
    pub const fn keeper(&self) -> Option<&Model> {
        self.keeper.as_ref()
    }

    /// The reranker, if any is configured.
    pub const fn reranker(&self) -> Option<&Reranker> {
        self.reranker.as_ref()
    }

    /// What judges whether the documents answer a question.
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The index that the settings name: the one that is searched until a reindex switches to another.
    pub fn first_index(&self) -> Option<&str> {
        self.settings.store.as_ref().map(|store| match store {
            knowledge::Store::Pinecone(index) => index.namespace.as_str(),
            knowledge::Store::Chroma(chroma) => chroma.collection.as_str(),
        })
    }

    /// The store and the model, in a text that is the same for all that can be compared.
    pub fn made_with(&self) -> Option<String> {
        let embeddings = self.settings.embeddings.as_ref()?;
        let store = match self.settings.store.as_ref()? {
            knowledge::Store::Pinecone(_) => "pinecone",
            knowledge::Store::Chroma(_) => "chroma",
        };
        Some(format!("{store} {} {}", embeddings.model, embeddings.dimension))
    }

    /// The store of an index, whether it is there yet or not.
    pub fn store(&self, index: &str) -> Option<Rc<Store>> {
        let settings = self.settings.store.as_ref()?;
        let mut stores = self.stores.borrow_mut();
        let store = stores
            .entry(index.to_owned())
            .or_insert_with(|| Rc::new(Store::new(settings, Some(index), Patience::TURN)));
        Some(Rc::clone(store))
    }

    /// The store that is searched; none where none is configured.
    ///
    /// # Errors
    /// What the database answers; a refusal where the index was made with another store or model.
    pub async fn searched<U: Upstream>(
        &self,
        upstream: &U,
        database: &Database,
        now_ms: u64,
    ) -> Result<Option<Rc<Store>>, Fault> {
        let (Some(first), Some(made_with)) = (self.first_index(), self.made_with()) else { return Ok(None) };
        let active = self.active(upstream, database, now_ms).await?;
        let active =
            active.unwrap_or_else(|| Active { name: first.to_owned(), made_with: made_with.clone() });
        if active.made_with != made_with {
            return Err(Fault::Unfit(format!(
                "the index {} was made with {}, not {made_with}: reindex",
                active.name, active.made_with
            )));
        }
        Ok(self.store(&active.name))
    }

    async fn active<U: Upstream>(
        &self,
        upstream: &U,
        database: &Database,
        now_ms: u64,
    ) -> Result<Option<Active>, Fault> {
        let known = self.active.borrow().clone().filter(|(_, until)| now_ms < *until);
        if let Some((active, _)) = known {
            return Ok(active);
        }
        let call = database.rpc("active_knowledge_index", &json!({}));
        let active: Option<Active> = said(&exchange(upstream, call, Patience::TURN).await?)?;
        *self.active.borrow_mut() = Some((active.clone(), now_ms + REMEMBERED_MS));
        Ok(active)
    }

    /// Forgets which index is searched: it has just been switched.
    pub fn forget_active(&self) {
        *self.active.borrow_mut() = None;
    }
}
