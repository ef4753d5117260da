//! The vectors of pieces, in every index that is kept: what is missing is embedded once and written to all, what is there
//! under other metadata than it should have is renewed without being embedded again.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::chunk::Piece;
use super::embed::{Embedder, Kind};
use super::store::{Point, VectorStore};
use super::upstream::{Fault, Upstream};
use crate::gathered::gathered;

/// What is searched by vectors, and where they are kept.
#[derive(Debug)]
pub struct Kept<'a, E, S> {
    /// The model; none where none is configured.
    pub embedder: Option<&'a E>,
    /// The indexes.
    pub stores: Vec<&'a S>,
}

/// A piece that should have a vector.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The piece.
    pub piece: &'a Piece,
    /// Its document's title.
    pub title: &'a str,
    /// What it is filtered by.
    pub metadata: Map<String, Value>,
}

/// What adding the missing ones came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Added {
    /// Pieces that were embedded.
    pub embedded: usize,
    /// By index: points whose metadata is not what it should be, as they should be.
    pub stale: Vec<Vec<Point>>,
}

impl<E: Embedder, S: VectorStore> Kept<'_, E, S> {
    /// Gives each piece that has none its vector, in each index. Those that are there are left as they are.
    ///
    /// # Errors
    /// The first fault.
    pub async fn add_missing<U: Upstream>(
        &self,
        upstream: &U,
        wanted: &[Wanted<'_>],
    ) -> Result<Added, Fault> {
        let mut added = Added::default();
        let Some(embedder) = self.embedder.filter(|_| !wanted.is_empty()) else { return Ok(added) };
        let ids: Vec<String> = wanted.iter().map(|wanted| wanted.piece.id.clone()).collect();
        let mut missing = Vec::with_capacity(self.stores.len());
        for store in &self.stores {
            let there = store.fetch(upstream, &ids).await?;
            let known: BTreeSet<&str> = gathered(there.iter().map(|point| point.id.as_str()));
            let lacks = |n: &usize| !known.contains(wanted[*n].piece.id.as_str());
            missing.push(gathered::<usize, BTreeSet<_>>((0..wanted.len()).filter(lacks)));
            added.stale.push(stale(there, wanted));
        }
        let all: BTreeSet<usize> = gathered(missing.iter().flatten().copied());
        let all: Vec<usize> = all.into_iter().collect();
        let texts: Vec<String> =
            all.iter().map(|n| wanted[*n].piece.embedded_text(wanted[*n].title)).collect();
        let values = embedder.embed(upstream, &texts, Kind::Passage).await?;
        added.embedded = all.len();
        for (store, lacking) in self.stores.iter().zip(&missing) {
            let points: Vec<Point> = all
                .iter()
                .zip(&values)
                .filter(|(n, _)| lacking.contains(n))
                .map(|(n, values)| Point {
                    id: wanted[*n].piece.id.clone(),
                    values: values.clone(),
                    metadata: wanted[*n].metadata.clone(),
                })
                .collect();
            if !points.is_empty() {
                store.upsert(upstream, &points).await?;
            }
        }
        Ok(added)
    }

    /// Writes points again, by index.
    ///
    /// # Errors
    /// The first fault.
    pub async fn renew<U: Upstream>(&self, upstream: &U, stale: &[Vec<Point>]) -> Result<(), Fault> {
        for (store, points) in self.stores.iter().zip(stale).filter(|(_, points)| !points.is_empty()) {
            store.upsert(upstream, points).await?;
        }
        Ok(())
    }

    /// Deletes from every index.
    ///
    /// # Errors
    /// The first fault.
    pub async fn delete<U: Upstream>(&self, upstream: &U, ids: &[String]) -> Result<(), Fault> {
        for store in self.stores.iter().filter(|_| !ids.is_empty()) {
            store.delete(upstream, ids).await?;
        }
        Ok(())
    }
}

fn stale(there: Vec<Point>, wanted: &[Wanted<'_>]) -> Vec<Point> {
    let as_wanted = |mut point: Point| {
        let wanted = wanted.iter().find(|wanted| wanted.piece.id == point.id)?;
        let differs = point.metadata != wanted.metadata;
        point.metadata.clone_from(&wanted.metadata);
        differs.then_some(point)
    };
    there.into_iter().filter_map(as_wanted).collect()
}
