//! The Room's rules about joining, changes and resuming, one at a time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod live_support;

use chairside::auth::Role;
use chairside::live::audience::Viewer;
use chairside::live::feed::{Batch, LogPage, UpstreamState};
use chairside::live::phoenix::Vsn;
use chairside::live::room::{
    Attachment, Limits, Refusal, RoomEffect, RoomEvent, Shard, StoredSubscription, close, subscription_key,
};
use live_support::bench::{Bench, Message, START, TOPIC, batch, cursor, entry};
use live_support::postgres::{ADMIN, DENTIST, PATIENT_1, PATIENT_2, appointment, row, viewer};
use serde_json::{Value, json};

fn insert(id: u64, patient: &str) -> Value {
    row(id, "appointment", None, Some(&appointment(id, patient, "confirmed")))
}

fn person(id: &str, role: u64, status: &str) -> Value {
    json!({"id": id, "role_id": role, "status": status, "deleted_at": null, "first_name": "x"})
}

fn events(bench: &mut Bench, client: u64) -> Vec<String> {
    bench.received(client).into_iter().map(|message| message.event).collect()
}

fn systems(bench: &mut Bench, client: u64) -> Vec<(String, String)> {
    let systems = bench.received(client).into_iter().filter(|message| message.event == "system");
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    systems.map(|message| (text(&message.payload["status"]), text(&message.payload["message"]))).collect()
}

fn has(effects: &[RoomEffect], wanted: impl Fn(&RoomEffect) -> bool) -> bool {
    effects.iter().any(wanted)
}

// Joining.

#[test]
fn a_join_is_answered_then_confirmed_then_told_how_the_feed_stands_and_from_where() {
    for vsn in [Vsn::V1, Vsn::V2] {
        let mut bench = Bench::new();
        bench.head = 7;
        bench.open(1, vsn);
        let entry = json!({"event": "INSERT", "schema": "public", "table": "appointment", "filter": "status=eq.confirmed"});
        bench.join(1, TOPIC, "patient-1", json!({"postgres_changes": [entry]}));
        let got = bench.received(1);
        let events: Vec<&str> = got.iter().map(|message| message.event.as_str()).collect();
        assert_eq!(events, ["phx_reply", "system", "system", "system"]);
        assert!(got[0].is_ok() && got[0].reference == "1");
        let echoed = &got[0].payload["response"]["postgres_changes"][0];
        assert_eq!((&echoed["event"], &echoed["filter"]), (&json!("INSERT"), &entry["filter"]));
        assert!(echoed["id"].as_u64().unwrap() > 0);
        let system = |at: usize| &got[at].payload;
        assert_eq!(
            system(1),
            &json!({"channel": "clinic", "extension": "postgres_changes", "message": "Subscribed to PostgreSQL", "status": "ok"})
        );
        assert_eq!((&system(2)["extension"], &system(2)["status"]), (&json!("chairside"), &json!("live")));
        assert_eq!(
            system(3),
            &json!({"channel": "clinic", "extension": "postgres_changes", "message": "watermark", "status": "ok", "epoch": "e", "offset": 7})
        );
        if vsn == Vsn::V2 {
            assert!(got.iter().all(|message| message.join_ref == "1"));
        }
    }
}

#[test]
fn a_join_waits_for_the_feed_s_first_word_and_only_then_is_its_token_looked_at() {
    let mut bench = Bench::new();
    bench.authorises = false;
    bench.open(1, Vsn::V2);
    bench.join(1, TOPIC, "admin", json!({}));
    assert!(has(&bench.out, |effect| matches!(effect, RoomEffect::Listen { cursor: None })));
    assert!(!has(&bench.out, |effect| matches!(effect, RoomEffect::Authorise { .. })));
    assert!(bench.received(1).is_empty());
    let effects = bench.give(RoomEvent::Batch(batch(3, &[])));
    assert!(has(&effects, |effect| matches!(effect, RoomEffect::Authorise { .. })));
    let request = bench.request();
    bench.authorised(request, viewer("admin"), None);
    assert!(bench.received(1)[0].is_ok());
}

#[test]
fn a_join_is_refused_when_the_feed_does_not_speak() {
    let mut bench = Bench::new();
    bench.authorises = false;
    bench.open(1, Vsn::V2);
    bench.join(1, TOPIC, "admin", json!({}));
    assert!(has(&bench.wait(5_000), |effect| matches!(effect, RoomEffect::Listen { .. })), "asks again");
    bench.wait(3_000);
    assert!(bench.received(1)[0].reason().starts_with("RealtimeUnavailable"));
    assert!(has(&bench.out, |effect| matches!(effect, RoomEffect::Leave)), "nobody is left who needs it");
}

#[test]
fn what_cannot_be_joined_is_refused_with_realtime_s_reasons() {
    let mut bench = Bench::new();
    bench.open(1, Vsn::V2);
    let many: Vec<Value> = (0..101).map(|_| json!({"event": "*", "schema": "public"})).collect();
    let long = format!("realtime:{}", "x".repeat(250));
    let big = json!({"event": "*", "schema": "public", "filter": "x".repeat(40_000)});
    for (topic, config, reason) in [
        ("other:clinic", json!({}), "unmatched topic"),
        ("realtime:", json!({}), "TopicNameRequired"),
        (long.as_str(), json!({}), "TopicNameTooLong"),
        (TOPIC, json!({"postgres_changes": many}), "TooManyBindings"),
        (TOPIC, json!({"postgres_changes": [big]}), "JoinTooLarge"),
        (TOPIC, json!({"postgres_changes": [1]}), "config.postgres_changes must be an array of objects"),
        (TOPIC, json!({"postgres_changes": 1}), "config.postgres_changes must be an array of objects"),
        (TOPIC, json!({"broadcast": {"resume": 1}}), "config.broadcast.resume must be an object"),
    ] {
        bench.join(1, topic, "admin", config);
        let got = bench.received(1);
        assert_eq!(got.len(), 1, "{topic}");
        assert!(got[0].reason().starts_with(reason), "{} instead of {reason}", got[0].reason());
    }
}

#[test]
fn what_is_kept_for_a_socket_and_for_all_is_limited_and_given_back() {
    let limits = Limits { client_bytes: 1_000, room_bytes: 1_500, ..Limits::default() };
    let mut bench = Bench::sharded(Shard { index: 0, count: 1 }, limits);
    let config =
        || json!({"postgres_changes": [{"event": "*", "schema": "public", "ours": "x".repeat(600)}]});
    for client in [1, 2, 3] {
        bench.open(client, Vsn::V2);
    }
    let mut joins = |client, topic: &str| {
        bench.join(client, topic, "admin", config());
        let got = bench.received(client);
        got.iter().all(|one| !one.reason().starts_with("ChannelRateLimitReached"))
    };
    assert!(joins(1, "realtime:a"), "the first");
    assert!(joins(1, "realtime:a"), "the same again");
    assert!(!joins(1, "realtime:b"), "too much for one socket");
    assert!(joins(2, "realtime:a"));
    assert!(!joins(3, "realtime:a"), "too much for the room");
    bench.give(RoomEvent::Closed { client: 1 });
    bench.join(3, "realtime:a", "admin", config());
    assert!(bench.received(3)[0].is_ok());
}

#[test]
fn joins_and_channels_are_limited() {
    let limits = Limits { channels: 3, subscriptions: 4, joins_per_second: 4, ..Limits::default() };
    let mut bench = Bench::sharded(Shard { index: 0, count: 1 }, limits);
    bench.open(1, Vsn::V2);
    for topic in ["a", "b", "c"] {
        bench.join(1, &format!("realtime:{topic}"), "admin", json!({}));
    }
    bench.received(1);
    bench.join(1, "realtime:d", "admin", json!({}));
    assert!(bench.received(1)[0].reason().starts_with("ChannelRateLimitReached"));
    bench.join(1, "realtime:a", "admin", json!({}));
    assert!(bench.received(1)[0].reason().starts_with("ClientJoinRateLimitReached"));
    bench.now += 1_000;
    bench.join_as(1, "2", "realtime:a", "admin", json!({}));
    assert!(bench.received(1)[0].is_ok(), "a topic that is joined counts once");
    bench.open(2, Vsn::V2);
    bench.join(2, "realtime:a", "admin", json!({}));
    bench.join(2, "realtime:b", "admin", json!({}));
    let got = bench.received(2);
    assert!(got.last().unwrap().reason().ends_with("in this room"));
}

#[test]
fn a_token_that_is_no_good_is_refused_in_realtime_s_words() {
    let mut bench = Bench::new();
    bench.head = 1;
    bench.open(1, Vsn::V2);
    bench.join(1, TOPIC, "", json!({}));
    bench.received(1);
    bench.authorises = false;
    for (refusal, reason) in [
        (
            Refusal::Token("JwtSignatureError: Failed to validate JWT signature".to_owned()),
            "JwtSignatureError",
        ),
        (Refusal::Unavailable, "AuthorizationUnavailable"),
    ] {
        bench.join_as(1, "5", "realtime:other", "token", json!({}));
        let request = bench.request();
        bench.refused(request, refusal);
        assert!(bench.received(1)[0].reason().starts_with(reason));
    }
    bench.join_as(1, "6", "realtime:other", "token", json!({}));
    let request = bench.request();
    bench.authorised(request, viewer("admin"), Some(START / 1_000));
    assert!(bench.received(1)[0].reason().starts_with("InvalidJWTToken: Token has expired"));
    let request = bench.request();
    assert!(bench.authorised(request, viewer("admin"), None).is_empty(), "an answer counts once");
}

#[test]
fn one_question_is_asked_for_all_topics_of_a_token() {
    let mut bench = Bench::joined(&["admin"]);
    bench.authorises = false;
    for topic in ["a", "b", "c"] {
        bench.join(1, &format!("realtime:{topic}"), "token", json!({}));
    }
    let asked = bench.out.iter().filter(|effect| matches!(effect, RoomEffect::Authorise { .. }));
    assert_eq!(asked.count(), 1);
    let request = bench.request();
    bench.authorised(request, viewer("patient-1"), None);
    let replies = bench.received(1).into_iter().filter(Message::is_ok);
    assert_eq!(replies.count(), 3);
}

#[test]
fn anon_gets_changes_but_neither_broadcast_nor_private_channels() {
    let mut bench = Bench::new();
    bench.open(1, Vsn::V2);
    bench.join(1, TOPIC, "", json!({}));
    assert!(bench.received(1)[0].is_ok());
    bench.push(1, "1", "2", TOPIC, "broadcast", json!({"event": "x", "payload": {}}));
    assert!(bench.received(1)[0].reason().starts_with("Unauthorized"));
    bench.push(1, "1", "3", TOPIC, "presence", json!({"event": "track", "payload": {}}));
    assert!(bench.received(1)[0].reason().starts_with("Unauthorized"));
    bench.join_as(1, "4", "realtime:b", "", json!({"postgres_changes": []}));
    assert!(bench.received(1)[0].reason().starts_with("Unauthorized"));
    bench.join_as(1, "5", "realtime:c", "", json!({"private": true}));
    assert_eq!(
        bench.received(1)[0].reason(),
        "Unauthorized: You do not have permissions to read from this Channel topic: c"
    );
}

#[test]
fn a_second_join_of_a_topic_closes_the_first() {
    for vsn in [Vsn::V1, Vsn::V2] {
        let mut bench = Bench::new();
        bench.open(1, vsn);
        bench.join(1, TOPIC, "admin", json!({}));
        bench.received(1);
        bench.join_as(1, "8", TOPIC, "admin", json!({}));
        let got = bench.received(1);
        assert!(got[0].is_ok() && got[0].reference == "8");
        assert_eq!((got[1].event.as_str(), &got[1].reference), ("phx_close", &json!("1")));
        assert_eq!(got[2].payload["message"], "Subscribed to PostgreSQL");
        bench.change(&[insert(1, PATIENT_1)]);
        assert_eq!(bench.changes(1).len(), 1);
        // What still names the old join is not of this one.
        bench.push(1, "1", "9", TOPIC, "broadcast", json!({"event": "x", "payload": {}}));
        assert_eq!(bench.received(1)[0].reason(), "unmatched topic");
        bench.push(1, "1", "10", TOPIC, "phx_leave", json!({}));
        assert!(bench.received(1)[0].is_ok());
        bench.change(&[insert(2, PATIENT_1)]);
        assert_eq!(bench.changes(1).len(), 1, "still joined");
    }
}

#[test]
fn a_second_join_that_is_refused_closes_the_first_too() {
    let mut bench = Bench::joined(&["admin"]);
    bench.join_as(1, "8", TOPIC, "", json!({"private": true}));
    let got = bench.received(1);
    assert!(got[0].reason().starts_with("Unauthorized"));
    assert_eq!((got[1].event.as_str(), &got[1].join_ref), ("phx_close", &json!("1")));
    bench.change(&[insert(1, PATIENT_1)]);
    assert!(bench.received(1).is_empty());
}

#[test]
fn leaving_is_answered_and_ends_everything() {
    let mut bench = Bench::joined(&["admin"]);
    bench.push(1, "1", "2", TOPIC, "phx_leave", json!({}));
    let got = bench.received(1);
    assert!(got[0].is_ok() && got[0].reference == "2");
    assert_eq!(got[1].event, "phx_close");
    assert!(has(&bench.out, |effect| matches!(effect, RoomEffect::Leave)), "nobody listens any more");
    assert!(bench.store.is_empty());
    bench.push(1, "1", "3", TOPIC, "phx_leave", json!({}));
    assert!(bench.received(1)[0].is_ok(), "left is left");
    bench.push(1, "1", "4", TOPIC, "broadcast", json!({"event": "x", "payload": {}}));
    assert_eq!(bench.received(1)[0].reason(), "unmatched topic");
}

#[test]
fn leaving_before_the_answer_takes_the_join_back() {
    let mut bench = Bench::joined(&["admin"]);
    bench.authorises = false;
    bench.join_as(1, "3", "realtime:other", "token", json!({}));
    let request = bench.request();
    bench.push(1, "3", "4", "realtime:other", "phx_leave", json!({}));
    bench.received(1);
    bench.authorised(request, viewer("admin"), None);
    assert!(bench.received(1).is_empty());
    assert!(!bench.store.contains_key(&subscription_key(1, "realtime:other")));
}

#[test]
fn a_binding_that_is_not_valid_is_said_and_leaves_the_channel_open() {
    let mut bench = Bench::new();
    bench.open(1, Vsn::V2);
    let entries = json!([{"event": "*", "schema": "public", "table": "appointment", "filter": "zzz=eq.1"}]);
    bench.join(1, TOPIC, "admin", json!({"postgres_changes": entries}));
    let got = bench.received(1);
    assert!(got[0].is_ok());
    assert_eq!(
        (&got[1].payload["status"], &got[1].payload["extension"]),
        (&json!("error"), &json!("postgres_changes"))
    );
    assert_eq!(got.len(), 2, "neither confirmed nor told of the log");
    bench.change(&[insert(1, PATIENT_1)]);
    assert!(bench.received(1).is_empty());
    bench.push(1, "1", "2", TOPIC, "presence", json!({"event": "track", "payload": {}}));
    assert!(bench.received(1)[0].is_ok());
    bench.restart();
    bench.wait(1);
    bench.change(&[insert(2, PATIENT_1)]);
    assert!(bench.changes(1).is_empty());
}

// Changes.

#[test]
fn each_viewer_gets_what_row_level_security_shows() {
    let mut bench = Bench::joined(&["patient-1", "patient-2", "admin", ""]);
    bench.change(&[insert(1, PATIENT_1)]);
    let inserted = vec![("INSERT".to_owned(), 1)];
    assert_eq!(bench.changes(1), inserted);
    assert_eq!(bench.changes(3), inserted);
    assert!(bench.changes(2).is_empty() && bench.changes(4).is_empty());
    let (before, after) = (appointment(1, PATIENT_1, "confirmed"), appointment(1, PATIENT_2, "confirmed"));
    bench.change(&[row(2, "appointment", Some(&before), Some(&after))]);
    let got = bench.received(1);
    assert_eq!(got[0].payload["data"]["type"], "DELETE", "gone from sight");
    assert_eq!(got[0].payload["data"]["old_record"], json!({"id": before["id"]}));
    assert!(got[0].payload["data"].get("record").is_none());
    let got = bench.received(2);
    assert_eq!(got[0].payload["data"]["type"], "UPDATE");
    assert_eq!(
        got[0].payload["data"]["old_record"],
        json!({"id": before["id"]}),
        "it was not visible before"
    );
    assert_eq!(bench.received(3)[0].payload["data"]["old_record"]["patient_id"], PATIENT_1);
}

#[test]
fn a_change_carries_epoch_and_offset_and_the_ids_of_its_bindings() {
    let mut bench = Bench::new();
    bench.open(1, Vsn::V2);
    let entries = json!([
        {"event": "INSERT", "schema": "public", "table": "appointment"},
        {"event": "*", "schema": "public", "table": "service"},
        {"event": "*", "schema": "public", "table": "appointment", "filter": format!("patient_id=eq.{PATIENT_1}")},
    ]);
    bench.join(1, TOPIC, "admin", json!({"postgres_changes": entries}));
    let reply = bench.received(1).remove(0);
    let id = |at: usize| reply.payload["response"]["postgres_changes"][at]["id"].clone();
    bench.change(&[insert(1, PATIENT_1), insert(2, PATIENT_2)]);
    let got = bench.received(1);
    assert_eq!(got[0].payload["ids"], json!([id(0), id(2)]));
    assert_eq!(got[1].payload["ids"], json!([id(0)]));
    assert_eq!((&got[0].payload["epoch"], &got[0].payload["offset"]), (&json!("e"), &json!(1)));
    assert_eq!((&got[0].topic[..], &got[0].join_ref), (TOPIC, &Value::Null));
}

#[test]
fn a_thousand_alike_are_sent_one_frame() {
    let mut bench = Bench::new();
    for client in 1..=1_000 {
        bench.open(client, Vsn::V2);
        bench.join(client, TOPIC, "reception", json!({}));
    }
    bench.out.clear();
    let effects = bench.change(&[insert(1, PATIENT_1)]);
    let sends: Vec<usize> = effects
        .iter()
        .filter_map(|effect| match effect {
            RoomEffect::Send { to, .. } => Some(to.len()),
            _ => None,
        })
        .collect();
    assert_eq!(sends, [1_000]);
}

#[test]
fn different_people_who_are_shown_the_same_share_the_frame() {
    let mut bench = Bench::joined(&["admin", "reception", "dentist"]);
    let effects = bench.change(&[insert(1, PATIENT_1)]);
    let sends =
        effects.iter().filter(|effect| matches!(effect, RoomEffect::Send { to, .. } if to.len() == 3));
    assert_eq!(sends.count(), 1);
}

#[test]
fn two_topics_on_one_socket_have_nothing_to_do_with_each_other() {
    let mut bench = Bench::joined(&["admin"]);
    bench.join_as(
        1,
        "2",
        "realtime:other",
        "patient-2",
        json!({"postgres_changes": [{"event": "INSERT", "schema": "public", "table": "appointment"}]}),
    );
    bench.received(1);
    bench.change(&[insert(1, PATIENT_1), insert(2, PATIENT_2)]);
    let got: Vec<(String, u64)> = bench
        .received(1)
        .into_iter()
        .map(|message| (message.topic, message.payload["offset"].as_u64().unwrap()))
        .collect();
    assert_eq!(got.iter().filter(|(topic, _)| topic == TOPIC).count(), 2);
    assert_eq!(
        got.iter().filter(|(topic, _)| topic != TOPIC).collect::<Vec<_>>(),
        [&("realtime:other".to_owned(), 2)]
    );
}

#[test]
fn what_was_delivered_is_not_delivered_again_and_a_hole_is_not_jumped() {
    let mut bench = Bench::joined(&["admin"]);
    bench.change(&[insert(1, PATIENT_1), insert(2, PATIENT_1)]);
    bench.received(1);
    let acked = |effects: &[RoomEffect]| {
        effects.iter().find_map(|effect| match effect {
            RoomEffect::Ack(cursor) => Some(cursor.clone()),
            _ => None,
        })
    };
    let effects = bench.give(RoomEvent::Batch(batch(
        0,
        &[insert(1, PATIENT_1), insert(2, PATIENT_1), insert(3, PATIENT_1)],
    )));
    assert_eq!(acked(&effects), Some(cursor(3)));
    assert_eq!(bench.changes(1), [("INSERT".to_owned(), 3)]);
    let effects = bench.give(RoomEvent::Batch(batch(5, &[insert(6, PATIENT_1)])));
    assert_eq!(acked(&effects), Some(cursor(3)), "the Feed is told where we are");
    assert!(bench.changes(1).is_empty());
}

#[test]
fn the_cursor_is_stored_after_the_frames_and_before_the_acknowledgement() {
    let mut bench = Bench::joined(&["admin"]);
    let effects = bench.change(&[insert(1, PATIENT_1)]);
    let place = |wanted: fn(&RoomEffect) -> bool| effects.iter().position(wanted).unwrap();
    let sent = place(|effect| matches!(effect, RoomEffect::Send { .. }));
    let saved = place(|effect| matches!(effect, RoomEffect::Save { key, .. } if key == "cursor"));
    let acked = place(|effect| matches!(effect, RoomEffect::Ack(_)));
    assert!(sent < saved && saved < acked);
}

#[test]
fn a_subscription_is_stored_before_it_is_promised() {
    let mut bench = Bench::new();
    bench.open(1, Vsn::V2);
    bench.join(1, TOPIC, "admin", json!({}));
    let saved = bench
        .out
        .iter()
        .position(|effect| matches!(effect, RoomEffect::Save { key, .. } if key.starts_with("sub/")));
    let sent = bench.out.iter().position(|effect| matches!(effect, RoomEffect::Send { .. }));
    assert!(saved.unwrap() < sent.unwrap());
}

#[test]
fn a_room_that_died_goes_on_with_its_sockets_where_it_was() {
    let mut bench = Bench::joined(&["admin", "patient-1"]);
    bench.change(&[insert(1, PATIENT_1)]);
    bench.attachments.remove(&2);
    bench.restart();
    bench.out.clear();
    let effects = bench.wait(1);
    assert!(has(
        &effects,
        |effect| matches!(effect, RoomEffect::Listen { cursor: Some(at) } if *at == cursor(1))
    ));
    assert!(!bench.store.contains_key(&subscription_key(2, TOPIC)), "its socket is gone");
    bench.change(&[insert(2, PATIENT_1)]);
    assert_eq!(bench.changes(1), [("INSERT".to_owned(), 2)]);
}

// The end of a subscription.

#[test]
fn a_change_of_role_or_status_ends_the_person_s_subscriptions_at_once() {
    let active = person(PATIENT_1, 1, "active");
    let mut gone = active.clone();
    gone["deleted_at"] = "2026-11-24T15:30:32+00:00".into();
    for after in
        [Some(person(PATIENT_1, 2, "active")), Some(person(PATIENT_1, 1, "inactive")), Some(gone), None]
    {
        let mut bench = Bench::joined(&["patient-1", "patient-1", "admin"]);
        bench.change(&[row(1, "user", Some(&active), after.as_ref()), insert(2, PATIENT_1)]);
        for client in [1, 2] {
            let got = bench.received(client);
            assert_eq!(
                (&got[0].payload["extension"], &got[0].payload["status"]),
                (&json!("system"), &json!("error"))
            );
            assert!(got[0].payload["message"].as_str().unwrap().starts_with("You no longer have permission"));
            assert_eq!((got[1].event.as_str(), got.len()), ("phx_close", 2), "and nothing after it");
        }
        assert_eq!(bench.changes(3).len(), 2);
    }
}

#[test]
fn other_changes_of_a_person_end_nothing() {
    let mut bench = Bench::joined(&["patient-1"]);
    let before = person(PATIENT_1, 1, "active");
    let mut after = before.clone();
    after["first_name"] = "y".into();
    bench.change(&[row(1, "user", Some(&before), Some(&after))]);
    assert_eq!(bench.changes(1), [("UPDATE".to_owned(), 1)]);
    // The change that made this person what the token says, arriving late.
    let mut bench = Bench::joined(&["dentist"]);
    bench.change(&[row(1, "user", Some(&person(DENTIST, 1, "active")), Some(&person(DENTIST, 2, "active")))]);
    assert_eq!(bench.changes(1).len(), 1);
}

#[test]
fn a_role_that_changes_while_the_token_is_looked_at_is_looked_at_again() {
    let mut bench = Bench::joined(&["admin"]);
    bench.authorises = false;
    bench.open(2, Vsn::V2);
    bench.join(2, TOPIC, "patient-1", json!({}));
    let first = bench.request();
    bench.change(&[row(
        1,
        "user",
        Some(&person(PATIENT_1, 1, "active")),
        Some(&person(PATIENT_1, 2, "active")),
    )]);
    bench.authorised(first, viewer("patient-1"), None);
    assert!(bench.received(2).is_empty());
    let second = bench.request();
    assert_ne!(first, second);
    let now_dentist = Viewer { role: Role::Dentist, id: viewer("patient-1").id };
    bench.authorised(second, now_dentist, None);
    assert!(bench.received(2)[0].is_ok());
    bench.change(&[insert(2, PATIENT_2)]);
    assert_eq!(bench.changes(2).len(), 1);
}

#[test]
fn whose_token_ended_while_the_alarm_was_late_gets_no_change_any_more() {
    let mut bench = Bench::new();
    bench.give(RoomEvent::Batch(batch(0, &[])));
    bench.expires_at = Some(START / 1_000 + 5);
    bench.open(1, Vsn::V2);
    bench.join(1, TOPIC, "admin", json!({}));
    bench.change(&[insert(1, PATIENT_1)]);
    assert_eq!(bench.changes(1).len(), 1);
    bench.now += 6_000;
    bench.change(&[insert(2, PATIENT_1)]);
    assert!(bench.changes(1).is_empty());
}

#[test]
fn a_token_s_end_ends_the_subscription_on_time() {
    let mut bench = Bench::new();
    bench.open(1, Vsn::V2);
    bench.expires_at = Some(START / 1_000 + 5);
    bench.join(1, TOPIC, "patient-1", json!({}));
    let alarm = bench.out.iter().rev().find_map(|effect| match effect {
        RoomEffect::SetAlarm(at) => Some(*at),
        _ => None,
    });
    assert!(alarm.unwrap() <= START + 5_000);
    bench.received(1);
    bench.restart();
    bench.wait(4_999);
    assert!(systems(&mut bench, 1).iter().all(|(status, _)| status != "error"));
    bench.wait(1);
    assert_eq!(systems(&mut bench, 1), [("error".to_owned(), "Token has expired 0 seconds ago".to_owned())]);
    assert!(bench.store.keys().all(|key| !key.starts_with("sub/")));
}

// Medical records.

fn reads(bench: &Bench) -> Vec<Option<&str>> {
    let asked = bench.out.iter().filter_map(|effect| match effect {
        RoomEffect::Authorise { reads, .. } => Some(reads.as_ref().map(|reads| reads.query.as_str())),
        _ => None,
    });
    asked.collect()
}

#[test]
fn who_asks_for_medical_records_says_so_when_the_token_is_looked_at() {
    let entry = |event: &str, table: &str, filter: Option<&str>| json!({ "event": event, "schema": "public", "table": table, "filter": filter });
    let of_patient = |n: u128| format!("patient_id=eq.{}", uuid::Uuid::from_u128(n));
    let cases = [
        (vec![entry("*", "service", None), entry("*", "appointment", None)], None),
        (vec![entry("*", "*", None)], Some("event=*&table=*")),
        (
            vec![
                entry("*", "service", None),
                entry("UPDATE", "treatment_records", Some(&of_patient(1))),
                entry("UPDATE", "treatment_records", Some(&of_patient(2))),
                entry(
                    "INSERT",
                    "patient_medical_history",
                    Some("title=ilike.*nut*,severity=not.in.(mild,severe),title=ilike.*egg*"),
                ),
            ],
            Some(
                "event=UPDATE&table=treatment_records&filter=patient_id=eq.?; \
                 event=INSERT&table=patient_medical_history&filter=severity=not.in.?,title=ilike.?",
            ),
        ),
        // Nobody is shown anything.
        (vec![entry("*", "treatment_records", Some("nothing=eq.1"))], None),
        (Vec::new(), None),
    ];
    for (entries, said) in cases {
        let mut bench = Bench::joined(&["admin"]);
        bench.join_as(1, "2", "realtime:other", "admin", json!({ "postgres_changes": entries }));
        assert_eq!(reads(&bench), [said], "{entries:?}");
        // And again for each newer token.
        bench.out.clear();
        bench.push(1, "2", "3", "realtime:other", "access_token", json!({ "access_token": "dentist" }));
        assert_eq!(reads(&bench), [said], "{entries:?}");
    }
}

/// Joins a topic of that name, which shows a table.
fn join_for(bench: &mut Bench, name: &str, reference: &str, token: &str, table: &str) {
    let entries = json!([{ "event": "*", "schema": "public", "table": table }]);
    let config = json!({ "postgres_changes": entries });
    bench.join_as(1, reference, &format!("realtime:{name}"), token, config);
}

/// A treatment of somebody whom nobody here is.
fn record(id: u64) -> Value {
    let image = json!({
        "id": format!("00000000-0000-4000-8000-{id:012}"), "patient_id": "00000000-0000-4000-8000-0000000a0009",
        "status": "planned", "version": 1,
    });
    row(id, "treatment_records", None, Some(&image))
}

const RECORDS_READ: Option<&str> = Some("event=*&table=treatment_records");

#[test]
fn what_has_medical_records_and_what_has_none_is_asked_apart() {
    for first in ["service", "treatment_records"] {
        let mut bench = Bench::joined(&["admin"]);
        bench.authorises = false;
        for (name, table) in [("1", first), ("2", "service"), ("3", "treatment_records"), ("4", "service")] {
            join_for(&mut bench, name, "1", "dentist", table);
        }
        let asked = reads(&bench);
        assert_eq!(asked.len(), 2);
        assert!(asked.contains(&None) && asked.contains(&RECORDS_READ));
        // The one that cannot be noted takes nothing else with it.
        let noted = usize::from(asked[0].is_none());
        let questions = bench.questions();
        bench.refused(questions[noted], Refusal::Unavailable);
        bench.authorised(questions[1 - noted], viewer("dentist"), None);
        let replies = bench.received(1).into_iter().filter(|message| message.event == "phx_reply");
        let joined = replies.filter(|reply| reply.is_ok() && reply.topic != TOPIC).count();
        assert_eq!(joined, if first == "service" { 3 } else { 2 });
    }
}

#[test]
fn a_newer_token_is_noted_for_what_is_joined_when_it_is_granted() {
    let mut bench = Bench::joined(&["patient-2"]);
    join_for(&mut bench, "t", "7", "", "service");
    bench.out.clear();
    bench.authorises = false;
    // Another join under the same reference is still being looked at when the token comes.
    join_for(&mut bench, "t", "7", "patient-1", "treatment_records");
    let of_join = bench.request();
    bench.push(1, "7", "8", "realtime:t", "access_token", json!({ "access_token": "dentist" }));
    let of_token = bench.request();
    assert_eq!(reads(&bench), [RECORDS_READ, None]);
    bench.authorised(of_join, viewer("patient-1"), None);
    bench.authorised(of_token, viewer("dentist"), None);
    assert_eq!(reads(&bench), [RECORDS_READ, None, RECORDS_READ], "asked again, and noted this time");
    bench.change(&[record(1)]);
    assert!(bench.changes(1).is_empty(), "not granted yet");
    bench.authorised(bench.request(), viewer("dentist"), None);
    bench.change(&[record(2)]);
    assert_eq!(bench.changes(1).len(), 1);
}

#[test]
fn a_question_asked_again_is_about_what_is_joined_then() {
    let mut bench = Bench::joined(&["patient-2"]);
    join_for(&mut bench, "t", "7", "patient-1", "treatment_records");
    bench.out.clear();
    bench.authorises = false;
    let token = json!({ "access_token": "dentist" });
    bench.push(1, "7", "8", "realtime:t", "access_token", token.clone());
    bench.refused(bench.request(), Refusal::Unavailable);
    bench.wait(2_000);
    assert_eq!(reads(&bench), [RECORDS_READ, RECORDS_READ]);
    // Whom it is noted for already goes along.
    bench.authorised(bench.request(), viewer("dentist"), Some(4_000_000_000));
    bench.push(1, "7", "9", "realtime:t", "access_token", token);
    let noted = bench.out.iter().rev().find_map(|effect| match effect {
        RoomEffect::Authorise { reads, .. } => Some(reads.as_ref().and_then(|reads| reads.noted)),
        _ => None,
    });
    assert_eq!(noted, Some(viewer("dentist").id.map(|id| (id, 4_000_000_000))));
}

// A newer token.

#[test]
fn one_socket_cannot_have_tokens_looked_at_without_end() {
    let mut bench = Bench::joined(&["patient-1"]);
    bench.wait(1_000);
    bench.authorises = false;
    for number in 0..50 {
        bench.push(1, "1", "5", TOPIC, "access_token", json!({"access_token": format!("token-{number}")}));
    }
    let asked = bench.out.iter().filter(|effect| matches!(effect, RoomEffect::Authorise { .. })).count();
    assert_eq!(asked, 20);
    bench.wait(1_000);
    let last = bench.out.iter().rev().find_map(|effect| match effect {
        RoomEffect::Authorise { token, .. } => Some(token.expose().to_owned()),
        _ => None,
    });
    assert_eq!(last.as_deref(), Some("token-49"), "the last one is looked at, if later");
    let request = bench.request();
    bench.authorised(request, viewer("patient-2"), None);
    bench.change(&[insert(1, PATIENT_2)]);
    assert_eq!(bench.changes(1).len(), 1);
}

#[test]
fn a_newer_token_puts_off_the_end_and_is_confirmed() {
    let mut bench = Bench::new();
    bench.open(1, Vsn::V2);
    bench.expires_at = Some(START / 1_000 + 5);
    bench.join(1, TOPIC, "patient-1", json!({}));
    bench.received(1);
    bench.expires_at = Some(START / 1_000 + 3_600);
    bench.push(1, "1", "2", TOPIC, "access_token", json!({"access_token": "patient-1"}));
    assert_eq!(systems(&mut bench, 1), [("ok".to_owned(), "Subscribed to PostgreSQL".to_owned())]);
    bench.wait(6_000);
    bench.change(&[insert(1, PATIENT_1)]);
    assert_eq!(bench.changes(1).len(), 1);
}

#[test]
fn another_user_s_token_makes_the_subscription_that_user_s() {
    let mut bench = Bench::joined(&["patient-1"]);
    bench.push(1, "1", "2", TOPIC, "access_token", json!({"access_token": "patient-2"}));
    bench.received(1);
    bench.change(&[insert(1, PATIENT_1), insert(2, PATIENT_2)]);
    assert_eq!(bench.changes(1), [("INSERT".to_owned(), 2)]);
    bench.restart();
    bench.wait(1);
    bench.change(&[insert(3, PATIENT_1), insert(4, PATIENT_2)]);
    assert_eq!(bench.changes(1), [("INSERT".to_owned(), 4)]);
}

#[test]
fn the_old_token_holds_until_the_new_one_was_looked_at() {
    let mut bench = Bench::joined(&["patient-1"]);
    bench.authorises = false;
    bench.push(1, "1", "2", TOPIC, "access_token", json!({"access_token": "patient-2"}));
    bench.change(&[insert(1, PATIENT_1)]);
    assert_eq!(bench.changes(1).len(), 1);
    let request = bench.request();
    bench.refused(request, Refusal::Unavailable);
    bench.change(&[insert(2, PATIENT_1)]);
    assert_eq!(bench.changes(1).len(), 1);
    assert!(has(&bench.wait(2_000), |effect| matches!(effect, RoomEffect::Authorise { .. })), "asked again");
    let request = bench.request();
    bench.authorised(request, viewer("patient-2"), None);
    bench.change(&[insert(3, PATIENT_1), insert(4, PATIENT_2)]);
    assert_eq!(bench.changes(1), [("INSERT".to_owned(), 4)]);
}

#[test]
fn a_newer_token_that_is_no_good_ends_the_subscription() {
    let mut bench = Bench::joined(&["patient-1"]);
    bench.authorises = false;
    bench.push(1, "1", "2", TOPIC, "access_token", json!({"access_token": "bad"}));
    let request = bench.request();
    bench.refused(request, Refusal::Token("MalformedJWT: The token provided is not a valid JWT".to_owned()));
    assert_eq!(events(&mut bench, 1), ["system", "phx_close"]);
}

#[test]
fn signing_out_leaves_what_anon_may_have() {
    let mut bench = Bench::joined(&["patient-1"]);
    bench.join_as(1, "2", "realtime:talk", "patient-1", json!({"postgres_changes": []}));
    bench.received(1);
    for (join_ref, topic) in [("1", TOPIC), ("2", "realtime:talk")] {
        bench.push(1, join_ref, "5", topic, "access_token", json!({"access_token": "anon-key"}));
    }
    let got = bench.received(1);
    assert_eq!(got[0].payload["message"], "Subscribed to PostgreSQL");
    assert_eq!((got[1].payload["status"].clone(), got[2].event.as_str()), (json!("error"), "phx_close"));
    bench.change(&[insert(1, PATIENT_1)]);
    assert!(bench.changes(1).is_empty());
}

// Resuming.

fn resume(offset: u64) -> Value {
    json!({"broadcast": {"resume": {"epoch": "e", "offset": offset}}})
}

fn page(from: u64, rows: &[Value], head: u64) -> LogPage {
    let entries = rows.iter().zip(from + 1..).map(|(row, offset)| entry(offset, row)).collect();
    LogPage { epoch: "e".to_owned(), from, entries, head, gone: false }
}

/// A Room at offset 10, and a socket that resumes from there.
fn resuming(from: u64) -> Bench {
    let mut bench = Bench::joined(&["admin"]);
    let rows: Vec<Value> =
        (1..=10).map(|id| insert(id, if id % 2 == 0 { PATIENT_1 } else { PATIENT_2 })).collect();
    bench.change(&rows);
    bench.open(2, Vsn::V2);
    bench.out.clear();
    bench.join(2, TOPIC, "patient-1", resume(from));
    bench
}

fn inserts(range: std::ops::RangeInclusive<u64>) -> Vec<Value> {
    range.map(|id| insert(id, if id % 2 == 0 { PATIENT_1 } else { PATIENT_2 })).collect()
}

#[test]
fn a_client_that_comes_back_gets_what_it_missed_then_what_happens() {
    let mut bench = resuming(3);
    let got = bench.received(2);
    assert!(got[0].is_ok());
    assert_eq!(got[1].payload["message"], "Subscribed to PostgreSQL");
    assert!(got.iter().all(|message| message.payload["message"] != "watermark"), "not complete yet");
    assert_eq!(bench.reads().1, 3);
    bench.page(page(3, &inserts(4..=6), 10));
    assert_eq!(bench.changes(2), [("INSERT".to_owned(), 4), ("INSERT".to_owned(), 6)]);
    assert_eq!(bench.reads().1, 6);
    // What happens meanwhile is held back, then read.
    bench.change(&inserts(11..=12));
    assert!(bench.changes(2).is_empty());
    bench.page(page(6, &inserts(7..=12), 12));
    let got = bench.received(2);
    let offsets: Vec<_> = got.iter().map(|message| message.payload["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, [8, 10, 12, 12]);
    assert_eq!(got.last().unwrap().payload["message"], "watermark");
    bench.change(&inserts(13..=14));
    assert_eq!(bench.changes(2), [("INSERT".to_owned(), 14)]);
}

#[test]
fn a_client_that_missed_nothing_is_live_at_once() {
    let mut bench = resuming(10);
    let got = bench.received(2);
    assert_eq!(got.last().unwrap().payload["message"], "watermark");
    assert!(!has(&bench.out, |effect| matches!(effect, RoomEffect::ReadLog { .. })));
}

#[test]
fn a_reader_that_gets_ahead_of_the_room_gets_nothing_twice() {
    let mut bench = resuming(8);
    bench.received(2);
    // The Feed already has what its next push will bring.
    bench.page(page(8, &inserts(9..=14), 14));
    let got = bench.received(2);
    let offsets: Vec<_> = got.iter().map(|message| message.payload["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, [10, 12, 14, 14]);
    bench.change(&inserts(11..=12));
    assert!(bench.changes(2).is_empty());
    bench.restart();
    bench.wait(1);
    bench.change(&inserts(13..=16));
    assert_eq!(bench.changes(2), [("INSERT".to_owned(), 16)]);
    bench.change(&inserts(17..=18));
    assert_eq!(bench.changes(2), [("INSERT".to_owned(), 18)]);
}

#[test]
fn a_cursor_beyond_the_room_is_asked_of_the_feed() {
    let mut bench = resuming(12);
    bench.received(2);
    assert_eq!(bench.reads().1, 12);
    bench.page(page(12, &[], 12));
    assert_eq!(systems(&mut bench, 2), [("ok".to_owned(), "watermark".to_owned())]);
    bench.change(&inserts(11..=14));
    assert_eq!(bench.changes(2), [("INSERT".to_owned(), 14)]);
}

#[test]
fn who_cannot_resume_is_told_once_and_goes_on_from_now() {
    let mut other = Bench::joined(&["admin"]);
    other.change(&inserts(1..=4));
    other.open(2, Vsn::V2);
    other.join(2, TOPIC, "patient-1", json!({"broadcast": {"resume": {"epoch": "another", "offset": 2}}}));
    let mut gone = resuming(3);
    gone.page(LogPage::gone(cursor(10)));
    for (mut bench, offset) in [(other, 4), (gone, 10)] {
        let got = bench.received(2);
        let resyncs: Vec<_> = got.iter().filter(|message| message.payload["status"] == "resync").collect();
        assert_eq!(resyncs.len(), 1);
        let payload = &resyncs[0].payload;
        assert_eq!(
            (&payload["extension"], &payload["epoch"], &payload["offset"]),
            (&json!("chairside"), &json!("e"), &json!(offset))
        );
        assert_eq!(got.last().unwrap().payload["message"], "watermark");
        assert!(got.iter().all(|message| message.event != "postgres_changes"));
        let next = inserts(offset + 1..=offset + 2);
        bench.change(&next);
        assert_eq!(bench.changes(2), [("INSERT".to_owned(), offset + 2)]);
    }
}

#[test]
fn those_who_come_back_together_share_the_pages() {
    let mut bench = resuming(3);
    for client in 3..=20 {
        bench.open(client, Vsn::V2);
        bench.join(client, TOPIC, "patient-1", resume(client % 7 + 3));
    }
    bench.page(page(3, &inserts(4..=10), 10));
    for client in 3..=20 {
        let from = client % 7 + 3;
        let wanted: Vec<_> =
            (from + 1..=10).filter(|id| id % 2 == 0).map(|id| ("INSERT".to_owned(), id)).collect();
        assert_eq!(bench.changes(client), wanted);
    }
    let reads = bench.out.iter().filter(|effect| matches!(effect, RoomEffect::ReadLog { .. }));
    assert_eq!(reads.count(), 1);
}

#[test]
fn a_page_that_fails_is_asked_for_again_and_a_late_one_passed_over() {
    let mut bench = resuming(3);
    let (first, _) = bench.reads();
    bench.give(RoomEvent::LogFailed { request: first });
    bench.wait(250);
    let (second, from) = bench.reads();
    assert_ne!((first, 3), (second, from + 1));
    bench.received(2);
    bench.give(RoomEvent::LogPage { request: first, page: page(3, &inserts(4..=10), 10) });
    assert!(bench.changes(2).is_empty());
    bench.wait(15_000);
    bench.wait(500);
    assert_ne!(bench.reads().0, second, "no answer at all");
    let mut other_epoch = page(3, &inserts(4..=10), 10);
    other_epoch.epoch = "another".to_owned();
    bench.page(other_epoch);
    assert!(bench.changes(2).is_empty());
    bench.wait(1_000);
    bench.page(page(3, &inserts(4..=10), 10));
    assert_eq!(bench.changes(2).len(), 4);
}

#[test]
fn a_reader_that_does_not_read_waits_and_others_do_not() {
    let limits = Limits { unread_bytes: 30_000, ..Limits::default() };
    let mut bench = Bench::sharded(Shard { index: 0, count: 1 }, limits);
    bench.open(1, Vsn::V2);
    bench.join(1, TOPIC, "admin", json!({}));
    let mut big = appointment(1, PATIENT_1, "confirmed");
    big["notes"] = "x".repeat(3_000).into();
    let rows: Vec<Value> = (1..=20).map(|seq| row(seq, "appointment", None, Some(&big))).collect();
    for some in rows.chunks(3) {
        bench.heartbeat(1);
        bench.change(some);
    }
    bench.open(2, Vsn::V2);
    bench.join(2, TOPIC, "admin", resume(0));
    bench.page(page(0, &rows[..5], 20));
    bench.received(2);
    assert_eq!(bench.out.iter().filter(|effect| matches!(effect, RoomEffect::ReadLog { .. })).count(), 1);
    bench.heartbeat(2);
    assert_eq!(bench.reads().1, 5, "it reads again");
    assert_eq!(bench.closed(2), None);
}

#[test]
fn a_room_that_died_goes_on_with_those_who_were_behind() {
    let mut bench = resuming(3);
    bench.page(page(3, &inserts(4..=6), 10));
    bench.received(2);
    bench.restart();
    bench.wait(1);
    assert_eq!(bench.reads().1, 6);
    bench.page(page(6, &inserts(7..=10), 10));
    assert_eq!(bench.changes(2), [("INSERT".to_owned(), 8), ("INSERT".to_owned(), 10)]);
}

#[test]
fn when_the_log_begins_anew_all_are_told_and_join_again_with_their_tokens() {
    for (mut lost, from) in [(batch_of("another", 0), 0), (batch_of("e", 30), 30)] {
        let mut bench = resuming(10);
        bench.received(1);
        bench.received(2);
        lost.reset = true;
        bench.give(RoomEvent::Batch(lost.clone()));
        for client in [1, 2] {
            let got = bench.received(client);
            assert_eq!(
                (&got[0].payload["status"], &got[0].payload["offset"]),
                (&json!("resync"), &json!(from))
            );
            assert_eq!(got[0].payload["epoch"], lost.epoch);
            assert_eq!((got[1].event.as_str(), &got[1].join_ref), ("phx_error", &json!("1")));
        }
        bench.give(RoomEvent::Batch(Batch { epoch: lost.epoch.clone(), ..batch(from, &[]) }));
        let resume = json!({"broadcast": {"resume": {"epoch": lost.epoch, "offset": from}}});
        bench.authorises = false;
        bench.join_as(2, "2", TOPIC, "patient-1", resume);
        bench.give(RoomEvent::Batch(Batch { epoch: lost.epoch.clone(), ..batch(from, &[]) }));
        let request = bench.request();
        bench.authorised(request, viewer("patient-1"), None);
        let got = bench.received(2);
        assert!(got[0].is_ok() && got.iter().all(|message| message.payload["status"] != "resync"));
    }
}

fn batch_of(epoch: &str, from: u64) -> Batch {
    Batch { epoch: epoch.to_owned(), ..batch(from, &[]) }
}

// What clients are told of the log and the Feed.

#[test]
fn completeness_is_confirmed_every_five_seconds_while_the_head_moves() {
    let mut bench = Bench::joined(&["patient-1"]);
    bench.wait(5_000);
    bench.received(1);
    bench.change(&[insert(1, PATIENT_2)]);
    assert!(bench.received(1).is_empty(), "nothing to see");
    bench.wait(4_999);
    bench.wait(1);
    let got = bench.received(1);
    assert_eq!((&got[0].payload["message"], &got[0].payload["offset"]), (&json!("watermark"), &json!(1)));
    bench.wait(5_000);
    assert!(bench.received(1).is_empty(), "the head did not move");
}

#[test]
fn states_are_told_when_they_change() {
    let mut bench = Bench::joined(&["admin"]);
    bench.received(1);
    let stale = Batch { state: UpstreamState::Stale, since: Some(77), ..batch(0, &[]) };
    bench.give(RoomEvent::Batch(stale.clone()));
    let got = bench.received(1);
    assert_eq!((&got[0].payload["status"], &got[0].payload["since"]), (&json!("stale"), &json!(77)));
    bench.give(RoomEvent::Batch(stale));
    assert!(bench.received(1).is_empty());
    bench.give(RoomEvent::Batch(Batch { state: UpstreamState::CatchingUp, ..batch(0, &[]) }));
    bench.give(RoomEvent::Batch(batch(0, &[])));
    let told: Vec<String> = systems(&mut bench, 1).into_iter().map(|(status, _)| status).collect();
    assert_eq!(told, ["catching-up", "live"]);
}

#[test]
fn a_feed_that_cannot_be_reached_or_says_nothing_makes_it_stale_and_is_asked_again() {
    let mut bench = Bench::joined(&["admin"]);
    bench.received(1);
    bench.give(RoomEvent::FeedLost);
    assert_eq!(systems(&mut bench, 1)[0].0, "stale");
    assert!(has(&bench.wait(250), |effect| matches!(effect, RoomEffect::Listen { cursor: Some(_) })));
    bench.give(RoomEvent::Batch(batch(0, &[])));
    assert_eq!(systems(&mut bench, 1)[0].0, "live");
    bench.heartbeat(1);
    bench.wait(44_000);
    bench.heartbeat(1);
    bench.received(1);
    let effects = bench.wait(1_000);
    assert!(has(&effects, |effect| matches!(effect, RoomEffect::Listen { cursor: Some(_) })));
    assert_eq!(systems(&mut bench, 1)[0].0, "stale");
}

#[test]
fn a_push_for_a_room_without_anybody_is_answered_and_taken_leave_of() {
    let mut bench = Bench::new();
    let effects = bench.give(RoomEvent::Batch(batch(4, &[insert(5, PATIENT_1)])));
    assert!(has(&effects, |effect| matches!(effect, RoomEffect::Ack(_))));
    assert!(has(&effects, |effect| matches!(effect, RoomEffect::Leave)));
}

// Stored formats.

#[test]
fn subscription_format_unchanged() {
    let mut bench = resuming(3);
    bench.expires_at = Some(START / 1_000 + 60);
    bench.join_as(
        2,
        "7",
        TOPIC,
        "patient-1",
        json!({
            "broadcast": {"ack": true, "self": true, "resume": {"epoch": "e", "offset": 3}},
            "presence": {"key": "me", "enabled": true},
            "postgres_changes": [{"event": "*", "schema": "public", "table": "service"}],
        }),
    );
    let stored = &bench.store[&subscription_key(2, TOPIC)];
    let text = format!(
        r#"{{"client":2,"topic":"realtime:clinic","join_ref":"7","private":false,"ack":true,"echo":true,"presence_enabled":true,"presence_key":"me","tracked":null,"entries":[{{"event":"*","schema":"public","table":"service"}}],"role":"patient","user":"{PATIENT_1}","expires_ms":{},"behind":3,"ahead":null}}"#,
        START + 60_000
    );
    assert_eq!(*stored, text);
    let least = r#"{"client":2,"topic":"t","join_ref":null,"private":false,"ack":false,"echo":false,"presence_enabled":false,"presence_key":"","entries":[],"role":"anon"}"#;
    let least: StoredSubscription = serde_json::from_str(least).unwrap();
    assert!(least.tracked.is_none() && least.behind.is_none());
    assert_eq!(subscription_key(2, "realtime:a/b"), "sub/2/realtime:a/b");
    assert_eq!(bench.store["cursor"], r#"{"epoch":"e","offset":10}"#);
}

#[test]
fn attachment_format_unchanged() {
    let attachment = Attachment { client: 5, vsn: "2.0.0".to_owned(), seen_ms: 9 };
    assert_eq!(serde_json::to_string(&attachment).unwrap(), r#"{"client":5,"vsn":"2.0.0","seen_ms":9}"#);
    let least: Attachment = serde_json::from_str(r#"{"client":5,"vsn":"1.0.0"}"#).unwrap();
    assert_eq!(least.seen_ms, 0);
}

#[test]
fn a_store_that_cannot_be_read_is_no_obstacle() {
    let mut bench = Bench::joined(&["admin"]);
    bench.store.insert(subscription_key(1, "realtime:x"), "{}".to_owned());
    bench.store.insert("cursor".to_owned(), "?".to_owned());
    bench.out.clear();
    bench.restart();
    bench.wait(1);
    assert!(!bench.store.contains_key(&subscription_key(1, "realtime:x")));
    // Without the cursor nobody can say what was missed.
    assert_eq!(events(&mut bench, 1), ["system", "phx_error"]);
}

#[test]
fn an_admin_s_own_row_is_shown_as_any_other() {
    let mut bench = Bench::joined(&["admin"]);
    let before = person(ADMIN, 4, "active");
    bench.change(&[row(1, "user", Some(&before), Some(&before))]);
    assert_eq!(bench.changes(1).len(), 1);
    assert_eq!(close::SLOW, 4008);
}
