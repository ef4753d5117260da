//! The Room: one shard of a clinic's sockets, which speak Phoenix channels as Supabase Realtime does.
//!
//! It listens to the Feed while anybody is here, matches each change against who may see it and what each asked for,
//! and sends. Broadcast and presence stay among its members, and reach other shards by [`relay`]. Nothing here reads a
//! clock, draws a random number, or does anything.
//!
//! | what a client has | what it gets |
//! | --- | --- |
//! | is connected | every visible change after its join was answered, in order; after a crash of the object perhaps the last batch again ([`link`]) |
//! | joins with `config.broadcast.resume` | every visible change after the cursor, in order; what it has already, it can tell by `offset`; or one `system` message `resync` |
//! | is connected while the log begins anew | `resync` and `phx_error`, upon which clients join again |
//!
//! Messages of our own are `system` messages: `extension` `chairside` with `status` `live`, `catching-up`, `stale`
//! (`since`) or `resync` (`epoch`, `offset`: where it goes on); `extension` `postgres_changes`, `status` `ok`,
//! `message` `watermark` (`epoch`, `offset`): complete up to there.

mod clients;
mod delivery;
mod event;
mod frames;
mod joins;
mod limits;
mod link;
mod members;
mod presence;
mod relay;
mod requests;
mod resume;
mod stored;
mod subscription;
mod subscriptions;
mod tokens;

pub use clients::each_of;
pub use event::{Attachment, ClientId, Grant, Reads, Refusal, RoomEffect, RoomEvent, RoomNotice};
pub use limits::{Limits, close};
pub use relay::{Present, Relay, RelayBody, Shard};
pub use stored::{CURSOR_KEY, StoredPresence, StoredRoom, StoredSubscription, subscription_key};

use crate::live::feed::Cursor;
use clients::Clients;
use joins::EXPIRED;
use link::Link;
use presence::Elsewhere;
use requests::Requests;
use resume::Reading;
use subscription::{PendingJoin, Subscription};
use subscriptions::Subscriptions;

/// How often it is looked for sockets that are silent.
const SWEEP_EVERY_MS: u64 = 10_000;

/// The machine. See the module's own text.
#[derive(Debug)]
pub struct Room {
    shard: Shard,
    clients: Clients,
    subscriptions: Subscriptions,
    /// Joins that wait for the Feed's first word, and until when.
    waiting: Vec<(u64, PendingJoin)>,
    requests: Requests,
    link: Link,
    reading: Reading,
    elsewhere: Elsewhere,
    sweep_at: u64,
    alarm: Option<u64>,
    /// Of the event at hand.
    random: u64,
    uniques: u64,
}

impl Room {
    /// A machine from what was stored, for a new object as for one that died between any two effects. The first event
    /// that it is given, whatever it is, sets it going again.
    pub fn restore(now_ms: u64, stored: StoredRoom, shard: Shard, limits: Limits) -> Self {
        let clients = Clients::restore(&stored.sockets, limits, now_ms);
        let cursor = stored.values.iter().find(|(key, _)| key == CURSOR_KEY);
        let cursor: Option<Cursor> = cursor.and_then(|(_, value)| serde_json::from_str(value).ok());
        let mut room = Self {
            shard,
            clients,
            subscriptions: Subscriptions::default(),
            waiting: Vec::new(),
            requests: Requests::default(),
            link: Link::restore(cursor, now_ms),
            reading: Reading::default(),
            elsewhere: Elsewhere::default(),
            sweep_at: now_ms,
            alarm: None,
            random: 0,
            uniques: 0,
        };
        for (key, value) in stored.values {
            if stored::is_subscription_key(&key) && !room.restore_subscription(&value) {
                // Its socket is gone. Done with the effects of the first event.
                room.clients.out.push(RoomEffect::Forget { key });
            }
        }
        room
    }

    fn restore_subscription(&mut self, value: &str) -> bool {
        let Ok(stored) = serde_json::from_str::<StoredSubscription>(value) else { return false };
        let Some(vsn) = self.clients.get(stored.client).map(|client| client.vsn) else { return false };
        let Ok(set) =
            self.subscriptions.binding_set(&stored.entries).or_else(|_| self.subscriptions.binding_set(&[]))
        else {
            return false;
        };
        let Some(subscription) = Subscription::from_stored(stored, vsn, set) else { return false };
        self.subscriptions.insert(subscription);
        true
    }

    /// Whether another socket would be one too many: refuse it with 429 before it is accepted.
    pub fn is_full(&self) -> bool {
        self.clients.len() >= self.clients.limits().clients
    }

    /// Takes in one event. `now_ms` is in Unix milliseconds and `random` is any number that cannot be foreseen.
    pub fn handle(&mut self, now_ms: u64, random: u64, event: RoomEvent) -> Vec<RoomEffect> {
        self.random = random;
        if matches!(event, RoomEvent::Batch(_) | RoomEvent::LogPage { .. } | RoomEvent::Relayed(_)) {
            // The alarm may be late: what comes now is not for those whose token has ended.
            self.end_expired(now_ms);
        }
        self.take(now_ms, random, event);
        self.go_on(now_ms, random);
        std::mem::take(&mut self.clients.out)
    }

    fn take(&mut self, now: u64, random: u64, event: RoomEvent) {
        match event {
            RoomEvent::Opened { client, vsn } => self.clients.open(now, client, vsn),
            RoomEvent::Text { client, text } => self.text(now, client, &text),
            RoomEvent::Binary { client, bytes } => self.binary(now, client, &bytes),
            RoomEvent::Closed { client } => self.closed(client),
            RoomEvent::Authorised { request, result } => self.authorised(now, request, &result),
            RoomEvent::Batch(batch) => self.batch(now, &batch),
            RoomEvent::LogPage { request, page } => self.log_page(now, random, request, &page),
            RoomEvent::LogFailed { request } => self.log_failed(now, random, request),
            RoomEvent::FeedLost => self.feed_lost(now, random),
            RoomEvent::Relayed(relay) => self.relayed(now, &relay),
            RoomEvent::Alarm => self.alarm = None,
        }
    }

    /// Does everything that is due now.
    fn go_on(&mut self, now: u64, random: u64) {
        self.end_expired(now);
        if self.clients.any_slow() || now >= self.sweep_at {
            self.sweep_at = now + SWEEP_EVERY_MS;
            for (client, code, reason) in self.clients.overdue(now) {
                self.closed(client);
                self.clients.close(client, code, reason);
            }
        }
        self.refuse_impatient(now);
        self.requests_tick(now);
        self.link_tick(now);
        self.reading_tick(now, random);
        self.presence_tick(now);
        self.set_alarm(now);
    }

    fn end_expired(&mut self, now: u64) {
        while let Some((client, topic)) = self.subscriptions.expired(now) {
            self.end(client, &topic, EXPIRED);
        }
    }

    fn set_alarm(&mut self, now: u64) {
        let sweep = (self.clients.len() > 0).then_some(self.sweep_at);
        let waiting = self.waiting.iter().map(|(until, _)| *until).min();
        let subscriptions = [self.subscriptions.next_expiry(), self.reading_due_at(), self.presence_due_at()];
        let due =
            [sweep, waiting, self.requests.due_at(), self.link_due_at()].into_iter().chain(subscriptions);
        let Some(due) = due.flatten().min().map(|due| due.max(now + 1)) else {
            if self.alarm.take().is_some() {
                self.clients.out.push(RoomEffect::ClearAlarm);
            }
            return;
        };
        // An alarm that goes off too early does no harm: only an earlier one is worth a write.
        if self.alarm.is_none_or(|set| set > due || set <= now) {
            self.alarm = Some(due);
            self.clients.out.push(RoomEffect::SetAlarm(due));
        }
    }

    /// Whether anybody is here who needs the Feed.
    fn is_wanted(&self) -> bool {
        !self.subscriptions.is_empty() || !self.waiting.is_empty() || !self.requests.is_empty()
    }

    /// A socket is gone, with all that it had joined.
    fn closed(&mut self, client: ClientId) {
        self.forget_all_pending(client);
        self.clients.remove(client);
        for topic in self.subscriptions.topics(client) {
            self.drop_subscription(client, &topic);
        }
    }

    fn save_subscription(&mut self, client: ClientId, topic: &str) {
        let Some(subscription) = self.subscriptions.get(client, topic) else { return };
        // Strings, numbers and JSON that is text already cannot fail to serialise.
        let value = serde_json::to_string(&subscription.to_stored()).unwrap_or_default();
        self.clients.out.push(RoomEffect::Save { key: subscription_key(client, topic), value });
    }

    fn drop_subscription(&mut self, client: ClientId, topic: &str) -> Option<Subscription> {
        let gone = self.subscriptions.remove(client, topic)?;
        self.clients.out.push(RoomEffect::Forget { key: subscription_key(client, topic) });
        if gone.is_member() {
            self.presence_gone(&members::Channel::of(&gone), &gone.presence_key, gone.tracked.as_ref());
        }
        Some(gone)
    }

    /// A text that was never given out before, here or on another shard.
    fn unique(&mut self) -> String {
        self.uniques += 1;
        format!("{:016x}{:x}", self.random, self.uniques)
    }

    /// A number for a request. Drawn, not counted alone: an answer that an instance before this one asked for must not
    /// pass for ours.
    fn number(&mut self) -> u64 {
        self.uniques += 1;
        self.random.wrapping_add(self.uniques)
    }
}
