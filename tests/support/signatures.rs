//! What the platform does with a public key's signature, done natively.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa;
use rsa::pkcs1v15;
use rsa::signature::Verifier;
use serde_json::Value;
use sha2::Sha256;

/// Whether the key, a JWK, made the signature; an error where it is no key.
pub fn verify(jwk: &str, signed: &[u8], signature: &[u8]) -> Result<bool, String> {
    let jwk: Value = serde_json::from_str(jwk).map_err(|error| error.to_string())?;
    let bytes = |name: &str| {
        Base64UrlUnpadded::decode_vec(jwk[name].as_str().unwrap_or_default())
            .map_err(|error| error.to_string())
    };
    match jwk["kty"].as_str() {
        Some("EC") => {
            // SEC 1: an uncompressed point; a point off the curve is refused.
            let point = [&[0x04][..], &bytes("x")?, &bytes("y")?].concat();
            let key = ecdsa::VerifyingKey::from_sec1_bytes(&point).map_err(|error| error.to_string())?;
            Ok(ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok()))
        }
        Some("RSA") => {
            let number = |name| bytes(name).map(|bytes| rsa::BoxedUint::from_be_slice_vartime(&bytes));
            let key = rsa::PublicKey::new_with_size_limits(number("n")?, number("e")?, 2048..=4096)
                .map_err(|error| error.to_string())?;
            let key = pkcs1v15::VerifyingKey::<Sha256>::new(key);
            Ok(pkcs1v15::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok()))
        }
        _ => Err("neither EC nor RSA".to_owned()),
    }
}
