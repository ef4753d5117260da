//! Tokens that a key of the project's set signed, through a whole request: the key set is fetched, the platform verifies.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use base64ct::{Base64UrlUnpadded, Encoding};
use chairside::app::App;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use support::{NOW, PATIENT, Scripted, Seen, app_with, get, ok_json, reply, run_on, script};

const JWKS_URL: &str = "https://clinic.supabase.co/auth/v1/.well-known/jwks.json";
// RFC 7515, appendix A.3.
const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

fn token(changes: &Value) -> String {
    let mut claims = json!({
        "iss": "https://clinic.supabase.co/auth/v1", "aud": "authenticated", "sub": PATIENT, "role": "authenticated",
        "iat": NOW - 10, "exp": NOW + 3600, "app_metadata": { "clinic_role": "patient" },
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let header = json!({ "alg": "ES256", "kid": "one", "typ": "JWT" });
    let signed =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let key = SigningKey::from_slice(&Base64UrlUnpadded::decode_vec(D).unwrap()).unwrap();
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", encode(&signature.to_bytes()))
}

fn key_set(x: &str, y: &str) -> Scripted {
    let key = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "one", "alg": "ES256" });
    reply(200, &[("content-type", "application/json")], &json!({ "keys": [key] }).to_string())
}

fn app() -> App {
    app_with(&[("SUPABASE_JWKS_URL", JWKS_URL)])
}

fn ask(app: &App, token: &str, script: &support::Script) -> Seen {
    let request = get("/rest/v1/service?select=id").header("authorization", &format!("Bearer {token}"));
    run_on(app, &request, script)
}

#[test]
fn a_right_signature_is_verified_once_in_a_while() {
    let (app, token) = (app(), token(&json!({})));
    let script = script(vec![key_set(X, Y), ok_json("[]"), ok_json("[]")]);
    assert_eq!(ask(&app, &token, &script).status, 200);
    let seen = ask(&app, &token, &script);
    assert_eq!((seen.status, script.verified.get()), (200, 1));
    assert_eq!(seen.calls[0].url, JWKS_URL);
    assert!(seen.log.contains(r#""role":"patient""#), "{}", seen.log);
}

#[test]
fn a_wrong_signature_is_refused_each_time() {
    let (app, good) = (app(), token(&json!({})));
    let (_, signature) = good.rsplit_once('.').unwrap();
    let admin = token(&json!({ "app_metadata": { "clinic_role": "admin" } }));
    let (forged, _) = admin.rsplit_once('.').unwrap();
    let script = script(vec![key_set(X, Y)]);
    for times in 1..=2 {
        let seen = ask(&app, &format!("{forged}.{signature}"), &script);
        assert_eq!((seen.status, seen.code().as_str()), (401, "token-signature"));
        assert_eq!(script.verified.get(), times);
    }
}

#[test]
fn what_cannot_be_verified_is_a_wrong_signature() {
    let (app, token) = (app(), token(&json!({})));
    let script = script(vec![key_set(X, Y), ok_json("[]")]);
    script.cannot_verify.set(true);
    let seen = ask(&app, &token, &script);
    assert_eq!((seen.status, seen.code().as_str()), (401, "token-signature"));
    // Why is for the log.
    assert!(seen.log.contains("the key cannot be used"), "{}", seen.log);
    assert!(!String::from_utf8(seen.body).unwrap().contains("cannot be used"));
    // Nothing of it is kept.
    script.cannot_verify.set(false);
    assert_eq!(ask(&app, &token, &script).status, 200);
}

#[test]
fn a_point_off_the_curve_verifies_nothing() {
    let script = script(vec![key_set(Y, X)]);
    let seen = ask(&app(), &token(&json!({})), &script);
    assert_eq!((seen.status, seen.code().as_str()), (401, "token-signature"));
}

#[test]
fn claims_are_told_once_the_signature_is_right() {
    let expired = token(&json!({ "exp": NOW - 1 }));
    let script = script(vec![key_set(X, Y)]);
    let app = app();
    assert_eq!(ask(&app, &expired, &script).code(), "token-expired");
    script.cannot_verify.set(true);
    assert_eq!(ask(&app, &expired, &script).code(), "token-signature");
}
