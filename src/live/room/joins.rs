//! Joining and leaving.
//!
//! A join waits for the Feed's first word, then for its token to be verified, then it is answered: what commits after
//! the answer arrives. Nobody is authorised before the Room has a cursor, so that no change of a role falls in between.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::Room;
use super::event::{ClientId, Grant, Refusal};
use super::link::watermark;
use super::members::SIGN_IN;
use super::requests::Waiter;
use super::subscription::{BindingSet, PendingJoin, Place, Subscription};
use crate::auth::Role;
use crate::config::Secret;
use crate::live::audience::Viewer;
use crate::live::filter::assign_ids;
use crate::live::phoenix::{Join, Server, System, TOPIC_PREFIX, join_response};

/// A join that the Feed keeps waiting is refused after this; the client's own patience ends at 10 s.
const PATIENCE_MS: u64 = 8_000;
/// The highest whole number that JavaScript, and so the way to the Feed, knows exactly: no log is so long, and a page
/// that cannot be asked for would be asked for again and again, before those of others.
const MAX_OFFSET: u64 = (1 << 53) - 1;
/// The longest topic that the binary form of a broadcast can name.
const MAX_TOPIC: usize = 255;

impl Room {
    /// `phx_join`
    pub(super) fn join(&mut self, now: u64, pending: PendingJoin) {
        let (client, topic) = (pending.client, Arc::clone(&pending.topic));
        self.forget_pending(client, &topic);
        if let Some(reason) = self.join_error(now, &pending) {
            self.refuse_join(&pending, reason);
        } else if self.link.cursor.is_none() {
            self.waiting.push((now + PATIENCE_MS, pending));
        } else {
            self.authorise_join(now, pending);
        }
    }

    fn join_error(&mut self, now: u64, pending: &PendingJoin) -> Option<&'static str> {
        let limits = self.clients.limits().clone();
        let client = pending.client;
        let admitted =
            self.clients.get_mut(client).is_some_and(|one| one.joins.admit(now, limits.joins_per_second));
        let name = pending.topic.strip_prefix(TOPIC_PREFIX);
        let is_new = self.subscriptions.get(client, &pending.topic).is_none();
        let channels = || self.subscriptions.topics(client).len() + self.pending_of(client);
        let entries = &pending.join.postgres_changes;
        let weight = pending.weight();
        let is_too_much = || {
            let before = self.subscriptions.get(client, &pending.topic).map_or(0, Subscription::weight);
            let (own, all) = self.pending_bytes(client);
            self.subscriptions.bytes_of(client) + own + weight - before > limits.client_bytes
                || self.subscriptions.bytes() + all + weight - before > limits.room_bytes
        };
        match name {
            None => Some("unmatched topic"),
            Some("") => Some("TopicNameRequired: You must provide a topic name"),
            _ if pending.topic.len() > MAX_TOPIC => Some("TopicNameTooLong: A topic has at most 255 bytes"),
            _ if !admitted => Some("ClientJoinRateLimitReached: Too many joins per second"),
            _ if is_new && channels() >= limits.channels => {
                Some("ChannelRateLimitReached: Too many channels")
            }
            _ if is_new && self.subscriptions.len() >= limits.subscriptions => {
                Some("ChannelRateLimitReached: Too many channels in this room")
            }
            _ if entries.len() > limits.bindings => {
                Some("TooManyBindings: A channel has at most 100 postgres_changes entries")
            }
            _ if weight > limits.join_bytes => {
                Some("JoinTooLarge: The postgres_changes entries of a channel have at most 32 KiB together")
            }
            _ if is_too_much() => {
                Some("ChannelRateLimitReached: Too much asked for in all channels together")
            }
            _ => None,
        }
    }

    /// The Feed has spoken: who waited for it goes on.
    pub(super) fn begin_waiting(&mut self, now: u64) {
        for (_, pending) in std::mem::take(&mut self.waiting) {
            self.authorise_join(now, pending);
        }
    }

    pub(super) fn refuse_impatient(&mut self, now: u64) {
        while let Some(at) = self.waiting.iter().position(|(until, _)| now >= *until) {
            let (_, pending) = self.waiting.remove(at);
            self.refuse_join(&pending, "RealtimeUnavailable: Changes cannot be followed at the moment");
        }
    }

    fn authorise_join(&mut self, now: u64, pending: PendingJoin) {
        match pending.join.access_token.clone() {
            Some(token) if !token.is_empty() => {
                self.authorise(now, pending.client, Secret::new(token), Waiter::Join(Box::new(pending)));
            }
            _ => self.activate(pending, &Grant { viewer: ANON, expires_at: None }),
        }
    }

    /// A join's token was looked at.
    pub(super) fn join_authorised(
        &mut self,
        now: u64,
        pending: PendingJoin,
        result: &Result<Grant, Refusal>,
    ) {
        match result {
            Ok(grant) if is_over(grant, now) => {
                self.refuse_join(&pending, "InvalidJWTToken: Token has expired 0 seconds ago");
            }
            Ok(grant) => self.activate(pending, grant),
            Err(Refusal::Token(reason)) => self.refuse_join(&pending, reason),
            Err(Refusal::Unavailable) => {
                self.refuse_join(
                    &pending,
                    "AuthorizationUnavailable: The token cannot be checked at the moment",
                );
            }
        }
    }

    fn refuse_join(&mut self, pending: &PendingJoin, reason: &str) {
        let Some(vsn) = self.clients.get(pending.client).map(|client| client.vsn) else { return };
        let server = Server::new(vsn, &pending.topic, pending.join_ref.as_deref());
        self.clients.send(pending.client, server.reply_error(pending.reference.as_deref(), reason));
        // As Phoenix has it, the join before ends with the attempt at another.
        if let Some(old) = self.subscriptions.get(pending.client, &pending.topic) {
            self.clients.send(pending.client, old.server().close());
            self.drop_subscription(pending.client, &pending.topic);
        }
    }

    fn activate(&mut self, pending: PendingJoin, grant: &Grant) {
        let (client, topic) = (pending.client, Arc::clone(&pending.topic));
        let Some(vsn) = self.clients.get(client).map(|client| client.vsn) else { return };
        if let Some(reason) = stranger_error(grant.viewer, &topic, &pending.join) {
            return self.refuse_join(&pending, &reason);
        }
        let old = self.drop_subscription(client, &topic);
        let set = self.subscriptions.binding_set(&pending.join.postgres_changes);
        let (set, invalid) = match set {
            Ok(set) => (set, None),
            Err(error) => (Arc::new(BindingSet { number: 0, bindings: Vec::new() }), Some(error.0)),
        };
        let reference = pending.reference.clone();
        let response = response(&pending.join.postgres_changes);
        let mut new = subscription(pending, vsn, set);
        new.grant(grant);
        let resume = self.place_new(&mut new);
        if new.presence_key.is_empty() {
            new.presence_key = self.unique();
        }
        let answer = new.server().reply_ok(reference.as_deref(), Some(&response));
        let closed = old.filter(|old| old.join_ref != new.join_ref).map(|old| old.server().close());
        self.subscriptions.insert(new);
        // Kept before it is promised: a Room that dies in between is asked again, not believed to deliver.
        self.save_subscription(client, &topic);
        self.clients.send(client, answer);
        if let Some(closed) = closed {
            self.clients.send(client, closed);
        }
        self.welcome(client, &topic, invalid.as_deref());
        if resume == Resumed::Never
            && let Some(cursor) = self.link.cursor.clone()
        {
            self.resync(client, &topic, &cursor);
        }
        self.mark(client, &topic);
        self.presence_joined(client, &topic);
    }

    /// Where a new subscription begins.
    fn place_new(&self, new: &mut Subscription) -> Resumed {
        let resume = std::mem::take(&mut new.resume);
        let Some(cursor) = self.link.cursor.as_ref().filter(|_| !new.set.bindings.is_empty()) else {
            return Resumed::Fresh;
        };
        new.place = Place::Live;
        match resume {
            None => Resumed::Fresh,
            Some(resume) if resume.epoch != cursor.epoch || resume.offset > MAX_OFFSET => Resumed::Never,
            Some(resume) => {
                if resume.offset != cursor.offset {
                    new.place = Place::Behind(resume.offset);
                }
                Resumed::Fresh
            }
        }
    }

    /// What Realtime says after a join, and how the Feed stands.
    fn welcome(&mut self, client: ClientId, topic: &str, invalid: Option<&str>) {
        let Some(one) = self.subscriptions.get(client, topic) else { return };
        if let Some(message) = invalid {
            let system =
                System { extension: "postgres_changes", status: "error", message, ..System::default() };
            self.clients.send(client, one.server().system(&system));
        } else if one.place != Place::None {
            self.clients.send(client, one.server().system(&SUBSCRIBED));
            self.clients.send(client, one.server().system(&self.standing()));
        }
    }

    /// Confirms to a live subscription that it is complete.
    pub(super) fn mark(&mut self, client: ClientId, topic: &str) {
        let one = self.subscriptions.get(client, topic).filter(|one| one.place == Place::Live);
        if let (Some(one), Some(cursor)) = (one, &self.link.cursor) {
            self.clients.send(client, one.server().system(&watermark(cursor)));
        }
    }

    /// `phx_leave`
    pub(super) fn leave(&mut self, client: ClientId, topic: &str, reference: Option<&str>) {
        let Some(one) = self.subscriptions.get(client, topic) else { return };
        self.clients.send(client, one.server().reply_ok(reference, None));
        self.clients.send(client, one.server().close());
        self.drop_subscription(client, topic);
    }

    /// Ends a subscription with a reason; realtime-js does not join again by itself.
    pub(super) fn end(&mut self, client: ClientId, topic: &str, reason: &str) {
        let Some(one) = self.subscriptions.get(client, topic) else { return };
        let system = System { extension: "system", status: "error", message: reason, ..System::default() };
        // Told before it is forgotten: a Room that dies in between does it again.
        self.clients.send(client, one.server().system(&system));
        self.clients.send(client, one.server().close());
        self.drop_subscription(client, topic);
    }
}

pub(super) const EXPIRED: &str = "Token has expired 0 seconds ago";
const ANON: Viewer = Viewer { role: Role::Anon, id: None };
pub(super) const SUBSCRIBED: System<'static> = System {
    extension: "postgres_changes",
    status: "ok",
    message: "Subscribed to PostgreSQL",
    epoch: None,
    offset: None,
    since: None,
};

#[derive(PartialEq, Eq)]
enum Resumed {
    /// From now on, or from where the client is.
    Fresh,
    /// What the client has is of another epoch.
    Never,
}

pub(super) fn is_over(grant: &Grant, now: u64) -> bool {
    grant.expires_at.is_some_and(|seconds| seconds.saturating_mul(1_000) <= now)
}

/// Why somebody who is not signed in may not join.
fn stranger_error(viewer: Viewer, topic: &str, join: &Join) -> Option<String> {
    let name = topic.strip_prefix(TOPIC_PREFIX).unwrap_or(topic);
    match viewer.role {
        Role::Anon if join.private => {
            Some(format!("Unauthorized: You do not have permissions to read from this Channel topic: {name}"))
        }
        Role::Anon if join.postgres_changes.is_empty() => Some(SIGN_IN.to_owned()),
        _ => None,
    }
}

fn response(entries: &[Box<RawValue>]) -> Box<RawValue> {
    join_response(entries, &assign_ids(entries))
}

fn subscription(pending: PendingJoin, vsn: crate::live::phoenix::Vsn, set: Arc<BindingSet>) -> Subscription {
    let PendingJoin { client, topic, join_ref, join, .. } = pending;
    Subscription {
        client,
        topic,
        vsn,
        join_ref,
        private: join.private,
        ack: join.ack,
        echo: join.echo,
        presence_enabled: join.presence.enabled,
        presence_key: join.presence.key,
        tracked: None,
        entries: join.postgres_changes,
        set,
        viewer: ANON,
        expires_ms: None,
        resume: join.resume,
        place: Place::None,
    }
}
