//! The Room's side of the Feed: listening, its cursor, and the batches.
//!
//! A batch is delivered to the sockets, then the cursor is stored, then the batch is acknowledged. An object that dies
//! in between delivers the last batch again: whole, in order, each frame with its offset. Clients of the helper drop
//! what they have; others may see it twice, which for rows that are replaced by key changes nothing. None misses any.

use super::Room;
use super::event::{ClientId, RoomEffect, RoomNotice};
use super::stored::CURSOR_KEY;
use super::subscription::Place;
use super::subscriptions::Key;
use crate::live::feed::retry::delay_ms;
use crate::live::feed::{Batch, Cursor, UpstreamState};
use crate::live::phoenix::{Server, System};

/// The Feed speaks every 20 s: silent for longer, it has forgotten us or is gone.
const MUTE_MS: u64 = 45_000;
/// The same before the first word.
const FIRST_WORD_MS: u64 = 5_000;
/// What was delivered is confirmed this often.
const MARK_EVERY_MS: u64 = 5_000;

/// How the Feed stands, as clients are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    state: UpstreamState,
    since: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Link {
    /// Everything up to here was delivered; `None` before the Feed's first word.
    pub(super) cursor: Option<Cursor>,
    listening: bool,
    asked_at: u64,
    heard_at: u64,
    failures: u32,
    retry_at: Option<u64>,
    standing: Standing,
    /// The offset of the last watermarks; `None` when an instance before this one sent them.
    marked: Option<u64>,
    mark_at: u64,
}

impl Link {
    pub(super) fn restore(cursor: Option<Cursor>, now: u64) -> Self {
        Self {
            cursor,
            listening: false,
            asked_at: now,
            heard_at: now,
            failures: 0,
            retry_at: None,
            standing: Standing { state: UpstreamState::CatchingUp, since: None },
            marked: None,
            mark_at: now + MARK_EVERY_MS,
        }
    }

    fn asks_again_at(&self) -> u64 {
        let quiet = match self.cursor {
            None => self.asked_at + FIRST_WORD_MS,
            Some(_) => self.heard_at.max(self.asked_at) + MUTE_MS,
        };
        self.retry_at.unwrap_or(quiet)
    }

    fn is_unmarked(&self) -> bool {
        self.cursor.as_ref().is_some_and(|cursor| self.marked != Some(cursor.offset))
    }

    fn offset(&self) -> u64 {
        self.cursor.as_ref().map_or(0, |cursor| cursor.offset)
    }
}

impl Standing {
    fn system(self) -> System<'static> {
        let name = match self.state {
            UpstreamState::Live => "live",
            UpstreamState::CatchingUp => "catching-up",
            UpstreamState::Stale => "stale",
        };
        System { extension: "chairside", status: name, message: name, since: self.since, ..System::default() }
    }
}

/// What says that a subscription is complete up to the cursor.
pub(super) fn watermark(cursor: &Cursor) -> System<'_> {
    System {
        extension: "postgres_changes",
        status: "ok",
        message: "watermark",
        epoch: Some(&cursor.epoch),
        offset: Some(cursor.offset),
        ..System::default()
    }
}

impl Room {
    /// Listens while anybody is here, and not a moment longer.
    pub(super) fn link_tick(&mut self, now: u64) {
        if !self.is_wanted() {
            if self.link.listening || self.link.cursor.is_some() {
                self.clients.out.push(RoomEffect::Leave);
                self.clients.out.push(RoomEffect::Forget { key: CURSOR_KEY.to_owned() });
                self.link = Link::restore(None, now);
            }
            return;
        }
        if !self.link.listening || now >= self.link.asks_again_at() {
            let is_mute = self.link.listening && self.link.retry_at.is_none() && self.link.cursor.is_some();
            (self.link.listening, self.link.asked_at, self.link.retry_at) = (true, now, None);
            self.clients.out.push(RoomEffect::Listen { cursor: self.link.cursor.clone() });
            if is_mute {
                self.set_standing(UpstreamState::Stale, Some(self.link.heard_at));
            }
        }
        if now >= self.link.mark_at {
            self.link.mark_at = now + MARK_EVERY_MS;
            self.send_watermarks();
        }
    }

    pub(super) fn link_due_at(&self) -> Option<u64> {
        let mark = if self.link.is_unmarked() { self.link.mark_at } else { u64::MAX };
        self.is_wanted().then(|| self.link.asks_again_at().min(mark))
    }

    pub(super) fn feed_lost(&mut self, now: u64, random: u64) {
        if self.link.listening {
            self.link.failures = self.link.failures.saturating_add(1);
            self.link.retry_at = Some(now + delay_ms(self.link.failures, random));
            self.clients.out.push(RoomEffect::Log(RoomNotice::FeedLost));
            self.set_standing(UpstreamState::Stale, Some(self.link.heard_at));
        }
    }

    /// The Feed pushed.
    pub(super) fn batch(&mut self, now: u64, batch: &Batch) {
        if !self.is_wanted() {
            let cursor = Cursor { epoch: batch.epoch.clone(), offset: batch.from };
            self.clients.out.push(RoomEffect::Ack(cursor));
            self.clients.out.push(RoomEffect::Leave);
            return;
        }
        (self.link.heard_at, self.link.failures, self.link.retry_at) = (now, 0, None);
        let before = self.link.cursor.clone();
        let cursor = self.place(batch);
        let cursor = self.deliver_entries(cursor, batch);
        self.link.cursor = Some(cursor.clone());
        if before.as_ref() != Some(&cursor) {
            // Serialising a struct of a string and a number has no way to fail.
            let value = serde_json::to_string(&cursor).unwrap_or_default();
            self.clients.out.push(RoomEffect::Save { key: CURSOR_KEY.to_owned(), value });
        }
        self.clients.out.push(RoomEffect::Ack(cursor));
        self.overtake();
        self.set_standing(batch.state, batch.since);
        self.begin_waiting(now);
    }

    /// Where to go on from: our own cursor, unless the batch says that it means nothing any more.
    fn place(&mut self, batch: &Batch) -> Cursor {
        let start = Cursor { epoch: batch.epoch.clone(), offset: batch.from };
        match self.link.cursor.take() {
            Some(cursor) if cursor.epoch != batch.epoch => self.begin_anew(start, "another epoch"),
            // Before what is left of the log, or beyond all of it.
            Some(cursor) if batch.reset && (cursor.offset < batch.from || cursor.offset > batch.head) => {
                self.begin_anew(start, "the log does not hold the cursor")
            }
            Some(cursor) => cursor,
            // Nobody can have joined before the first cursor; if it was lost all the same, changes were too.
            None if !self.subscriptions.is_empty() => self.begin_anew(start, "the cursor was lost"),
            None => start,
        }
    }

    fn deliver_entries(&mut self, mut cursor: Cursor, batch: &Batch) -> Cursor {
        for entry in &batch.entries {
            if entry.offset == cursor.offset + 1 {
                self.deliver(&cursor.epoch, entry);
                cursor.offset = entry.offset;
            } else if entry.offset > cursor.offset {
                break;
            }
        }
        cursor
    }

    /// Changes are lost, a change of somebody's role perhaps among them: everybody is told and has to join again, with
    /// the token that is looked at anew.
    fn begin_anew(&mut self, start: Cursor, reason: &'static str) -> Cursor {
        self.clients.out.push(RoomEffect::Log(RoomNotice::Resync(reason)));
        self.link.marked = Some(start.offset);
        let all: Vec<Key> = self.subscriptions.iter().map(|one| (one.client, one.topic.clone())).collect();
        for (client, topic) in all {
            self.tell_resync(client, &topic, &start);
            if let Some(one) = self.subscriptions.get(client, &topic) {
                self.clients.send(client, one.server().error());
            }
            self.drop_subscription(client, &topic);
        }
        start
    }

    /// One subscription is told that changes are lost to it, and goes on from the cursor.
    pub(super) fn resync(&mut self, client: ClientId, topic: &str, from: &Cursor) {
        self.tell_resync(client, topic, from);
        self.subscriptions.change(client, topic, |one| one.place = Place::Live);
        self.save_subscription(client, topic);
    }

    fn tell_resync(&mut self, client: ClientId, topic: &str, from: &Cursor) {
        let one = self.subscriptions.get(client, topic).filter(|one| one.place != Place::None);
        if let Some(one) = one {
            let system = System {
                extension: "chairside",
                status: "resync",
                message: "The log does not reach back that far: read the tables anew",
                epoch: Some(&from.epoch),
                offset: Some(from.offset),
                ..System::default()
            };
            self.clients.send(client, one.server().system(&system));
        }
    }

    /// Those who were ahead and are so no more.
    fn overtake(&mut self) {
        let offset = self.link.offset();
        let reached: Vec<Key> =
            self.subscriptions.ahead().take_while(|(at, _)| *at <= offset).map(|(_, key)| key).collect();
        for (client, topic) in reached {
            self.subscriptions.change(client, &topic, |subscription| subscription.place = Place::Live);
            self.save_subscription(client, &topic);
        }
    }

    fn set_standing(&mut self, state: UpstreamState, since: Option<u64>) {
        let standing = Standing { state, since };
        if standing == self.link.standing {
            return;
        }
        self.link.standing = standing;
        self.send_system(&standing.system(), |one| one.place != Place::None);
    }

    /// What a new subscription is told of the Feed.
    pub(super) fn standing(&self) -> System<'static> {
        self.link.standing.system()
    }

    fn send_watermarks(&mut self) {
        let Some(cursor) = self.link.cursor.clone() else { return };
        if self.link.is_unmarked() {
            self.link.marked = Some(cursor.offset);
            self.send_system(&watermark(&cursor), |one| one.place == Place::Live);
        }
    }

    /// Sends a message to all these subscriptions; made once for each topic and serializer.
    fn send_system(
        &mut self,
        system: &System<'_>,
        wanted: impl Fn(&super::subscription::Subscription) -> bool,
    ) {
        let mut frames = std::collections::BTreeMap::<_, Vec<_>>::new();
        for one in self.subscriptions.iter().filter(|one| wanted(one)) {
            frames.entry((one.topic.clone(), one.vsn)).or_default().push(one.client);
        }
        for ((topic, vsn), to) in frames {
            self.clients.send_all(to, Server::new(vsn, &topic, None).system(system));
        }
    }
}
