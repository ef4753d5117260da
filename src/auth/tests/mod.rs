//! Tests of the whole of `auth`: RFC vectors, tokens signed here, headers, the key cache, the allow-list.

mod apikey;
mod bearer;
mod cache;
mod claims;
mod confusion;
mod fuzz;
mod keys;
mod routes;
#[path = "../../../tests/support/signatures.rs"]
mod signatures;
mod signing;
mod vectors;

use super::jwks::Jwks;
use super::{Caller, Credentials, Outcome, bearer_token};
use crate::config::Config;
use crate::problem::Problem;

/// Finds out who calls, as a request's life does it.
fn authenticate(
    credentials: Credentials<'_>,
    config: &Config,
    keys: &Jwks,
    now: u64,
) -> Result<Outcome<'static>, Problem> {
    match bearer_token(credentials, config)? {
        None => Ok(Outcome::Caller(Caller::anon())),
        Some(token) => authenticate_token(token, config, keys, now),
    }
}

/// The same of a bare token: what the platform is asked to verify, is verified.
fn authenticate_token(
    token: &str,
    config: &Config,
    keys: &Jwks,
    now: u64,
) -> Result<Outcome<'static>, Problem> {
    match super::authenticate_token(token, config, keys, now)? {
        Outcome::Caller(caller) => Ok(Outcome::Caller(caller)),
        Outcome::Verify(pending) => {
            let is_right = signatures::verify(pending.key().jwk(), pending.signed(), pending.signature());
            pending.verified(is_right, config, now).map(Outcome::Caller)
        }
        Outcome::FetchKeys => Ok(Outcome::FetchKeys),
        Outcome::AwaitKeys => Ok(Outcome::AwaitKeys),
    }
}
