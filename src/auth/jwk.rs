//! Public keys out of a JWK set (RFC 7517, RFC 7518 section 6): P-256 and RSA keys that verify signatures.
//!
//! What can be told from a key's members is checked here. The arithmetic is the platform's ([`crate::http::Platform::verify`]),
//! which refuses what is left, a point off the curve: such a key is known and verifies nothing.

use std::ops::RangeInclusive;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

use super::json;
use super::jws::Algorithm;

/// The longest document that is read.
pub const MAX_JWKS_LEN: usize = 64 * 1024;
const MAX_KEYS: usize = 32;
/// Bytes of a coordinate of P-256.
const COORDINATE: usize = 32;
const RSA_BITS: RangeInclusive<usize> = 2048..=4096;
/// The upper end is that of ring and of the crate `rsa`: what a larger exponent costs, everybody could have us pay.
const RSA_EXPONENTS: RangeInclusive<u64> = 65_537..=(1 << 33) - 1;

/// A key with the one algorithm it may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    algorithm: Algorithm,
    jwk: String,
    signature_len: usize,
}

impl Key {
    /// The algorithm that is bound to the key.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key as a JWK with nothing but its public members, spelled in one way: two keys are the same if their texts are.
    pub fn jwk(&self) -> &str {
        &self.jwk
    }

    /// How long a signature by it is, in bytes: RFC 7518 section 3.4, RFC 8017 section 8.2.2.
    pub const fn signature_len(&self) -> usize {
        self.signature_len
    }
}

/// The suitable keys of a JWK set with their ids; `None` where the document is no JWK set.
///
/// Left out: symmetric keys, private keys, other curves and sizes, keys for encryption or for another
/// algorithm, keys without an id, and all keys that share an id, since either might be meant.
pub fn parse_set(document: &[u8]) -> Option<Vec<(String, Key)>> {
    if document.len() > MAX_JWKS_LEN {
        return None;
    }
    let set = json::parse_object(document)?;
    let entries = set.get("keys")?.as_array()?;
    let id = |entry: &Value| Some(entry.get("kid")?.as_str()?.to_owned()).filter(|kid| !kid.is_empty());
    let ids: Vec<_> = entries.iter().map(id).collect();
    let keys = entries.iter().zip(&ids).filter_map(|(entry, kid)| {
        let kid = kid.as_ref()?;
        let unique = ids.iter().flatten().filter(|other| *other == kid).count() == 1;
        let key = parse_key(entry.as_object()?)?;
        unique.then(|| (kid.clone(), key))
    });
    Some(keys.take(MAX_KEYS).collect())
}

#[inline(never)]
fn parse_key(jwk: &Map<String, Value>) -> Option<Key> {
    let text = |name: &str| jwk.get(name)?.as_str();
    let is_private = jwk.contains_key("d") || jwk.contains_key("k");
    let may_verify = jwk.get("use").is_none_or(|usage| usage == "sig")
        && jwk
            .get("key_ops")
            .is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")));
    if is_private || !may_verify {
        return None;
    }
    let alg_is = |name: &str| jwk.get("alg").is_none_or(|alg| alg == name);
    match text("kty")? {
        "EC" if text("crv")? == "P-256" && alg_is("ES256") => p256(&bytes(jwk, "x")?, &bytes(jwk, "y")?),
        "RSA" if alg_is("RS256") => rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?),
        _ => None,
    }
}

fn p256(x: &[u8], y: &[u8]) -> Option<Key> {
    if x.len() != COORDINATE || y.len() != COORDINATE {
        return None;
    }
    let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}}"#, encode(x), encode(y));
    Some(Key { algorithm: Algorithm::Es256, jwk, signature_len: 2 * COORDINATE })
}

fn rsa(n: &[u8], e: &[u8]) -> Option<Key> {
    if e.len() > 8 || n.len() > RSA_BITS.end() / 8 {
        return None;
    }
    let (n, e) = (without_zeros(n), without_zeros(e));
    let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
    let exponent = e.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let are_odd = n.last()? & e.last()? & 1 == 1;
    if !are_odd || !RSA_BITS.contains(&bits) || !RSA_EXPONENTS.contains(&exponent) {
        return None;
    }
    let jwk = format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#, encode(n), encode(e));
    Some(Key { algorithm: Algorithm::Rs256, jwk, signature_len: n.len() })
}

/// A big-endian number in as few bytes as it has.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(jwk.get(name)?.as_str()?).ok()
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
