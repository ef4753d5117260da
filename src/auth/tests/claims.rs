//! Each claim from the accepted and the refused side.

use serde_json::{Value, json};

use super::signing::{
    NOW, PREVIOUS, SECRET, SUB, claims, claims_with, hs256, hs256_text, hs256_with, legacy_key, refusal, send,
};
use crate::auth::claims::CLOCK_SKEW;
use crate::auth::{Caller, Outcome, Role};
use crate::problem::Kind;

fn caller(token: &str) -> Caller {
    match send(token).unwrap() {
        Outcome::Caller(caller) => caller,
        other => panic!("no caller: {other:?}"),
    }
}

fn refused(name: &str, value: Value) -> Kind {
    refusal(&hs256(&claims_with(name, value)))
}

#[test]
fn a_users_token_says_who_calls() {
    let caller = caller(&hs256(&claims()));
    assert_eq!(caller.id.unwrap().to_string(), SUB);
    assert_eq!(caller.role, Role::Patient);
    assert_eq!(caller.expires_at, Some(NOW + 3600));
    assert_eq!(caller.key(), SUB);
}

#[test]
fn both_secrets_verify_during_rotation_and_no_third() {
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": "legacy-key-id"});
    assert_eq!(caller(&hs256_with(SECRET.as_bytes(), &header, &claims())).role, Role::Patient);
    assert_eq!(caller(&hs256_with(PREVIOUS.as_bytes(), &header, &claims())).role, Role::Patient);
    assert_eq!(
        refusal(&hs256_with(b"another-secret-that-has-over-32-bytes-in-it", &header, &claims())),
        Kind::TokenSignature
    );
    assert_eq!(refusal(&hs256_with(b"", &header, &claims())), Kind::TokenSignature);
}

#[test]
fn expired_means_expired() {
    assert_eq!(refused("exp", json!(NOW)), Kind::TokenExpired);
    assert_eq!(refused("exp", json!(NOW - 1)), Kind::TokenExpired);
    assert_eq!(refused("exp", json!(0)), Kind::TokenExpired);
    #[expect(clippy::cast_precision_loss, reason = "NOW is small")]
    let half = NOW as f64 + 1.5;
    assert_eq!(caller(&hs256(&claims_with("exp", json!(half)))).expires_at, Some(NOW + 1));
}

#[test]
fn expiry_is_required_and_a_number() {
    for value in [Value::Null, json!("1900000000"), json!(-1), json!(1e300), json!([NOW + 60]), json!(true)] {
        assert_eq!(refused("exp", value.clone()), Kind::TokenClaims, "{value}");
    }
}

#[test]
fn not_before_and_issued_at_may_be_a_little_ahead() {
    for name in ["nbf", "iat"] {
        assert_eq!(caller(&hs256(&claims_with(name, json!(NOW + CLOCK_SKEW)))).role, Role::Patient);
        assert_eq!(refused(name, json!(NOW + CLOCK_SKEW + 1)), Kind::TokenNotYetValid);
        assert_eq!(refused(name, json!("soon")), Kind::TokenClaims);
        assert_eq!(caller(&hs256(&claims_with(name, Value::Null))).role, Role::Patient);
    }
}

#[test]
fn issuer_must_be_the_projects() {
    for value in [
        Value::Null,
        json!("supabase"),
        json!("https://clinic.supabase.co/auth/v1/"),
        json!(["https://clinic.supabase.co/auth/v1"]),
    ] {
        assert_eq!(refused("iss", value.clone()), Kind::TokenIssuer, "{value}");
    }
}

#[test]
fn audience_is_a_string_or_a_list() {
    assert_eq!(caller(&hs256(&claims_with("aud", json!(["other", "authenticated"])))).role, Role::Patient);
    for value in [
        Value::Null,
        json!("Authenticated"),
        json!([]),
        json!(["other"]),
        json!(["authenticated", 1]),
        json!({"authenticated": 1}),
    ] {
        assert_eq!(refused("aud", value.clone()), Kind::TokenAudience, "{value}");
    }
}

#[test]
fn subject_must_be_a_users_id() {
    let braced = format!("{{{SUB}}}");
    let bare = SUB.replace('-', "");
    for value in [
        Value::Null,
        json!(""),
        json!("patient1"),
        json!(braced),
        json!(bare),
        json!(7),
        json!(format!("{SUB} ")),
    ] {
        assert_eq!(refused("sub", value.clone()), Kind::TokenClaims, "{value}");
    }
}

#[test]
fn the_database_role_must_be_authenticated() {
    for value in [
        Value::Null,
        json!("anon"),
        json!("postgres"),
        json!("supabase_admin"),
        json!("Authenticated"),
        json!(["authenticated"]),
    ] {
        assert_eq!(refused("role", value.clone()), Kind::TokenClaims, "{value}");
    }
}

#[test]
fn a_service_token_is_called_what_it_is() {
    assert_eq!(refused("role", json!("service_role")), Kind::ServiceKeyRefused);
    assert_eq!(refusal(&legacy_key("service_role", SECRET)), Kind::ServiceKeyRefused);
    assert_eq!(refusal(&legacy_key("service_role", PREVIOUS)), Kind::ServiceKeyRefused);
    // Only a verified one: a forged claim gets no further than its signature.
    assert_eq!(
        refusal(&legacy_key("service_role", "not-a-secret-of-this-project-at-all-no")),
        Kind::TokenSignature
    );
}

#[test]
fn an_anon_key_that_is_not_configured_is_refused() {
    let problem = send(&legacy_key("anon", PREVIOUS)).unwrap_err();
    assert_eq!(problem.kind, Kind::TokenClaims);
    assert!(problem.detail.contains("anon key"), "the reason is named: {}", problem.detail);
}

#[test]
fn clinic_roles() {
    for role in [Role::Patient, Role::Dentist, Role::Receptionist, Role::Admin] {
        let token = hs256(&claims_with("app_metadata", json!({"clinic_role": role.as_str()})));
        assert_eq!(caller(&token).role, role);
    }
    for value in [Value::Null, json!({}), json!({"provider": "email"})] {
        assert_eq!(caller(&hs256(&claims_with("app_metadata", value))).role, Role::Patient);
    }
    for role in [json!("anon"), json!("Admin"), json!("superuser"), json!(""), Value::Null, json!(["admin"])]
    {
        assert_eq!(refused("app_metadata", json!({"clinic_role": role})), Kind::TokenClaims);
    }
    assert_eq!(refused("app_metadata", json!("admin")), Kind::TokenClaims);
}

#[test]
fn what_a_user_says_about_oneself_counts_for_nothing() {
    let mut claims = claims_with("user_metadata", json!({"clinic_role": "admin"}));
    claims["clinic_role"] = json!("admin");
    assert_eq!(caller(&hs256(&claims)).role, Role::Patient);
}

#[test]
fn anonymous_sign_ins_are_refused() {
    for value in [json!(true), json!("true"), json!(1)] {
        assert_eq!(refused("is_anonymous", value), Kind::TokenClaims);
    }
    assert_eq!(caller(&hs256(&claims_with("is_anonymous", Value::Null))).role, Role::Patient);
}

#[test]
fn payload_must_be_an_object_with_unique_members() {
    let claims = claims().to_string();
    let twice = claims.replacen('{', r#"{"role":"authenticated","#, 1);
    let nested = claims.replace(r#""clinic_role":"#, r#""clinic_role":"admin","clinic_role":"#);
    assert_ne!(nested, claims);
    for payload in [&twice, &nested, "[]", "null", "\"x\"", "", "{", &format!("{claims} x")] {
        let token = hs256_text(SECRET.as_bytes(), r#"{"alg":"HS256"}"#, payload);
        assert_eq!(refusal(&token), Kind::TokenMalformed, "{payload}");
    }
}
