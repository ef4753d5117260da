//! The store made of the calls.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::calls::{Place, Settings};
use super::checks::{self, IDS};
use super::errors::{done, is_no_namespace};
use super::replies::{self, Described, Page, Stats, parsed};
use crate::gathered::order;
use crate::http::Call;
use crate::rag::store::{Filter, Hit, Point, VectorStore};
use crate::rag::upstream::{Answered, Fault, Patience, Upstream, exchange};

/// The id of a point that never is: to delete it is a write without an effect.
const NOBODY: &str = "chairside-nobody";
/// How often it is asked whether writes are seen yet, and how long is waited in between at first.
const LOOKS: u32 = 8;
const FIRST_LOOK_MS: u32 = 250;
const LONGEST_LOOK_MS: u32 = 4_000;

/// A namespace of an index of Pinecone.
#[derive(Debug)]
pub struct Pinecone {
    settings: Settings,
    patience: Patience,
    known: Mutex<Known>,
}

// What is found out once, and the highest number of a write of ours.
#[derive(Clone, Debug, Default)]
struct Known {
    host: Option<String>,
    dimension: Option<usize>,
    written: u64,
}

impl Pinecone {
    /// An index that is there.
    pub fn new(settings: Settings, patience: Patience) -> Self {
        Self { settings, patience, known: Mutex::default() }
    }

    async fn ask<U: Upstream>(&self, upstream: &U, call: Call) -> Result<Answered, Fault> {
        let answered = exchange(upstream, call, self.patience).await;
        if matches!(answered, Err(Fault::Unreachable(_))) {
            // An index that was made anew has another host.
            self.known().host = None;
        }
        answered
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn host<U: Upstream>(&self, upstream: &U) -> Result<String, Fault> {
        let index = match &self.settings.place {
            Place::Host(host) => return Ok(host.clone()),
            Place::Index(index) => index,
        };
        let known = self.known().host.clone();
        match known {
            Some(host) => Ok(host),
            None => self.describe(upstream, index).await,
        }
    }

    // The control plane says host and dimension.
    async fn describe<U: Upstream>(&self, upstream: &U, index: &str) -> Result<String, Fault> {
        let answered = self.ask(upstream, self.settings.describe(index)).await?;
        let Described { host, dimension, metric, status } = parsed(&answered)?;
        cosine(&metric)?;
        if !status.ready {
            return Err(Fault::Busy(503, None));
        }
        let host = url_of(&host, &self.settings.control_url)?;
        let mut known = self.known();
        known.host = Some(host.clone());
        known.dimension = dimension;
        Ok(host)
    }

    // Finds out the dimension: by name from the control plane, by host from the index itself.
    async fn look_up<U: Upstream>(&self, upstream: &U) -> Result<Option<usize>, Fault> {
        match &self.settings.place {
            Place::Index(index) => {
                self.describe(upstream, index).await?;
            }
            Place::Host(_) => {
                let stats = self.stats(upstream).await?;
                stats.metric.as_deref().map_or(Ok(()), cosine)?;
                self.known().dimension = stats.dimension;
            }
        }
        Ok(self.known().dimension)
    }

    async fn stats<U: Upstream>(&self, upstream: &U) -> Result<Stats, Fault> {
        let host = self.host(upstream).await?;
        parsed(&self.ask(upstream, self.settings.stats(&host)).await?)
    }

    // A page of ids and where the next one begins.
    async fn ids<U: Upstream>(
        &self,
        upstream: &U,
        prefix: &str,
        token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), Fault> {
        let host = self.host(upstream).await?;
        let answered = self.ask(upstream, self.settings.page(&host, prefix, token)).await?;
        let page: Page = if is_no_namespace(&answered) { Page::default() } else { parsed(&answered)? };
        let next = page.pagination.and_then(|pagination| pagination.next).filter(|next| !next.is_empty());
        if next.is_some() && next.as_deref() == token {
            return Err(Fault::Garbled("a listing that does not go on"));
        }
        Ok((page.vectors.into_iter().map(|vector| vector.id).collect(), next))
    }

    async fn write<U: Upstream>(&self, upstream: &U, call: Call) -> Result<Answered, Fault> {
        let answered = self.ask(upstream, call).await?;
        if let Some(lsn) = replies::written_lsn(&answered) {
            let mut known = self.known();
            known.written = known.written.max(lsn);
        }
        Ok(answered)
    }
}

fn cosine(metric: &str) -> Result<(), Fault> {
    if metric == "cosine" {
        return Ok(());
    }
    Err(Fault::Refused(409, "the index was made with another metric than cosine".to_owned()))
}

// The key goes to that host: never in the clear, unless the control plane is asked in the clear too.
fn url_of(host: &str, control_url: &str) -> Result<String, Fault> {
    let host = host.trim_end_matches('/');
    match host.split_once("://") {
        None if !host.is_empty() => Ok(format!("https://{host}")),
        Some(("https", _)) => Ok(host.to_owned()),
        Some(("http", _)) if control_url.starts_with("http://") => Ok(host.to_owned()),
        _ => Err(Fault::Garbled("an index without a host")),
    }
}

impl VectorStore for Pinecone {
    async fn ensure<U: Upstream>(&self, upstream: &U, dimension: usize) -> Result<Option<usize>, Fault> {
        match self.look_up(upstream).await {
            Ok(found) => Ok(found),
            Err(Fault::Refused(404, _)) => Err(Fault::Refused(
                404,
                format!("there is no such index; make one of dimension {dimension} with the metric cosine"),
            )),
            Err(fault) => Err(fault),
        }
    }

    async fn upsert<U: Upstream>(&self, upstream: &U, points: &[Point]) -> Result<(), Fault> {
        let batches = checks::batches(points)?;
        let host = self.host(upstream).await?;
        for batch in batches {
            let answered = self.write(upstream, self.settings.upsert(&host, &batch)).await?;
            replies::upserted(&answered, batch.len())?;
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
        let host = self.host(upstream).await?;
        let answered = self.ask(upstream, self.settings.query(&host, vector, top_k, filter)).await?;
        if is_no_namespace(&answered) { Ok(Vec::new()) } else { replies::hits(&answered) }
    }

    async fn fetch<U: Upstream>(&self, upstream: &U, ids: &[String]) -> Result<Vec<Point>, Fault> {
        checks::ids(ids)?;
        let host = self.host(upstream).await?;
        let mut found = Vec::new();
        for some in checks::for_urls(ids) {
            let answered = self.ask(upstream, self.settings.fetch(&host, some)).await?;
            if !is_no_namespace(&answered) {
                found.extend(replies::points(&answered)?);
            }
        }
        order(&mut found, |a, b| a.id.cmp(&b.id));
        Ok(found)
    }

    async fn delete<U: Upstream>(&self, upstream: &U, ids: &[String]) -> Result<(), Fault> {
        checks::ids(ids)?;
        let host = self.host(upstream).await?;
        for some in ids.chunks(IDS) {
            done(&self.write(upstream, self.settings.delete(&host, some)).await?)?;
        }
        Ok(())
    }

    async fn list<U: Upstream>(&self, upstream: &U, prefix: &str) -> Result<Vec<String>, Fault> {
        let mut ids = Vec::new();
        let mut token = None;
        loop {
            let (page, next) = self.ids(upstream, prefix, token.as_deref()).await?;
            ids.extend(page);
            if next.is_none() {
                break;
            }
            token = next;
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    async fn page<U: Upstream>(
        &self,
        upstream: &U,
        from: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), Fault> {
        self.ids(upstream, "", from).await
    }

    async fn count<U: Upstream>(&self, upstream: &U) -> Result<u64, Fault> {
        Ok(self.stats(upstream).await?.count(&self.settings.namespace))
    }

    /// A write's number is above those of all writes before it, whoever made them: so one without an effect is made,
    /// and then it is asked until queries reach up to it.
    async fn settle<U: Upstream>(&self, upstream: &U) -> Result<(), Fault> {
        let known = self.known().dimension;
        let dimension = if known.is_some() { known } else { self.look_up(upstream).await? };
        let Some(dimension) = dimension else { return Ok(()) };
        let host = self.host(upstream).await?;
        let barrier = self.settings.delete(&host, &[NOBODY.to_owned()]);
        done(&self.write(upstream, barrier).await?)?;
        let written = self.known().written;
        let mut direction = vec![0.0; dimension];
        direction.first_mut().into_iter().for_each(|x| *x = 1.0);
        let look = self.settings.query(&host, &direction, 1, &Filter::default());
        for attempt in 0..LOOKS {
            let answered = self.ask(upstream, look.clone()).await?;
            // Without a number it cannot be told, and nothing is gained by waiting.
            if replies::indexed_lsn(&answered).is_none_or(|indexed| indexed >= written) {
                return Ok(());
            }
            upstream.pause((FIRST_LOOK_MS << attempt).min(LONGEST_LOOK_MS)).await;
        }
        Err(Fault::Timeout)
    }
}
