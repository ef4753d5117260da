//! JWS compact serialisation (RFC 7515): splitting, the header, the signature. Knows no claims.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::json;
use crate::config::Secret;
use crate::problem::{Kind, Problem};

/// The longest token that is looked at; Supabase's are about 1 KiB.
pub const MAX_TOKEN_LEN: usize = 8 * 1024;
const MAX_KID_LEN: usize = 256;

/// The algorithms that exist here. Which of them counts is the key's decision, not the token's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256, by the project's secrets alone.
    Hs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

/// A token taken apart; nothing in it is believed yet. Without `Debug`, since it is in the clear.
#[derive(Clone, PartialEq, Eq)]
pub struct Jws<'a> {
    /// What the header asks for.
    pub algorithm: Algorithm,
    /// The key the header names.
    pub kid: Option<String>,
    signing_input: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes the three parts apart and reads the header.
    pub fn parse(token: &'a str) -> Result<Self, Problem> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(malformed("The token is too long"));
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or_else(no_jwt)?;
        let (header, payload) = signing_input.split_once('.').ok_or_else(no_jwt)?;
        if payload.contains('.') {
            return Err(no_jwt());
        }
        let (algorithm, kid) = read_header(&decode(header)?)?;
        Ok(Self { algorithm, kid, signing_input, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// Whether one of the secrets made the signature. All are tried, each in constant time.
    pub fn is_signed_by_secret(&self, secrets: &[Secret]) -> bool {
        secrets.iter().fold(false, |found, secret| found | self.hmac_matches(secret.expose().as_bytes()))
    }

    pub(super) fn hmac_matches(&self, secret: &[u8]) -> bool {
        // HMAC takes keys of any length; a failure would be a mismatch all the same.
        Hmac::<Sha256>::new_from_slice(secret)
            .is_ok_and(|mac| mac.chain_update(self.signing_input).verify_slice(&self.signature).is_ok())
    }

    /// What was signed.
    pub fn signing_input(&self) -> &'a str {
        self.signing_input
    }

    /// The signature, in the form RFC 7518 gives it.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The payload as a JSON object; call it once the signature is known to be right.
    pub fn claims(&self) -> Result<serde_json::Map<String, serde_json::Value>, Problem> {
        json::parse_object(&self.payload)
            .ok_or_else(|| malformed("The token's payload is not a JSON object with unique members"))
    }
}

fn read_header(bytes: &[u8]) -> Result<(Algorithm, Option<String>), Problem> {
    let header = json::parse_object(bytes)
        .ok_or_else(|| malformed("The token's header is not a JSON object with unique members"))?;
    if header.contains_key("crit") {
        return Err(malformed("The token needs header extensions that are not supported"));
    }
    let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or_default());
    if typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
        return Err(malformed("The token is of another type than JWT"));
    }
    let kid = match header.get("kid") {
        None => None,
        Some(kid) => Some(
            kid.as_str()
                .filter(|kid| kid.len() <= MAX_KID_LEN)
                .ok_or_else(|| malformed("The token's key id is not a short string"))?
                .to_owned(),
        ),
    };
    let algorithm = match header.get("alg").and_then(|alg| alg.as_str()) {
        Some("HS256") => Algorithm::Hs256,
        Some("ES256") => Algorithm::Es256,
        Some("RS256") => Algorithm::Rs256,
        _ => return Err(Problem::new(Kind::TokenAlgorithm, "The token's algorithm is not accepted")),
    };
    Ok((algorithm, kid))
}

/// base64url without padding, in its one canonical spelling.
fn decode(part: &str) -> Result<Vec<u8>, Problem> {
    Base64UrlUnpadded::decode_vec(part).map_err(|_| no_jwt())
}

/// A `token-malformed` problem.
pub fn malformed(detail: &str) -> Problem {
    Problem::new(Kind::TokenMalformed, detail)
}

fn no_jwt() -> Problem {
    malformed("The token is not a JWT")
}
