//! Phoenix channels as Supabase Realtime speaks them: what clients send, parsed; what the server sends, built.
//!
//! Serializer 1.0.0 is objects, 2.0.0 is arrays plus a binary form for broadcasts. Nothing here keeps state.

mod binary;
mod changes;
mod client;
mod frame;
mod join;
mod server;

pub use self::changes::ChangeFrames;
pub use self::client::{Broadcast, BroadcastBody, ClientEvent, ClientMessage, DecodeError, Presence};
pub use self::frame::Frame;
pub use self::join::{Join, PresenceConfig, Resume};
pub use self::server::{Server, System, join_response};

/// The topic of heartbeats.
pub const PHOENIX: &str = "phoenix";

/// What every channel's topic starts with.
pub const TOPIC_PREFIX: &str = "realtime:";

/// A serializer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vsn {
    /// 1.0.0: `{topic, event, payload, ref, join_ref}`.
    V1,
    /// 2.0.0: `[join_ref, ref, topic, event, payload]`.
    V2,
}

impl Vsn {
    /// The value of the query parameter `vsn`; 1.0.0 when it is left out.
    pub fn parse(vsn: Option<&str>) -> Option<Self> {
        match vsn {
            None | Some("1.0.0") => Some(Self::V1),
            Some("2.0.0") => Some(Self::V2),
            Some(_) => None,
        }
    }

    /// As the query parameter spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1.0.0",
            Self::V2 => "2.0.0",
        }
    }
}

#[cfg(test)]
mod tests;
