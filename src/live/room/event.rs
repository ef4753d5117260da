//! What a Room is told and what it asks for.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::relay::Relay;
use crate::config::Secret;
use crate::live::audience::Viewer;
use crate::live::feed::{Batch, Cursor, LogPage};
use crate::live::phoenix::{Frame, Vsn};

/// A socket, by the number that the object gave it.
pub type ClientId = u64;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum RoomEvent {
    /// A socket was accepted.
    Opened {
        /// Its number, never used before.
        client: ClientId,
        /// Its serializer.
        vsn: Vsn,
    },
    /// A client sent a text frame.
    Text {
        /// The socket.
        client: ClientId,
        /// The frame.
        text: String,
    },
    /// A client sent a binary frame.
    Binary {
        /// The socket.
        client: ClientId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A socket is closed or broken.
    Closed {
        /// The socket.
        client: ClientId,
    },
    /// The answer to a [`RoomEffect::Authorise`].
    Authorised {
        /// As asked.
        request: u64,
        /// Who it is, or why not.
        result: Result<Grant, Refusal>,
    },
    /// The Feed pushed; answered with the [`RoomEffect::Ack`] among the effects.
    Batch(Batch),
    /// The answer to a [`RoomEffect::ReadLog`].
    LogPage {
        /// As asked.
        request: u64,
        /// The page.
        page: LogPage,
    },
    /// There was no answer to a [`RoomEffect::ReadLog`], or none that helps.
    LogFailed {
        /// As asked.
        request: u64,
    },
    /// A [`RoomEffect::Listen`] did not reach the Feed.
    FeedLost,
    /// Another shard sent this.
    Relayed(Relay),
    /// The alarm went off. Early, late and repeated alarms do no harm.
    Alarm,
}

/// Somebody whose token was verified and whose role was read with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who.
    pub viewer: Viewer,
    /// When the token ends, in Unix seconds; `None` for anon.
    pub expires_at: Option<u64>,
}

/// Medical records that somebody follows, to be noted if it is staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    /// Which, with `?` for each value.
    pub query: String,
    /// For whom they are noted already, and until when the token was good that they are followed under, in Unix seconds: the same
    /// once more is nothing new.
    pub noted: Option<(Uuid, u64)>,
}

/// Why a token was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no good. The reason goes to the client, in Realtime's words: `JwtSignatureError: …`.
    Token(String),
    /// It could not be found out.
    Unavailable,
}

/// What is kept with the socket itself and survives hibernation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The socket's number.
    pub client: ClientId,
    /// Its serializer, `1.0.0` or `2.0.0`.
    pub vsn: String,
    /// About when it last sent a frame; Unix milliseconds.
    #[serde(default)]
    pub seen_ms: u64,
}

/// Something to do. Effects are done in their order; what is stored by one is durable before a later
/// [`RoomEffect::Ack`]. Calls to the Feed reach it in their order.
#[derive(Clone, Debug)]
pub enum RoomEffect {
    /// Send one frame to these sockets. A socket that is gone is passed over.
    Send {
        /// The sockets, in rising order.
        to: Vec<ClientId>,
        /// The frame.
        frame: Frame,
    },
    /// Close a socket. Its number is not known any more.
    Close {
        /// The socket.
        client: ClientId,
        /// The code.
        code: u16,
        /// At most 123 bytes.
        reason: &'static str,
    },
    /// Keep this with the socket.
    Attach(Attachment),
    /// Verify the token, read the caller's live role with it and note what is read, then [`RoomEvent::Authorised`].
    Authorise {
        /// For the answer.
        request: u64,
        /// The token as the client sent it; also a public key.
        token: Secret,
        /// Which medical records are followed under it.
        reads: Option<Reads>,
    },
    /// Ask the Feed for the log after the cursor, then [`RoomEvent::LogPage`] or [`RoomEvent::LogFailed`].
    ReadLog {
        /// For the answer.
        request: u64,
        /// From where.
        cursor: Cursor,
    },
    /// Tell the Feed that this Room listens; [`RoomEvent::FeedLost`] if it cannot be told.
    Listen {
        /// What has been delivered; `None`: changes from now on.
        cursor: Option<Cursor>,
    },
    /// Tell the Feed that this Room wants no more.
    Leave,
    /// Answer the Feed's push with this cursor.
    Ack(Cursor),
    /// Store a value under a key.
    Save {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Delete a key.
    Forget {
        /// The key.
        key: String,
    },
    /// Send this to another shard; it may get lost.
    Relay {
        /// The shard, from 0.
        shard: u32,
        /// What.
        message: Relay,
    },
    /// Set the one alarm, in Unix milliseconds; replaces the one before.
    SetAlarm(u64),
    /// There is nothing to wait for.
    ClearAlarm,
    /// Worth a line in the log. Holds no value of any row and no message.
    Log(RoomNotice),
}

/// What is worth a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomNotice {
    /// A socket was closed by us, with this code.
    Closed(u16),
    /// Subscriptions were told to begin anew.
    Resync(&'static str),
    /// An entry of the log cannot be read and is passed over.
    BadEntry(u64),
    /// The Feed cannot be reached.
    FeedLost,
}
