//! The project's public keys as a cache without input or output: the shell fetches, this decides when.
//!
//! - Fresh for ten minutes, as Supabase's own edge caches the document.
//! - An unknown key id asks for a fetch, but fetches start at least 30 s apart whether they succeed or not:
//!   made-up ids cannot turn the Worker into a hammer on the Auth server.
//! - One fetch at a time. Requests that need its result wait; those whose key is known go on with it.
//! - While fetching fails, known keys stay usable up to an hour: an outage of Auth must not lock a clinic
//!   out of its calendar, and a key that was withdrawn must stop working some day. An hour is how long
//!   Supabase's tokens live by default, so no honest token needs an older key.

use super::jwk::{self, Key};
use crate::problem::{Kind, Problem};

/// Seconds for which a fetched set needs no look.
pub const FRESH_FOR: u64 = 10 * 60;
/// Seconds after which a set is dead, whatever fetching says.
pub const USABLE_FOR: u64 = 60 * 60;
/// Seconds between the starts of two fetches.
pub const FETCH_INTERVAL: u64 = 30;
/// Seconds after which a fetch that was never reported is taken for lost (its request was cancelled).
pub const FETCH_TIMEOUT: u64 = 10;

/// The cache. Starts empty.
#[derive(Clone, Debug, Default)]
pub struct Jwks {
    keys: Vec<(String, Key)>,
    loaded_at: Option<u64>,
    fetch_started_at: Option<u64>,
    in_flight: bool,
}

/// What to do about a key id.
#[derive(Debug)]
pub enum Plan<'a> {
    /// Verify with this key.
    Use(&'a Key),
    /// Call [`Jwks::begin`], fetch the document, report it, plan again.
    Fetch,
    /// Somebody else fetches; plan again in some 50 ms.
    Wait,
    /// The set is good and the key is not in it.
    Unknown,
    /// There is no usable set; a retry makes sense after so many seconds.
    Unavailable(u32),
}

impl Jwks {
    /// What to do about a token that names this key.
    pub fn plan(&self, now: u64, kid: &str) -> Plan<'_> {
        let age = self.loaded_at.map(|at| now.saturating_sub(at));
        let usable = age.is_some_and(|age| age < USABLE_FOR);
        let fresh = age.is_some_and(|age| age < FRESH_FOR);
        let key = self.get(kid).filter(|_| usable);
        let since_fetch = self.fetch_started_at.map(|at| now.saturating_sub(at));
        let in_flight = self.in_flight && since_fetch.is_some_and(|age| age < FETCH_TIMEOUT);
        let wait = since_fetch.map_or(0, |age| FETCH_INTERVAL.saturating_sub(age));
        match key {
            // Not due, or tried a moment ago: a fetch in flight is one that started a moment ago.
            Some(key) if fresh || wait > 0 => Plan::Use(key),
            _ if in_flight => Plan::Wait,
            _ if wait == 0 => Plan::Fetch,
            _ if usable => Plan::Unknown,
            _ => Plan::Unavailable(u32::try_from(wait).unwrap_or(u32::MAX)),
        }
    }

    /// A fetch starts.
    pub fn begin(&mut self, now: u64) {
        self.fetch_started_at = Some(now);
        self.in_flight = true;
    }

    /// The fetch brought a document. One that is no JWK set counts as a failure; one without suitable keys
    /// empties the cache, since withdrawn keys must go.
    pub fn loaded(&mut self, now: u64, document: &[u8]) -> Result<(), Problem> {
        self.in_flight = false;
        let keys = jwk::parse_set(document)
            .ok_or_else(|| Problem::new(Kind::BadUpstream, "The project's key set cannot be read"))?;
        self.keys = keys;
        self.loaded_at = Some(now);
        Ok(())
    }

    /// The fetch failed.
    pub fn failed(&mut self) {
        self.in_flight = false;
    }

    /// Whether the set names this key; says nothing about its age.
    pub fn get(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|(id, _)| id == kid).map(|(_, key)| key)
    }
}
