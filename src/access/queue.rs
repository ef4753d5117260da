//! The queue of readings: a state machine without input or output. The object around it
//! ([`crate::shell`]) keeps what [`Effect::Save`] says and makes the machine anew from that.
//!
//! An entry is *open* until the request has told what came of it, or for [`OPEN_MS`]: then the Worker has died, and that
//! the rows may have been shown is what is logged. Tokens end while entries wait: then they go under the service key,
//! in the reader's name, and the log says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Intent, Outcome, Reading};
use crate::gathered::gathered;

/// How long a request may take to tell what came of it.
pub const OPEN_MS: u64 = 150_000;
/// How long entries gather before they are sent together.
pub const GATHER_MS: u64 = 1_000;
/// How many entries are sent at once.
pub const BATCH: usize = 100;
/// How many entries are kept; who wants to read while it is full is refused.
pub const MOST: usize = 10_000;
/// A token that ends so soon, in seconds, is not sent any more.
const TOKEN_MARGIN: u64 = 5;
/// How long a delivery may be under way before it counts as lost.
const FLIGHT_MS: u64 = 60_000;
const FIRST_RETRY_MS: u64 = 1_000;
const LAST_RETRY_MS: u64 = 300_000;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request is about to read.
    Note(Intent),
    /// What came of it.
    Settle(Outcome),
    /// The alarm.
    Alarm,
    /// The database has taken a batch.
    Delivered {
        /// As in [`Effect::Deliver`].
        batch: u64,
    },
    /// It has not; `unauthorized`: because of whom it was sent as.
    Failed {
        /// As in [`Effect::Deliver`].
        batch: u64,
        /// 401 or 403.
        unauthorized: bool,
    },
}

/// In whose name a batch is sent.
#[derive(Clone, PartialEq, Eq)]
pub enum Sender {
    /// The reader's token.
    Reader(String),
    /// The service key.
    Service,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Reader(_) => "Reader",
            Self::Service => "Service",
        })
    }
}

/// What the object is to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Store.
    Save {
        /// Under what.
        key: String,
        /// What.
        value: String,
    },
    /// Delete.
    Forget {
        /// What was stored under it.
        key: String,
    },
    /// Set the one alarm, milliseconds since 1970.
    SetAlarm(u64),
    /// Call `log_access`, then tell the outcome.
    Deliver {
        /// Its number: the outcome of one that counts as lost comes too late.
        batch: u64,
        /// In whose name.
        sender: Sender,
        /// At most [`BATCH`].
        readings: Vec<Reading>,
    },
    /// The note is not taken: the queue is full.
    Refuse,
    /// For the log: so many entries wait, after so many failures in a row; `stuck`: some of them for a service key.
    Waiting {
        /// Entries.
        entries: usize,
        /// Failures.
        failures: u32,
        /// Without a service key, those whose token has ended cannot go.
        stuck: bool,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    intent: Intent,
    /// When it was noted, or, once settled, when that was.
    since_ms: u64,
    settled: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Queue {
    entries: BTreeMap<String, Kept>,
    has_service_key: bool,
    flight: Option<Flight>,
    failures: u32,
    retry_at: u64,
    alarm: Option<u64>,
    batches: u64,
}

#[derive(Debug)]
struct Flight {
    batch: u64,
    ids: Vec<String>,
    by_service: bool,
    lost_at: u64,
}

impl Queue {
    /// The machine, from what was stored. What was under way counts as not sent: the database keeps each reading once.
    pub fn restore(stored: &[(String, String)], has_service_key: bool) -> Self {
        let entry = |(key, value): &(String, String)| Some((key.clone(), serde_json::from_str(value).ok()?));
        let entries = gathered(stored.iter().filter_map(entry));
        Self { entries, has_service_key, flight: None, failures: 0, retry_at: 0, alarm: None, batches: 0 }
    }

    /// How many entries wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes an event in. `random` spreads retries.
    pub fn handle(&mut self, now: u64, random: u64, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        let noted = matches!(event, Event::Note(_));
        // Neither makes anything due before the next alarm. A reader waits for this: it does not look through thousands of
        // entries, which there may be when the database is away.
        let gathers = matches!(event, Event::Note(_) | Event::Settle(_));
        match event {
            Event::Note(intent) => self.note(now, intent, &mut effects),
            Event::Settle(outcome) => self.settle(now, &outcome, &mut effects),
            Event::Alarm => {
                self.alarm = None;
                if let Some(lost) = self.flight.take_if(|flight| flight.lost_at <= now) {
                    self.failed(now, random, &lost, false, &mut effects);
                }
            }
            Event::Delivered { batch } => {
                if let Some(flight) = self.flight.take_if(|flight| flight.batch == batch) {
                    self.delivered(flight, &mut effects);
                }
            }
            Event::Failed { batch, unauthorized } => {
                if let Some(flight) = self.flight.take_if(|flight| flight.batch == batch) {
                    self.failed(now, random, &flight, unauthorized, &mut effects);
                }
            }
        }
        if !(gathers && self.alarm.is_some_and(|alarm| alarm > now && alarm <= now + GATHER_MS)) {
            self.deliver(now, &mut effects);
            self.plan_alarm(now, noted, &mut effects);
        }
        effects
    }

    fn note(&mut self, now: u64, intent: Intent, effects: &mut Vec<Effect>) {
        if self.entries.len() >= MOST {
            effects.push(Effect::Refuse);
            return;
        }
        let key = intent.reading.id.clone();
        let settled = intent.is_told;
        let kept = Kept { intent, since_ms: now, settled };
        effects.extend(save(&key, &kept));
        self.entries.insert(key, kept);
    }

    fn settle(&mut self, now: u64, outcome: &Outcome, effects: &mut Vec<Effect>) {
        let Some(kept) = self.entries.get_mut(&outcome.id).filter(|kept| !kept.settled) else { return };
        if outcome.shown {
            kept.settled = true;
            kept.since_ms = now;
            kept.intent.reading.row_count = outcome.row_count;
            effects.extend(save(&outcome.id, kept));
        } else if !self.flight.as_ref().is_some_and(|flight| flight.ids.contains(&outcome.id)) {
            self.entries.remove(&outcome.id);
            effects.push(Effect::Forget { key: outcome.id.clone() });
        }
    }

    fn delivered(&mut self, flight: Flight, effects: &mut Vec<Effect>) {
        self.failures = 0;
        for key in flight.ids {
            self.entries.remove(&key);
            effects.push(Effect::Forget { key });
        }
    }

    fn failed(
        &mut self,
        now: u64,
        random: u64,
        flight: &Flight,
        unauthorized: bool,
        effects: &mut Vec<Effect>,
    ) {
        if unauthorized && !flight.by_service {
            // The token is of no use any more, whatever it says.
            for key in &flight.ids {
                if let Some(kept) = self.entries.get_mut(key) {
                    kept.intent.expires_at = 0;
                }
            }
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let wait = (FIRST_RETRY_MS << self.failures.min(10).saturating_sub(1)).min(LAST_RETRY_MS);
        self.retry_at = now + wait + random % (wait / 4 + 1);
        let stuck = !self.has_service_key && self.entries.values().any(|kept| has_ended(kept, now));
        effects.push(Effect::Waiting { entries: self.entries.len(), failures: self.failures, stuck });
    }

    fn deliver(&mut self, now: u64, effects: &mut Vec<Effect>) {
        if self.flight.is_some() || now < self.retry_at {
            return;
        }
        let due = self.entries.values().filter(|kept| self.due_at(kept, now).is_some_and(|at| at <= now));
        let Some(oldest) = due.min_by_key(|kept| kept.since_ms) else { return };
        let by_service = has_ended(oldest, now);
        let token = oldest.intent.token.clone();
        let batch: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, kept)| self.is_ready(kept, now) && has_ended(kept, now) == by_service)
            .filter(|(_, kept)| by_service || kept.intent.token == token)
            .take(BATCH)
            .collect();
        let readings = batch.iter().map(|(_, kept)| kept.intent.reading.clone()).collect();
        let ids = batch.iter().map(|(key, _)| (*key).clone()).collect();
        self.batches += 1;
        self.flight = Some(Flight { batch: self.batches, ids, by_service, lost_at: now + FLIGHT_MS });
        let sender = if by_service { Sender::Service } else { Sender::Reader(token) };
        effects.push(Effect::Deliver { batch: self.batches, sender, readings });
    }

    /// Whether it may be sent, be it with others.
    fn is_ready(&self, kept: &Kept, now: u64) -> bool {
        (kept.settled || now >= kept.since_ms + OPEN_MS) && (self.has_service_key || !has_ended(kept, now))
    }

    /// When it has to be sent; `None`: it cannot.
    fn due_at(&self, kept: &Kept, now: u64) -> Option<u64> {
        let can = self.has_service_key || !has_ended(kept, now);
        can.then_some(kept.since_ms + if kept.settled { GATHER_MS } else { OPEN_MS })
    }

    /// An alarm that comes too early does no harm, so one that is set is left alone.
    fn plan_alarm(&mut self, now: u64, noted: bool, effects: &mut Vec<Effect>) {
        let flight = self.flight.as_ref().map(|flight| flight.lost_at);
        let due = self.entries.values().filter_map(|kept| self.due_at(kept, now)).min();
        let wanted = match (flight, due) {
            (Some(lost_at), _) => lost_at,
            (None, Some(due)) => due.max(self.retry_at),
            (None, None) if self.entries.is_empty() => return,
            (None, None) => now + LAST_RETRY_MS,
        };
        // What was noted is settled within a moment, as a rule: one alarm then serves both.
        let wanted =
            if noted && flight.is_none() { wanted.min((now + GATHER_MS).max(self.retry_at)) } else { wanted };
        let wanted = wanted.max(now + 1);
        if self.alarm.is_none_or(|alarm| alarm > wanted) {
            self.alarm = Some(wanted);
            effects.push(Effect::SetAlarm(wanted));
        }
    }
}

fn has_ended(kept: &Kept, now: u64) -> bool {
    kept.intent.expires_at <= now / 1000 + TOKEN_MARGIN
}

fn save(key: &str, kept: &Kept) -> Option<Effect> {
    // Strings and numbers: it can always be written.
    serde_json::to_string(kept).ok().map(|value| Effect::Save { key: key.to_owned(), value })
}
