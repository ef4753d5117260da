//! Public keys out of a JWK set (RFC 7517, RFC 7518 section 6): P-256 and RSA keys that verify signatures.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa;
use rsa::pkcs1v15;
use rsa::signature::Verifier;
use serde_json::{Map, Value};
use sha2::Sha256;

use super::json;
use super::jws::Algorithm;

/// The longest document that is read.
pub const MAX_JWKS_LEN: usize = 64 * 1024;
const MAX_KEYS: usize = 32;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
const MIN_RSA_EXPONENT: u64 = 65_537;

/// A key with the one algorithm it may be used for.
#[derive(Clone, Debug)]
pub enum Key {
    /// ES256.
    P256(ecdsa::VerifyingKey),
    /// RS256.
    Rsa(Box<pkcs1v15::VerifyingKey<Sha256>>),
}

impl Key {
    /// The algorithm that is bound to the key.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::Es256,
            Self::Rsa(_) => Algorithm::Rs256,
        }
    }

    /// Whether the key made the signature, in the form RFC 7518 gives it.
    // Not a part of each request's function, see `apart`: curves and big numbers are much code.
    #[inline(never)]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::Rsa(key) => pkcs1v15::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
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
    if x.len() != 32 || y.len() != 32 {
        return None;
    }
    // SEC 1: an uncompressed point; a point off the curve is refused.
    let point = [&[0x04], x, y].concat();
    ecdsa::VerifyingKey::from_sec1_bytes(&point).ok().map(Key::P256)
}

fn rsa(n: &[u8], e: &[u8]) -> Option<Key> {
    if e.len() > 8 || n.len() > RSA_BITS.end() / 8 {
        return None;
    }
    let exponent = e.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    if exponent < MIN_RSA_EXPONENT {
        return None;
    }
    let modulus = rsa::BoxedUint::from_be_slice_vartime(n);
    let key = rsa::PublicKey::new_with_size_limits(modulus, rsa::BoxedUint::from(exponent), RSA_BITS).ok()?;
    Some(Key::Rsa(Box::new(pkcs1v15::VerifyingKey::new(key))))
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(jwk.get(name)?.as_str()?).ok()
}
