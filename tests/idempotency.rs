//! `Idempotency-Key`: what is sent, and what a repeated request is answered with.

mod support;

use chairside::http::{Method, find};
use serde_json::json;
use support::{Seen, TestRequest, ok_json, pg_error, reply, request, serve};

const KEY: &str = "7b6f3c1e-key";
const BODY: &str = r#"{"name":"Gloves","sku":"GLV-M","category":"ppe"}"#;

fn insert(body: &str) -> TestRequest {
    request(Method::Post, "/rest/v1/inventory").by_patient().json(body).header("idempotency-key", KEY)
}

fn fingerprint(seen: &Seen) -> String {
    find(&seen.calls[0].headers, "x-chairside-body-sha256").unwrap_or_default().to_owned()
}

fn conflict() -> support::Scripted {
    pg_error(409, "23505", "duplicate key value violates unique constraint \"idempotency_pkey\"")
}

fn kept() -> support::Scripted {
    ok_json(&json!({ "matches": true, "keys": [{ "id": "k\"1" }], "result": { "a": 1 } }).to_string())
}

#[test]
fn key_and_fingerprint_go_along() {
    let seen = serve(&insert(BODY), vec![reply(201, &[], "")]);
    assert_eq!(find(&seen.calls[0].headers, "idempotency-key"), Some(KEY));
    let same = serve(&insert(BODY), vec![reply(201, &[], "")]);
    assert_eq!(fingerprint(&seen), fingerprint(&same));
    assert_eq!(fingerprint(&seen).len(), 64);
    let other = serve(&insert(&BODY.replace("Gloves", "Masks")), vec![reply(201, &[], "")]);
    let upsert =
        serve(&insert(BODY).header("prefer", "resolution=merge-duplicates"), vec![reply(201, &[], "")]);
    assert!(fingerprint(&seen) != fingerprint(&other) && fingerprint(&seen) != fingerprint(&upsert));
}

#[test]
fn without_a_key_nothing_goes_along() {
    let plain = request(Method::Post, "/rest/v1/inventory").by_patient().json(BODY);
    let seen = serve(&plain, vec![reply(201, &[], "")]);
    assert!(fingerprint(&seen).is_empty() && find(&seen.calls[0].headers, "idempotency-key").is_none());
}

#[test]
fn a_repeated_insert_is_answered_from_the_rows_of_the_first() {
    let first = fingerprint(&serve(&insert(BODY), vec![reply(201, &[], "")]));
    let repeat = insert(BODY).header("prefer", "return=representation");
    let seen = serve(&repeat, vec![conflict(), kept(), ok_json("[{\"id\":\"k\"}]")]);
    assert_eq!((seen.status, seen.body.as_slice()), (201, b"[{\"id\":\"k\"}]".as_slice()));
    assert_eq!(seen.header("idempotency-replayed"), Some("true"));
    assert!(seen.calls[1].url.ends_with("/rpc/idempotency_replay"));
    let asked: serde_json::Value = serde_json::from_slice(seen.calls[1].body.as_deref().unwrap()).unwrap();
    let same_body = json!({ "method": "POST", "path": "/inventory", "key": KEY, "body_sha256": first });
    assert_eq!(asked, same_body);
    assert!(seen.query(2).contains(&("or".to_owned(), "(and(id.eq.\"k\\\"1\"))".to_owned())));
    let minimal = serve(&insert(BODY), vec![conflict(), kept()]);
    assert_eq!((minimal.status, minimal.body.len(), minimal.calls.len()), (201, 0, 2));
}

#[test]
fn another_request_under_the_key_is_refused() {
    let seen = serve(&insert(BODY), vec![conflict(), ok_json(r#"{"matches":false}"#)]);
    assert_eq!((seen.status, seen.code().as_str()), (422, "idempotency-key-reused"));
    assert_eq!(seen.violations(), [("header:idempotency-key".to_owned(), "reused".to_owned())]);
}

#[test]
fn a_unique_violation_of_the_row_itself_is_no_replay() {
    let duplicate =
        pg_error(409, "23505", "duplicate key value violates unique constraint \"inventory_pkey\"");
    let seen = serve(&insert(BODY), vec![duplicate]);
    assert_eq!((seen.status, seen.calls.len()), (409, 1));
}

#[test]
fn a_repeated_call_is_answered_with_the_recorded_result() {
    let body = r#"{"appointment_id":"00000000-0000-4000-8000-0000000b0001","reason":"ill"}"#;
    let call = || {
        request(Method::Post, "/rest/v1/rpc/cancel_appointment")
            .by_patient()
            .json(body)
            .header("idempotency-key", KEY)
    };
    let first = serve(&call(), vec![ok_json("{}")]);
    assert_eq!(first.status, 200, "{}", first.json());
    let seen = serve(&call(), vec![conflict(), kept()]);
    assert_eq!((seen.status, seen.body.as_slice()), (200, b"{\"a\":1}".as_slice()));
    let selecting =
        request(Method::Post, "/rest/v1/rpc/cancel_appointment?select=id").by_patient().json(body);
    assert_eq!(serve(&selecting.header("idempotency-key", KEY), Vec::new()).status, 400);
}

#[test]
fn a_malformed_key_is_refused() {
    for key in ["", " ", "a b", "é", &"x".repeat(256)] {
        let plain = request(Method::Post, "/rest/v1/inventory").by_patient().json(BODY);
        let seen = serve(&plain.header("idempotency-key", key), Vec::new());
        assert_eq!((seen.status, seen.code().as_str()), (400, "invalid-header"), "{key:?}");
    }
}
