//! The payload of `phx_join`. What is left out, or null, has Realtime's default; what has the wrong type is refused.

use serde_json::value::RawValue;

use crate::live::change::Row;
use crate::live::row::text;

/// What a client asks for when it joins a topic.
#[derive(Clone, Debug, Default)]
pub struct Join {
    /// The user's token; without one the socket's own key decides.
    pub access_token: Option<String>,
    /// Whether a broadcast is answered.
    pub ack: bool,
    /// Whether a broadcast also comes back to its sender.
    pub echo: bool,
    /// From where to resume; ours, at `config.broadcast.resume`.
    pub resume: Option<Resume>,
    /// Presence.
    pub presence: PresenceConfig,
    /// Whether the channel is private.
    pub private: bool,
    /// The entries of `postgres_changes`, word for word: the reply repeats them.
    pub postgres_changes: Vec<Box<RawValue>>,
}

/// How a client takes part in presence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceConfig {
    /// The key it wants to be known by; empty: the server chooses.
    pub key: String,
    /// Whether it wants to hear of others.
    pub enabled: bool,
}

impl Default for PresenceConfig {
    /// As for clients older than the setting.
    fn default() -> Self {
        Self { key: String::new(), enabled: true }
    }
}

/// A cursor into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The log's epoch.
    pub epoch: String,
    /// The last offset that the client has.
    pub offset: u64,
}

impl Join {
    /// Parses the payload; the error names the member and never its value.
    pub(super) fn parse(payload: &RawValue) -> Result<Self, String> {
        let payload = Object::new("payload", payload.get())?;
        let config = payload.object("config")?;
        let (broadcast, presence) = (config.object("broadcast")?, config.object("presence")?);
        Ok(Self {
            access_token: payload.string("access_token")?.or(payload.string("user_token")?),
            ack: broadcast.flag("ack")?.unwrap_or(false),
            echo: broadcast.flag("self")?.unwrap_or(false),
            resume: resume(&broadcast)?,
            presence: PresenceConfig {
                key: presence.string("key")?.unwrap_or_default(),
                enabled: presence.flag("enabled")?.unwrap_or(true),
            },
            private: config.flag("private")?.unwrap_or(false),
            postgres_changes: config.objects("postgres_changes")?,
        })
    }
}

fn resume(broadcast: &Object) -> Result<Option<Resume>, String> {
    if broadcast.get("resume").is_none() {
        return Ok(None);
    }
    let resume = broadcast.object("resume")?;
    let epoch = resume.string("epoch")?.ok_or("config.broadcast.resume.epoch is missing")?;
    let offset = resume.get("offset").and_then(|json| json.parse().ok());
    let offset = offset.ok_or("config.broadcast.resume.offset must be a whole number from 0")?;
    Ok(Some(Resume { epoch, offset }))
}

/// A JSON object whose members are asked for by type; null counts as left out.
pub(super) struct Object {
    path: String,
    members: Row,
}

impl Object {
    pub fn new(path: &str, json: &str) -> Result<Self, String> {
        let members = serde_json::from_str(json).map_err(|_| format!("{path} must be an object"))?;
        Ok(Self { path: path.to_owned(), members })
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.members.get(name).filter(|json| *json != "null")
    }

    fn path_of(&self, name: &str) -> String {
        if self.path == "payload" { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn object(&self, name: &str) -> Result<Self, String> {
        Self::new(&self.path_of(name), self.get(name).unwrap_or("{}"))
    }

    pub fn string(&self, name: &str) -> Result<Option<String>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(json) if json.starts_with('"') => Ok(text(json).map(std::borrow::Cow::into_owned)),
            Some(_) => Err(format!("{} must be a string", self.path_of(name))),
        }
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(format!("{} must be true or false", self.path_of(name))),
        }
    }

    fn objects(&self, name: &str) -> Result<Vec<Box<RawValue>>, String> {
        let entries: Option<Vec<Box<RawValue>>> = serde_json::from_str(self.get(name).unwrap_or("[]")).ok();
        entries
            .filter(|entries| entries.iter().all(|entry| entry.get().starts_with('{')))
            .ok_or_else(|| format!("{} must be an array of objects", self.path_of(name)))
    }
}
