//! Arbitrary input never panics and is never somebody.

use proptest::prelude::*;
use serde_json::json;

use super::authenticate;
use super::signing::{
    EC_KID, NOW, RSA_KID, SECRET, claims, config, encode, es256, hs256, hs256_text, keys, rs256, send,
};
use crate::auth::routes::route;
use crate::auth::{Credentials, Jwks, Outcome, Role, challenge, jwk};

const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Every token that differs from this one in a single character is refused.
fn check_every_change(token: &str, step: usize) {
    assert!(send(token).is_ok());
    for index in (0..token.len()).step_by(step) {
        for replacement in [DIGITS[(index * 7) % 64], DIGITS[(index * 11 + 1) % 64], b'.', b'='] {
            let mut bytes = token.as_bytes().to_vec();
            if bytes[index] == replacement {
                continue;
            }
            bytes[index] = replacement;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(send(&changed).is_err(), "position {index} became {}", char::from(replacement));
        }
        let shorter = [&token[..index], &token[index + 1..]].concat();
        assert!(send(&shorter).is_err(), "position {index} was cut out");
    }
}

#[test]
fn any_changed_character_of_an_hs256_token_is_noticed() {
    check_every_change(&hs256(&claims()), 1);
}

#[test]
fn any_changed_character_of_an_es256_token_is_noticed() {
    check_every_change(&es256(&json!({"alg": "ES256", "kid": EC_KID}), &claims()), 23);
}

#[test]
fn any_changed_character_of_an_rs256_token_is_noticed() {
    check_every_change(&rs256(&json!({"alg": "RS256", "kid": RSA_KID}), &claims()), 23);
}

fn is_nobody(authorization: Option<&str>, apikey: Option<&str>) -> bool {
    match authenticate(Credentials { authorization, apikey }, &config(), &keys(), NOW) {
        Ok(Outcome::Caller(caller)) => {
            caller.role == Role::Anon && authorization.is_none() && apikey.is_none()
        }
        Ok(_) => false,
        Err(problem) => {
            let _ = challenge(&problem);
            problem.status == 401 || problem.status == 403
        }
    }
}

fn is_nobodys(token: &str) -> bool {
    is_nobody(Some(&format!("Bearer {token}")), None)
}

proptest! {
    #[test]
    fn arbitrary_headers_are_nobody(authorization in proptest::option::of(".*"), apikey in proptest::option::of(".*")) {
        prop_assert!(is_nobody(authorization.as_deref(), apikey.as_deref()));
    }

    #[test]
    fn arbitrary_tokens_are_nobody(token in "[A-Za-z0-9_.=-]{0,200}") {
        prop_assert!(is_nobodys(&token));
    }

    #[test]
    fn arbitrary_parts_are_nobody(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>()) {
        let token = format!("{}.{}.{}", encode(header), encode(payload), encode(signature));
        prop_assert!(is_nobodys(&token));
    }

    #[test]
    fn arbitrary_signatures_by_known_keys_are_nobody(rsa in any::<bool>(), signature in any::<Vec<u8>>()) {
        let (alg, kid) = if rsa { ("RS256", RSA_KID) } else { ("ES256", EC_KID) };
        let header = encode(json!({"alg": alg, "kid": kid}).to_string());
        let token = format!("{header}.{}.{}", encode(claims().to_string()), encode(signature));
        prop_assert!(is_nobodys(&token));
    }

    #[test]
    fn a_signed_payload_that_is_no_claims_set_is_nobody(payload in ".*") {
        let token = hs256_text(SECRET.as_bytes(), r#"{"alg":"HS256"}"#, &payload);
        prop_assert!(is_nobodys(&token));
    }

    #[test]
    fn any_changed_character_is_noticed(index in any::<prop::sample::Index>(), digit in 0..64_usize) {
        let token = hs256(&claims());
        let mut bytes = token.clone().into_bytes();
        let at = index.index(bytes.len());
        bytes[at] = DIGITS[digit];
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert!(changed == token || is_nobodys(&changed));
    }

    #[test]
    fn arbitrary_documents_are_no_keys(document in any::<Vec<u8>>()) {
        prop_assert!(jwk::parse_set(&document).is_none());
        prop_assert!(Jwks::default().loaded(NOW, &document).is_err());
    }

    #[test]
    fn arbitrary_paths_never_panic(method in "[A-Z]{0,7}", path in ".*", query in ".*") {
        if route(&method, &path, &query).is_ok() {
            prop_assert!(path.starts_with('/') && !path.contains(['%', '?', '\\']));
        }
    }
}
