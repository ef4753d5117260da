//! Which entries of a JWK set become keys.

use serde_json::{Value, json};

use super::authenticate_token;
use super::signing::{
    EC_KID, EC_X, EC_Y, NOW, RSA_KID, RSA_N, bytes, claims, config, ec_jwk, encode, es256, rs256, rsa_jwk,
};
use crate::auth::jwk::{MAX_JWKS_LEN, parse_set};
use crate::auth::jws::Algorithm;
use crate::auth::{Jwks, Outcome};
use crate::problem::Kind;

fn kids(entries: &[Value]) -> Vec<String> {
    let document = json!({"keys": entries}).to_string();
    parse_set(document.as_bytes()).unwrap().into_iter().map(|(kid, _)| kid).collect()
}

fn with(mut jwk: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(name);
        } else {
            jwk[name] = value.clone();
        }
    }
    jwk
}

#[test]
fn ec_and_rsa_keys_are_taken_with_their_algorithm() {
    let document = json!({"keys": [ec_jwk(), rsa_jwk()]}).to_string();
    let keys = parse_set(document.as_bytes()).unwrap();
    let found: Vec<_> = keys.iter().map(|(kid, key)| (kid.as_str(), key.algorithm())).collect();
    assert_eq!(found, [(EC_KID, Algorithm::Es256), (RSA_KID, Algorithm::Rs256)]);
}

#[test]
fn alg_use_and_key_ops_may_be_absent() {
    let absent = json!({"alg": null, "use": null, "key_ops": null});
    assert_eq!(kids(&[with(ec_jwk(), &absent), with(rsa_jwk(), &absent)]), [EC_KID, RSA_KID]);
}

#[test]
fn symmetric_keys_never_count() {
    let oct = json!({"kty": "oct", "kid": "hmac", "k": "c2VjcmV0", "alg": "HS256"});
    assert_eq!(kids(&[oct, with(ec_jwk(), &json!({"k": "c2VjcmV0"}))]), Vec::<String>::new());
}

#[test]
fn unsuitable_ec_keys_are_skipped() {
    let short = encode([1; 31]);
    for change in [
        json!({"crv": "P-384"}),
        json!({"crv": "secp256k1"}),
        json!({"crv": null}),
        json!({"kty": "OKP"}),
        json!({"kty": null}),
        json!({"alg": "ES384"}),
        json!({"alg": "HS256"}),
        json!({"alg": 7}),
        json!({"use": "enc"}),
        json!({"key_ops": ["sign"]}),
        json!({"key_ops": "verify"}),
        json!({"kid": null}),
        json!({"kid": ""}),
        json!({"kid": 7}),
        json!({"d": "AAAA"}),
        json!({"x": short}),
        json!({"x": ""}),
        json!({"x": null}),
        json!({"y": format!("{EC_Y}=")}),
    ] {
        assert_eq!(kids(&[with(ec_jwk(), &change), rsa_jwk()]), [RSA_KID], "{change}");
    }
}

#[test]
fn unsuitable_rsa_keys_are_skipped() {
    let bits = |bits: usize| encode([&[0x80][..], &vec![0; bits / 8 - 2], &[1]].concat());
    assert_eq!(kids(&[with(rsa_jwk(), &json!({"n": bits(4096)}))]), [RSA_KID]);
    for change in [
        json!({"n": bits(1024)}),
        json!({"n": bits(2040)}),
        json!({"n": bits(4104)}),
        json!({"n": bits(16384)}),
        json!({"n": ""}),
        json!({"n": encode([0x80; 256])}),
        json!({"e": "Aw"}),
        json!({"e": "AQ"}),
        json!({"e": ""}),
        json!({"e": "AQAA"}),
        json!({"e": encode([1; 9])}),
        json!({"e": encode([0xff; 8])}),
        json!({"alg": "PS256"}),
        json!({"alg": "RS512"}),
        json!({"use": "enc"}),
        json!({"d": "AAAA"}),
        json!({"kty": "EC"}),
    ] {
        assert_eq!(kids(&[with(rsa_jwk(), &change), ec_jwk()]), [EC_KID], "{change}");
    }
}

/// What comes of a token when these are the project's keys.
fn outcome(jwk: &Value, token: &str) -> Result<Outcome<'static>, Kind> {
    let mut keys = Jwks::default();
    keys.begin(NOW);
    keys.loaded(NOW, json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
    authenticate_token(token, &config(), &keys, NOW).map_err(|problem| problem.kind)
}

#[test]
fn a_point_off_the_curve_is_known_and_verifies_nothing() {
    let off = with(ec_jwk(), &json!({"x": EC_Y, "y": EC_X}));
    assert_eq!(kids(std::slice::from_ref(&off)), [EC_KID]);
    let token = es256(&json!({"alg": "ES256", "kid": EC_KID}), &claims());
    assert!(matches!(outcome(&ec_jwk(), &token), Ok(Outcome::Caller(_))));
    assert_eq!(outcome(&off, &token), Err(Kind::TokenSignature));
}

#[test]
fn zeros_before_a_number_do_not_count() {
    let zero_before = |number: &[u8]| encode([&[0], number].concat());
    let token = rs256(&json!({"alg": "RS256", "kid": RSA_KID}), &claims());
    let padded = with(rsa_jwk(), &json!({"n": zero_before(&bytes(RSA_N)), "e": zero_before(&[1, 0, 1])}));
    assert!(matches!(outcome(&padded, &token), Ok(Outcome::Caller(_))));
    let small = with(rsa_jwk(), &json!({"n": zero_before(&bytes(RSA_N)[1..])}));
    let half_a_byte = with(rsa_jwk(), &json!({"n": encode([&[0x0f], &bytes(RSA_N)[1..]].concat())}));
    assert_eq!(kids(&[small]), Vec::<String>::new());
    assert_eq!(kids(&[half_a_byte]), Vec::<String>::new());
}

#[test]
fn a_key_is_spelled_with_its_public_members_alone() {
    let document = json!({"keys": [ec_jwk(), rsa_jwk()]}).to_string();
    let keys = parse_set(document.as_bytes()).unwrap();
    let spelled: Vec<Value> = keys.iter().map(|(_, key)| serde_json::from_str(key.jwk()).unwrap()).collect();
    assert_eq!(spelled[0], json!({"kty": "EC", "crv": "P-256", "x": EC_X, "y": EC_Y}));
    assert_eq!(spelled[1], json!({"kty": "RSA", "n": RSA_N, "e": "AQAB"}));
}

#[test]
fn keys_that_share_an_id_are_all_skipped() {
    assert_eq!(kids(&[ec_jwk(), with(rsa_jwk(), &json!({"kid": EC_KID}))]), Vec::<String>::new());
    // Also where one of them could not be used anyway: its owner may mean that one.
    assert_eq!(kids(&[ec_jwk(), json!({"kty": "oct", "kid": EC_KID, "k": "AA"}), rsa_jwk()]), [RSA_KID]);
}

#[test]
fn what_is_no_jwk_set_is_told_from_an_empty_one() {
    for text in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        "<html>",
        r#"{"message":"no"}"#,
    ] {
        assert!(parse_set(text.as_bytes()).is_none(), "{text}");
    }
    assert!(parse_set(format!(r#"{{"keys":[]{}}}"#, " ".repeat(MAX_JWKS_LEN)).as_bytes()).is_none());
    assert_eq!(kids(&[]), Vec::<String>::new());
    assert_eq!(kids(&[json!(1), Value::Null, json!([]), ec_jwk()]), [EC_KID]);
}
