//! What the Feed keeps over its own death: a small store of keys and values, and the log.

use serde::{Deserialize, Serialize};

/// The key of [`Meta`]; the rooms' keys are [`room_key`].
pub const META_KEY: &str = "meta";
const ROOM_PREFIX: &str = "room/";

/// Where the log begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The log's name.
    pub epoch: String,
    /// The newest `seq` when it began: its first entry is the next one.
    pub base_seq: u64,
}

/// Everything a new instance is made of.
#[derive(Clone, Debug, Default)]
pub struct StoredFeed {
    /// The small store's keys and values.
    pub values: Vec<(String, String)>,
    /// The log's ends; `None` when it is empty.
    pub log: Option<LogEnds>,
}

/// The lowest and the highest entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnds {
    /// The lowest offset.
    pub first: u64,
    /// The highest offset.
    pub last: u64,
    /// The `seq` of the highest offset.
    pub last_seq: u64,
}

/// The key under which a listening Room is kept. Its cursor is not: the Room is asked for it.
pub fn room_key(room: &str) -> String {
    format!("{ROOM_PREFIX}{room}")
}

pub(super) fn room_of_key(key: &str) -> Option<&str> {
    key.strip_prefix(ROOM_PREFIX)
}
