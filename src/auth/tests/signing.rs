//! A project's keys and the tokens it signs. The asymmetric keys are those of RFC 7515, appendix A.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa;
use rsa::pkcs1v15;
use rsa::signature::{SignatureEncoding, Signer};
use serde_json::{Value, json};
use sha2::Sha256;

use super::authenticate;
use crate::auth::{Credentials, Jwks, Outcome};
use crate::config::Config;
use crate::problem::{Kind, Problem};

pub const NOW: u64 = 1_800_000_000;
pub const SECRET: &str = "a-secret-of-the-clinic-that-has-over-32-bytes";
pub const PREVIOUS: &str = "an-older-secret-of-the-clinic-with-over-32-bytes";
pub const PUBLISHABLE: &str = "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH";
pub const SUB: &str = "00000000-0000-4000-8000-0000000a0001";
pub const EC_KID: &str = "ec-key";
pub const RSA_KID: &str = "rsa-key";

pub const EC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
pub const EC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const EC_D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
pub const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const RSA_P: &str = "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc";
const RSA_Q: &str = "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc";

pub fn bytes(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).unwrap()
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

/// Settings with everything: both public keys, two secrets, a JWKS.
pub fn config() -> Config {
    config_with(&[])
}

/// The same with some settings replaced; an empty value takes one away.
pub fn config_with(changes: &[(&str, &str)]) -> Config {
    let anon = anon_key();
    let base = [
        ("SUPABASE_URL", "https://clinic.supabase.co"),
        ("SUPABASE_ANON_KEY", anon.as_str()),
        ("SUPABASE_PUBLISHABLE_KEY", PUBLISHABLE),
        ("SUPABASE_JWT_SECRET", SECRET),
        ("SUPABASE_JWT_SECRET_PREVIOUS", PREVIOUS),
        ("SUPABASE_JWKS_URL", "https://clinic.supabase.co/auth/v1/.well-known/jwks.json"),
        ("CLINIC_ID", "main-street"),
        ("RATE_LIMITS", "anon=120/60 user=600/60 auth=20/60"),
        ("RATE_LIMIT_ANON", "bound"),
        ("RATE_LIMIT_USER", "bound"),
        ("RATE_LIMIT_AUTH", "bound"),
    ];
    let lookup = |key: &str| {
        let found = changes.iter().chain(&base).find(|(name, _)| *name == key);
        found.map(|(_, value)| (*value).to_owned())
    };
    Config::from_lookup(lookup).unwrap()
}

pub fn ec_jwk() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": EC_X, "y": EC_Y, "kid": EC_KID, "alg": "ES256", "use": "sig",
        "key_ops": ["verify"], "ext": true})
}

pub fn rsa_jwk() -> Value {
    json!({"kty": "RSA", "n": RSA_N, "e": "AQAB", "kid": RSA_KID, "alg": "RS256", "use": "sig"})
}

/// A cache that was filled just now.
pub fn keys() -> Jwks {
    let mut keys = Jwks::default();
    keys.begin(NOW);
    keys.loaded(NOW, json!({"keys": [ec_jwk(), rsa_jwk()]}).to_string().as_bytes()).unwrap();
    keys
}

/// A patient's claims, as Supabase Auth writes them.
pub fn claims() -> Value {
    json!({
        "iss": "https://clinic.supabase.co/auth/v1", "aud": "authenticated", "sub": SUB,
        "iat": NOW - 10, "exp": NOW + 3600, "role": "authenticated", "aal": "aal1",
        "session_id": "11111111-2222-4333-8444-555555555555", "email": "patient1@clinic.test", "phone": "",
        "is_anonymous": false, "user_metadata": {},
        "app_metadata": {"provider": "email", "providers": ["email"], "clinic_role": "patient"},
    })
}

/// The same with one claim replaced; `null` takes it away.
pub fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    claims
}

pub fn anon_key() -> String {
    legacy_key("anon", SECRET)
}

/// A legacy key: `iss: supabase`, neither `aud` nor `sub`, ten years.
pub fn legacy_key(role: &str, secret: &str) -> String {
    let claims =
        json!({"iss": "supabase", "ref": "clinic", "role": role, "iat": NOW - 1, "exp": NOW + 315_360_000});
    hs256_with(secret.as_bytes(), &json!({"alg": "HS256", "typ": "JWT"}), &claims)
}

pub fn hs256(claims: &Value) -> String {
    hs256_with(SECRET.as_bytes(), &json!({"alg": "HS256", "typ": "JWT"}), claims)
}

pub fn hs256_with(secret: &[u8], header: &Value, claims: &Value) -> String {
    hs256_text(secret, &header.to_string(), &claims.to_string())
}

/// Signs texts that need not be JSON.
pub fn hs256_text(secret: &[u8], header: &str, payload: &str) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(&input);
    format!("{input}.{}", encode(mac.finalize().into_bytes()))
}

pub fn es256(header: &Value, claims: &Value) -> String {
    let input = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let key = ecdsa::SigningKey::from_slice(&bytes(EC_D)).unwrap();
    let signature: ecdsa::Signature = key.sign(input.as_bytes());
    format!("{input}.{}", encode(signature.to_bytes()))
}

pub fn rs256(header: &Value, claims: &Value) -> String {
    let input = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let number = |text| rsa::BoxedUint::from_be_slice_vartime(&bytes(text));
    let key =
        rsa::PrivateKey::from_p_q(number(RSA_P), number(RSA_Q), rsa::BoxedUint::from(65_537_u64)).unwrap();
    let signature = pkcs1v15::SigningKey::<Sha256>::new(key).sign(input.as_bytes());
    format!("{input}.{}", encode(signature.to_vec()))
}

/// Sends a token as a supabase-js client does.
pub fn send(token: &str) -> Result<Outcome<'static>, Problem> {
    let (authorization, anon) = (format!("Bearer {token}"), anon_key());
    let credentials = Credentials { authorization: Some(&authorization), apikey: Some(&anon) };
    authenticate(credentials, &config(), &keys(), NOW)
}

/// Why a token is refused.
pub fn refusal(token: &str) -> Kind {
    send(token).expect_err("the token must be refused").kind
}
