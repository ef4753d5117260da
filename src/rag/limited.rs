//! An upstream that may be asked so many times: a run of the Worker has a limited number of requests to the outside.

use std::cell::Cell;

use super::upstream::Upstream;
use crate::http::{Call, Collected, Reply, SendError};

/// Counts what is asked, and refuses when nothing is left.
#[derive(Debug)]
pub struct Limited<'a, U> {
    upstream: &'a U,
    left: Cell<u32>,
}

impl<'a, U> Limited<'a, U> {
    /// At most so many requests, those that are tried again included.
    pub const fn new(upstream: &'a U, requests: u32) -> Self {
        Self { upstream, left: Cell::new(requests) }
    }

    /// How many are left.
    pub fn left(&self) -> u32 {
        self.left.get()
    }

    fn take(&self) -> Result<(), SendError> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| SendError::Unreachable("no requests are left".to_owned()))?);
        Ok(())
    }
}

impl<U: Upstream> Upstream for Limited<'_, U> {
    type Body = U::Body;

    async fn fetch(&self, call: Call, timeout_ms: u32) -> Result<Reply<U::Body>, SendError> {
        self.take()?;
        self.upstream.fetch(call, timeout_ms).await
    }

    async fn run_ai(&self, model: &str, input: &str, timeout_ms: u32) -> Result<Reply<U::Body>, SendError> {
        self.take()?;
        self.upstream.run_ai(model, input, timeout_ms).await
    }

    fn read(
        &self,
        body: U::Body,
        limit: usize,
    ) -> impl Future<Output = Result<Collected<U::Body>, SendError>> {
        self.upstream.read(body, limit)
    }

    fn pause(&self, ms: u32) -> impl Future<Output = ()> {
        self.upstream.pause(ms)
    }

    fn chance(&self) -> String {
        self.upstream.chance()
    }
}
