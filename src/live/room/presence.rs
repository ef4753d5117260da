//! Presence: who is there, as `Phoenix.Presence` says it, so that realtime-js can put states and diffs together.
//!
//! Each presence has a `phx_ref` of its own; when it changes, a diff takes the old one away and brings the new one.
//! Of the other shards a Room keeps what they last said of themselves, and tells its own members the difference.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::Room;
use super::event::ClientId;
use super::members::{Channel, SIGN_IN};
use super::relay::{Present, RelayBody};
use super::stored::StoredPresence;
use super::subscription::Subscription;
use crate::live::phoenix::{Frame, Presence, Server, Vsn};

/// Shards say again who is present with them, and forget those who have not said so for longer.
const SAY_EVERY_MS: u64 = 30_000;
const FORGET_MS: u64 = 90_000;

/// Who is present on other shards.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    shards: BTreeMap<Channel, BTreeMap<u32, (u64, Vec<Present>)>>,
    say_at: u64,
}

#[derive(Serialize, Default)]
struct Metas<'a> {
    metas: Vec<&'a RawValue>,
}

type State<'a> = BTreeMap<&'a str, Metas<'a>>;

#[derive(Serialize)]
struct Diff<'a> {
    joins: State<'a>,
    leaves: State<'a>,
}

fn state<'a>(present: impl IntoIterator<Item = &'a Present>) -> State<'a> {
    let mut state = State::new();
    for one in present {
        state.entry(&one.key).or_default().metas.push(&one.meta);
    }
    state
}

/// The payload with its refs; last, so that they win over any that the client sent along.
fn meta(payload: &RawValue, phx_ref: &str, previous: Option<&str>) -> Box<RawValue> {
    let text = payload.get().trim();
    let members = text.strip_suffix('}').unwrap_or("{").trim_end();
    let comma = if members.ends_with('{') { "" } else { "," };
    let previous = previous.map(|previous| format!(",\"phx_ref_prev\":\"{previous}\"")).unwrap_or_default();
    RawValue::from_string(format!("{members}{comma}\"phx_ref\":\"{phx_ref}\"{previous}}}"))
        .unwrap_or_default()
}

impl Room {
    /// A member's word about its own presence.
    pub(super) fn presence(
        &mut self,
        client: ClientId,
        topic: &str,
        reference: Option<&str>,
        said: &Presence,
    ) {
        let Some(subscription) = self.subscriptions.get(client, topic) else { return };
        let server = subscription.server();
        if let Some(reason) = self.presence_error(subscription, said) {
            self.clients.send(client, server.reply_error(reference, reason));
            return;
        }
        let answer = server.reply_ok(reference, None);
        match said {
            Presence::Track(payload) => self.track(client, topic, payload, answer),
            Presence::Untrack => self.untrack(client, topic, answer),
        }
    }

    fn presence_error(&self, subscription: &Subscription, said: &Presence) -> Option<&'static str> {
        let limits = self.clients.limits();
        let present = || {
            let members = self.subscriptions.members.get(&Channel::of(subscription)).into_iter().flatten();
            let tracked = |client: &&ClientId| {
                self.subscriptions.get(**client, &subscription.topic).is_some_and(|one| one.tracked.is_some())
            };
            members.filter(tracked).count()
        };
        match said {
            _ if !subscription.is_member() => Some(SIGN_IN),
            Presence::Track(payload) if payload.get().len() > limits.presence_bytes => {
                Some("PresencePayloadTooLarge: a presence has at most 4 KiB")
            }
            Presence::Track(_) if subscription.tracked.is_none() && present() >= limits.presences => {
                Some("PresenceLimitReached: too many are present on this topic")
            }
            Presence::Track(payload)
                if self.subscriptions.bytes() + payload.get().len() > limits.room_bytes =>
            {
                Some("PresenceLimitReached: too many are present in this room")
            }
            Presence::Track(_) | Presence::Untrack => None,
        }
    }

    fn track(&mut self, client: ClientId, topic: &str, payload: &RawValue, answer: Frame) {
        let phx_ref = self.unique();
        let mut found = None;
        self.subscriptions.change(client, topic, |subscription| {
            let previous = subscription.tracked.take();
            let meta = meta(payload, &phx_ref, previous.as_ref().map(|previous| previous.phx_ref.as_str()));
            subscription.tracked = Some(StoredPresence { phx_ref: phx_ref.clone(), meta });
            let (was_enabled, key) = (subscription.presence_enabled, subscription.presence_key.clone());
            // Who says something about itself wants to hear of the others.
            subscription.presence_enabled = true;
            found = Some((was_enabled, present(&key, previous), present(&key, subscription.tracked.clone())));
        });
        let Some((was_enabled, left, joined)) = found else { return };
        self.save_subscription(client, topic);
        self.clients.send(client, answer);
        let Some(channel) = self.subscriptions.get(client, topic).map(Channel::of) else { return };
        if !was_enabled {
            self.send_presence_state(client, topic);
        }
        self.tell_diff(&channel, &joined, &left, (!was_enabled).then_some(client));
        self.say_presence(&channel);
    }

    fn untrack(&mut self, client: ClientId, topic: &str, answer: Frame) {
        let mut left = None;
        self.subscriptions.change(client, topic, |subscription| {
            left = subscription
                .tracked
                .take()
                .map(|previous| present(&subscription.presence_key, Some(previous)));
        });
        self.save_subscription(client, topic);
        self.clients.send(client, answer);
        let channel = self.subscriptions.get(client, topic).map(Channel::of);
        if let (Some(left), Some(channel)) = (left, channel) {
            self.tell_diff(&channel, &[], &left, None);
            self.say_presence(&channel);
        }
    }

    /// Somebody is a member no more, and was present like this until now.
    pub(super) fn presence_gone(&mut self, channel: &Channel, key: &str, tracked: Option<&StoredPresence>) {
        if tracked.is_some() {
            self.tell_diff(channel, &[], &present(key, tracked.cloned()), None);
            self.say_presence(channel);
        }
        if !self.subscriptions.members.contains_key(channel) {
            self.elsewhere.shards.remove(channel);
        }
    }

    /// A member has joined: it learns who is there.
    pub(super) fn presence_joined(&mut self, client: ClientId, topic: &str) {
        let Some(subscription) = self.subscriptions.get(client, topic) else { return };
        if !subscription.is_member() {
            return;
        }
        let (channel, enabled) = (Channel::of(subscription), subscription.presence_enabled);
        if enabled {
            self.send_presence_state(client, topic);
        }
        if self.subscriptions.members.get(&channel).is_some_and(|members| members.len() == 1) {
            self.say(&channel, RelayBody::WhoIsPresent);
        }
    }

    fn send_presence_state(&mut self, client: ClientId, topic: &str) {
        let Some(subscription) = self.subscriptions.get(client, topic) else { return };
        let channel = Channel::of(subscription);
        let here = self.present_here(&channel);
        let there = self.elsewhere.shards.get(&channel).into_iter().flat_map(BTreeMap::values);
        let all = here.iter().chain(there.flat_map(|(_, present)| present));
        let state = to_raw_value(&state(all)).unwrap_or_default();
        self.clients.send(client, subscription.server().presence_state(&state));
    }

    fn present_here(&self, channel: &Channel) -> Vec<Present> {
        let members = self.subscriptions.members.get(channel).into_iter().flatten();
        let tracked = |client: &ClientId| {
            let subscription = self.subscriptions.get(*client, &channel.topic)?;
            Some(present(&subscription.presence_key, subscription.tracked.clone()))
        };
        members.filter_map(tracked).flatten().collect()
    }

    pub(super) fn say_presence(&mut self, channel: &Channel) {
        if self.shard.count > 1 {
            let present = self.present_here(channel);
            self.say(channel, RelayBody::Present(present));
        }
    }

    /// What another shard says of itself.
    pub(super) fn present_there(&mut self, now: u64, channel: &Channel, shard: u32, present: &[Present]) {
        let shards = self.elsewhere.shards.entry(channel.clone()).or_default();
        let (_, before) = shards.insert(shard, (now, present.to_vec())).unwrap_or_default();
        let differs =
            |one: &Present, others: &[Present]| !others.iter().any(|other| other.phx_ref == one.phx_ref);
        let joined: Vec<_> = present.iter().filter(|one| differs(one, &before)).cloned().collect();
        let left: Vec<_> = before.iter().filter(|one| differs(one, present)).cloned().collect();
        self.tell_diff(channel, &joined, &left, None);
    }

    fn tell_diff(
        &mut self,
        channel: &Channel,
        joined: &[Present],
        left: &[Present],
        except: Option<ClientId>,
    ) {
        if joined.is_empty() && left.is_empty() {
            return;
        }
        let diff = Diff { joins: state(joined), leaves: state(left) };
        let diff = to_raw_value(&diff).unwrap_or_default();
        for vsn in [Vsn::V1, Vsn::V2] {
            let to = self.members(channel, vsn, |one| one.presence_enabled && Some(one.client) != except);
            self.clients.send_all(to, Server::new(vsn, &channel.topic, None).presence_diff(&diff));
        }
    }

    /// Says again who is present here, and forgets shards that have not.
    pub(super) fn presence_tick(&mut self, now: u64) {
        if self.shard.count <= 1 || now < self.elsewhere.say_at {
            return;
        }
        let first = self.elsewhere.say_at == 0;
        self.elsewhere.say_at = now + SAY_EVERY_MS;
        let channels: Vec<Channel> = self.subscriptions.members.keys().cloned().collect();
        for channel in &channels {
            if first {
                self.say(channel, RelayBody::WhoIsPresent);
            }
            self.say_presence(channel);
            let shards = self.elsewhere.shards.get(channel).into_iter().flatten();
            let silent =
                shards.filter(|(_, (said_at, _))| now >= said_at + FORGET_MS).map(|(shard, _)| *shard);
            for shard in silent.collect::<Vec<_>>() {
                self.present_there(now, channel, shard, &[]);
                if let Some(shards) = self.elsewhere.shards.get_mut(channel) {
                    shards.remove(&shard);
                }
            }
        }
    }

    pub(super) fn presence_due_at(&self) -> Option<u64> {
        (self.shard.count > 1 && !self.subscriptions.members.is_empty()).then_some(self.elsewhere.say_at)
    }
}

fn present(key: &str, tracked: Option<StoredPresence>) -> Vec<Present> {
    let one = |StoredPresence { phx_ref, meta }| Present { key: key.to_owned(), phx_ref, meta };
    tracked.map(one).into_iter().collect()
}
