//! `Authorization` and `WWW-Authenticate`.

use super::signing::{NOW, claims, claims_with, config, hs256, keys, refusal, send};
use super::{authenticate, authenticate_token};
use crate::auth::{Credentials, Outcome, challenge};
use crate::problem::{Kind, Problem};
use serde_json::json;

fn ask(authorization: &str) -> Result<Outcome<'static>, Problem> {
    authenticate(Credentials { authorization: Some(authorization), apikey: None }, &config(), &keys(), NOW)
}

#[test]
fn the_scheme_is_case_insensitive() {
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        assert!(ask(&format!("{scheme} {}", hs256(&claims()))).is_ok());
    }
}

#[test]
fn anything_but_one_bearer_token_is_refused() {
    let token = hs256(&claims());
    let values = [
        String::new(),
        " ".into(),
        "Bearer".into(),
        "Bearer ".into(),
        token.clone(),
        format!("Bearer  {token}"),
        format!(" Bearer {token}"),
        format!("Bearer {token} "),
        format!("Bearer\t{token}"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token} x"),
        format!("Bearer: {token}"),
        format!("Basic {token}"),
        format!("Token {token}"),
        format!("BearerX {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer {token}\n"),
        format!("Bearer {token}\0"),
        format!("Bearer {token}é"),
        format!("Bearer {token}%20"),
    ];
    for value in values {
        let problem = ask(&value).unwrap_err();
        assert_eq!((problem.kind, problem.status), (Kind::TokenMalformed, 401), "{value:?}");
    }
}

#[test]
fn a_token_over_8_kib_is_refused() {
    let long = |len| hs256(&claims_with("x", json!("x".repeat(len))));
    assert!(send(&long(4000)).is_ok());
    assert_eq!(refusal(&long(6000)), Kind::TokenMalformed);
    // Also where the token does not come in a header.
    assert!(authenticate_token(&long(4000), &config(), &keys(), NOW).is_ok());
    let problem = authenticate_token(&long(6000), &config(), &keys(), NOW).unwrap_err();
    assert_eq!(problem.kind, Kind::TokenMalformed);
    assert_eq!(refusal(&"a".repeat(1 << 20)), Kind::TokenMalformed);
}

#[test]
fn padding_and_other_spellings_of_base64_are_refused() {
    let token = hs256(&claims());
    let (input, signature) = token.rsplit_once('.').unwrap();
    // 32 bytes are 43 digits, and the last digit's two low bits mean nothing: only 0 is canonical.
    let last = signature.chars().last().unwrap();
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let index = digits.find(last).unwrap();
    assert_eq!(index % 4, 0);
    for other in &digits[index + 1..index + 4].chars().collect::<Vec<_>>() {
        let spelled = format!("{input}.{}{other}", &signature[..42]);
        assert_eq!(refusal(&spelled), Kind::TokenMalformed);
    }
    for bad in [
        format!("{token}="),
        format!("{token}=="),
        token.replacen('.', "=.", 1),
        token.replace('-', "+").replace('_', "/") + "+",
    ] {
        assert_eq!(refusal(&bad), Kind::TokenMalformed);
    }
}

#[test]
fn the_number_of_parts_is_three() {
    let token = hs256(&claims());
    for bad in [
        "a",
        "a.b",
        "...",
        "..",
        ".",
        "a.b.c.d",
        &format!("{token}."),
        &format!(".{token}"),
        &format!("{token}.{token}"),
    ] {
        assert_eq!(refusal(bad), Kind::TokenMalformed, "{bad}");
    }
}

#[test]
fn a_bad_token_is_challenged_with_its_reason() {
    let problem = send(&hs256(&claims_with("exp", json!(1)))).unwrap_err();
    assert_eq!(
        challenge(&problem).unwrap(),
        r#"Bearer realm="chairside", error="invalid_token", error_description="The token has expired""#
    );
}

#[test]
fn a_missing_token_and_a_wrong_apikey_get_the_bare_challenge() {
    for kind in [Kind::Unauthorized, Kind::ApiKeyUnknown] {
        assert_eq!(challenge(&Problem::new(kind, "x")).unwrap(), r#"Bearer realm="chairside""#);
    }
    for kind in [Kind::Forbidden, Kind::Unavailable, Kind::NotFound] {
        assert_eq!(challenge(&Problem::new(kind, "x")), None);
    }
}

#[test]
fn a_description_cannot_break_out_of_its_quotes() {
    let problem = Problem::new(Kind::TokenMalformed, "a\"b\\c\r\nd\u{e9}");
    assert!(challenge(&problem).unwrap().ends_with(r#"error_description="abcd""#));
}
