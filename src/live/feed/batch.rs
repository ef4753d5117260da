//! What the Feed sends to Rooms: batches as they happen and pages of its log for those who resume.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::event::{Cursor, Entry};

/// The most entries in one batch or page, and about how many bytes of changes.
pub const BATCH_ENTRIES: u64 = 500;
/// See [`BATCH_ENTRIES`].
pub const BATCH_BYTES: usize = 1 << 20;

/// How the Feed stands towards Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamState {
    /// Everything committed arrives as it happens.
    Live,
    /// Complete up to a few seconds ago.
    CatchingUp,
    /// Not known to be complete since the given time.
    Stale,
}

/// A change with its place in the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BatchEntry {
    /// Its offset.
    pub offset: u64,
    /// The change, as [`crate::live::change::Change::to_json`] writes it.
    pub change: Box<RawValue>,
}

/// What a Room receives: the entries after `from`, without a hole, and how things stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// The log's name.
    pub epoch: String,
    /// The offset before the first entry.
    pub from: u64,
    /// The entries, offsets `from + 1`, `from + 2`, …
    #[serde(default)]
    pub entries: Vec<BatchEntry>,
    /// The log's newest offset.
    pub head: u64,
    /// How the Feed stands.
    pub state: UpstreamState,
    /// Since when it is stale; Unix milliseconds.
    #[serde(default)]
    pub since: Option<u64>,
    /// The log does not reach back to the Room's cursor: what lies between is lost to it.
    #[serde(default)]
    pub reset: bool,
}

/// A batch that still lacks its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchPlan {
    /// The log's name.
    pub epoch: String,
    /// Read entries with an offset above this.
    pub from: u64,
    /// And up to this, in order.
    pub upto: u64,
    /// As in [`Batch`].
    pub head: u64,
    /// As in [`Batch`].
    pub state: UpstreamState,
    /// As in [`Batch`].
    pub since: Option<u64>,
    /// As in [`Batch`].
    pub reset: bool,
}

impl BatchPlan {
    /// The batch with the log's entries in order of offset. Takes no more than fit, at least one; where the log begins
    /// later than it was asked for, the batch says so.
    pub fn fill(self, entries: impl IntoIterator<Item = (u64, String)>) -> Batch {
        let (from, entries) = contiguous(self.from, entries);
        let reset = self.reset || from != self.from;
        let Self { epoch, head, state, since, .. } = self;
        Batch { epoch, from, entries, head, state, since, reset }
    }
}

/// What a Room asks for when some of its subscriptions resume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PagePlan {
    /// Nothing is known yet: ask again (503).
    NotReady,
    /// The log does not reach back to there, or never reached there; this is the answer.
    Gone(Cursor),
    /// Read entries with an offset above `from`, up to `upto`, in order, and fill them in.
    Read {
        /// The log's name.
        epoch: String,
        /// As asked.
        from: u64,
        /// The last one to read.
        upto: u64,
        /// The log's newest offset.
        head: u64,
    },
}

/// A page of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogPage {
    /// The log's name.
    pub epoch: String,
    /// The offset before the first entry; as asked, unless `gone`.
    pub from: u64,
    /// The entries, offsets `from + 1`, `from + 2`, …
    #[serde(default)]
    pub entries: Vec<BatchEntry>,
    /// The log's newest offset.
    pub head: u64,
    /// The log does not hold what was asked for.
    #[serde(default)]
    pub gone: bool,
}

impl LogPage {
    /// The answer that nothing can be read from there.
    pub fn gone(at: Cursor) -> Self {
        Self { epoch: at.epoch, from: at.offset, entries: Vec::new(), head: at.offset, gone: true }
    }
}

impl PagePlan {
    /// The page with the log's entries in order of offset; `None` when not ready.
    pub fn fill(self, entries: impl IntoIterator<Item = (u64, String)>) -> Option<LogPage> {
        let (epoch, from, head) = match self {
            Self::NotReady => return None,
            Self::Gone(at) => return Some(LogPage::gone(at)),
            Self::Read { epoch, from, head, .. } => (epoch, from, head),
        };
        let (found, entries) = contiguous(from, entries);
        if found != from {
            return Some(LogPage::gone(Cursor { epoch, offset: head }));
        }
        Some(LogPage { epoch, from, entries, head, gone: false })
    }
}

/// Entries without a hole and the offset before them: up to the first hole or the size of a batch.
fn contiguous(from: u64, entries: impl IntoIterator<Item = (u64, String)>) -> (u64, Vec<BatchEntry>) {
    let (mut start, mut taken, mut bytes) = (from, Vec::new(), 0);
    for (offset, change) in entries {
        if taken.is_empty() {
            start = offset.saturating_sub(1);
        }
        let is_next = offset == start + 1 + taken.len() as u64;
        bytes += change.len();
        if !is_next || (!taken.is_empty() && bytes > BATCH_BYTES) {
            break;
        }
        let Ok(change) = RawValue::from_string(change) else { break };
        taken.push(BatchEntry { offset, change });
    }
    (start, taken)
}

impl From<Entry> for (u64, String) {
    fn from(entry: Entry) -> Self {
        (entry.offset, entry.change)
    }
}
