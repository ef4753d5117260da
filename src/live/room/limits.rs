//! How much a client may ask for, and what happens when it asks for more.

/// The limits of a Room. Times are in milliseconds.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sockets.
    pub clients: usize,
    /// Joined topics of one socket.
    pub channels: usize,
    /// Joined topics of the whole Room.
    pub subscriptions: usize,
    /// `postgres_changes` entries of one topic.
    pub bindings: usize,
    /// Bytes that one join wants to be kept.
    pub join_bytes: usize,
    /// The same of all joins of one socket.
    pub client_bytes: usize,
    /// The same of the whole Room, which keeps them several times over in the 128 MiB of an object.
    pub room_bytes: usize,
    /// Joins of one socket in a second.
    pub joins_per_second: u32,
    /// Broadcasts and presence messages of one socket in a second.
    pub messages_per_second: u32,
    /// Bytes of a frame.
    pub frame_bytes: usize,
    /// Bytes of a presence payload.
    pub presence_bytes: usize,
    /// Presences on one topic.
    pub presences: usize,
    /// Bytes sent to a socket since its last frame: beyond this it is not reading. A healthy client sends a heartbeat
    /// every 25 s, so this over 25 is also the most that it can be sent per second for long.
    pub unread_bytes: usize,
    /// Without any frame for so long a socket is gone; official clients send one every 25 s.
    pub silence_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 10_000,
            channels: 100,
            subscriptions: 50_000,
            bindings: 100,
            join_bytes: 32 << 10,
            client_bytes: 512 << 10,
            room_bytes: 16 << 20,
            joins_per_second: 20,
            messages_per_second: 100,
            frame_bytes: 64 << 10,
            presence_bytes: 4 << 10,
            presences: 1_000,
            unread_bytes: 8 << 20,
            silence_ms: 60_000,
        }
    }
}

/// Close codes of our own, beside those of RFC 6455.
pub mod close {
    /// The frame is no message (RFC 6455: data of the wrong kind).
    pub const NOT_A_MESSAGE: u16 = 1007;
    /// The frame is too long (RFC 6455).
    pub const TOO_LONG: u16 = 1009;
    /// The object does not know the socket any more: connect again (RFC 6455's registry: service restart).
    pub const RESTART: u16 = 1012;
    /// The Room is full (RFC 6455's registry: try again later).
    pub const FULL: u16 = 1013;
    /// The client does not read what it is sent.
    pub const SLOW: u16 = 4008;
    /// The client sends nothing, not even heartbeats.
    pub const SILENT: u16 = 4009;
}

/// Counts what happens in a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    second: u64,
    count: u32,
}

impl Window {
    /// Counts one more; false when it is over the limit.
    pub(super) fn admit(&mut self, now: u64, limit: u32) -> bool {
        let second = now / 1_000;
        if self.second != second {
            *self = Self { second, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= limit
    }
}
