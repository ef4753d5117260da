//! Which pairs of headers mean whom, and what goes upstream.

use serde_json::json;

use super::authenticate;
use super::signing::{
    EC_KID, NOW, PREVIOUS, PUBLISHABLE, SECRET, anon_key, claims, config, config_with, es256, hs256, keys,
    legacy_key,
};
use crate::auth::{self, Caller, Credentials, Outcome, Role, challenge};
use crate::config::Config;
use crate::problem::{Kind, Problem};

fn ask_with(config: &Config, apikey: Option<&str>, authorization: Option<&str>) -> Result<Caller, Problem> {
    match authenticate(Credentials { authorization, apikey }, config, &keys(), NOW)? {
        Outcome::Caller(caller) => Ok(caller),
        other => panic!("no caller: {other:?}"),
    }
}

fn ask(apikey: Option<&str>, authorization: Option<&str>) -> Result<Caller, Problem> {
    ask_with(&config(), apikey, authorization)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn nothing_or_a_public_key_is_anon() {
    let anon = anon_key();
    for key in [None, Some(anon.as_str()), Some(PUBLISHABLE)] {
        for token in [None, Some(bearer(&anon)), Some(bearer(PUBLISHABLE))] {
            assert_eq!(ask(key, token.as_deref()).unwrap(), Caller::anon());
        }
    }
}

#[test]
fn a_users_token_comes_with_or_without_a_public_key() {
    let (anon, token) = (anon_key(), bearer(&hs256(&claims())));
    for key in [None, Some(anon.as_str()), Some(PUBLISHABLE)] {
        assert_eq!(ask(key, Some(&token)).unwrap().role, Role::Patient);
    }
}

#[test]
fn an_unknown_apikey_is_refused_whatever_comes_with_it() {
    let (user, other_anon) = (hs256(&claims()), legacy_key("anon", PREVIOUS));
    let both = format!("{PUBLISHABLE}, {PUBLISHABLE}");
    let keys = ["", "nonsense", "sb_publishable_other", &PUBLISHABLE[1..], &both, &other_anon, &user];
    let forged_service = legacy_key("service_role", "not-a-secret-of-this-project-at-all-no");
    for key in keys.into_iter().chain([forged_service.as_str()]) {
        for token in [None, Some(bearer(&user)), Some(bearer(&anon_key()))] {
            assert_eq!(ask(Some(key), token.as_deref()).unwrap_err().kind, Kind::ApiKeyUnknown);
        }
    }
}

#[test]
fn a_service_key_is_refused_in_either_header() {
    let user = bearer(&hs256(&claims()));
    let service = [
        legacy_key("service_role", SECRET),
        legacy_key("service_role", PREVIOUS),
        "sb_secret_abcdefgh".to_owned(),
    ];
    for key in &service {
        for problem in [
            ask(Some(key), None).unwrap_err(),
            ask(Some(key), Some(&user)).unwrap_err(),
            ask(None, Some(&bearer(key))).unwrap_err(),
            ask(Some(PUBLISHABLE), Some(&bearer(key))).unwrap_err(),
        ] {
            assert_eq!((problem.kind, problem.status), (Kind::ServiceKeyRefused, 403));
            assert_eq!(challenge(&problem), None);
        }
    }
}

#[test]
fn a_bad_token_is_never_anon() {
    let token = hs256(&claims());
    for bad in [&token[..token.len() - 1], "undefined", "null", "sb_publishable_other"] {
        assert_eq!(ask(Some(PUBLISHABLE), Some(&bearer(bad))).unwrap_err().status, 401, "{bad}");
    }
}

#[test]
fn anon_goes_upstream_with_the_legacy_key_as_both() {
    let (config, anon) = (config(), anon_key());
    let caller = Caller::anon();
    let upstream = caller.upstream(&config);
    assert_eq!((upstream.apikey, upstream.bearer), (Some(anon.as_str()), Some(anon.as_str())));
}

#[test]
fn a_publishable_key_alone_is_never_a_bearer() {
    let config = config_with(&[("SUPABASE_ANON_KEY", "")]);
    let caller = Caller::anon();
    let upstream = caller.upstream(&config);
    assert_eq!((upstream.apikey, upstream.bearer), (Some(PUBLISHABLE), None));
}

#[test]
fn a_user_goes_upstream_with_the_own_token() {
    let (config, anon, token) = (config(), anon_key(), hs256(&claims()));
    let caller = ask(None, Some(&bearer(&token))).unwrap();
    let upstream = caller.upstream(&config);
    assert_eq!((upstream.apikey, upstream.bearer), (Some(anon.as_str()), Some(token.as_str())));
    let config = config_with(&[("SUPABASE_ANON_KEY", "")]);
    let upstream = caller.upstream(&config);
    assert_eq!((upstream.apikey, upstream.bearer), (Some(PUBLISHABLE), Some(token.as_str())));
}

#[test]
fn debug_shows_no_token() {
    let token = hs256(&claims());
    let caller = ask(None, Some(&bearer(&token))).unwrap();
    let shown = format!("{caller:?} {:?}", Outcome::Caller(caller.clone()));
    assert!(!shown.contains(&token) && token.split('.').all(|part| !shown.contains(part)), "{shown}");
    let (token, keys) = (es256(&json!({"alg": "ES256", "kid": EC_KID}), &claims()), keys());
    let outcome = auth::authenticate_token(&token, &config(), &keys, NOW).unwrap();
    let shown = format!("{outcome:?}");
    assert!(shown.starts_with("Verify") && token.split('.').all(|part| !shown.contains(part)), "{shown}");
}
