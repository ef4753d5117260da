//! The Worker's settings, read once through a lookup closure: everything that is missing or malformed is
//! reported together, and nothing that opens a door has a default.
//!
//! Bindings are the shell's business; here it is only seen that those of the rate limits are there.

mod form;
pub mod knowledge;
mod secret;
#[cfg(test)]
mod tests;
mod webhook;

use std::fmt;

pub use secret::Secret;
pub use webhook::Webhook;

use crate::http::Budget;
use crate::problem::{Kind, Problem};

/// How long an upstream may take when nothing is set.
pub const DEFAULT_UPSTREAM_TIMEOUT_MS: u32 = 10_000;

/// The rate-limit bindings. The lookup answers anything but a blank for a binding that is there: without one every
/// request would have to be refused, so that a missing one is a setting at fault like any other.
pub const RATE_LIMIT_BINDINGS: [&str; 3] = ["RATE_LIMIT_ANON", "RATE_LIMIT_USER", "RATE_LIMIT_AUTH"];

/// The settings, each checked for its form.
#[derive(Clone, Debug)]
pub struct Config {
    /// The Supabase project, `https://host[:port]`, without a trailing slash.
    pub supabase_url: String,
    /// The legacy anon key (a JWT). At least one of the two public keys is there.
    pub anon_key: Option<Secret>,
    /// The new public key, `sb_publishable_…`.
    pub publishable_key: Option<Secret>,
    /// The HS256 secrets, the current one first; empty where only a JWKS is used.
    pub jwt_secrets: Vec<Secret>,
    /// Where the project's public keys are; enables ES256 and RS256.
    pub jwks_url: Option<String>,
    /// What `iss` must be.
    pub jwt_issuer: String,
    /// What `aud` must be or contain.
    pub jwt_audience: String,
    /// Origins a browser may call from, as browsers write them. Empty: none.
    pub allowed_origins: Vec<String>,
    /// How long an upstream may take, in milliseconds.
    pub upstream_timeout_ms: u32,
    /// The clinic; names its Durable Objects.
    pub clinic_id: String,
    /// What the rate-limit bindings allow; a binding answers only yes or no.
    pub rate_limits: RateLimits,
    /// The service key, for the Feed alone; without it there are no live rooms.
    pub service_key: Option<Secret>,
    /// Whether readings of medical records are logged. On, unless it is switched off by name.
    pub access_log: bool,
    /// Where reminders are posted to, if anywhere.
    pub reminders: Option<Webhook>,
    /// Over how many objects the clinic's client sockets are spread.
    pub room_shards: u32,
    /// The chatbot's own.
    pub knowledge: knowledge::Knowledge,
}

/// A budget: so many requests in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub requests: u32,
    /// In how many seconds.
    pub seconds: u32,
}

/// The three budgets, as the bindings are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// `RATE_LIMIT_ANON`
    pub anon: RateLimit,
    /// `RATE_LIMIT_USER`
    pub user: RateLimit,
    /// `RATE_LIMIT_AUTH`
    pub auth: RateLimit,
}

impl RateLimits {
    /// One of the three.
    pub const fn of(&self, budget: Budget) -> RateLimit {
        match budget {
            Budget::Anon => self.anon,
            Budget::User => self.user,
            Budget::Auth => self.auth,
        }
    }

    /// The value of `RateLimit-Policy`, draft-ietf-httpapi-ratelimit-headers.
    pub fn policy(&self, budget: Budget) -> String {
        let name = match budget {
            Budget::Anon => "anon",
            Budget::User => "user",
            Budget::Auth => "auth",
        };
        let RateLimit { requests, seconds } = self.of(budget);
        let (mut q, mut w) = (itoa::Buffer::new(), itoa::Buffer::new());
        ["\"", name, "\";q=", q.format(requests), ";w=", w.format(seconds)].concat()
    }
}

impl Config {
    /// Reads all settings; `lookup` gives a variable's or secret's value. A blank value counts as missing.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut read = Reader { lookup, errors: Vec::new() };
        let supabase_url = read.required("SUPABASE_URL", form::base_url);
        let (anon_key, publishable_key) = public_keys(&mut read);
        let (jwt_secrets, jwks_url) = token_keys(&mut read);
        let issuer = read.optional("SUPABASE_JWT_ISSUER", form::plain_text);
        let audience = read.optional("SUPABASE_JWT_AUDIENCE", form::plain_text);
        let origins = read.optional("ALLOWED_ORIGINS", form::origins);
        let timeout = read.optional("UPSTREAM_TIMEOUT_MS", form::timeout_ms);
        let clinic_id = read.required("CLINIC_ID", form::clinic_id);
        let rate_limits = read.required("RATE_LIMITS", form::rate_limits);
        let service_key = read.optional("SUPABASE_SERVICE_ROLE_KEY", form::service_key);
        let access_log = read.optional("ACCESS_LOG", form::on_or_off);
        let reminders = Webhook::read(&mut read);
        let room_shards = read.optional("ROOM_SHARDS", form::room_shards);
        let knowledge = if cfg!(feature = "chatbot") {
            knowledge::read(&mut read)
        } else {
            knowledge::Knowledge::default()
        };
        for binding in RATE_LIMIT_BINDINGS {
            read.required(binding, |_| Ok(()));
        }
        let demo =
            |url: &String| jwt_secrets.iter().any(|secret| form::is_demo_secret_in_public(url, secret));
        if supabase_url.as_ref().is_some_and(demo) {
            read.report("SUPABASE_JWT_SECRET", "is Supabase's published demo secret, for a local stack only");
        }
        match (supabase_url, clinic_id, rate_limits) {
            (Some(supabase_url), Some(clinic_id), Some(rate_limits)) if read.errors.is_empty() => Ok(Self {
                jwt_issuer: issuer.unwrap_or_else(|| format!("{supabase_url}/auth/v1")),
                jwt_audience: audience.unwrap_or_else(|| "authenticated".to_owned()),
                allowed_origins: origins.unwrap_or_default(),
                upstream_timeout_ms: timeout.unwrap_or(DEFAULT_UPSTREAM_TIMEOUT_MS),
                supabase_url,
                anon_key,
                publishable_key,
                jwt_secrets,
                jwks_url,
                clinic_id,
                rate_limits,
                service_key,
                access_log: access_log.unwrap_or(true),
                reminders,
                room_shards: room_shards.unwrap_or(1),
                knowledge,
            }),
            _ => Err(ConfigError { settings: read.errors }),
        }
    }

    /// Whether a browser's `Origin` is on the list. Exact: an origin has one spelling.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == origin)
    }

    /// Whether the value is one of the project's public keys. Both are always compared, in constant time.
    pub fn is_public_key(&self, value: &str) -> bool {
        let matches = |key: &Option<Secret>| key.as_ref().is_some_and(|key| key.matches(value));
        matches(&self.anon_key) | matches(&self.publishable_key)
    }
}

fn public_keys<F: Fn(&str) -> Option<String>>(read: &mut Reader<F>) -> (Option<Secret>, Option<Secret>) {
    let before = read.errors.len();
    let anon = read.optional("SUPABASE_ANON_KEY", form::anon_key);
    let publishable = read.optional("SUPABASE_PUBLISHABLE_KEY", form::publishable_key);
    if anon.is_none() && publishable.is_none() && read.errors.len() == before {
        read.report("SUPABASE_ANON_KEY", "is missing (or set SUPABASE_PUBLISHABLE_KEY)");
    }
    (anon, publishable)
}

fn token_keys<F: Fn(&str) -> Option<String>>(read: &mut Reader<F>) -> (Vec<Secret>, Option<String>) {
    let before = read.errors.len();
    let current = read.optional("SUPABASE_JWT_SECRET", form::jwt_secret);
    let previous = read.optional("SUPABASE_JWT_SECRET_PREVIOUS", form::jwt_secret);
    let jwks_url = read.optional("SUPABASE_JWKS_URL", form::jwks_url);
    if read.errors.len() == before {
        if previous.is_some() && current.is_none() {
            read.report("SUPABASE_JWT_SECRET", "is missing, although SUPABASE_JWT_SECRET_PREVIOUS is set");
        } else if current.is_none() && jwks_url.is_none() {
            read.report("SUPABASE_JWT_SECRET", "is missing (or set SUPABASE_JWKS_URL)");
        }
    }
    (current.into_iter().chain(previous).collect(), jwks_url)
}

/// Everything that is wrong with the settings. Holds names and reasons, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    settings: Vec<(&'static str, &'static str)>,
}

impl ConfigError {
    /// The settings at fault, in the order of reading; a name may come twice.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.settings.iter().map(|(key, _)| *key)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chairside is not configured: ")?;
        for (index, (key, what)) in self.settings.iter().enumerate() {
            write!(f, "{}{key} {what}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for Problem {
    /// The client reads which settings are at fault; what is wrong with each is for the log.
    fn from(error: ConfigError) -> Self {
        let mut keys: Vec<_> = error.keys().collect();
        keys.dedup();
        Problem::new(Kind::Misconfigured, format!("Missing or malformed settings: {}", keys.join(", ")))
            .cause(error.to_string())
    }
}

struct Reader<F> {
    lookup: F,
    errors: Vec<(&'static str, &'static str)>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn report(&mut self, key: &'static str, what: &'static str) {
        self.errors.push((key, what));
    }

    fn optional<T>(
        &mut self,
        key: &'static str,
        check: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let value = (self.lookup)(key).filter(|value| !value.trim().is_empty())?;
        check(&value).map_err(|what| self.report(key, what)).ok()
    }

    fn required<T>(
        &mut self,
        key: &'static str,
        check: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let before = self.errors.len();
        let value = self.optional(key, check);
        if value.is_none() && self.errors.len() == before {
            self.report(key, "is missing");
        }
        value
    }
}
