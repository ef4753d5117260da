//! The Rooms that listen: what each was sent, what each has acknowledged, when to try again.
//!
//! One push per Room is on its way at a time. A push may be repeated at will: a Room passes over what it has and
//! answers with its own cursor, which is believed.

use std::collections::BTreeMap;

use super::batch::{BATCH_ENTRIES, BatchPlan, UpstreamState};
use super::event::{Cursor, FeedEffect, FeedNotice};
use super::retry::delay_ms;
use super::stored::room_key;
use crate::gathered::gathered;

/// A Room that fails so often in a row is let go (after some two minutes); it listens again when it misses us.
const MAX_FAILURES: u32 = 10;
/// A push without any answer.
const PUSH_MS: u64 = 30_000;
/// So often every Room hears from us, so that it knows that it is not forgotten.
pub const KEEP_ALIVE_MS: u64 = 20_000;

/// The log as Rooms see it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub epoch: &'a str,
    pub first: u64,
    pub head: u64,
    pub state: UpstreamState,
    pub since: Option<u64>,
    /// Everything that was committed before the Feed began is in the log.
    pub complete: bool,
}

#[derive(Debug)]
enum Place {
    /// Wants changes from now on: begins at the head once the log is complete.
    Fresh,
    /// Known from before our own restart: an empty batch asks for its cursor.
    Unknown,
    /// Has delivered up to here.
    At(u64),
    /// Comes from another epoch or from beyond the log: begins at the head and must say so.
    Lost,
}

type Told = (UpstreamState, Option<u64>);

#[derive(Debug)]
struct InFlight {
    since: u64,
    from: u64,
    upto: u64,
    told: Told,
}

#[derive(Debug)]
struct Room {
    place: Place,
    in_flight: Option<InFlight>,
    told: Option<Told>,
    told_at: u64,
    failures: u32,
    retry_at: u64,
}

impl Room {
    const fn new(place: Place) -> Self {
        Self { place, in_flight: None, told: None, told_at: 0, failures: 0, retry_at: 0 }
    }

    fn fail(&mut self, now: u64, random: u64) {
        self.in_flight = None;
        self.failures += 1;
        self.retry_at = now + delay_ms(self.failures, random);
    }
}

#[derive(Debug, Default)]
pub(super) struct Rooms(BTreeMap<String, Room>);

impl Rooms {
    pub(super) fn restore<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self(gathered(names.map(|name| (name.to_owned(), Room::new(Place::Unknown)))))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether some Room has a place in the log.
    pub(super) fn have_cursors(&self) -> bool {
        self.0.values().any(|room| !matches!(room.place, Place::Fresh))
    }

    /// A Room listens, with where it stands.
    pub(super) fn listen(
        &mut self,
        name: String,
        cursor: Option<Cursor>,
        view: Option<View<'_>>,
        out: &mut Vec<FeedEffect>,
    ) {
        let place = match (cursor, view) {
            (None, _) => Place::Fresh,
            (Some(cursor), Some(view)) if cursor.epoch == view.epoch && cursor.offset <= view.head => {
                Place::At(cursor.offset)
            }
            (Some(_), _) => Place::Lost,
        };
        if !self.0.contains_key(&name) {
            out.push(FeedEffect::Save { key: room_key(&name), value: "{}".to_owned() });
        }
        self.0.insert(name, Room::new(place));
    }

    pub(super) fn leave(&mut self, name: &str, out: &mut Vec<FeedEffect>) {
        if self.0.remove(name).is_some() {
            out.push(FeedEffect::Forget { key: room_key(name) });
        }
    }

    pub(super) fn acked(&mut self, now: u64, random: u64, name: &str, cursor: &Cursor, view: View<'_>) {
        let Some(room) = self.0.get_mut(name) else { return };
        let Some(sent) = room.in_flight.take() else { return };
        if cursor.epoch != view.epoch {
            // An answer to what was sent before a new epoch began.
            room.place = Place::Lost;
            return;
        }
        // It took nothing of what it was sent.
        let stuck = cursor.offset == sent.from && sent.upto > sent.from;
        room.place = if cursor.offset <= view.head { Place::At(cursor.offset) } else { Place::Lost };
        (room.told, room.told_at) = (Some(sent.told), now);
        if stuck {
            room.fail(now, random);
        } else {
            room.failures = 0;
        }
    }

    pub(super) fn push_failed(&mut self, now: u64, random: u64, name: &str) {
        if let Some(room) = self.0.get_mut(name).filter(|room| room.in_flight.is_some()) {
            room.fail(now, random);
        }
    }

    /// Everything is told anew: the log has another name.
    pub(super) fn reset(&mut self) {
        for room in self.0.values_mut() {
            if !matches!(room.place, Place::Fresh) {
                room.place = Place::Lost;
            }
            room.told = None;
        }
    }

    /// Sends what is to be sent.
    pub(super) fn tick(&mut self, now: u64, random: u64, view: View<'_>, out: &mut Vec<FeedEffect>) {
        for room in self.0.values_mut() {
            if room.in_flight.as_ref().is_some_and(|sent| now >= sent.since + PUSH_MS) {
                room.fail(now, random);
            }
        }
        self.0.retain(|name, room| {
            let keep = room.failures < MAX_FAILURES;
            if !keep {
                out.push(FeedEffect::Forget { key: room_key(name) });
                out.push(FeedEffect::Log(FeedNotice::RoomDropped(name.clone())));
            }
            keep
        });
        for (name, room) in &mut self.0 {
            if room.in_flight.is_none()
                && now >= room.retry_at
                && let Some(batch) = room.next(now, view)
            {
                let told = (batch.state, batch.since);
                room.in_flight = Some(InFlight { since: now, from: batch.from, upto: batch.upto, told });
                out.push(FeedEffect::Push { room: name.clone(), batch });
            }
        }
    }

    /// When to tick next.
    pub(super) fn due_at(&self, now: u64) -> Option<u64> {
        let due = |room: &Room| match &room.in_flight {
            Some(sent) => sent.since + PUSH_MS,
            None if now < room.retry_at => room.retry_at,
            None => room.told_at + KEEP_ALIVE_MS,
        };
        self.0.values().map(due).min()
    }
}

impl Room {
    fn next(&self, now: u64, view: View<'_>) -> Option<BatchPlan> {
        let (from, reset) = match self.place {
            Place::Fresh if !view.complete => return None,
            Place::Fresh | Place::Unknown => (view.head, false),
            Place::Lost => (view.head, true),
            Place::At(at) if at + 1 < view.first => (view.first - 1, true),
            Place::At(at) => (at, false),
        };
        let is_news = self.told != Some((view.state, view.since)) || now >= self.told_at + KEEP_ALIVE_MS;
        (from < view.head || is_news || !matches!(self.place, Place::At(_))).then(|| BatchPlan {
            epoch: view.epoch.to_owned(),
            from,
            upto: view.head.min(from + BATCH_ENTRIES),
            head: view.head,
            state: view.state,
            since: view.since,
            reset,
        })
    }
}
