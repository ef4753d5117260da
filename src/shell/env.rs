//! The settings and bindings of this environment.

use worker::{Env, ObjectNamespace};

use crate::config::{Config, ConfigError, RATE_LIMIT_BINDINGS};

/// The name by which a Durable Object's requests call each other; no request leaves the machine for it.
pub const ORIGIN: &str = "https://room";

/// Reads and checks all settings.
pub fn config(env: &Env) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| {
        if RATE_LIMIT_BINDINGS.contains(&name) {
            return env.rate_limiter(name).ok().map(|_| "bound".to_owned());
        }
        // Vars and secrets are both plain strings of the environment.
        env.var(name).ok().map(|value| value.to_string())
    })
}

/// The Feeds: one object per clinic.
pub fn feeds(env: &Env) -> worker::Result<ObjectNamespace> {
    env.durable_object("FEED")
}

/// The Rooms: `ROOM_SHARDS` objects per clinic.
pub fn rooms(env: &Env) -> worker::Result<ObjectNamespace> {
    env.durable_object("ROOM")
}
