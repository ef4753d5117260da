//! The key cache under a virtual clock.

use serde_json::json;

use super::signing::{EC_KID, NOW, RSA_KID, ec_jwk, keys, rsa_jwk};
use crate::auth::Jwks;
use crate::auth::jwks::{FETCH_INTERVAL, FETCH_TIMEOUT, FRESH_FOR, Plan, USABLE_FOR};

fn plan(keys: &Jwks, now: u64, kid: &str) -> &'static str {
    match keys.plan(now, kid) {
        Plan::Use(_) => "use",
        Plan::Fetch => "fetch",
        Plan::Wait => "wait",
        Plan::Unknown => "unknown",
        Plan::Unavailable(_) => "unavailable",
    }
}

fn document(keys: &[serde_json::Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

#[test]
fn a_known_key_is_used_for_ten_minutes_and_then_refreshed() {
    let mut keys = keys();
    assert_eq!(plan(&keys, NOW, EC_KID), "use");
    assert_eq!(plan(&keys, NOW + FRESH_FOR - 1, EC_KID), "use");
    assert_eq!(plan(&keys, NOW + FRESH_FOR, EC_KID), "fetch");
    keys.begin(NOW + FRESH_FOR);
    // The others are not held up by the refresh.
    assert_eq!(plan(&keys, NOW + FRESH_FOR, EC_KID), "use");
    keys.loaded(NOW + FRESH_FOR, &document(&[ec_jwk()])).unwrap();
    assert_eq!(plan(&keys, NOW + 2 * FRESH_FOR - 1, EC_KID), "use");
    assert_eq!(plan(&keys, NOW + 2 * FRESH_FOR - 1, RSA_KID), "fetch", "a withdrawn key is gone");
}

#[test]
fn an_unknown_key_asks_for_a_fetch_once_in_30_seconds() {
    let mut keys = keys();
    assert_eq!(plan(&keys, NOW + FETCH_INTERVAL - 1, "new"), "unknown");
    let later = NOW + FETCH_INTERVAL;
    assert_eq!(plan(&keys, later, "new"), "fetch");
    keys.begin(later);
    assert_eq!(plan(&keys, later, "new"), "wait");
    keys.loaded(later, &document(&[ec_jwk(), rsa_jwk()])).unwrap();
    for second in 0..FETCH_INTERVAL {
        assert_eq!(plan(&keys, later + second, "new"), "unknown");
        assert_eq!(plan(&keys, later + second, "another"), "unknown");
    }
    assert_eq!(plan(&keys, later + FETCH_INTERVAL, "new"), "fetch");
}

#[test]
fn made_up_ids_cause_two_fetches_a_minute_also_when_they_fail() {
    let (mut good, mut failing) = (keys(), keys());
    let mut fetches = (0, 0);
    for second in 1..=60 {
        for request in 0..5 {
            let kid = format!("made-up-{second}-{request}");
            if matches!(good.plan(NOW + second, &kid), Plan::Fetch) {
                fetches.0 += 1;
                good.begin(NOW + second);
                good.loaded(NOW + second, &document(&[ec_jwk()])).unwrap();
            }
            if matches!(failing.plan(NOW + second, &kid), Plan::Fetch) {
                fetches.1 += 1;
                failing.begin(NOW + second);
                failing.failed();
            }
        }
    }
    assert_eq!(fetches, (2, 2));
}

#[test]
fn a_new_key_is_found_after_rotation() {
    let mut keys = Jwks::default();
    keys.begin(NOW);
    keys.loaded(NOW, &document(&[ec_jwk()])).unwrap();
    assert_eq!(plan(&keys, NOW + 60, RSA_KID), "fetch");
    keys.begin(NOW + 60);
    keys.loaded(NOW + 60, &document(&[ec_jwk(), rsa_jwk()])).unwrap();
    assert_eq!(plan(&keys, NOW + 60, RSA_KID), "use");
}

#[test]
fn known_keys_outlive_an_outage_by_an_hour_and_no_longer() {
    let mut keys = keys();
    let mut now = NOW + FRESH_FOR;
    while now < NOW + USABLE_FOR {
        assert_eq!(plan(&keys, now, EC_KID), "fetch");
        keys.begin(now);
        keys.failed();
        assert_eq!(plan(&keys, now, EC_KID), "use");
        assert_eq!(plan(&keys, now, "new"), "unknown");
        now += FETCH_INTERVAL;
    }
    assert_eq!(plan(&keys, now, EC_KID), "fetch");
    keys.begin(now);
    keys.failed();
    assert_eq!(plan(&keys, now, EC_KID), "unavailable");
    keys.begin(now + FETCH_INTERVAL);
    keys.loaded(now + FETCH_INTERVAL, &document(&[ec_jwk()])).unwrap();
    assert_eq!(plan(&keys, now + FETCH_INTERVAL, EC_KID), "use");
}

#[test]
fn a_document_that_is_none_keeps_the_old_keys() {
    let mut keys = keys();
    keys.begin(NOW + FRESH_FOR);
    assert!(keys.loaded(NOW + FRESH_FOR, b"<html>").is_err());
    assert_eq!(plan(&keys, NOW + FRESH_FOR, EC_KID), "use");
    keys.begin(NOW + FRESH_FOR + FETCH_INTERVAL);
    keys.loaded(NOW + FRESH_FOR + FETCH_INTERVAL, br#"{"keys":[]}"#).unwrap();
    assert_eq!(
        plan(&keys, NOW + FRESH_FOR + FETCH_INTERVAL, EC_KID),
        "unknown",
        "an empty set withdraws all"
    );
}

#[test]
fn at_a_cold_start_one_fetches_and_the_others_wait() {
    let mut keys = Jwks::default();
    assert_eq!(plan(&keys, NOW, EC_KID), "fetch");
    keys.begin(NOW);
    assert_eq!(plan(&keys, NOW + 1, EC_KID), "wait");
    // The fetching request was cancelled: nobody waits for ever, nobody hammers.
    assert_eq!(plan(&keys, NOW + FETCH_TIMEOUT, EC_KID), "unavailable");
    assert!(matches!(keys.plan(NOW + FETCH_TIMEOUT, EC_KID), Plan::Unavailable(20)));
    assert_eq!(plan(&keys, NOW + FETCH_INTERVAL, EC_KID), "fetch");
}

#[test]
fn a_clock_that_steps_back_locks_nobody_out() {
    assert_eq!(plan(&keys(), NOW - 1000, EC_KID), "use");
}
