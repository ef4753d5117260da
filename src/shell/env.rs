//! The settings and bindings of this environment.

use worker::{Env, ObjectNamespace, Result};

use super::ai;
use crate::config::{Config, ConfigError, RATE_LIMIT_BINDINGS};

/// Reads and checks all settings.
pub fn config(env: &Env) -> std::result::Result<Config, ConfigError> {
    Config::from_lookup(|name| {
        if RATE_LIMIT_BINDINGS.contains(&name) {
            return env.rate_limiter(name).ok().map(|_| "bound".to_owned());
        }
        if name == ai::BINDING {
            return ai::is_bound(env).then(|| "bound".to_owned());
        }
        // Vars and secrets are both plain strings of the environment.
        env.var(name).ok().map(|value| value.to_string())
    })
}

/// The Feeds: one object per clinic, named by it.
pub fn feeds(env: &Env) -> Result<ObjectNamespace> {
    env.durable_object("FEED")
}

/// The Rooms: `ROOM_SHARDS` objects per clinic.
pub fn rooms(env: &Env) -> Result<ObjectNamespace> {
    env.durable_object("ROOM")
}

/// The queues of readings of medical records: one object per clinic, named by it.
pub fn access_queues(env: &Env) -> Result<ObjectNamespace> {
    env.durable_object("ACCESS_QUEUE")
}

/// The name of a clinic's Room.
pub fn room_name(clinic: &str, shard: u32) -> String {
    format!("{clinic}/{shard}")
}

/// The shard in a Room's name.
pub fn shard_of(name: &str) -> Option<u32> {
    name.rsplit_once('/')?.1.parse().ok()
}
