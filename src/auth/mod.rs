//! Who calls: from two headers to a [`Caller`], without input or output and without knowing any route.
//!
//! | sent | outcome |
//! | --- | --- |
//! | nothing, or the project's anon or publishable key in either header | anon |
//! | a user's token as bearer, with or without a public key in `apikey` | that user |
//! | anything else in `apikey`, a user's token included, as Supabase's gateway has it | 401 `api-key-unknown` |
//! | a service key in either header | 403 `service-key-refused` |
//! | a bearer that does not verify | 401, never anon |

pub mod caller;
pub mod challenge;
pub mod claims;
mod json;
pub mod jwk;
pub mod jwks;
pub mod jws;
pub mod pending;
pub mod routes;
#[cfg(test)]
mod tests;
pub mod verified;

pub use caller::{Caller, Role, UpstreamAuth};
pub use challenge::challenge;
pub use jwks::Jwks;
pub use pending::Pending;
pub use verified::Verified;

use crate::config::Config;
use crate::problem::{Kind, Problem};
use jwks::Plan;
use jws::{Algorithm, Jws};

/// The two headers that say who calls, as they came.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `apikey`.
    pub apikey: Option<&'a str>,
}

/// What came out of the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'t> {
    /// This is who calls.
    Caller(Caller),
    /// A public key has to verify the token: [`crate::http::Platform::verify`], then [`Pending::verified`].
    Verify(Pending<'t>),
    /// The key set is needed: [`Jwks::begin`], fetch `config.jwks_url`, [`Jwks::loaded`] or
    /// [`Jwks::failed`], then authenticate again, which ends: fetches start at least 30 s apart.
    FetchKeys,
    /// Another request is fetching the key set: sleep some 50 ms, then authenticate again.
    AwaitKeys,
}

/// The token that the credentials carry; `None` is anon. What `apikey` says has been checked then.
pub fn bearer_token<'a>(credentials: Credentials<'a>, config: &Config) -> Result<Option<&'a str>, Problem> {
    if let Some(apikey) = credentials.apikey {
        check_apikey(apikey, config)?;
    }
    credentials.authorization.map(bearer).transpose()
}

/// Finds out whose a bearer token is; the project's public keys are anon. `now` is in Unix seconds.
pub fn authenticate_token<'t>(
    token: &'t str,
    config: &Config,
    keys: &Jwks,
    now: u64,
) -> Result<Outcome<'t>, Problem> {
    if config.is_public_key(token) {
        return Ok(Outcome::Caller(Caller::anon()));
    }
    if is_secret_key(token) {
        return Err(claims::service_key());
    }
    let jws = Jws::parse(token)?;
    if jws.algorithm == Algorithm::Hs256 {
        check_secret_signature(&jws, config, keys)?;
        return believed(&jws, token, config, now).map(Outcome::Caller);
    }
    match key_for(&jws, config, keys, now)? {
        Plan::Use(key) => Pending::new(token, jws, key).map(Outcome::Verify),
        Plan::Fetch => Ok(Outcome::FetchKeys),
        Plan::Wait => Ok(Outcome::AwaitKeys),
        Plan::Unknown => Err(unknown_key()),
        Plan::Unavailable(seconds) => {
            Err(Problem::new(Kind::Unavailable, "Tokens cannot be checked at the moment")
                .retry_after(seconds)
                .cause("no usable key set"))
        }
    }
}

/// Whose a token is, once its signature is known to be right.
fn believed(jws: &Jws<'_>, token: &str, config: &Config, now: u64) -> Result<Caller, Problem> {
    let user = claims::check(&jws.claims()?, config, now)?;
    Ok(Caller::user(user.id, user.role, user.expires_at, token))
}

/// The one token of `Bearer <token>`, RFC 6750 section 2.1; anything else is a bad token, not a missing one.
fn bearer(value: &str) -> Result<&str, Problem> {
    let problem = || jws::malformed("Authorization must be `Bearer`, a space and one token");
    let (scheme, token) = value.split_once(' ').ok_or_else(problem)?;
    // b64token of RFC 6750 less `~`, `+` and `/`, which neither a JWT nor a publishable key has.
    let fits = !token.is_empty()
        && token.len() <= jws::MAX_TOKEN_LEN
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'='));
    if scheme.eq_ignore_ascii_case("bearer") && fits { Ok(token) } else { Err(problem()) }
}

fn check_apikey(apikey: &str, config: &Config) -> Result<(), Problem> {
    if config.is_public_key(apikey) {
        return Ok(());
    }
    if is_secret_key(apikey) || is_legacy_service_key(apikey, config) {
        return Err(claims::service_key());
    }
    Err(Problem::new(Kind::ApiKeyUnknown, "The apikey is none of this project's").hint(
        "Send the project's anon or publishable key as apikey, and a user's token as Authorization: Bearer",
    ))
}

fn is_secret_key(value: &str) -> bool {
    value.starts_with("sb_secret_")
}

/// A JWT of the service role that one of the project's secrets signed.
fn is_legacy_service_key(value: &str, config: &Config) -> bool {
    Jws::parse(value).is_ok_and(|jws| {
        jws.algorithm == Algorithm::Hs256
            && jws.is_signed_by_secret(&config.jwt_secrets)
            && jws.claims().is_ok_and(|claims| claims.get("role").is_some_and(|role| role == "service_role"))
    })
}

fn check_secret_signature(jws: &Jws<'_>, config: &Config, keys: &Jwks) -> Result<(), Problem> {
    // A key id of the JWK set belongs to a public key: no secret may answer for it. Other ids are let be,
    // since hosted Supabase names its HS256 secret by one.
    let names_public_key = jws.kid.as_deref().is_some_and(|kid| keys.get(kid).is_some());
    if names_public_key || config.jwt_secrets.is_empty() {
        return Err(algorithm());
    }
    if jws.is_signed_by_secret(&config.jwt_secrets) { Ok(()) } else { Err(signature()) }
}

fn key_for<'k>(jws: &Jws<'_>, config: &Config, keys: &'k Jwks, now: u64) -> Result<Plan<'k>, Problem> {
    if config.jwks_url.is_none() {
        return Err(algorithm());
    }
    let kid = jws.kid.as_deref().ok_or_else(unknown_key)?;
    Ok(keys.plan(now, kid))
}

fn algorithm() -> Problem {
    Problem::new(Kind::TokenAlgorithm, "The token's algorithm is not the one of its key")
}

fn signature() -> Problem {
    Problem::new(Kind::TokenSignature, "The token's signature is wrong")
}

fn unknown_key() -> Problem {
    Problem::new(Kind::TokenUnknownKey, "The token's key is not known")
}
