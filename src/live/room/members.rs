//! Broadcast: from one member of a topic to the others. Members are those who are signed in.

use std::sync::Arc;

use super::Room;
use super::event::{ClientId, RoomEffect};
use super::relay::{Relay, RelayBody};
use super::subscription::{Subscription, Topic};
use crate::live::phoenix::{Broadcast, Server, Vsn};

/// Where broadcasts and presence stay: a public and a private channel of one name have nothing in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Channel {
    pub topic: Topic,
    pub private: bool,
}

impl Channel {
    pub(super) fn of(subscription: &Subscription) -> Self {
        Self { topic: Arc::clone(&subscription.topic), private: subscription.private }
    }
}

pub(super) const SIGN_IN: &str =
    "Unauthorized: broadcast and presence are for people who are signed in. Join with a user's access_token";

impl Room {
    /// A member's broadcast to its topic.
    pub(super) fn broadcast(
        &mut self,
        client: ClientId,
        topic: &str,
        reference: Option<&str>,
        sent: &Broadcast,
    ) {
        let Some(subscription) = self.subscriptions.get(client, topic) else { return };
        if !subscription.is_member() {
            self.clients.send(client, subscription.server().reply_error(reference, SIGN_IN));
            return;
        }
        let (channel, echo) = (Channel::of(subscription), subscription.echo);
        if subscription.ack {
            self.clients.send(client, subscription.server().reply_ok(reference, None));
        }
        self.broadcast_here(&channel, sent, (!echo).then_some(client));
        self.say(&channel, RelayBody::of(sent));
    }

    pub(super) fn broadcast_here(&mut self, channel: &Channel, sent: &Broadcast, except: Option<ClientId>) {
        for vsn in [Vsn::V1, Vsn::V2] {
            let to = self.members(channel, vsn, |_| true);
            if let Some(frame) = Server::new(vsn, &channel.topic, None).broadcast(sent) {
                self.clients.send_all(to.into_iter().filter(|client| Some(*client) != except), frame);
            }
        }
    }

    /// The members of a channel with this serializer.
    pub(super) fn members(
        &self,
        channel: &Channel,
        vsn: Vsn,
        wanted: impl Fn(&Subscription) -> bool,
    ) -> Vec<ClientId> {
        let clients = self.subscriptions.members.get(channel).into_iter().flatten();
        let fits = |client: &&ClientId| {
            self.subscriptions
                .get(**client, &channel.topic)
                .is_some_and(|subscription| subscription.vsn == vsn && wanted(subscription))
        };
        clients.filter(fits).copied().collect()
    }

    /// Tells the other shards.
    pub(super) fn say(&mut self, channel: &Channel, body: RelayBody) {
        for (shard, message) in self.shard.say(channel, body) {
            self.clients.out.push(RoomEffect::Relay { shard, message });
        }
    }

    /// Another shard said something.
    pub(super) fn relayed(&mut self, now: u64, relay: &Relay) {
        if relay.origin == self.shard.index {
            return;
        }
        if relay.to_home {
            for (shard, message) in self.shard.pass_on(relay) {
                self.clients.out.push(RoomEffect::Relay { shard, message });
            }
        }
        let channel = Channel { topic: relay.topic.as_str().into(), private: relay.private };
        if !self.subscriptions.members.contains_key(&channel) {
            return;
        }
        match &relay.body {
            RelayBody::Present(present) => self.present_there(now, &channel, relay.origin, present),
            RelayBody::WhoIsPresent => self.say_presence(&channel),
            RelayBody::Json { .. } | RelayBody::Bytes { .. } => {
                if let Some(sent) = relay.body.broadcast() {
                    self.broadcast_here(&channel, &sent, None);
                }
            }
        }
    }
}
