//! The algorithm belongs to the key: every way to make a key answer for another's.

use serde_json::{Value, json};

use super::authenticate_token;
use super::signing::{
    EC_KID, EC_X, EC_Y, NOW, RSA_KID, RSA_N, SECRET, bytes, claims, claims_with, config_with, ec_jwk, encode,
    es256, hs256, hs256_text, hs256_with, keys, refusal, rs256, rsa_jwk, send,
};
use crate::auth::{self, Jwks, Outcome, Role};
use crate::problem::Kind;

fn is_patient(token: &str) -> bool {
    matches!(send(token), Ok(Outcome::Caller(caller)) if caller.role == Role::Patient)
}

fn header(alg: &str, kid: &str) -> Value {
    json!({"alg": alg, "kid": kid, "typ": "JWT"})
}

#[test]
fn public_keys_verify_their_own_algorithm() {
    assert!(is_patient(&es256(&header("ES256", EC_KID), &claims())));
    assert!(is_patient(&rs256(&header("RS256", RSA_KID), &claims())));
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    let point = [&[4][..], &bytes(EC_X), &bytes(EC_Y)].concat();
    let (rsa, ec) = (rsa_jwk().to_string(), ec_jwk().to_string());
    let secrets: [&[u8]; 6] = [&bytes(RSA_N), RSA_N.as_bytes(), rsa.as_bytes(), &point, ec.as_bytes(), b""];
    for secret in secrets {
        for kid in [RSA_KID, EC_KID] {
            assert_eq!(refusal(&hs256_with(secret, &header("HS256", kid), &claims())), Kind::TokenAlgorithm);
        }
        assert_eq!(refusal(&hs256_with(secret, &json!({"alg": "HS256"}), &claims())), Kind::TokenSignature);
    }
}

#[test]
fn a_secret_does_not_answer_for_a_public_key() {
    // Rightly signed by the secret, but it names the EC key.
    assert_eq!(
        refusal(&hs256_with(SECRET.as_bytes(), &header("HS256", EC_KID), &claims())),
        Kind::TokenAlgorithm
    );
}

#[test]
fn keys_of_two_kinds_do_not_answer_for_each_other() {
    assert_eq!(refusal(&es256(&header("ES256", RSA_KID), &claims())), Kind::TokenAlgorithm);
    assert_eq!(refusal(&rs256(&header("RS256", EC_KID), &claims())), Kind::TokenAlgorithm);
    assert_eq!(refusal(&es256(&header("RS256", RSA_KID), &claims())), Kind::TokenSignature);
    assert_eq!(refusal(&rs256(&header("ES256", EC_KID), &claims())), Kind::TokenSignature);
}

#[test]
fn other_algorithms_are_refused_however_they_are_signed() {
    for alg in [
        "none", "None", "NONE", "", "hs256", "HS384", "HS512", "RS384", "RS512", "PS256", "ES384", "EdDSA",
        "HS256 ",
    ] {
        assert_eq!(
            refusal(&hs256_with(SECRET.as_bytes(), &json!({"alg": alg}), &claims())),
            Kind::TokenAlgorithm,
            "{alg}"
        );
    }
    for alg in [Value::Null, json!(["HS256"]), json!(256)] {
        assert_eq!(
            refusal(&hs256_with(SECRET.as_bytes(), &json!({"alg": alg}), &claims())),
            Kind::TokenAlgorithm
        );
    }
    assert_eq!(
        refusal(&hs256_with(SECRET.as_bytes(), &json!({"typ": "JWT"}), &claims())),
        Kind::TokenAlgorithm
    );
}

#[test]
fn an_unsecured_token_is_refused() {
    let (header, payload) = (encode(r#"{"alg":"none"}"#), encode(claims().to_string()));
    assert_eq!(refusal(&format!("{header}.{payload}.")), Kind::TokenAlgorithm);
    // HS256 whose signature was cut off.
    let token = hs256(&claims());
    assert_eq!(refusal(&token[..=token.rfind('.').unwrap()]), Kind::TokenSignature);
}

#[test]
fn keys_inside_the_token_are_not_used() {
    let mut header =
        json!({"alg": "ES256", "jwk": ec_jwk(), "jku": "https://evil.test/jwks.json", "x5c": ["AAAA"]});
    assert_eq!(refusal(&es256(&header, &claims())), Kind::TokenUnknownKey);
    header["kid"] = json!("unheard-of");
    // The cache was filled just now: no fetch is due, so the key is unknown.
    assert_eq!(refusal(&es256(&header, &claims())), Kind::TokenUnknownKey);
}

#[test]
fn header_extensions_types_and_duplicates_are_refused() {
    let claims = claims().to_string();
    for header in [
        r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"secevent+jwt"}"#,
        r#"{"alg":"HS256","typ":7}"#,
        r#"{"alg":"HS256","kid":7}"#,
        r#"["HS256"]"#,
        "HS256",
        "",
    ] {
        assert_eq!(
            refusal(&hs256_text(SECRET.as_bytes(), header, &claims)),
            Kind::TokenMalformed,
            "{header}"
        );
    }
    let long = json!({"alg": "HS256", "kid": "k".repeat(257)});
    assert_eq!(refusal(&hs256_text(SECRET.as_bytes(), &long.to_string(), &claims)), Kind::TokenMalformed);
}

#[test]
fn an_algorithm_without_a_key_in_the_settings_is_refused() {
    let only_jwks = config_with(&[("SUPABASE_JWT_SECRET", ""), ("SUPABASE_JWT_SECRET_PREVIOUS", "")]);
    let only_secret = config_with(&[("SUPABASE_JWKS_URL", "")]);
    let kind = |token: &str, config| authenticate_token(token, config, &keys(), NOW).unwrap_err().kind;
    assert_eq!(kind(&hs256(&claims()), &only_jwks), Kind::TokenAlgorithm);
    assert_eq!(kind(&hs256_with(b"", &json!({"alg": "HS256"}), &claims()), &only_jwks), Kind::TokenAlgorithm);
    assert_eq!(kind(&es256(&header("ES256", EC_KID), &claims()), &only_secret), Kind::TokenAlgorithm);
    assert!(
        authenticate_token(&es256(&header("ES256", EC_KID), &claims()), &only_jwks, &keys(), NOW).is_ok()
    );
}

#[test]
fn claims_are_looked_at_once_the_signature_is_right() {
    let token = es256(&header("ES256", EC_KID), &claims_with("exp", json!(1)));
    let (config, keys) = (config_with(&[]), keys());
    let Ok(Outcome::Verify(pending)) = auth::authenticate_token(&token, &config, &keys, NOW) else {
        panic!("nothing to verify");
    };
    let refusal = |is_right| pending.clone().verified(is_right, &config, NOW).unwrap_err();
    assert_eq!(refusal(Ok(true)).kind, Kind::TokenExpired);
    assert_eq!(refusal(Ok(false)).kind, Kind::TokenSignature);
    let broken = refusal(Err("no such key".to_owned()));
    assert_eq!((broken.kind, broken.status), (Kind::TokenSignature, 401));
    assert_eq!(broken.cause.as_deref(), Some("no such key"));
    assert!(!broken.detail.contains("no such key"));
}

#[test]
fn a_signature_of_another_length_is_wrong_before_it_is_verified() {
    for (token, kid) in [
        (es256(&header("ES256", EC_KID), &claims()), EC_KID),
        (rs256(&header("RS256", RSA_KID), &claims()), RSA_KID),
    ] {
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = bytes(signature);
        for other in [&signature[1..], &[&[0], &signature[..]].concat(), &[]] {
            let token = format!("{input}.{}", encode(other));
            let problem = auth::authenticate_token(&token, &config_with(&[]), &keys(), NOW).unwrap_err();
            assert_eq!(problem.kind, Kind::TokenSignature, "{kid}, {} bytes", other.len());
        }
    }
}

#[test]
fn without_keys_the_shell_is_asked_to_fetch_them() {
    let token = es256(&header("ES256", EC_KID), &claims());
    let config = config_with(&[]);
    let mut keys = Jwks::default();
    assert_eq!(authenticate_token(&token, &config, &keys, NOW), Ok(Outcome::FetchKeys));
    keys.begin(NOW);
    assert_eq!(authenticate_token(&token, &config, &keys, NOW), Ok(Outcome::AwaitKeys));
    keys.failed();
    let problem = authenticate_token(&token, &config, &keys, NOW + 5).unwrap_err();
    assert_eq!((problem.kind, problem.retry_after), (Kind::Unavailable, Some(25)));
    // HS256 needs none of it.
    assert!(matches!(authenticate_token(&hs256(&claims()), &config, &keys, NOW), Ok(Outcome::Caller(_))));
}
