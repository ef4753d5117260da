//! What goes between shards of one clinic: broadcasts and presence of a topic, by way of the topic's home shard.
//!
//! A message goes to the home, which passes it to all the others. Every shard says of itself who is present, whole,
//! whenever that changes, again every half minute, and when asked; what is lost on the way is mended by the next.

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::members::Channel;
use crate::live::phoenix::{Broadcast, BroadcastBody};

/// A message between shards, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Relay {
    /// The shard that speaks.
    pub origin: u32,
    /// To be passed on by the home.
    pub to_home: bool,
    /// The topic, with its prefix.
    pub topic: String,
    /// Whether the channel is private.
    pub private: bool,
    /// What is said.
    pub body: RelayBody,
}

/// What one shard says to the others.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayBody {
    /// A broadcast with JSON.
    Json {
        /// The sender's event.
        event: String,
        /// The payload.
        payload: Box<RawValue>,
    },
    /// A broadcast with bytes.
    Bytes {
        /// The sender's event.
        event: String,
        /// The payload in base64.
        base64: String,
    },
    /// Everybody who is present on that shard.
    Present(Vec<Present>),
    /// Who is present with you?
    WhoIsPresent,
}

/// One presence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Present {
    /// The key.
    pub key: String,
    /// Unique, and new whenever the payload changes.
    pub phx_ref: String,
    /// The payload with its `phx_ref`.
    pub meta: Box<RawValue>,
}

impl RelayBody {
    pub(super) fn of(broadcast: &Broadcast) -> Self {
        let event = broadcast.event.clone();
        match &broadcast.body {
            BroadcastBody::Json(payload) => Self::Json { event, payload: payload.clone() },
            BroadcastBody::Bytes(bytes) => Self::Bytes { event, base64: Base64::encode_string(bytes) },
        }
    }

    pub(super) fn broadcast(&self) -> Option<Broadcast> {
        let (event, body) = match self {
            Self::Json { event, payload } => (event, BroadcastBody::Json(payload.clone())),
            Self::Bytes { event, base64 } => (event, BroadcastBody::Bytes(Base64::decode_vec(base64).ok()?)),
            Self::Present(_) | Self::WhoIsPresent => return None,
        };
        Some(Broadcast { event: event.clone(), body })
    }
}

/// Where this Room stands among the shards.
#[derive(Clone, Copy, Debug)]
pub struct Shard {
    /// Its number, from 0.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

impl Shard {
    /// The shard that passes on what is said on a topic.
    fn home(self, topic: &str) -> u32 {
        let hash = topic
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        hash % self.count.max(1)
    }

    /// The messages that bring `body` to all other shards, now or by way of the home.
    pub(super) fn say(self, channel: &Channel, body: RelayBody) -> Vec<(u32, Relay)> {
        if self.count <= 1 {
            return Vec::new();
        }
        let home = self.home(&channel.topic);
        let relay = Relay {
            origin: self.index,
            to_home: home != self.index,
            topic: channel.topic.to_string(),
            private: channel.private,
            body,
        };
        if relay.to_home { vec![(home, relay)] } else { self.pass_on(&relay) }
    }

    /// The messages by which the home passes on one that it received.
    pub(super) fn pass_on(self, relay: &Relay) -> Vec<(u32, Relay)> {
        let others = (0..self.count).filter(|shard| *shard != self.index && *shard != relay.origin);
        others.map(|shard| (shard, Relay { to_home: false, ..relay.clone() })).collect()
    }
}
