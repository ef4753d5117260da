//! How sure it is that the log is complete.

use super::batch::UpstreamState;

/// Realtime polls twice a second: what it has not sent after this is missing.
const SILENCE_MS: u64 = 1_000;
/// Without proof of completeness for so long the log is stale.
pub const STALE_MS: u64 = 10_000;

#[derive(Debug, Default)]
pub(super) struct Proof {
    /// What was committed before this time may be missing: Realtime became ready then.
    unsettled: Option<u64>,
    /// Postgres has this `seq`, seen at this time, and we do not.
    behind: Option<(u64, u64)>,
    /// The log held everything that was committed before this time.
    proved_at: Option<u64>,
    /// Since when somebody listens.
    began_at: Option<u64>,
}

impl Proof {
    pub(super) fn state(&self, now: u64, is_ready: bool) -> (UpstreamState, Option<u64>) {
        let is_settled = self.unsettled.is_none() && self.proved_at.is_some();
        match self.proved_at.or(self.began_at) {
            Some(at) if now >= at + STALE_MS => (UpstreamState::Stale, self.proved_at),
            _ if is_ready && is_settled => (UpstreamState::Live, None),
            _ => (UpstreamState::CatchingUp, None),
        }
    }

    pub(super) fn begin(&mut self, now: u64) {
        self.began_at.get_or_insert(now);
    }

    /// Realtime begins to send.
    pub(super) fn unsettle(&mut self, now: u64) {
        self.unsettled = Some(now);
    }

    /// Everything that was committed before this time was read.
    pub(super) fn read_all(&mut self, at: u64) {
        self.unsettled = self.unsettled.filter(|since| *since > at);
        self.prove(at);
    }

    /// The log held everything at this time.
    pub(super) fn prove(&mut self, at: u64) {
        self.proved_at = self.proved_at.max(Some(at));
    }

    /// Postgres has a `seq` that Realtime should bring.
    pub(super) fn expect(&mut self, now: u64, seq: u64) {
        self.behind.get_or_insert((seq, now));
    }

    /// What was expected is of no interest any more.
    pub(super) fn forget(&mut self) {
        self.behind = None;
    }

    /// How far behind we are although Realtime should have brought it long ago; said once.
    pub(super) fn silent(&mut self, now: u64, last_seq: u64) -> Option<u64> {
        self.behind = self.behind.filter(|(seq, _)| *seq > last_seq);
        let (seq, _) = self.behind.take_if(|(_, since)| now >= *since + SILENCE_MS)?;
        Some(seq - last_seq)
    }

    pub(super) fn due_at(&self, now: u64) -> u64 {
        let stale = self.proved_at.or(self.began_at).map(|at| at + STALE_MS).filter(|at| *at > now);
        let silence = self.behind.map(|(_, since)| since + SILENCE_MS);
        stale.into_iter().chain(silence).min().unwrap_or(u64::MAX)
    }
}
