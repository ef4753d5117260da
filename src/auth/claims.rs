//! A user's claims, once the signature is known to be right: Supabase's access token, RFC 7519 section 4.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::caller::Role;
use crate::config::Config;
use crate::problem::{Kind, Problem};

/// Seconds by which `nbf` and `iat` may lie ahead of this clock. `exp` gets none: expired means expired,
/// and supabase-js refreshes well before.
pub const CLOCK_SKEW: u64 = 60;

/// What the edge takes from a user's token.
#[derive(Debug, PartialEq, Eq)]
pub struct User {
    /// `sub`.
    pub id: Uuid,
    /// `app_metadata.clinic_role`.
    pub role: Role,
    /// `exp`.
    pub expires_at: u64,
}

/// Checks the claims of a token whose signature is right.
pub fn check(claims: &Map<String, Value>, config: &Config, now: u64) -> Result<User, Problem> {
    let role = claims.get("role").and_then(Value::as_str);
    // Before all else: the legacy service key has neither `aud` nor `sub`, and must be called what it is.
    if role == Some("service_role") {
        return Err(service_key());
    }
    let expires_at = times(claims, now)?;
    match role {
        Some("authenticated") => {}
        Some("anon") => return Err(wrong("The token is an anon key, but not this project's")),
        _ => return Err(wrong("The token's role is not accepted")),
    }
    parties(claims, config)?;
    if claims.get("is_anonymous").is_some_and(|value| value != &Value::Bool(false)) {
        // The clinic knows patients who signed up, and callers who did not: nothing in between.
        return Err(wrong("Anonymous sign-ins are not accepted; sign up, or send the anon key"));
    }
    Ok(User { id: subject(claims)?, role: clinic_role(claims)?, expires_at })
}

/// A `service-key-refused` problem.
pub fn service_key() -> Problem {
    Problem::new(Kind::ServiceKeyRefused, "A service key is never accepted here")
        .hint("Send the anon or publishable key, and a user's access token. If a client holds the service key, rotate it.")
}

fn times(claims: &Map<String, Value>, now: u64) -> Result<u64, Problem> {
    let expires_at = date(claims, "exp")?.ok_or_else(|| wrong("The token never expires"))?;
    if now >= expires_at {
        return Err(Problem::new(Kind::TokenExpired, "The token has expired").hint("Refresh the session"));
    }
    let latest = now.saturating_add(CLOCK_SKEW);
    for name in ["nbf", "iat"] {
        if date(claims, name)?.is_some_and(|at| at > latest) {
            return Err(Problem::new(Kind::TokenNotYetValid, "The token is not valid yet"));
        }
    }
    Ok(expires_at)
}

/// A `NumericDate`: seconds, possibly with a fraction, which is dropped.
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, Problem> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let fraction = || value.as_f64().filter(|seconds| (0.0..9e15).contains(seconds));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range, and the floor is meant"
    )]
    let seconds = value.as_u64().or_else(|| fraction().map(|seconds| seconds as u64));
    seconds.map(Some).ok_or_else(|| wrong("A time in the token is not a number of seconds"))
}

fn parties(claims: &Map<String, Value>, config: &Config) -> Result<(), Problem> {
    if claims.get("iss").and_then(Value::as_str) != Some(config.jwt_issuer.as_str()) {
        return Err(Problem::new(Kind::TokenIssuer, "The token is from another issuer"));
    }
    let is_ours = |value: &Value| value.as_str() == Some(config.jwt_audience.as_str());
    let addressed = match claims.get("aud") {
        Some(Value::Array(audiences)) => {
            audiences.iter().all(Value::is_string) && audiences.iter().any(is_ours)
        }
        Some(audience) => is_ours(audience),
        None => false,
    };
    if addressed {
        Ok(())
    } else {
        Err(Problem::new(Kind::TokenAudience, "The token is for another audience"))
    }
}

fn subject(claims: &Map<String, Value>) -> Result<Uuid, Problem> {
    // Only the hyphenated spelling: `try_parse` knows braces and URNs, which Supabase never writes.
    let text = claims.get("sub").and_then(Value::as_str).filter(|sub| sub.len() == 36);
    text.and_then(|sub| Uuid::try_parse(sub).ok())
        .ok_or_else(|| wrong("The token's subject is not a user's id"))
}

/// A token without `clinic_role` is a patient's: sign-up makes patients, and the least privilege is the
/// right guess where the access-token hook is not switched on. A role that nobody knows is refused.
fn clinic_role(claims: &Map<String, Value>) -> Result<Role, Problem> {
    let metadata = match claims.get("app_metadata") {
        None => return Ok(Role::Patient),
        Some(metadata) => {
            metadata.as_object().ok_or_else(|| wrong("The token's app_metadata is not an object"))?
        }
    };
    match metadata.get("clinic_role") {
        None => Ok(Role::Patient),
        Some(role) => role
            .as_str()
            .and_then(Role::from_clinic_role)
            .ok_or_else(|| wrong("The token's clinic role is not known")),
    }
}

fn wrong(detail: &str) -> Problem {
    Problem::new(Kind::TokenClaims, detail)
}
