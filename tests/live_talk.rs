//! The Room's rules about frames, broadcast, presence, shards and sockets that do not behave.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on fails"
)]

mod live_support;

use chairside::live::phoenix::Vsn;
use chairside::live::room::{Limits, Relay, RoomEffect, RoomEvent, Shard, close};
use live_support::bench::{Bench, Message, TOPIC, batch};
use live_support::postgres::{PATIENT_1, appointment, row};
use proptest::prelude::*;
use serde_json::{Value, json};

fn talkers(tokens: &[&str], config: &Value) -> Bench {
    let mut bench = Bench::new();
    for (token, client) in tokens.iter().zip(1..) {
        bench.open(client, if client % 2 == 0 { Vsn::V1 } else { Vsn::V2 });
        bench.join(client, TOPIC, token, config.clone());
    }
    for client in 1..=tokens.len() as u64 {
        bench.received(client);
    }
    bench
}

fn insert(id: u64) -> Value {
    row(id, "appointment", None, Some(&appointment(id, PATIENT_1, "confirmed")))
}

// Frames.

#[test]
fn heartbeats_are_answered_in_both_serializers() {
    let mut bench = talkers(&["admin", "admin"], &json!({}));
    for client in [1, 2] {
        bench.heartbeat(client);
        let got = bench.received(client);
        assert!(got[0].is_ok() && got[0].topic == "phoenix" && got[0].reference == "9");
    }
}

#[test]
fn frames_that_are_no_messages_close_the_socket_with_a_code() {
    for (text, code) in [
        ("", close::NOT_A_MESSAGE),
        ("{", close::NOT_A_MESSAGE),
        ("[]", close::NOT_A_MESSAGE),
        ("{}", close::NOT_A_MESSAGE),
        ("[1,2,3,4,5,6]", close::NOT_A_MESSAGE),
        (r#"[null,null,5,"x",{}]"#, close::NOT_A_MESSAGE),
        (&"x".repeat(65_537), close::TOO_LONG),
    ] {
        let mut bench = Bench::joined(&["admin", "admin"]);
        bench.text(1, text);
        assert_eq!(bench.closed(1), Some(code), "{}", &text[..text.len().min(20)]);
        assert_eq!(bench.closed(2), None);
        bench.change(&[insert(1)]);
        assert!(bench.changes(1).is_empty());
        assert_eq!(bench.changes(2).len(), 1, "others go on");
    }
    let mut bench = Bench::joined(&["admin"]);
    bench.give(RoomEvent::Binary { client: 1, bytes: vec![9, 9] });
    assert_eq!(bench.closed(1), Some(close::NOT_A_MESSAGE));
}

#[test]
fn messages_that_mean_nothing_are_answered_with_an_error() {
    let mut bench = talkers(&["admin", "admin"], &json!({}));
    for client in [1, 2] {
        for (topic, event, payload, reason) in [
            ("realtime:none", "broadcast", json!({"event": "x"}), "unmatched topic"),
            ("realtime:none", "access_token", json!({"access_token": "x"}), "unmatched topic"),
            ("phoenix", "what", json!({}), "unmatched topic"),
            (TOPIC, "what", json!({}), "unknown event"),
            (TOPIC, "broadcast", json!([]), "payload must be an object"),
            (TOPIC, "presence", json!({"event": "other"}), "event must be track or untrack"),
            (TOPIC, "access_token", json!({}), "access_token is missing"),
            (TOPIC, "phx_join", json!({"config": 5}), "config must be an object"),
        ] {
            bench.push(client, "1", "33", topic, event, payload);
            let got = bench.received(client);
            assert_eq!((got[0].reason(), &got[0].reference), (reason, &json!("33")));
        }
    }
}

#[test]
fn a_socket_that_the_room_does_not_know_is_told_to_connect_again() {
    let mut bench = Bench::joined(&["admin"]);
    bench.text(7, "[]");
    assert_eq!(bench.closed(7), Some(close::RESTART));
}

fn frame() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("null".to_owned()),
        Just("\"1\"".to_owned()),
        Just("1".to_owned()),
        Just("\"phoenix\"".to_owned()),
        Just(format!("\"{TOPIC}\"")),
        Just("\"phx_join\"".to_owned()),
        Just("\"phx_leave\"".to_owned()),
        Just("\"broadcast\"".to_owned()),
        Just("\"presence\"".to_owned()),
        Just("\"access_token\"".to_owned()),
        Just("\"heartbeat\"".to_owned()),
        Just("{}".to_owned()),
        Just(r#"{"event":"track","payload":{"a":1}}"#.to_owned()),
        Just(r#"{"event":"untrack"}"#.to_owned()),
        Just(r#"{"access_token":"patient-1"}"#.to_owned()),
        Just(r#"{"config":{"postgres_changes":[{"event":"*","schema":"public","filter":"x"}]}}"#.to_owned()),
        Just(r#"{"config":{"broadcast":{"resume":{"epoch":"e","offset":18446744073709551615}}}}"#.to_owned()),
        Just(r#"{"config":{"presence":{"key":"k","enabled":true},"postgres_changes":[{"event":"*","schema":"public"}]}}"#.to_owned()),
        "\\PC{0,12}",
    ];
    let parts = prop::collection::vec(text, 5);
    prop_oneof![
        4 => parts.clone().prop_map(|parts| format!("[{}]", parts.join(","))),
        4 => parts.prop_map(|parts| {
            let names = ["join_ref", "ref", "topic", "event", "payload"];
            let members: Vec<String> = names.iter().zip(parts).map(|(name, part)| format!("\"{name}\":{part}")).collect();
            format!("{{{}}}", members.join(","))
        }),
        1 => "\\PC{0,60}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_client_sends_it_is_answered_or_closed_and_others_go_on(
        frames in prop::collection::vec((1..3_u64, frame()), 1..40),
        bytes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut bench = talkers(&["admin", "patient-1", "admin"], &json!({"presence": {"enabled": true}}));
        for (client, text) in frames {
            if bench.closed(client).is_none() {
                let told = |bench: &Bench| bench.out.iter().any(|effect| match effect {
                    RoomEffect::Send { to, .. } => to.contains(&client),
                    RoomEffect::Close { client: closed, .. } => *closed == client,
                    _ => false,
                });
                bench.out.clear();
                bench.text(client, &text);
                // These three ask for no answer of their own.
                let silent = ["broadcast", "access_token", "phx_join"].iter().any(|event| text.contains(event));
                prop_assert!(silent || told(&bench), "{text}");
            }
        }
        bench.give(RoomEvent::Binary { client: 2, bytes: [vec![3], bytes].concat() });
        bench.wait(1_000);
        bench.out.clear();
        bench.change(&[insert(1)]);
        prop_assert_eq!(bench.changes(3).len(), 1);
    }
}

// Sockets that do not behave.

#[test]
fn who_does_not_read_is_closed_with_its_code_and_nobody_else_suffers() {
    let limits = Limits { unread_bytes: 50_000, ..Limits::default() };
    let mut bench = Bench::sharded(Shard { index: 0, count: 1 }, limits);
    for client in [1, 2] {
        bench.open(client, Vsn::V2);
        bench.join(client, TOPIC, "admin", json!({}));
    }
    let mut seen = 0;
    for id in 1..=200 {
        bench.heartbeat(2);
        bench.change(&[insert(id)]);
        seen += bench.changes(2).len();
    }
    assert_eq!(bench.closed(1), Some(close::SLOW));
    assert_eq!((bench.closed(2), seen), (None, 200));
    assert!(bench.store.keys().all(|key| !key.starts_with("sub/1/")));
}

#[test]
fn who_sends_nothing_for_a_minute_is_closed_even_if_the_object_slept_meanwhile() {
    for sleeps in [false, true] {
        let mut bench = Bench::joined(&["admin", "admin"]);
        for _ in 0..6 {
            bench.wait(10_000);
            bench.heartbeat(2);
            if sleeps {
                bench.restart();
                bench.wait(0);
            }
        }
        bench.wait(10_000);
        assert_eq!(bench.closed(1), Some(close::SILENT));
        assert_eq!(bench.closed(2), None);
    }
}

#[test]
fn a_full_room_takes_nobody_more() {
    let limits = Limits { clients: 2, ..Limits::default() };
    let mut bench = Bench::sharded(Shard { index: 0, count: 1 }, limits);
    bench.open(1, Vsn::V2);
    assert!(!bench.room.is_full());
    bench.open(2, Vsn::V2);
    assert!(bench.room.is_full());
    bench.open(3, Vsn::V2);
    assert_eq!(bench.closed(3), Some(close::FULL));
    bench.give(RoomEvent::Closed { client: 1 });
    bench.open(4, Vsn::V2);
    assert_eq!(bench.closed(4), None);
}

#[test]
fn the_last_frame_is_noted_with_the_socket_now_and_then() {
    let mut bench = Bench::joined(&["admin"]);
    bench.now += 5_000;
    bench.heartbeat(1);
    assert_ne!(bench.attachments[&1].seen_ms, bench.now);
    bench.now += 20_000;
    bench.heartbeat(1);
    assert_eq!(bench.attachments[&1].seen_ms, bench.now);
}

// Broadcast.

fn broadcasts(bench: &mut Bench, client: u64) -> Vec<Message> {
    bench.received(client).into_iter().filter(|message| message.event == "broadcast").collect()
}

#[test]
fn a_broadcast_goes_to_the_other_members_in_both_serializers() {
    let mut bench = talkers(&["admin", "patient-1", "patient-2", ""], &json!({}));
    bench.push(
        1,
        "1",
        "5",
        TOPIC,
        "broadcast",
        json!({"type": "broadcast", "event": "hi", "payload": {"n": 1.50}}),
    );
    for client in [2, 3] {
        let got = broadcasts(&mut bench, client);
        assert_eq!(got[0].payload, json!({"type": "broadcast", "event": "hi", "payload": {"n": 1.5}}));
    }
    assert!(bench.received(1).is_empty(), "neither echo nor answer was asked for");
    assert!(bench.received(4).is_empty(), "not signed in");
}

#[test]
fn echo_and_answer_are_given_when_asked_for() {
    let mut bench = talkers(&["admin", "patient-1"], &json!({"broadcast": {"ack": true, "self": true}}));
    bench.push(1, "1", "5", TOPIC, "broadcast", json!({"event": "hi", "payload": {}}));
    let got = bench.received(1);
    assert!(got[0].is_ok() && got[0].reference == "5");
    assert_eq!((got[1].event.as_str(), got.len()), ("broadcast", 2));
}

#[test]
fn the_binary_form_reaches_the_newer_protocol_and_json_in_it_everybody() {
    let push = |encoding: u8, payload: &[u8]| {
        let header = [3, 1, 1, u8::try_from(TOPIC.len()).unwrap(), 2, 0, encoding];
        [&header, "15".as_bytes(), TOPIC.as_bytes(), b"hi", payload].concat()
    };
    let mut bench = talkers(&["admin", "patient-1", "patient-2"], &json!({}));
    bench.give(RoomEvent::Binary { client: 1, bytes: push(1, br#"{"a":1}"#) });
    for client in [2, 3] {
        assert_eq!(broadcasts(&mut bench, client)[0].payload["payload"], json!({"a": 1}));
    }
    bench.give(RoomEvent::Binary { client: 1, bytes: push(0, &[1, 2, 3]) });
    assert_eq!(bench.received(3)[0].event, "binary");
    assert!(bench.received(2).is_empty(), "the older protocol cannot carry it");
}

#[test]
fn private_and_public_channels_of_one_name_have_nothing_in_common() {
    let mut bench = talkers(&["admin", "patient-1"], &json!({}));
    bench.open(3, Vsn::V2);
    bench.join(3, TOPIC, "admin", json!({"private": true}));
    bench.received(3);
    bench.push(3, "1", "5", TOPIC, "broadcast", json!({"event": "hi", "payload": {}}));
    assert!(broadcasts(&mut bench, 1).is_empty() && broadcasts(&mut bench, 2).is_empty());
}

#[test]
fn too_many_messages_end_the_channel_as_realtime_has_it() {
    let mut bench = talkers(&["admin"], &json!({}));
    for _ in 0..100 {
        bench.push(1, "1", "5", TOPIC, "broadcast", json!({"event": "hi", "payload": {}}));
    }
    assert!(bench.received(1).is_empty());
    bench.push(1, "1", "5", TOPIC, "broadcast", json!({"event": "hi", "payload": {}}));
    let got = bench.received(1);
    assert_eq!(
        (&got[0].payload["message"], got[1].event.as_str()),
        (&json!("Too many messages per second"), "phx_close")
    );
}

// Presence.

fn present(config_key: &str) -> Value {
    json!({"presence": {"key": config_key, "enabled": true}, "postgres_changes": []})
}

fn track(bench: &mut Bench, client: u64, payload: Value) {
    bench.push(
        client,
        "1",
        "5",
        TOPIC,
        "presence",
        json!({"type": "presence", "event": "track", "payload": payload}),
    );
}

#[test]
fn presence_is_told_as_state_to_who_joins_and_as_diffs_to_who_is_there() {
    let mut bench = talkers(&["admin"], &present("admin"));
    track(&mut bench, 1, json!({"at": 1}));
    let got = bench.received(1);
    assert!(got[0].is_ok());
    assert_eq!(got[1].event, "presence_diff");
    let meta = &got[1].payload["joins"]["admin"]["metas"][0];
    assert_eq!((&meta["at"], &got[1].payload["leaves"]), (&json!(1), &json!({})));
    let reference = meta["phx_ref"].clone();
    assert!(!reference.as_str().unwrap().is_empty());
    bench.open(2, Vsn::V1);
    bench.join(2, TOPIC, "patient-1", present("patient"));
    let state = bench.received(2).into_iter().find(|message| message.event == "presence_state").unwrap();
    assert_eq!(state.payload["admin"]["metas"][0]["phx_ref"], reference);
    // A newer word takes the place of the older one.
    track(&mut bench, 1, json!({"at": 2}));
    let diff = &bench.received(2)[0].payload;
    assert_eq!(diff["leaves"]["admin"]["metas"][0]["phx_ref"], reference);
    let meta = &diff["joins"]["admin"]["metas"][0];
    assert_eq!((&meta["at"], &meta["phx_ref_prev"]), (&json!(2), &reference));
    assert_ne!(meta["phx_ref"], reference);
    bench.push(1, "1", "6", TOPIC, "presence", json!({"event": "untrack"}));
    assert_eq!(bench.received(2)[0].payload["leaves"]["admin"]["metas"][0]["at"], 2);
}

#[test]
fn presence_ends_with_the_socket_the_channel_or_the_sign_in() {
    for how in 0..3 {
        let mut bench = talkers(&["admin", "patient-1"], &json!({"presence": {"key": "k", "enabled": true}}));
        track(&mut bench, 1, json!({}));
        bench.received(2);
        match how {
            0 => drop(bench.give(RoomEvent::Closed { client: 1 })),
            1 => bench.push(1, "1", "6", TOPIC, "phx_leave", json!({})),
            _ => bench.push(1, "1", "6", TOPIC, "access_token", json!({"access_token": "anon"})),
        }
        let got = bench.received(2);
        assert_eq!(got[0].event, "presence_diff");
        assert_eq!(got[0].payload["leaves"]["k"]["metas"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn several_sockets_may_be_present_under_one_key_and_refs_cannot_be_forged() {
    let mut bench = talkers(&["admin", "admin", "patient-1"], &present("shared"));
    track(&mut bench, 1, json!({"phx_ref": "forged", "phx_ref_prev": "forged"}));
    let mine = bench.received(3)[0].payload["joins"]["shared"]["metas"][0]["phx_ref"].clone();
    assert_ne!(mine, "forged");
    track(&mut bench, 2, json!({}));
    bench.open(4, Vsn::V2);
    bench.join(4, TOPIC, "admin", present(""));
    let state = bench.received(4).into_iter().find(|message| message.event == "presence_state").unwrap();
    assert_eq!(state.payload["shared"]["metas"].as_array().unwrap().len(), 2);
}

#[test]
fn who_did_not_ask_for_presence_hears_of_it_once_it_says_something() {
    let mut bench = talkers(&["admin", "patient-1"], &json!({"presence": {"key": "", "enabled": false}}));
    track(&mut bench, 1, json!({"n": 1}));
    assert!(bench.received(2).is_empty());
    let got = bench.received(1);
    assert_eq!((got[1].event.as_str(), got.len()), ("presence_state", 2));
    let keys: Vec<String> = got[1].payload.as_object().unwrap().keys().cloned().collect();
    assert!(keys.len() == 1 && !keys[0].is_empty(), "a key was chosen");
}

#[test]
fn presence_is_limited_in_size_and_number() {
    let limits = Limits { presences: 1, ..Limits::default() };
    let mut bench = Bench::sharded(Shard { index: 0, count: 1 }, limits);
    for client in [1, 2] {
        bench.open(client, Vsn::V2);
        bench.join(client, TOPIC, "admin", present("k"));
        bench.received(client);
    }
    track(&mut bench, 1, json!({"x": "y".repeat(4_097)}));
    assert!(bench.received(1)[0].reason().starts_with("PresencePayloadTooLarge"));
    track(&mut bench, 1, json!({}));
    bench.received(2);
    track(&mut bench, 2, json!({}));
    assert!(bench.received(2)[0].reason().starts_with("PresenceLimitReached"));
}

#[test]
fn presence_survives_the_object() {
    let mut bench = talkers(&["admin", "patient-1"], &present("k"));
    track(&mut bench, 1, json!({"n": 1}));
    bench.restart();
    bench.wait(1);
    bench.open(3, Vsn::V2);
    bench.join(3, TOPIC, "admin", present(""));
    let state = bench.received(3).into_iter().find(|message| message.event == "presence_state").unwrap();
    assert_eq!(state.payload["k"]["metas"][0]["n"], 1);
}

// Shards.

/// Three Rooms; what they relay arrives at once, as it goes over the wire.
struct Shards(Vec<Bench>);

impl Shards {
    fn new() -> Self {
        let room = |index| Bench::sharded(Shard { index, count: 3 }, Limits::default());
        let mut shards = Self((0..3).map(room).collect());
        for (bench, client) in shards.0.iter_mut().zip(1..) {
            bench.open(client, Vsn::V2);
        }
        shards
    }

    fn join(&mut self, shard: usize) {
        self.0[shard].join(shard as u64 + 1, TOPIC, "admin", present(&format!("shard-{shard}")));
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let mut relayed = Vec::new();
            for bench in &mut self.0 {
                bench.out.retain(|effect| match effect {
                    RoomEffect::Relay { shard, message } => {
                        relayed.push((*shard, serde_json::to_string(message).unwrap()));
                        false
                    }
                    _ => true,
                });
            }
            if relayed.is_empty() {
                return;
            }
            for (shard, message) in relayed {
                let relay: Relay = serde_json::from_str(&message).unwrap();
                self.0[shard as usize].give(RoomEvent::Relayed(relay));
            }
        }
    }

    fn wait(&mut self, ms: u64) {
        for bench in &mut self.0 {
            bench.now += ms;
            for client in 1..=3 {
                if bench.attachments.contains_key(&client) {
                    bench.heartbeat(client);
                }
            }
            let head = bench.head;
            bench.give(RoomEvent::Batch(batch(head, &[])));
            bench.give(RoomEvent::Alarm);
        }
        self.settle();
    }
}

#[test]
fn a_broadcast_reaches_each_member_on_every_shard_once() {
    for sender in 0..3 {
        let mut shards = Shards::new();
        (0..3).for_each(|shard| shards.join(shard));
        for bench in &mut shards.0 {
            bench.out.clear();
        }
        for payload in [json!({"n": 1}), json!({"n": 2})] {
            shards.0[sender].push(
                sender as u64 + 1,
                "1",
                "5",
                TOPIC,
                "broadcast",
                json!({"event": "hi", "payload": payload}),
            );
            shards.settle();
        }
        for shard in 0..3 {
            let got = broadcasts(&mut shards.0[shard], shard as u64 + 1);
            let numbers: Vec<u64> =
                got.iter().map(|message| message.payload["payload"]["n"].as_u64().unwrap()).collect();
            let wanted = if shard == sender { vec![] } else { vec![1, 2] };
            assert_eq!(numbers, wanted, "from {sender} to {shard}");
        }
    }
}

fn state_on(shards: &mut Shards, shard: usize, client: u64) -> Vec<String> {
    shards.0[shard].open(client, Vsn::V2);
    shards.0[shard].join(client, TOPIC, "admin", present(""));
    shards.settle();
    let mut keys = Vec::new();
    for message in shards.0[shard].received(client) {
        match message.event.as_str() {
            "presence_state" => keys = message.payload.as_object().unwrap().keys().cloned().collect(),
            "presence_diff" => {
                keys.extend(message.payload["joins"].as_object().unwrap().keys().cloned());
                keys.retain(|key| message.payload["leaves"].get(key).is_none());
            }
            _ => {}
        }
    }
    keys.sort();
    keys
}

#[test]
fn presence_is_one_over_all_shards() {
    let mut shards = Shards::new();
    for shard in 0..2 {
        shards.join(shard);
        track(&mut shards.0[shard], shard as u64 + 1, json!({}));
        shards.settle();
    }
    assert_eq!(state_on(&mut shards, 2, 9), ["shard-0", "shard-1"], "the first on its shard asks the others");
    assert_eq!(state_on(&mut shards, 0, 8), ["shard-0", "shard-1"]);
    shards.0[1].give(RoomEvent::Closed { client: 2 });
    shards.settle();
    let left = shards.0[2].received(9);
    assert!(left[0].payload["leaves"].get("shard-1").is_some());
    assert_eq!(state_on(&mut shards, 2, 7), ["shard-0"]);
}

#[test]
fn a_shard_that_fell_silent_is_forgotten_and_one_that_slept_learns_who_is_there() {
    let mut shards = Shards::new();
    for shard in 0..3 {
        shards.join(shard);
        track(&mut shards.0[shard], shard as u64 + 1, json!({}));
        shards.settle();
    }
    shards.0[2].restart();
    shards.0[2].out.clear();
    shards.wait(1);
    assert_eq!(state_on(&mut shards, 2, 9), ["shard-0", "shard-1", "shard-2"]);
    let lost = shards.0.remove(1);
    drop(lost);
    let replacement = Bench::sharded(Shard { index: 1, count: 3 }, Limits::default());
    shards.0.insert(1, replacement);
    for _ in 0..5 {
        shards.wait(25_000);
    }
    assert_eq!(state_on(&mut shards, 0, 8), ["shard-0", "shard-2"]);
}

#[test]
fn relay_format_unchanged() {
    let mut shards = Shards::new();
    shards.join(0);
    shards.0[0].out.clear();
    let bench = &mut shards.0[0];
    bench.push(1, "1", "5", TOPIC, "broadcast", json!({"event": "hi", "payload": {"n": 1}}));
    let relayed = bench.out.iter().find_map(|effect| match effect {
        RoomEffect::Relay { message, .. } => Some(message.clone()),
        _ => None,
    });
    let text = serde_json::to_value(relayed.unwrap()).unwrap();
    assert_eq!(text["body"], json!({"json": {"event": "hi", "payload": {"n": 1}}}));
    assert_eq!(
        (&text["origin"], &text["topic"], &text["private"]),
        (&json!(0), &json!(TOPIC), &json!(false))
    );
    for text in [
        r#"{"origin":0,"to_home":true,"topic":"t","private":true,"body":{"bytes":{"event":"e","base64":"AQ=="}}}"#,
        r#"{"origin":0,"to_home":false,"topic":"t","private":false,"body":{"present":[{"key":"k","phx_ref":"r","meta":{}}]}}"#,
        r#"{"origin":0,"to_home":false,"topic":"t","private":false,"body":"who_is_present"}"#,
    ] {
        let relay: Relay = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&relay).unwrap(), text);
    }
}
