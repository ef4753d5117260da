//! What goes into the log: in order, no duplicate, no hole.

use serde_json::value::RawValue;

use super::batch::UpstreamState;
use super::event::{Cursor, Entry, FeedEffect, FeedNotice};
use super::proof::Proof;
use super::retry::delay_ms;
use super::rooms::View;
use super::stored::{META_KEY, Meta, StoredFeed};
use super::wire::rows;
use crate::live::change::Change;

/// The table that everybody may read, and that the edge keeps answers of.
const CATALOGUE: &str = "service";
/// Rows of one backfill.
pub const BACKFILL_LIMIT: u64 = 500;
/// A log that nobody fed for a while is not caught up over more than this: it begins anew.
const MAX_BACKFILL: u64 = 20_000;
/// How often the newest `seq` is asked for.
const NEWEST_EVERY_MS: u64 = 2_000;
const ANSWER_MS: u64 = 15_000;

/// What bears on an answer about the newest `seq`.
#[derive(Clone, Copy)]
pub(super) struct Listeners {
    /// Realtime is sending.
    pub upstream_ready: bool,
    /// Some Room has a place in the log that it wants to go on from.
    pub have_cursors: bool,
}

#[derive(Debug)]
struct Fetch {
    request: u64,
    asked_at: u64,
    limit: u64,
}

#[derive(Debug)]
struct Poll {
    request: u64,
    asked_at: u64,
    last_seq: u64,
}

#[derive(Debug, Default)]
pub(super) struct Intake {
    meta: Option<Meta>,
    pub(super) head: u64,
    pub(super) first: u64,
    last_seq: u64,
    /// The newest offset at which the public catalogue may have changed.
    catalogue: u64,
    /// The log's end was compared with Postgres since somebody listens.
    checked: bool,
    /// So much was in the log once: who joins now gets nothing from before.
    complete: bool,
    backfill: Option<Fetch>,
    /// Another backfill is wanted after the one on its way.
    wanted: bool,
    failures: u32,
    retry_at: u64,
    poll: Option<Poll>,
    poll_at: u64,
    proof: Proof,
    requests: u64,
}

impl Intake {
    pub(super) fn restore(stored: &StoredFeed) -> Self {
        let meta = stored.values.iter().find(|(key, _)| key == META_KEY);
        let meta: Option<Meta> = meta.and_then(|(_, value)| serde_json::from_str(value).ok());
        let Some(meta) = meta else { return Self::default() };
        let (first, head, last_seq) =
            stored.log.map_or((1, 0, meta.base_seq), |log| (log.first, log.last, log.last_seq));
        // What changed before is not looked up: the catalogue may have, with the newest entry.
        Self { meta: Some(meta), head, first, last_seq, catalogue: head, ..Self::default() }
    }

    pub(super) fn epoch(&self) -> Option<&str> {
        self.meta.as_ref().map(|meta| meta.epoch.as_str())
    }

    /// Up to where the public catalogue is known not to have changed, while the log follows Postgres.
    pub(super) fn catalogue(&self, now: u64, is_ready: bool) -> Option<Cursor> {
        let view = self.view(now, is_ready).filter(|view| view.state == UpstreamState::Live)?;
        Some(Cursor { epoch: view.epoch.to_owned(), offset: self.catalogue })
    }

    pub(super) fn view(&self, now: u64, is_ready: bool) -> Option<View<'_>> {
        let epoch = self.epoch()?;
        let (state, since) = self.proof.state(now, is_ready);
        Some(View { epoch, first: self.first, head: self.head, state, since, complete: self.complete })
    }

    /// Something was committed, or may be missing.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Realtime begins to send: what was committed until now has to be read.
    pub(super) fn unsettle(&mut self, now: u64) {
        self.proof.unsettle(now);
        self.wanted = true;
    }

    /// A record that Realtime sent.
    pub(super) fn record(&mut self, now: u64, record: &str, out: &mut Vec<FeedEffect>) {
        match Change::parse(record) {
            Ok(change) if self.checked && change.seq == self.last_seq + 1 => {
                let entry = self.entry(now, &change);
                out.push(FeedEffect::Append(vec![entry]));
            }
            Ok(change) if self.checked && change.seq <= self.last_seq => {}
            // Numbers of transactions that were rolled back are never seen: only Postgres can tell.
            _ => self.wanted = true,
        }
    }

    fn entry(&mut self, now: u64, change: &Change) -> Entry {
        self.head += 1;
        self.last_seq = change.seq;
        if change.table.name == CATALOGUE {
            self.catalogue = self.head;
        }
        Entry { offset: self.head, seq: change.seq, at_ms: now, change: change.to_json() }
    }

    /// A page of what was committed after a `seq`; true when the log begins anew.
    pub(super) fn backfilled(
        &mut self,
        now: u64,
        random: u64,
        request: u64,
        body: &str,
        out: &mut Vec<FeedEffect>,
    ) -> bool {
        let Some(fetch) = self.backfill.take_if(|fetch| fetch.request == request) else { return false };
        let Some(rows) = rows(body) else {
            self.failed(now, random, None, out);
            return false;
        };
        self.failures = 0;
        let is_new = self.take_rows(now, random, &rows, out);
        if rows.len() as u64 >= fetch.limit {
            self.wanted = true;
        } else {
            self.proof.read_all(fetch.asked_at);
            self.complete = true;
        }
        is_new
    }

    /// Appends the rows that are new; true when the log begins anew.
    fn take_rows(
        &mut self,
        now: u64,
        random: u64,
        rows: &[(u64, &RawValue)],
        out: &mut Vec<FeedEffect>,
    ) -> bool {
        let (mut entries, mut is_new) = (Vec::new(), false);
        for (seq, row) in rows {
            match Change::parse(row.get()) {
                _ if *seq <= self.last_seq => {}
                Ok(change) if change.is_emptied() => {
                    // Its payload was erased before we read it: nobody can be shown what happened, so all are told.
                    entries.clear();
                    is_new = true;
                    self.begin(random, *seq, "a payload was emptied", out);
                }
                Ok(change) => entries.push(self.entry(now, &change)),
                Err(error) => {
                    // Nobody can be shown it, now or later; waiting would hold up all others.
                    self.last_seq = *seq;
                    let reason = error.to_string();
                    out.push(FeedEffect::Log(FeedNotice::BadEntry { seq: *seq, reason }));
                }
            }
        }
        if !entries.is_empty() {
            out.push(FeedEffect::Append(entries));
        }
        is_new
    }

    pub(super) fn backfill_failed(
        &mut self,
        now: u64,
        random: u64,
        request: u64,
        status: Option<u16>,
        out: &mut Vec<FeedEffect>,
    ) {
        if self.backfill.as_ref().is_some_and(|fetch| fetch.request == request) {
            self.failed(now, random, status, out);
        }
    }

    fn failed(&mut self, now: u64, random: u64, status: Option<u16>, out: &mut Vec<FeedEffect>) {
        self.backfill = None;
        self.wanted = true;
        self.failures = self.failures.saturating_add(1);
        self.retry_at = now + delay_ms(self.failures, random);
        out.push(FeedEffect::Log(FeedNotice::BackfillFailed(status)));
    }

    /// The newest `seq`; true when the log begins anew.
    pub(super) fn newest(
        &mut self,
        now: u64,
        random: u64,
        (request, newest): (u64, Option<u64>),
        listeners: Listeners,
        out: &mut Vec<FeedEffect>,
    ) -> bool {
        let Some(poll) = self.poll.take_if(|poll| poll.request == request) else { return false };
        self.poll_at = now + NEWEST_EVERY_MS;
        // PostgREST answers: what was waiting for it need not wait.
        self.retry_at = self.retry_at.min(now);
        let newest = newest.unwrap_or(0);
        let reason = match &self.meta {
            None => Some("there was none"),
            Some(_) if newest < poll.last_seq => Some("Postgres went back in time"),
            Some(_) if !self.checked && !listeners.have_cursors && newest - poll.last_seq > MAX_BACKFILL => {
                Some("too far behind")
            }
            Some(_) => None,
        };
        if let Some(reason) = reason {
            self.begin(random, newest, reason, out);
            self.proof.prove(poll.asked_at);
        } else if newest <= self.last_seq {
            self.proof.prove(poll.asked_at);
            self.complete = true;
        } else if !self.checked || !listeners.upstream_ready {
            self.wanted = true;
        } else {
            self.proof.expect(now, newest);
        }
        self.checked = true;
        reason.is_some()
    }

    fn begin(&mut self, random: u64, newest: u64, reason: &'static str, out: &mut Vec<FeedEffect>) {
        let meta = Meta { epoch: format!("{:016x}", random.wrapping_add(newest)), base_seq: newest };
        // Serialising a struct of a string and a number has no way to fail.
        let value = serde_json::to_string(&meta).unwrap_or_default();
        out.push(FeedEffect::Log(FeedNotice::NewEpoch(reason)));
        out.push(FeedEffect::ResetLog { key: META_KEY.to_owned(), value });
        (self.first, self.head, self.last_seq, self.catalogue) = (1, 0, newest, 0);
        (self.meta, self.backfill, self.complete) = (Some(meta), None, true);
        self.proof.forget();
    }

    pub(super) fn newest_failed(&mut self, now: u64, random: u64, request: u64) {
        if self.poll.take_if(|poll| poll.request == request).is_some() {
            self.poll_at = now + delay_ms(4, random);
        }
    }

    /// How far behind we are although Realtime should have sent it long ago; asks for a backfill.
    pub(super) fn silent(&mut self, now: u64) -> Option<u64> {
        let behind = self.proof.silent(now, self.last_seq)?;
        self.wanted = true;
        Some(behind)
    }

    pub(super) fn trimmed(&mut self, first: u64) {
        self.first = self.first.max(first.min(self.head.max(1)));
    }

    /// Asks for what is to be asked for.
    pub(super) fn tick(&mut self, now: u64, random: u64, out: &mut Vec<FeedEffect>) {
        self.proof.begin(now);
        if let Some(poll) = self.poll.as_ref().filter(|poll| now >= poll.asked_at + ANSWER_MS) {
            self.newest_failed(now, random, poll.request);
        }
        if self.backfill.as_ref().is_some_and(|fetch| now >= fetch.asked_at + ANSWER_MS) {
            self.failed(now, random, None, out);
        }
        if self.poll.is_none() && now >= self.poll_at {
            let request = self.number(random);
            self.poll = Some(Poll { request, asked_at: now, last_seq: self.last_seq });
            out.push(FeedEffect::AskNewest { request });
        }
        if self.wanted && self.checked && self.backfill.is_none() && now >= self.retry_at {
            self.wanted = false;
            let request = self.number(random);
            // Fewer after each failure: rows can be so long that a whole page of them is too much to read.
            let limit = (BACKFILL_LIMIT >> self.failures.min(8)).max(1);
            self.backfill = Some(Fetch { request, asked_at: now, limit });
            out.push(FeedEffect::Backfill { request, after: self.last_seq, limit });
        }
    }

    /// A number for a request. Drawn, not counted alone: an answer that an instance before this one asked for must not
    /// pass for ours.
    fn number(&mut self, random: u64) -> u64 {
        self.requests += 1;
        random.wrapping_add(self.requests)
    }

    /// When to tick next.
    pub(super) fn due_at(&self, now: u64) -> u64 {
        let poll = self.poll.as_ref().map_or(self.poll_at, |poll| poll.asked_at + ANSWER_MS);
        let backfill = match &self.backfill {
            Some(fetch) => fetch.asked_at + ANSWER_MS,
            None if self.wanted && self.checked => self.retry_at,
            None => u64::MAX,
        };
        poll.min(backfill).min(self.proof.due_at(now))
    }

    /// Nobody listens: what the next one finds has to be checked again.
    pub(super) fn stop(&mut self) {
        let meta = self.meta.take();
        let Self { first, head, last_seq, catalogue, requests, .. } = *self;
        *self = Self { meta, head, first, last_seq, catalogue, requests, ..Self::default() };
    }
}
