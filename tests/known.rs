//! Credentials that the platform knows by number: what was found out of them counts for a minute, as if they had been sent again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use chairside::app::App;
use chairside::http::Budget;
use chairside::realtime;
use futures::executor::block_on;
use serde_json::json;
use support::{
    NOW, PATIENT, Script, Seen, TestRequest, anon_key, app, get, ok_json, run_on, script, sign, user_token,
};

const ROWS: &str = "/rest/v1/appointment?select=id&limit=1";
const OTHER: &str = "00000000-0000-4000-8000-0000000000d1";

fn claims(until: u64) -> serde_json::Value {
    json!({
        "iss": "https://clinic.supabase.co/auth/v1", "aud": "authenticated", "sub": PATIENT, "role": "authenticated",
        "iat": NOW - 10, "exp": until, "app_metadata": { "clinic_role": "patient" },
    })
}

fn by(token: &str) -> TestRequest {
    get(ROWS).header("authorization", &format!("Bearer {token}")).header("apikey", &anon_key())
}

fn many() -> Script {
    script((0..8).map(|_| ok_json("[]")).collect())
}

/// What the last call upstream said of the caller.
fn bearer(seen: &Seen) -> Option<&str> {
    let headers = &seen.calls.last().unwrap().headers;
    chairside::http::find(headers, "authorization")
}

#[test]
fn a_number_stands_for_the_credentials_that_it_was_given_for() {
    let (app, script) = (app(), many());
    let tokens = [user_token(PATIENT, "patient"), user_token(OTHER, "dentist")];
    for token in &tokens {
        assert_eq!(run_on(&app, &by(token), &script).status, 200);
    }
    let said = |token: &String| (Some(format!("Bearer {token}")), Some(anon_key()));
    assert_eq!(*script.known.borrow(), tokens.each_ref().map(said));
    for (number, (token, (id, role))) in
        tokens.iter().zip([(PATIENT, "patient"), (OTHER, "dentist")]).enumerate()
    {
        // It says nothing else of who calls.
        let seen = run_on(&app, &get(ROWS).known(number as u64), &script);
        assert_eq!((seen.status, bearer(&seen)), (200, Some(format!("Bearer {token}").as_str())));
        assert_eq!(seen.calls.last().unwrap().known, Some(number as u64));
        assert!(seen.log.contains(&format!(r#""role":"{role}""#)), "{}", seen.log);
        assert_eq!(*script.admitted.borrow().last().unwrap(), (Budget::User, id.to_owned()));
    }
    // The two have their numbers.
    assert_eq!(script.known.borrow().len(), 2);
}

fn at(app: &App, script: &Script, now: u64, request: &TestRequest) -> Seen {
    script.now.set(now);
    run_on(app, request, script)
}

#[test]
fn a_number_counts_for_a_minute() {
    let (app, script) = (app(), many());
    let token = user_token(PATIENT, "patient");
    at(&app, &script, NOW, &by(&token));
    assert!(bearer(&at(&app, &script, NOW + 59, &get(ROWS).known(0))).unwrap().ends_with(&token));
    // What it stands for is not believed any longer, so that the headers are: here there are none.
    let seen = at(&app, &script, NOW + 60, &get(ROWS).known(0));
    assert!(seen.log.contains(r#""role":"anon""#), "{}", seen.log);
    assert_eq!(seen.calls.last().unwrap().known, None);
    // With them they count again, from now on, and have a number of their own.
    at(&app, &script, NOW + 60, &by(&token).known(0));
    assert!(bearer(&at(&app, &script, NOW + 119, &get(ROWS).known(1))).unwrap().ends_with(&token));
    assert_eq!(script.known.borrow().len(), 2);
}

#[test]
fn a_number_that_is_given_late_counts_no_longer_than_its_token() {
    let (app, script) = (app(), many());
    let token = user_token(PATIENT, "patient");
    at(&app, &script, NOW, &by(&token));
    // The same token with no apikey: other credentials, verified a while ago.
    let other = get(ROWS).header("authorization", &format!("Bearer {token}"));
    at(&app, &script, NOW + 50, &other);
    assert_eq!(script.known.borrow()[1], (Some(format!("Bearer {token}")), None));
    let role = |now| at(&app, &script, now, &get(ROWS).known(1)).log.contains(r#""role":"patient""#);
    assert_eq!([role(NOW + 59), role(NOW + 60)], [true, false]);
}

#[test]
fn a_number_counts_never_past_the_end_of_the_token() {
    let (app, script) = (app(), many());
    let token = sign(&claims(NOW + 30));
    at(&app, &script, NOW, &by(&token));
    assert_eq!(at(&app, &script, NOW + 29, &by(&token).known(0)).status, 200);
    let seen = at(&app, &script, NOW + 30, &by(&token).known(0));
    assert_eq!((seen.status, seen.code().as_str()), (401, "token-expired"));
}

#[test]
fn only_what_was_found_right_has_a_number() {
    let (app, script) = (app(), many());
    let good = user_token(PATIENT, "patient");
    let (signed, _) = good.rsplit_once('.').unwrap();
    let wrong = [
        by(&format!("{signed}.{}", "A".repeat(43))),
        by(&sign(&claims(NOW - 1))),
        by(&sign(&json!({ "iss": "supabase", "role": "service_role", "iat": NOW, "exp": NOW + 1000 }))),
        get(ROWS).header("authorization", &format!("Bearer {good}")).header("apikey", "sb_publishable_other"),
        get(ROWS).header("authorization", &good),
    ];
    for request in wrong {
        // Nor does a number that was not given help.
        let seen = run_on(&app, &request.known(5), &script);
        assert!([401, 403].contains(&seen.status), "{} {}", seen.status, seen.log);
    }
    // Nobody in particular.
    for request in [get(ROWS), get(ROWS).header("apikey", &anon_key()), by(&anon_key())] {
        assert_eq!(run_on(&app, &request, &script).status, 200);
    }
    assert!(script.known.borrow().is_empty());
    let seen = run_on(&app, &get(ROWS).known(5), &script);
    assert!(seen.log.contains(r#""role":"anon""#), "{}", seen.log);
}

#[test]
fn only_a_requests_own_calls_end_with_it() {
    let (app, script) = (app(), many());
    let token = user_token(PATIENT, "patient");
    assert!(run_on(&app, &by(&token), &script).calls[0].ends_with_request);
    // A Room's outlives every request, so that a late call has to be aborted.
    let _ = block_on(realtime::grant(&app, &token, None, &script));
    assert_eq!(script.calls.borrow().len(), 2);
    assert!(!script.calls.borrow()[1].ends_with_request);
}

#[test]
fn without_randomness_there_is_no_number() {
    let app = App::new(app().config, &chairside::schema::SCHEMA, None);
    let script = many();
    run_on(&app, &by(&user_token(PATIENT, "patient")), &script);
    assert!(run_on(&app, &get(ROWS).known(0), &script).log.contains(r#""role":"anon""#));
}
