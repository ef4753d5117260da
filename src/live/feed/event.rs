//! What the Feed is told and what it asks for.

use super::batch::BatchPlan;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum FeedEvent {
    /// A Room wants changes from now on, also said again by a Room that heard nothing for a while.
    Listen {
        /// The Room's name.
        room: String,
        /// The cursor up to which it has delivered; `None` when it starts anew.
        cursor: Option<Cursor>,
    },
    /// A Room wants no more.
    Leave {
        /// The Room's name.
        room: String,
    },
    /// A write went through Chairside.
    Nudge,
    /// The socket of this connection is open.
    UpstreamOpened {
        /// As in [`FeedEffect::Connect`].
        connection: u64,
    },
    /// Text frames came.
    UpstreamFrames {
        /// As in [`FeedEffect::Connect`].
        connection: u64,
        /// The frames, in their order.
        texts: Vec<String>,
    },
    /// The socket was closed, or could not be opened.
    UpstreamClosed {
        /// As in [`FeedEffect::Connect`].
        connection: u64,
        /// The close code, if there was one.
        code: Option<u16>,
    },
    /// PostgREST answered a [`FeedEffect::Backfill`] with 200.
    Backfilled {
        /// As asked: answers to an instance before this one do not count.
        request: u64,
        /// The body: a JSON array of rows of `change_log`, by `seq`.
        body: String,
    },
    /// PostgREST did not answer a [`FeedEffect::Backfill`], or not with 200.
    BackfillFailed {
        /// As asked.
        request: u64,
        /// The status, if there was one.
        status: Option<u16>,
    },
    /// PostgREST answered a [`FeedEffect::AskNewest`].
    Newest {
        /// As asked.
        request: u64,
        /// The newest `seq` of `change_log`; `None` when it is empty.
        newest: Option<u64>,
    },
    /// PostgREST did not answer a [`FeedEffect::AskNewest`], or not with 200.
    NewestFailed {
        /// As asked.
        request: u64,
    },
    /// A Room answered a [`FeedEffect::Push`].
    Acked {
        /// The Room's name.
        room: String,
        /// The cursor up to which it has delivered.
        cursor: Cursor,
    },
    /// A Room did not answer, or not with an acknowledgement.
    PushFailed {
        /// The Room's name.
        room: String,
    },
    /// [`FeedEffect::Trim`] was done.
    Trimmed {
        /// The lowest offset that is left.
        first: u64,
    },
    /// The alarm went off. Early, late and repeated alarms do no harm.
    Alarm,
}

/// A place in the log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    /// The log's name: another epoch's offsets mean nothing here.
    pub epoch: String,
    /// Everything up to here, this included.
    pub offset: u64,
}

/// Something to do. Effects are done in their order; what is stored by one is durable before the next is begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedEffect {
    /// Open a socket to Realtime. Later events of it carry the number.
    Connect {
        /// A new number; events of other connections are passed over.
        connection: u64,
    },
    /// Send a text frame. It may hold the service key: never log it.
    SendUpstream(String),
    /// Close the socket, if it is open or opening.
    CloseUpstream,
    /// `change_log?seq=gt.{after}&order=seq.asc&limit={limit}`, then [`FeedEvent::Backfilled`] or
    /// [`FeedEvent::BackfillFailed`].
    Backfill {
        /// For the answer.
        request: u64,
        /// The last `seq` that is known.
        after: u64,
        /// How many rows at most.
        limit: u64,
    },
    /// `change_log?select=seq&order=seq.desc&limit=1`, then [`FeedEvent::Newest`] or [`FeedEvent::NewestFailed`].
    AskNewest {
        /// For the answer.
        request: u64,
    },
    /// Empty the log and store this value under the key, in one step.
    ResetLog {
        /// A key of the small store.
        key: String,
        /// Its value.
        value: String,
    },
    /// Append to the log, all or none.
    Append(Vec<Entry>),
    /// Delete entries with an offset below `below`, and those written before `before_ms`, but never the newest entry;
    /// then [`FeedEvent::Trimmed`].
    Trim {
        /// Offsets below go.
        below: u64,
        /// Entries older than this go; Unix milliseconds.
        before_ms: u64,
    },
    /// Store a value under a key of the small store.
    Save {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Delete a key of the small store.
    Forget {
        /// The key.
        key: String,
    },
    /// Send a Room a batch ([`BatchPlan::fill`] with the log's entries), then [`FeedEvent::Acked`] or
    /// [`FeedEvent::PushFailed`]. Not to be waited for.
    Push {
        /// The Room's name.
        room: String,
        /// What to read and send.
        batch: BatchPlan,
    },
    /// Set the one alarm, in Unix milliseconds; replaces the one before.
    SetAlarm(u64),
    /// There is nothing to wait for.
    ClearAlarm,
    /// Worth a line in the log. Holds no value of any row.
    Log(FeedNotice),
}

/// One line of the log: a change with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Dense, from 1.
    pub offset: u64,
    /// The change's `seq`.
    pub seq: u64,
    /// When it was appended; Unix milliseconds.
    pub at_ms: u64,
    /// The change, as [`crate::live::change::Change::to_json`] writes it.
    pub change: String,
}

/// What is worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedNotice {
    /// Realtime sends changes.
    Ready,
    /// The connection to Realtime was given up.
    UpstreamLost(&'static str),
    /// Realtime is silent about changes that are committed.
    UpstreamSilent {
        /// How far behind, in `seq`.
        behind: u64,
    },
    /// A backfill did not succeed.
    BackfillFailed(Option<u16>),
    /// A row of `change_log` cannot be read and is passed over.
    BadEntry {
        /// Its `seq`.
        seq: u64,
        /// Why.
        reason: String,
    },
    /// The log begins anew.
    NewEpoch(&'static str),
    /// A Room did not answer for too long.
    RoomDropped(String),
}
