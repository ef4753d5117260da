//! The vector store that the settings choose. Before the first use it is asked what it holds: vectors of another dimension
//! than the embedding model's are refused here, in words that say what to do.

use std::sync::{Mutex, PoisonError};

use super::chroma::{self, Chroma};
use super::pinecone::{self, Pinecone};
use super::store::{Filter, Hit, Point, VectorStore};
use super::upstream::{Fault, Patience, Upstream};
use crate::config::knowledge;

/// How many more are asked for than wanted: which of equals the stores cut off is chance, and the order of their ids
/// shall decide.
const TIES: usize = 8;

/// A collection of Chroma or a namespace of Pinecone.
#[derive(Debug)]
pub struct Store {
    kind: Kind,
    // Of what it holds, once that is known.
    dimension: Mutex<Option<usize>>,
}

#[derive(Debug)]
enum Kind {
    Chroma(Chroma),
    Pinecone(Pinecone),
}

// The same call on whichever it is.
macro_rules! on {
    ($store:expr, $it:ident => $call:expr) => {
        match &$store.kind {
            Kind::Chroma($it) => $call.await,
            Kind::Pinecone($it) => $call.await,
        }
    };
}

impl Store {
    /// The store of these settings; `name` is of another collection or namespace than they say.
    pub fn new(settings: &knowledge::Store, name: Option<&str>, patience: Patience) -> Self {
        let kind = match settings {
            knowledge::Store::Chroma(settings) => {
                Kind::Chroma(Chroma::new(collection(settings, name), patience))
            }
            knowledge::Store::Pinecone(settings) => {
                Kind::Pinecone(Pinecone::new(namespace(settings, name), patience))
            }
        };
        Self { kind, dimension: Mutex::default() }
    }

    async fn fits<U: Upstream>(&self, upstream: &U, dimension: usize) -> Result<(), Fault> {
        let known = *self.dimension.lock().unwrap_or_else(PoisonError::into_inner);
        let held = match known {
            Some(held) => held,
            None => match self.ensure(upstream, dimension).await? {
                Some(held) => held,
                // It is empty and takes any.
                None => return Ok(()),
            },
        };
        if held == dimension {
            return Ok(());
        }
        Err(Fault::Unfit(format!(
            "the vector store holds vectors of dimension {held}, the embedding model makes {dimension}; \
                 load the documents into another namespace or collection, or take the model that made them"
        )))
    }
}

fn collection(settings: &knowledge::Chroma, name: Option<&str>) -> chroma::Settings {
    let knowledge::Chroma { url, tenant, database, collection, token } = settings.clone();
    let collection = name.map_or(collection, str::to_owned);
    chroma::Settings { url, tenant, database, collection, token }
}

fn namespace(settings: &knowledge::Pinecone, name: Option<&str>) -> pinecone::Settings {
    let knowledge::Pinecone { account, place, namespace } = settings.clone();
    let place = match place {
        knowledge::PineconePlace::Host(host) => pinecone::Place::Host(host),
        knowledge::PineconePlace::Index(index) => pinecone::Place::Index(index),
    };
    pinecone::Settings {
        api_key: account.api_key,
        control_url: account.control_url,
        api_version: account.api_version,
        place,
        namespace: name.map_or(namespace, str::to_owned),
    }
}

impl VectorStore for Store {
    async fn ensure<U: Upstream>(&self, upstream: &U, dimension: usize) -> Result<Option<usize>, Fault> {
        let held = on!(self, it => it.ensure(upstream, dimension))?;
        *self.dimension.lock().unwrap_or_else(PoisonError::into_inner) = held;
        Ok(held)
    }

    async fn upsert<U: Upstream>(&self, upstream: &U, points: &[Point]) -> Result<(), Fault> {
        if let Some(point) = points.first() {
            self.fits(upstream, point.values.len()).await?;
        }
        on!(self, it => it.upsert(upstream, points))
    }

    async fn query<U: Upstream>(
        &self,
        upstream: &U,
        vector: &[f32],
        top_k: usize,
        filter: &Filter,
    ) -> Result<Vec<Hit>, Fault> {
        self.fits(upstream, vector.len()).await?;
        let mut hits = on!(self, it => it.query(upstream, vector, top_k + TIES, filter))?;
        hits.truncate(top_k);
        Ok(hits)
    }

    async fn fetch<U: Upstream>(&self, upstream: &U, ids: &[String]) -> Result<Vec<Point>, Fault> {
        on!(self, it => it.fetch(upstream, ids))
    }

    async fn delete<U: Upstream>(&self, upstream: &U, ids: &[String]) -> Result<(), Fault> {
        on!(self, it => it.delete(upstream, ids))
    }

    async fn list<U: Upstream>(&self, upstream: &U, prefix: &str) -> Result<Vec<String>, Fault> {
        on!(self, it => it.list(upstream, prefix))
    }

    async fn page<U: Upstream>(
        &self,
        upstream: &U,
        from: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), Fault> {
        on!(self, it => it.page(upstream, from))
    }

    async fn count<U: Upstream>(&self, upstream: &U) -> Result<u64, Fault> {
        on!(self, it => it.count(upstream))
    }

    async fn settle<U: Upstream>(&self, upstream: &U) -> Result<(), Fault> {
        on!(self, it => it.settle(upstream))
    }
}
