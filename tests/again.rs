//! What a request that comes again may rely on (see `src/shell/plans.rs`): the program's part of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use chairside::http::{Method, find};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{PATIENT, Scripted, Seen, TestRequest, app, get, pg_error, reply, request, run_on, script};

const SERVICE: &str = "/rest/v1/service";

fn insert(target: &str, body: &str) -> TestRequest {
    request(Method::Post, target).by_patient().json(body)
}

fn created() -> Scripted {
    reply(201, &[("content-range", "*/*")], "")
}

fn good() -> Value {
    json!({ "code": "D1", "name": "Cleaning", "category": "preventive", "fee": 80 })
}

/// A body that may be right, by what is left out, put in or changed.
fn bodies() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!(-1)),
        Just(json!(12.5)),
        Just(json!("x".repeat(3000))),
        Just(json!([])),
        any::<String>().prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("code".to_owned()),
        Just("name".to_owned()),
        Just("category".to_owned()),
        Just("fee".to_owned()),
        Just("duration_minutes".to_owned()),
        Just("id".to_owned()),
        "[a-z]{1,8}",
    ];
    let object = prop::collection::vec((name, prop::option::of(value)), 0..3).prop_map(|changes| {
        let mut row = good();
        let members = row.as_object_mut().unwrap();
        for (name, value) in changes {
            match value {
                Some(value) => drop(members.insert(name, value)),
                None => drop(members.remove(&name)),
            }
        }
        row
    });
    prop_oneof![
        4 => object.clone().prop_map(|row| row.to_string()),
        2 => prop::collection::vec(object, 0..4).prop_map(|rows| Value::from(rows).to_string()),
        1 => any::<String>(),
        1 => Just(format!("{}{}", "[".repeat(20), "]".repeat(20))),
    ]
}

/// The check that a good insert with this target leaves.
fn check_of(target: &str) -> chairside::rest::BodyCheck {
    let body = if target.contains("columns=code") { json!([good()]) } else { good() };
    run_on(&app(), &insert(target, &body.to_string()), &script(vec![created()])).body_check.unwrap()
}

proptest! {
    #[test]
    fn a_check_finds_right_what_is_sent_on_to_the_byte(body in bodies(), target in 0..3usize) {
        let target = [SERVICE, "/rest/v1/service?select=id", "/rest/v1/service?columns=code,name,category,fee"][target];
        let seen = run_on(&app(), &insert(target, &body), &script(vec![created()]));
        let is_right = check_of(target).check(body.as_bytes()).is_ok();
        prop_assert_eq!(is_right, seen.calls.len() == 1, "{}: {}", seen.status, seen.code());
        if is_right {
            prop_assert_eq!(seen.calls[0].body.as_deref(), Some(body.as_bytes()));
        } else {
            prop_assert!(seen.body_check.is_none());
        }
    }
}

#[test]
fn a_body_that_decides_more_has_no_check() {
    let body = good().to_string();
    let check =
        |request: &TestRequest| run_on(&app(), request, &script(vec![created()])).body_check.is_some();
    assert!(check(&insert(SERVICE, &body)));
    assert!(!check(&insert(SERVICE, &body).header("idempotency-key", "k")));
    assert!(!check(&insert(SERVICE, &body).header("prefer", "resolution=merge-duplicates")));
    assert!(!check(&request(Method::Patch, "/rest/v1/service?id=eq.1").by_patient().json("{\"fee\":1}")));
    assert!(!check(&request(Method::Post, "/rest/v1/rpc/available_slots").by_patient().json("{}")));
    assert!(!check(&get(SERVICE).by_patient()));
}

#[test]
fn checks_are_the_same_for_the_same_query_of_the_same_program() {
    let app = app();
    let check = |target: &str, prefer: &str| {
        let request = insert(target, &json!([good()]).to_string()).header("prefer", prefer);
        run_on(&app, &request, &script(vec![created()])).body_check.unwrap()
    };
    let one = check(SERVICE, "return=minimal");
    assert!(one.is_same(&check(SERVICE, "return=minimal")));
    assert!(one.is_same(&check(SERVICE, "return=representation")));
    assert!(!one.is_same(&check(SERVICE, "missing=default")));
    assert!(!one.is_same(&check("/rest/v1/service?columns=code,name,category,fee", "return=minimal")));
}

/// What came of a request but for what is its own.
fn outcome(seen: &Seen) -> impl PartialEq + std::fmt::Debug + use<> {
    let calls: Vec<_> =
        seen.calls.iter().map(|call| (call.method, call.url.clone(), call.headers.clone())).collect();
    (seen.status, seen.headers.clone(), seen.body.clone(), seen.log.clone(), calls)
}

/// Nothing that the program remembers of others decides what comes of a request: the first and the hundredth are the same.
#[test]
fn the_same_request_comes_to_the_same() {
    let json = [("content-type", "application/json; charset=utf-8"), ("content-range", "0-1/*")];
    let replies: [fn() -> Scripted; 4] = [
        || {
            reply(
                200,
                &[("content-type", "application/json; charset=utf-8"), ("content-range", "0-1/*")],
                "[]",
            )
        },
        created,
        || pg_error(409, "23505", "duplicate key"),
        || reply(500, &[], "x"),
    ];
    let requests = [
        get("/rest/v1/appointment?select=id,status&order=starts_at").by_patient(),
        get("/rest/v1/appointment?select=id&status=eq.scheduled")
            .by_patient()
            .header("prefer", "count=exact"),
        get("/rest/v1/appointment")
            .by_patient()
            .header("range", "0-9")
            .header("origin", "https://app.clinic.test"),
        insert(SERVICE, &good().to_string()),
        insert("/rest/v1/service?select=id", &json!([good()]).to_string())
            .header("prefer", "return=representation"),
    ];
    let warm = app();
    for round in 0..3 {
        for request in &requests {
            for answer in replies {
                let told = || script(vec![answer(), answer()]);
                let (first, later) = (run_on(&app(), request, &told()), run_on(&warm, request, &told()));
                assert_eq!(outcome(&first), outcome(&later), "round {round}");
            }
        }
    }
    let seen = run_on(&warm, &requests[0], &script(vec![reply(200, &json, "[]")]));
    assert!(
        find(&seen.headers, "content-type").is_some()
            && seen.log.contains("patient")
            && !seen.log.contains(PATIENT)
    );
}

/// A write that was sent before the program forgot who asked for it: whoever asks is told that it may have happened.
#[test]
fn a_write_whose_reply_nobody_asked_for_may_have_happened() {
    let insert = || request(Method::Post, SERVICE).json(&good().to_string());
    for (request, code) in [
        (insert().header("authorization", "Bearer x.y.z"), "upstream-timeout"),
        (get(SERVICE).header("authorization", "Bearer x.y.z"), "token-malformed"),
    ] {
        let script = script(Vec::new());
        script.has_reply_left.set(true);
        let seen = run_on(&app(), &request, &script);
        assert_eq!((seen.code().as_str(), seen.calls.len()), (code, 0));
        assert!(seen.log.contains(code) && seen.log.contains("token-malformed"), "{}", seen.log);
    }
}
