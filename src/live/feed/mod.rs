//! The Feed: one machine per clinic that turns Realtime and PostgREST into one dense log and brings it to the Rooms.
//!
//! It holds no entries: the log is in the object's store, and effects name ranges of it. Every entry is taken once, in
//! order of `seq`, from whichever source proves that nothing lies between it and the last one: Realtime when its `seq`
//! is the next number, a backfill always. Nothing here reads a clock, draws a random number, or does anything.
//!
//! Delivery: an entry is stored before it is pushed; a push that is not acknowledged is repeated, and a Room passes
//! over what it has. Rooms are kept by name alone, and asked for their cursor after a restart.
//!
//! State: `live` while Realtime is subscribed and what was committed before has been read; `catching-up` while it is
//! not, but PostgREST still answers; `stale` when for [`STALE_MS`] nothing has proved the log complete.

mod batch;
mod event;
mod intake;
mod proof;
pub(in crate::live) mod retry;
mod rooms;
mod stored;
mod upstream;
mod wire;

pub use batch::{BATCH_BYTES, BATCH_ENTRIES, Batch, BatchEntry, BatchPlan, LogPage, PagePlan, UpstreamState};
pub use event::{Cursor, Entry, FeedEffect, FeedEvent, FeedNotice};
pub use intake::BACKFILL_LIMIT;
pub use proof::STALE_MS;
pub use rooms::KEEP_ALIVE_MS;
pub use stored::{LogEnds, META_KEY, Meta, StoredFeed, room_key};
pub use upstream::TOPIC;

use crate::config::Secret;
use intake::{Intake, Listeners};
use rooms::Rooms;
use upstream::{Signal, Upstream};

/// After the last Room has left, the connection is kept so long: a page that reloads finds it warm.
const LINGER_MS: u64 = 15_000;
const TRIM_EVERY_MS: u64 = 600_000;
/// What the log keeps.
const KEEP_MS: u64 = 6 * 3_600_000;
const KEEP_ENTRIES: u64 = 200_000;

/// The machine. See the module's own text.
#[derive(Debug)]
pub struct Feed {
    intake: Intake,
    upstream: Upstream,
    rooms: Rooms,
    /// Until when to go on without Rooms.
    linger_until: u64,
    trim_at: u64,
    alarm: Option<u64>,
}

impl Feed {
    /// A machine from what was stored, for a new object as for one that died between any two effects. `token` is the
    /// service key. The first event that it is given, whatever it is, sets it going again.
    pub fn restore(stored: &StoredFeed, token: Option<Secret>) -> Self {
        let rooms = stored.values.iter().filter_map(|(key, _)| stored::room_of_key(key));
        Self {
            intake: Intake::restore(stored),
            upstream: Upstream::new(token),
            rooms: Rooms::restore(rooms),
            linger_until: 0,
            trim_at: 0,
            alarm: None,
        }
    }

    /// Takes in one event. `now_ms` is in Unix milliseconds and `random` is any number that cannot be foreseen.
    pub fn handle(&mut self, now_ms: u64, random: u64, event: FeedEvent) -> Vec<FeedEffect> {
        let mut out = Vec::new();
        let was_active = self.is_active(now_ms);
        self.take(now_ms, random, event, &mut out);
        if self.is_active(now_ms) {
            self.go_on(now_ms, random, was_active, &mut out);
        } else {
            self.rest(&mut out);
        }
        out
    }

    /// What to read for a Room that asks for the log after a cursor.
    pub fn page(&self, cursor: &Cursor) -> PagePlan {
        let Some(epoch) = self.intake.epoch() else { return PagePlan::NotReady };
        let (first, head) = (self.intake.first, self.intake.head);
        if cursor.epoch != epoch || cursor.offset + 1 < first || cursor.offset > head {
            return PagePlan::Gone(Cursor { epoch: epoch.to_owned(), offset: head });
        }
        let upto = head.min(cursor.offset + BATCH_ENTRIES);
        PagePlan::Read { epoch: epoch.to_owned(), from: cursor.offset, upto, head }
    }

    /// Where the public catalogue stands: answers that were kept under an older place are out of date. `None` while
    /// nobody listens or the log is behind.
    pub fn catalogue(&self, now_ms: u64) -> Option<Cursor> {
        if self.rooms.is_empty() {
            return None;
        }
        self.intake.catalogue(now_ms, self.upstream.is_ready())
    }

    /// Whether any Room listens. To a Feed without one nothing that is told matters: it reads everything when one comes.
    pub fn is_listened_to(&self) -> bool {
        !self.rooms.is_empty()
    }

    fn is_active(&self, now: u64) -> bool {
        !self.rooms.is_empty() || now < self.linger_until
    }

    fn take(&mut self, now: u64, random: u64, event: FeedEvent, out: &mut Vec<FeedEffect>) {
        match event {
            FeedEvent::Listen { room, cursor } => {
                let view = self.intake.view(now, self.upstream.is_ready());
                self.rooms.listen(room, cursor, view, out);
            }
            FeedEvent::Leave { room } => {
                let had_rooms = !self.rooms.is_empty();
                self.rooms.leave(&room, out);
                if had_rooms && self.rooms.is_empty() {
                    self.linger_until = now + LINGER_MS;
                }
            }
            FeedEvent::Nudge => self.intake.want(),
            FeedEvent::UpstreamOpened { connection } if self.upstream.is_current(connection) => {
                self.upstream.opened(now, out);
            }
            FeedEvent::UpstreamFrames { connection, texts } => {
                for text in texts {
                    // One may have ended the connection.
                    if self.upstream.is_current(connection) {
                        self.frame(now, random, &text, out);
                    }
                }
            }
            FeedEvent::UpstreamClosed { connection, .. } if self.upstream.is_current(connection) => {
                self.upstream.lost("socket closed", now, random, out);
            }
            FeedEvent::UpstreamOpened { .. } | FeedEvent::UpstreamClosed { .. } => {}
            FeedEvent::Backfilled { request, body } => {
                if self.intake.backfilled(now, random, request, &body, out) {
                    self.rooms.reset();
                }
            }
            FeedEvent::BackfillFailed { request, status } => {
                self.intake.backfill_failed(now, random, request, status, out);
            }
            FeedEvent::Newest { request, newest } => {
                let listeners = Listeners {
                    upstream_ready: self.upstream.is_ready(),
                    have_cursors: self.rooms.have_cursors(),
                };
                if self.intake.newest(now, random, (request, newest), listeners, out) {
                    self.rooms.reset();
                }
            }
            FeedEvent::NewestFailed { request } => self.intake.newest_failed(now, random, request),
            FeedEvent::Acked { room, cursor } => {
                if let Some(view) = self.intake.view(now, self.upstream.is_ready()) {
                    self.rooms.acked(now, random, &room, &cursor, view);
                }
            }
            FeedEvent::PushFailed { room } => self.rooms.push_failed(now, random, &room),
            FeedEvent::Trimmed { first } => self.intake.trimmed(first),
            FeedEvent::Alarm => self.alarm = None,
        }
    }

    fn frame(&mut self, now: u64, random: u64, text: &str, out: &mut Vec<FeedEffect>) {
        match self.upstream.frame(now, random, text, out) {
            Signal::Nothing => {}
            Signal::Ready => self.intake.unsettle(now),
            Signal::Record(record) => self.intake.record(now, record, out),
            Signal::Doubt => self.intake.want(),
        }
    }

    /// Does everything that is due now.
    fn go_on(&mut self, now: u64, random: u64, was_active: bool, out: &mut Vec<FeedEffect>) {
        if !was_active {
            self.trim_at = now;
        }
        self.upstream.tick(now, random, out);
        if let Some(behind) = self.intake.silent(now) {
            out.push(FeedEffect::Log(FeedNotice::UpstreamSilent { behind }));
            self.upstream.doubt(now, random, out);
        }
        self.intake.tick(now, random, out);
        if let Some(view) = self.intake.view(now, self.upstream.is_ready()) {
            self.rooms.tick(now, random, view, out);
        }
        if now >= self.trim_at && self.intake.head > 0 {
            self.trim_at = now + TRIM_EVERY_MS;
            let below = (self.intake.head + 1).saturating_sub(KEEP_ENTRIES);
            out.push(FeedEffect::Trim { below, before_ms: now.saturating_sub(KEEP_MS) });
        }
        self.set_alarm(now, out);
    }

    fn set_alarm(&mut self, now: u64, out: &mut Vec<FeedEffect>) {
        let linger = if self.rooms.is_empty() { self.linger_until } else { u64::MAX };
        let rooms = self.rooms.due_at(now).unwrap_or(u64::MAX);
        let due = self.upstream.due_at().min(self.intake.due_at(now)).min(rooms).min(linger).max(now + 1);
        // An alarm that goes off too early does no harm: only an earlier one is worth a write.
        if self.alarm.is_none_or(|set| set > due || set <= now) {
            self.alarm = Some(due);
            out.push(FeedEffect::SetAlarm(due));
        }
    }

    /// Nobody listens.
    fn rest(&mut self, out: &mut Vec<FeedEffect>) {
        self.upstream.stop(out);
        self.intake.stop();
        if self.alarm.take().is_some() {
            out.push(FeedEffect::ClearAlarm);
        }
    }
}
