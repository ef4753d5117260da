//! What a Room keeps over its own death: its cursor and its subscriptions, as keys and values. The sockets themselves
//! survive with their [`super::Attachment`]s.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::event::{Attachment, ClientId};

/// The key of the cursor up to which everything was delivered; a [`crate::live::feed::Cursor`].
pub const CURSOR_KEY: &str = "cursor";
const SUBSCRIPTION_PREFIX: &str = "sub/";

/// Everything a new instance is made of.
#[derive(Clone, Debug, Default)]
pub struct StoredRoom {
    /// The stored keys and values.
    pub values: Vec<(String, String)>,
    /// The attachments of all sockets that are open.
    pub sockets: Vec<Attachment>,
}

/// The key of a subscription.
pub fn subscription_key(client: ClientId, topic: &str) -> String {
    format!("{SUBSCRIPTION_PREFIX}{client}/{topic}")
}

pub(super) fn is_subscription_key(key: &str) -> bool {
    key.starts_with(SUBSCRIPTION_PREFIX)
}

/// A joined topic of one socket.
#[expect(clippy::struct_excessive_bools, reason = "four independent settings of a join")]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredSubscription {
    /// The socket.
    pub client: ClientId,
    /// The topic, with its prefix.
    pub topic: String,
    /// The ref of the join.
    pub join_ref: Option<String>,
    /// Whether the channel is private.
    pub private: bool,
    /// Whether broadcasts are answered.
    pub ack: bool,
    /// Whether broadcasts come back to their sender.
    pub echo: bool,
    /// Whether it hears of presence.
    pub presence_enabled: bool,
    /// Under which key it is present.
    pub presence_key: String,
    /// Its presence, if it is tracked.
    #[serde(default)]
    pub tracked: Option<StoredPresence>,
    /// The entries of `postgres_changes`, word for word.
    pub entries: Vec<Box<RawValue>>,
    /// The viewer's role, as `clinic_role` spells it, or `anon`.
    pub role: String,
    /// The viewer's id.
    #[serde(default)]
    pub user: Option<String>,
    /// When the token ends; Unix milliseconds.
    #[serde(default)]
    pub expires_ms: Option<u64>,
    /// It is behind the Room and has received everything up to here.
    #[serde(default)]
    pub behind: Option<u64>,
    /// It is ahead of the Room and has received everything up to here.
    #[serde(default)]
    pub ahead: Option<u64>,
}

/// What a client says about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredPresence {
    /// Unique, and new whenever the payload changes.
    pub phx_ref: String,
    /// The payload with its `phx_ref`, as others read it.
    pub meta: Box<RawValue>,
}
