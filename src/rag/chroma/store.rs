//! The store made of the calls.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::calls::{self, BATCH, PAGE, Settings};
use crate::gathered::order;
use crate::http::Call;
use crate::rag::store::{Filter, Hit, Point, VectorStore};
use crate::rag::upstream::{Answered, Fault, Patience, Upstream, exchange};

/// A collection of Chroma.
#[derive(Debug)]
pub struct Chroma {
    settings: Settings,
    patience: Patience,
    // Asked for once, and again when it is gone: a collection that was dropped and made anew has another id.
    collection: Mutex<Option<String>>,
}

impl Chroma {
    /// A collection that may still have to be made.
    pub const fn new(settings: Settings, patience: Patience) -> Self {
        Self { settings, patience, collection: Mutex::new(None) }
    }

    async fn ask<U: Upstream>(&self, upstream: &U, call: Call) -> Result<Answered, Fault> {
        exchange(upstream, call, self.patience).await
    }

    async fn open<U: Upstream>(&self, upstream: &U) -> Result<calls::Opened, Fault> {
        let opened = calls::opened(&self.ask(upstream, self.settings.open()).await?)?;
        self.remember(Some(opened.id.clone()));
        Ok(opened)
    }

    fn remember(&self, id: Option<String>) {
        *self.collection.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    // Asks something of the collection.
    async fn ask_it<U: Upstream>(
        &self,
        upstream: &U,
        call: impl Fn(&str) -> Call,
    ) -> Result<Answered, Fault> {
        let known = self.collection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(id) = known {
            let answered = self.ask(upstream, call(&id)).await?;
            if answered.status != 404 {
                return Ok(answered);
            }
        }
        let opened = self.open(upstream).await?;
        self.ask(upstream, call(&opened.id)).await
    }

    // What an upsert would leave behind: keys of the old metadata that the new does not have, as nulls.
    async fn stale_keys<U: Upstream>(
        &self,
        upstream: &U,
        points: &[Point],
    ) -> Result<Vec<(String, Map<String, Value>)>, Fault> {
        let ids: Vec<String> = points.iter().map(|point| point.id.clone()).collect();
        let old = calls::records(&self.ask_it(upstream, |it| self.settings.get(it, &ids, false)).await?)?;
        let old: HashMap<&str, &Map<String, Value>> =
            old.iter().map(|point| (point.id.as_str(), &point.metadata)).collect();
        let nulls = |point: &Point| -> Map<String, Value> {
            let before = old.get(point.id.as_str()).map(|metadata| metadata.keys()).into_iter().flatten();
            before
                .filter(|key| !point.metadata.contains_key(*key))
                .map(|key| (key.clone(), Value::Null))
                .collect()
        };
        Ok(points
            .iter()
            .map(|point| (point.id.clone(), nulls(point)))
            .filter(|(_, nulls)| !nulls.is_empty())
            .collect())
    }
}

impl VectorStore for Chroma {
    async fn ensure<U: Upstream>(&self, upstream: &U, _dimension: usize) -> Result<Option<usize>, Fault> {
        Ok(self.open(upstream).await?.dimension)
    }

    async fn upsert<U: Upstream>(&self, upstream: &U, points: &[Point]) -> Result<(), Fault> {
        for batch in points.chunks(BATCH) {
            let stale = self.stale_keys(upstream, batch).await?;
            calls::done(&self.ask_it(upstream, |it| self.settings.upsert(it, batch)).await?)?;
            if !stale.is_empty() {
                calls::done(&self.ask_it(upstream, |it| self.settings.drop_keys(it, &stale)).await?)?;
            }
        }
        Ok(())
    }

    async fn query<U: Upstream>(
        &self,
        upstream: &U,
        vector: &[f32],
        top_k: usize,
        filter: &Filter,
    ) -> Result<Vec<Hit>, Fault> {
        calls::hits(&self.ask_it(upstream, |it| self.settings.query(it, vector, top_k, filter)).await?)
    }

    async fn fetch<U: Upstream>(&self, upstream: &U, ids: &[String]) -> Result<Vec<Point>, Fault> {
        let mut found = Vec::new();
        for batch in ids.chunks(BATCH) {
            let page = self.ask_it(upstream, |it| self.settings.get(it, batch, true)).await?;
            found.extend(calls::records(&page)?);
        }
        order(&mut found, |a, b| a.id.cmp(&b.id));
        Ok(found)
    }

    async fn delete<U: Upstream>(&self, upstream: &U, ids: &[String]) -> Result<(), Fault> {
        for batch in ids.chunks(BATCH) {
            calls::done(&self.ask_it(upstream, |it| self.settings.delete(it, batch)).await?)?;
        }
        Ok(())
    }

    async fn list<U: Upstream>(&self, upstream: &U, prefix: &str) -> Result<Vec<String>, Fault> {
        let mut ids = Vec::new();
        loop {
            let page = calls::records(&self.ask_it(upstream, |it| self.settings.page(it, ids.len())).await?)?;
            let last = page.len() < PAGE;
            ids.extend(page.into_iter().map(|point| point.id));
            if last {
                break;
            }
        }
        ids.retain(|id| id.starts_with(prefix));
        ids.sort_unstable();
        Ok(ids)
    }

    async fn page<U: Upstream>(
        &self,
        upstream: &U,
        from: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), Fault> {
        let from = from.and_then(|from| from.parse().ok()).unwrap_or(0);
        let page = calls::records(&self.ask_it(upstream, |it| self.settings.page(it, from)).await?)?;
        let next = (page.len() == PAGE).then(|| (from + PAGE).to_string());
        Ok((page.into_iter().map(|point| point.id).collect(), next))
    }

    async fn count<U: Upstream>(&self, upstream: &U) -> Result<u64, Fault> {
        calls::counted(&self.ask_it(upstream, |it| self.settings.count(it)).await?)
    }
    /// What was written is seen at once.
    async fn settle<U: Upstream>(&self, _upstream: &U) -> Result<(), Fault> {
        Ok(())
    }
}
