//! A run of reminders against a scripted database and receiver.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use chairside::config::Config;
use chairside::http::{Call, SendError, find};
use chairside::reminders::{BATCH, Run, advance_waitlist, run};
use futures::executor::block_on;
use serde_json::{Value, json};
use support::{SECRET, Script, Scripted, anon_key, reply, script, sign};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn settings(more: &[(&str, &str)]) -> Result<Config, Vec<&'static str>> {
    let (anon, service) = (anon_key(), sign(&json!({ "role": "service_role" })));
    let read = |name: &str| {
        if let Some((_, value)) = more.iter().find(|(key, _)| *key == name) {
            return (!value.is_empty()).then(|| (*value).to_owned());
        }
        Some(match name {
            "SUPABASE_URL" => "https://clinic.supabase.co".to_owned(),
            "SUPABASE_ANON_KEY" => anon.clone(),
            "SUPABASE_JWT_SECRET" => SECRET.to_owned(),
            "SUPABASE_SERVICE_ROLE_KEY" => service.clone(),
            "CLINIC_ID" => "demo".to_owned(),
            "RATE_LIMITS" => "anon=120/60 user=600/60 auth=20/60".to_owned(),
            "RATE_LIMIT_ANON" | "RATE_LIMIT_USER" | "RATE_LIMIT_AUTH" => "bound".to_owned(),
            "REMINDER_WEBHOOK_URL" => "https://hooks.clinic.test/reminders".to_owned(),
            "REMINDER_WEBHOOK_SECRET" => KEY.to_owned(),
            _ => return None,
        })
    };
    Config::from_lookup(read).map_err(|error| error.keys().collect())
}

fn claimed(count: usize) -> Scripted {
    let rows: Vec<_> = (0..count)
        .map(|n| {
            json!({ "appointment_id": format!("a{n}"), "patient_id": "p", "dentist_id": "d", "claim_id": "c1",
                "starts_at": "2026-11-25T14:00:00+00:00", "time_zone": "UTC" })
        })
        .collect();
    reply(200, &[], &Value::from(rows).to_string())
}

fn finished() -> Scripted {
    reply(200, &[], r#"{"marked":1,"postponed":0}"#)
}

fn runs(config: &Config, script: &Script) -> Run {
    block_on(run(config, script)).expect("there is a service key")
}

fn body(call: &Call) -> Value {
    serde_json::from_slice(call.body.as_deref().unwrap_or_default()).unwrap()
}

#[test]
fn what_is_due_is_claimed_posted_and_marked() {
    let script = script(vec![claimed(2), reply(204, &[], ""), reply(200, &[], "ok"), finished()]);
    let got = runs(&settings(&[]).unwrap(), &script);
    assert_eq!(got, Run { delivered: 2, failed: 0, broken: false });
    let calls = script.calls.borrow();
    assert!(
        calls[0].url.ends_with("/rest/v1/rpc/claim_reminders")
            && body(&calls[0]) == json!({ "batch": BATCH })
    );
    assert_eq!(calls[1].url, "https://hooks.clinic.test/reminders");
    assert!(find(&calls[1].headers, "webhook-signature").unwrap().starts_with("v1,"));
    assert_ne!(find(&calls[1].headers, "webhook-id"), find(&calls[2].headers, "webhook-id"));
    assert!(calls[1..3].iter().all(
        |call| find(&call.headers, "authorization").is_none() && find(&call.headers, "apikey").is_none()
    ));
    assert_eq!(body(&calls[3]), json!({ "claim_id": "c1", "delivered": ["a0", "a1"] }));
}

#[test]
fn what_did_not_arrive_is_put_back() {
    let script =
        script(vec![claimed(3), reply(500, &[], ""), reply(200, &[], ""), reply(302, &[], ""), finished()]);
    let got = runs(&settings(&[]).unwrap(), &script);
    assert_eq!(got, Run { delivered: 1, failed: 2, broken: false });
    assert_eq!(body(&script.calls.borrow()[4])["delivered"], json!(["a1"]));
}

#[test]
fn a_receiver_that_is_away_is_asked_once_a_run() {
    let script = script(vec![claimed(BATCH), Err(SendError::Timeout), finished()]);
    let got = runs(&settings(&[]).unwrap(), &script);
    assert_eq!(got, Run { delivered: 0, failed: BATCH, broken: false });
}

#[test]
fn more_than_a_batch_goes_on_in_the_same_run() {
    let mut replies = vec![claimed(BATCH)];
    replies.extend((0..BATCH).map(|_| reply(200, &[], "")));
    replies.extend([finished(), claimed(1), reply(200, &[], ""), finished()]);
    assert_eq!(runs(&settings(&[]).unwrap(), &script(replies)).delivered, BATCH + 1);
}

#[test]
fn without_a_webhook_they_are_marked_all_the_same() {
    let config = settings(&[("REMINDER_WEBHOOK_URL", ""), ("REMINDER_WEBHOOK_SECRET", "")]).unwrap();
    let script = script(vec![claimed(2), finished()]);
    assert_eq!(runs(&config, &script), Run { delivered: 2, failed: 0, broken: false });
    assert_eq!(body(&script.calls.borrow()[1])["delivered"], json!(["a0", "a1"]));
}

#[test]
fn a_database_that_is_away_ends_the_run() {
    let config = settings(&[]).unwrap();
    for replies in [
        vec![Err(SendError::Timeout)],
        vec![reply(500, &[], "")],
        vec![reply(200, &[], "<html>")],
        vec![claimed(1), reply(200, &[], ""), Err(SendError::Timeout)],
    ] {
        assert!(runs(&config, &script(replies)).broken);
    }
    let none = settings(&[("SUPABASE_SERVICE_ROLE_KEY", "")]).unwrap();
    assert_eq!(block_on(run(&none, &script(Vec::new()))), None);
}

#[test]
fn address_and_secret_are_set_together_and_make_sense() {
    for (wrong, at) in [
        (("REMINDER_WEBHOOK_URL", ""), "REMINDER_WEBHOOK_URL"),
        (("REMINDER_WEBHOOK_SECRET", ""), "REMINDER_WEBHOOK_SECRET"),
        (("REMINDER_WEBHOOK_URL", "http://hooks.clinic.test/x"), "REMINDER_WEBHOOK_URL"),
        (("REMINDER_WEBHOOK_SECRET", "whsec_c2hvcnQ="), "REMINDER_WEBHOOK_SECRET"),
        (("REMINDER_WEBHOOK_SECRET", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "REMINDER_WEBHOOK_SECRET"),
    ] {
        assert_eq!(settings(&[wrong]).unwrap_err(), [at], "{wrong:?}");
    }
}

#[test]
fn the_waitlist_moves_on_with_the_service_key_alone() {
    let script = script(vec![reply(200, &[], "3"), reply(503, &[], "{}")]);
    let config = settings(&[]).unwrap();
    assert_eq!(block_on(advance_waitlist(&config, &script)), Some(3));
    assert_eq!(block_on(advance_waitlist(&config, &script)), None);
    {
        let calls = script.calls.borrow();
        assert!(calls[0].url.ends_with("/rest/v1/rpc/advance_waitlist"));
        assert!(find(&calls[0].headers, "apikey").is_some());
    }
    let keyless = settings(&[("SUPABASE_SERVICE_ROLE_KEY", "")]).unwrap();
    assert_eq!(block_on(advance_waitlist(&keyless, &script)), None);
    assert_eq!(script.calls.borrow().len(), 2);
}
