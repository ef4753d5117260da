//! The form of each setting: a value that passes, or what is wrong with it. Messages never repeat a value.

pub mod knowledge;

use std::net::{Ipv4Addr, Ipv6Addr};

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{RateLimit, RateLimits, Secret};

type Checked<T> = Result<T, &'static str>;

const DEMO_SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";
/// Schemes whose origins mean something: browsers, and the shells hybrid mobile apps are built with.
const ORIGIN_SCHEMES: [&str; 5] = ["https", "http", "capacitor", "ionic", "tauri"];

/// `http(s)://host[:port]`; one trailing slash is dropped.
pub fn base_url(value: &str) -> Checked<String> {
    let value = value.trim();
    let value = value.strip_suffix('/').unwrap_or(value);
    let url = Url::split(value).ok_or("is not a URL of the form https://host[:port]")?;
    if !url.path.is_empty() {
        return Err("must have no path, query or fragment");
    }
    url.require_http().map(|()| value.to_owned())
}

/// `http(s)://host[:port]/path`.
pub fn jwks_url(value: &str) -> Checked<String> {
    let value = value.trim();
    let url = Url::split(value).ok_or("is not a URL of the form https://host[:port]/path")?;
    if !url.path.starts_with('/') || url.path.contains(['#', '\\']) {
        return Err("must have a path and no fragment");
    }
    url.require_http().map(|()| value.to_owned())
}

/// The legacy anon key: a JWT whose role is `anon`.
pub fn anon_key(value: &str) -> Checked<Secret> {
    if value.starts_with("sb_secret_") {
        return Err("is a secret key, which must never be here; set the anon key");
    }
    match jwt_role(value).as_deref() {
        Some("anon") => Ok(Secret::new(value)),
        Some("service_role") => Err("is the service-role key, which must never be here; set the anon key"),
        Some(_) => Err("is a JWT of another role than anon"),
        None => Err("is not a JWT with a role"),
    }
}

/// A JWT with the role `service_role`, or `sb_secret_…`.
pub fn service_key(value: &str) -> Checked<Secret> {
    let is_secret = value.starts_with("sb_secret_") && value.len() > 20;
    if is_secret || jwt_role(value).as_deref() == Some("service_role") {
        Ok(Secret::new(value))
    } else {
        Err("is not a service key: a JWT with the role `service_role`, or sb_secret_…")
    }
}

/// `on` or `off`.
pub fn on_or_off(value: &str) -> Checked<bool> {
    match value.trim() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("is on or off"),
    }
}

/// 1 to 64.
pub fn room_shards(value: &str) -> Checked<u32> {
    let value = value.trim().parse().ok().filter(|shards| (1..=64).contains(shards));
    value.ok_or("must be a whole number from 1 to 64")
}

/// The new public key: `sb_publishable_…`.
pub fn publishable_key(value: &str) -> Checked<Secret> {
    if value.starts_with("sb_secret_") {
        return Err("is a secret key, which must never be here; set the publishable key");
    }
    let rest = value.strip_prefix("sb_publishable_").ok_or("does not start with sb_publishable_")?;
    let fits = (8..=256).contains(&rest.len())
        && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if fits { Ok(Secret::new(value)) } else { Err("is not a publishable key") }
}

/// An HS256 secret, used as the bytes it is made of.
pub fn jwt_secret(value: &str) -> Checked<Secret> {
    if value.trim() != value {
        return Err("starts or ends with white space");
    }
    if value.len() < 32 {
        return Err("is shorter than 32 bytes");
    }
    Ok(Secret::new(value))
}

/// Whether a project on the public Internet uses the secret that everybody knows.
pub fn is_demo_secret_in_public(url: &str, secret: &Secret) -> bool {
    secret.matches(DEMO_SECRET) && !Url::split(url).is_some_and(|url| is_private_host(url.host))
}

/// Printable ASCII without spaces: an issuer, an audience.
pub fn plain_text(value: &str) -> Checked<String> {
    let fits = value.len() <= 512 && value.bytes().all(|b| b.is_ascii_graphic());
    if fits { Ok(value.to_owned()) } else { Err("must be printable ASCII without spaces") }
}

/// Exact origins, separated by commas.
pub fn origins(value: &str) -> Checked<Vec<String>> {
    value.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(origin).collect()
}

fn origin(value: &str) -> Checked<String> {
    if value.contains('*') {
        return Err("must list exact origins; `*` is refused");
    }
    let url = Url::split(value).ok_or("must list origins of the form https://host[:port]")?;
    let default_port = matches!((url.scheme, url.port), ("https", Some(443)) | ("http", Some(80)));
    if !ORIGIN_SCHEMES.contains(&url.scheme) || !url.path.is_empty() || default_port {
        return Err("must list origins as browsers write them: no path, no default port");
    }
    if value.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("must list origins in lower case");
    }
    Ok(value.to_owned())
}

/// 100 to 120000.
pub fn timeout_ms(value: &str) -> Checked<u32> {
    let value = value.trim().parse().ok().filter(|ms| (100..=120_000).contains(ms));
    value.ok_or("must be a whole number of milliseconds from 100 to 120000")
}

/// Up to 64 lower-case letters, digits and hyphens.
pub fn clinic_id(value: &str) -> Checked<String> {
    let fits =
        value.len() <= 64 && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits { Ok(value.to_owned()) } else { Err("must be up to 64 lower-case letters, digits and hyphens") }
}

/// `anon=120/60 user=600/60 auth=20/60`: requests per seconds, as the rate-limit bindings have them.
pub fn rate_limits(value: &str) -> Checked<RateLimits> {
    let limit = |name: &str| {
        let entry = value.split_whitespace().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))?;
        let (requests, seconds) = entry.split_once('/')?;
        let (requests, seconds) = (requests.parse().ok()?, seconds.parse().ok()?);
        // The platform knows these two periods.
        (requests > 0 && [10, 60].contains(&seconds)).then_some(RateLimit { requests, seconds })
    };
    match (limit("anon"), limit("user"), limit("auth"), value.split_whitespace().count()) {
        (Some(anon), Some(user), Some(auth), 3) => Ok(RateLimits { anon, user, auth }),
        _ => Err("must say what the rate-limit bindings allow: anon=120/60 user=600/60 auth=20/60"),
    }
}

/// The role a JWT claims. Nothing is verified: an operator's own setting is looked at for its kind.
fn jwt_role(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || signature.is_empty() {
        return None;
    }
    let payload = Base64UrlUnpadded::decode_vec(payload).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    claims.get("role")?.as_str().map(str::to_owned)
}

struct Url<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<u16>,
    path: &'a str,
}

impl<'a> Url<'a> {
    /// `scheme://host[:port][rest]`, without user names.
    fn split(value: &'a str) -> Option<Self> {
        if !value.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        let (scheme, rest) = value.split_once("://")?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = port
            .map(|port| port.parse().ok().filter(|port| *port != 0))
            .map_or(Some(None), |p| p.map(Some))?;
        is_host(host).then_some(Self { scheme, host, port, path })
    }

    /// Plain http would send tokens, and fetch keys, in the open: only where the host is not a public one.
    fn require_http(&self) -> Checked<()> {
        match self.scheme {
            "https" => Ok(()),
            "http" if is_private_host(self.host) => Ok(()),
            "http" => Err("must be https: plain http is for a private host only"),
            _ => Err("must be http or https"),
        }
    }
}

fn is_host(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().is_ok();
    }
    host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// Loopback and private addresses, and names that no public DNS answers for.
fn is_private_host(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unique_local());
    }
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return ip.is_loopback() || ip.is_private();
    }
    let host = host.to_ascii_lowercase();
    // A bare number is an IPv4 address in disguise, so a single label must start with a letter.
    let single_label = !host.contains('.') && host.starts_with(|c: char| c.is_ascii_alphabetic());
    single_label || [".localhost", ".internal", ".local"].iter().any(|suffix| host.ends_with(suffix))
}
