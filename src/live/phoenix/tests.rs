use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use serde_json::value::RawValue;

use super::*;
use crate::live::audience::Visible;
use crate::live::change::Change;

const TOPIC: &str = "realtime:room1";

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn text(frame: &Frame) -> &str {
    match frame {
        Frame::Text(text) => text,
        Frame::Binary(_) => panic!("a binary frame"),
    }
}

fn join(payload: &serde_json::Value) -> Result<Join, String> {
    let frame = json!(["1", "2", TOPIC, "phx_join", payload]).to_string();
    match ClientMessage::decode(Vsn::V2, &frame) {
        Ok(ClientMessage { event: ClientEvent::Join(join), .. }) => Ok(*join),
        Err(DecodeError::Payload { reason, join_ref, reference, topic }) => {
            assert_eq!(
                (join_ref.as_deref(), reference.as_deref(), topic.as_str()),
                (Some("1"), Some("2"), TOPIC)
            );
            Err(reason)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn vsn_is_one_of_two() {
    assert_eq!(Vsn::parse(None), Some(Vsn::V1));
    assert_eq!(Vsn::parse(Some("1.0.0")), Some(Vsn::V1));
    assert_eq!(Vsn::parse(Some("2.0.0")), Some(Vsn::V2));
    assert_eq!(Vsn::parse(Some("3.0.0")), None);
}

#[test]
fn a_join_is_read_with_its_config_and_its_entries_word_for_word() {
    let entry = r#"{"event": "*",  "schema":"public","x":1.0}"#;
    let frame = format!(
        r#"["1","1","{TOPIC}","phx_join",{{"access_token":"JWT","config":{{"broadcast":{{"ack":true,"self":true,
        "resume":{{"epoch":"e","offset":18446744073709551615}}}},"presence":{{"key":"k","enabled":false}},"private":true,
        "postgres_changes":[{entry}]}}}}]"#
    );
    let message = ClientMessage::decode(Vsn::V2, &frame).unwrap();
    assert_eq!((message.join_ref.as_deref(), message.reference.as_deref()), (Some("1"), Some("1")));
    let ClientEvent::Join(join) = message.event else { panic!("no join") };
    assert_eq!(join.access_token.as_deref(), Some("JWT"));
    assert!(join.ack && join.echo && join.private);
    assert_eq!(join.resume, Some(Resume { epoch: "e".to_owned(), offset: u64::MAX }));
    assert_eq!(join.presence, PresenceConfig { key: "k".to_owned(), enabled: false });
    assert_eq!(join.postgres_changes[0].get(), entry);
}

#[test]
fn what_a_join_leaves_out_has_its_default() {
    for payload in
        [json!({}), json!({"config": null}), json!({"config": {"broadcast": null, "postgres_changes": null}})]
    {
        let join = join(&payload).unwrap();
        assert!(
            !join.ack && !join.echo && !join.private && join.resume.is_none() && join.access_token.is_none()
        );
        assert!(join.presence.enabled && join.presence.key.is_empty() && join.postgres_changes.is_empty());
    }
    assert_eq!(join(&json!({"user_token": "old"})).unwrap().access_token.as_deref(), Some("old"));
}

#[test]
fn a_malformed_join_names_the_member() {
    for (payload, reason) in [
        (json!([]), "payload must be an object"),
        (json!({"config": []}), "config must be an object"),
        (json!({"access_token": 1}), "access_token must be a string"),
        (json!({"config": {"private": "yes"}}), "config.private must be true or false"),
        (json!({"config": {"broadcast": {"self": 1}}}), "config.broadcast.self must be true or false"),
        (json!({"config": {"presence": {"key": 1}}}), "config.presence.key must be a string"),
        (json!({"config": {"postgres_changes": {}}}), "config.postgres_changes must be an array of objects"),
        (json!({"config": {"postgres_changes": [1]}}), "config.postgres_changes must be an array of objects"),
        (
            json!({"config": {"broadcast": {"resume": {"offset": 1}}}}),
            "config.broadcast.resume.epoch is missing",
        ),
        (
            json!({"config": {"broadcast": {"resume": {"epoch": "e", "offset": -1}}}}),
            "config.broadcast.resume.offset must be a whole number from 0",
        ),
    ] {
        assert_eq!(join(&payload).unwrap_err(), reason);
    }
}

#[test]
fn both_serializers_carry_the_same_messages() {
    for (v1, v2) in [
        (
            r#"{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"7"}"#,
            r#"[null,"7","phoenix","heartbeat",{}]"#,
        ),
        (
            r#"{"topic":"realtime:a","event":"phx_leave","payload":{},"ref":8,"join_ref":"1"}"#,
            r#"["1",8,"realtime:a","phx_leave",{}]"#,
        ),
        (
            r#"{"event":"access_token","topic":"realtime:a","payload":{"access_token":"t"},"ref":null,"join_ref":"1"}"#,
            r#"["1",null,"realtime:a","access_token",{"access_token":"t"}]"#,
        ),
        (
            r#"{"event":"presence","topic":"realtime:a","payload":{"type":"presence","event":"track","payload":{"x":1}},"ref":"3"}"#,
            r#"[null,"3","realtime:a","presence",{"type":"presence","event":"track","payload":{"x":1}}]"#,
        ),
        (
            r#"{"event":"else","topic":"realtime:a","payload":7,"ref":"3"}"#,
            r#"[null,"3","realtime:a","else",7]"#,
        ),
    ] {
        let (one, two) =
            (ClientMessage::decode(Vsn::V1, v1).unwrap(), ClientMessage::decode(Vsn::V2, v2).unwrap());
        assert_eq!(format!("{one:?}"), format!("{two:?}"));
    }
}

#[test]
fn what_is_no_message_is_told_apart() {
    for (vsn, frame, is_json) in [
        (Vsn::V1, "{", false),
        (Vsn::V2, "", false),
        (Vsn::V1, "[]", true),
        (Vsn::V1, r#"["realtime:a","e",{},"1","1"]"#, true),
        (Vsn::V1, r#"{"topic":"realtime:a","payload":{},"ref":"1"}"#, true),
        (Vsn::V2, r#"{"topic":"realtime:a","event":"e","payload":{},"ref":"1"}"#, true),
        (Vsn::V2, r#"[null,"1","realtime:a","e"]"#, true),
        (Vsn::V2, r#"[null,"1","realtime:a","e",{},1]"#, true),
        (Vsn::V2, r#"[null,"1",1,"e",{}]"#, true),
        (Vsn::V2, r#"[null,"1","realtime:a",null,{}]"#, true),
        (Vsn::V2, r#"[null,{},"realtime:a","e",{}]"#, true),
    ] {
        match ClientMessage::decode(vsn, frame) {
            Err(DecodeError::NotJson) => assert!(!is_json, "{frame}"),
            Err(DecodeError::NotAMessage(_)) => assert!(is_json, "{frame}"),
            other => panic!("{frame}: {other:?}"),
        }
    }
}

#[test]
fn a_bad_payload_can_be_replied_to() {
    for (event, payload, reason) in [
        ("access_token", "{}", "access_token is missing"),
        ("access_token", "[]", "payload must be an object"),
        ("broadcast", "{}", "event is missing"),
        ("broadcast", "{\"event\":1}", "event must be a string"),
        ("presence", "{}", "event must be track or untrack"),
        ("presence", "{\"event\":\"track\",\"payload\":1}", "payload must be an object"),
    ] {
        let frame = format!(r#"["1","2","{TOPIC}","{event}",{payload}]"#);
        let error = ClientMessage::decode(Vsn::V2, &frame).unwrap_err();
        let (join_ref, reference) = (Some("1".to_owned()), Some("2".to_owned()));
        let wanted =
            DecodeError::Payload { join_ref, reference, topic: TOPIC.to_owned(), reason: reason.to_owned() };
        assert_eq!(error, wanted);
    }
}

/// As realtime-js 2 encodes `{event: 'é', payload: …}` on `realtime:room1`.
fn push(encoding: u8, payload: &[u8]) -> Vec<u8> {
    let header = [3, 1, 2, 14, 2, 0, encoding];
    [&header, b"1".as_slice(), b"42", TOPIC.as_bytes(), "é".as_bytes(), payload].concat()
}

#[test]
fn binary_broadcast_format_unchanged() {
    let message = ClientMessage::decode_binary(&push(1, br#"{"a": 1}"#)).unwrap();
    assert_eq!((message.join_ref.as_deref(), message.reference.as_deref()), (Some("1"), Some("42")));
    assert_eq!(message.topic, TOPIC);
    let ClientEvent::Broadcast(Broadcast { event, body: BroadcastBody::Json(json) }) = message.event else {
        panic!("no broadcast")
    };
    assert_eq!((event.as_str(), json.get()), ("é", r#"{"a": 1}"#));

    let message = ClientMessage::decode_binary(&push(0, &[0, 255])).unwrap();
    let ClientEvent::Broadcast(broadcast) = message.event else { panic!("no broadcast") };
    let out = Server::new(Vsn::V2, TOPIC, None).broadcast(&broadcast).unwrap();
    let wanted = [&[4, 14, 2, 0, 0], TOPIC.as_bytes(), "é".as_bytes(), &[0, 255]].concat();
    assert_eq!(out, Frame::Binary(wanted.into()));
    assert_eq!(Server::new(Vsn::V1, TOPIC, None).broadcast(&broadcast), None);
}

#[test]
fn broken_binary_frames_are_refused() {
    let whole = push(1, b"{}");
    for frame in [&whole[..0], &whole[..5], &whole[..20], &[4, 0, 0, 0, 0], &[3, 0, 0, 1, 0, 0, 1, 0xff]] {
        assert!(matches!(ClientMessage::decode_binary(frame), Err(DecodeError::NotAMessage(_))), "{frame:?}");
    }
    for frame in [push(1, b"{"), push(2, b"{}"), push(1, &[0xff])] {
        assert!(
            matches!(ClientMessage::decode_binary(&frame), Err(DecodeError::Payload { .. })),
            "{frame:?}"
        );
    }
}

#[test]
fn server_messages_format_unchanged() {
    let both = |build: &dyn Fn(Server<'_>) -> Frame, v1: &str, v2: &str| {
        assert_eq!(text(&build(Server::new(Vsn::V1, TOPIC, Some("1")))), v1);
        assert_eq!(text(&build(Server::new(Vsn::V2, TOPIC, Some("1")))), v2);
    };
    both(
        &|server| server.reply_ok(Some("2"), None),
        r#"{"ref":"2","topic":"realtime:room1","event":"phx_reply","payload":{"response":{},"status":"ok"}}"#,
        r#"["1","2","realtime:room1","phx_reply",{"response":{},"status":"ok"}]"#,
    );
    both(
        &|server| server.reply_error(Some("2"), "Unauthorized: \"no\""),
        r#"{"ref":"2","topic":"realtime:room1","event":"phx_reply","payload":{"response":{"reason":"Unauthorized: \"no\""},"status":"error"}}"#,
        r#"["1","2","realtime:room1","phx_reply",{"response":{"reason":"Unauthorized: \"no\""},"status":"error"}]"#,
    );
    both(
        &|server| {
            let message = "Subscribed to PostgreSQL";
            server.system(&System {
                extension: "postgres_changes",
                status: "ok",
                message,
                ..System::default()
            })
        },
        r#"{"ref":null,"topic":"realtime:room1","event":"system","payload":{"channel":"room1","extension":"postgres_changes","status":"ok","message":"Subscribed to PostgreSQL"}}"#,
        r#"["1",null,"realtime:room1","system",{"channel":"room1","extension":"postgres_changes","status":"ok","message":"Subscribed to PostgreSQL"}]"#,
    );
    both(
        &|server| {
            let (epoch, offset, since) = (Some("e"), Some(7), Some(8));
            server.system(&System {
                extension: "chairside",
                status: "stale",
                message: "m",
                epoch,
                offset,
                since,
            })
        },
        r#"{"ref":null,"topic":"realtime:room1","event":"system","payload":{"channel":"room1","extension":"chairside","status":"stale","message":"m","epoch":"e","offset":7,"since":8}}"#,
        r#"["1",null,"realtime:room1","system",{"channel":"room1","extension":"chairside","status":"stale","message":"m","epoch":"e","offset":7,"since":8}]"#,
    );
    both(
        &|server| server.presence_state(&raw(r#"{"k":{"metas":[]}}"#)),
        r#"{"ref":null,"topic":"realtime:room1","event":"presence_state","payload":{"k":{"metas":[]}}}"#,
        r#"["1",null,"realtime:room1","presence_state",{"k":{"metas":[]}}]"#,
    );
    both(
        &|server| server.presence_diff(&raw(r#"{"joins":{},"leaves":{}}"#)),
        r#"{"ref":null,"topic":"realtime:room1","event":"presence_diff","payload":{"joins":{},"leaves":{}}}"#,
        r#"["1",null,"realtime:room1","presence_diff",{"joins":{},"leaves":{}}]"#,
    );
    both(
        &|server| {
            let body = BroadcastBody::Json(raw(r#"{"a":1.0}"#));
            server.broadcast(&Broadcast { event: "e".to_owned(), body }).unwrap()
        },
        r#"{"ref":null,"topic":"realtime:room1","event":"broadcast","payload":{"event":"e","payload":{"a":1.0},"type":"broadcast"}}"#,
        r#"["1",null,"realtime:room1","broadcast",{"event":"e","payload":{"a":1.0},"type":"broadcast"}]"#,
    );
    both(
        &|server| server.close(),
        r#"{"ref":"1","topic":"realtime:room1","event":"phx_close","payload":{}}"#,
        r#"["1","1","realtime:room1","phx_close",{}]"#,
    );
    both(
        &|server| server.error(),
        r#"{"ref":"1","topic":"realtime:room1","event":"phx_error","payload":{}}"#,
        r#"["1","1","realtime:room1","phx_error",{}]"#,
    );
    both(
        &|server| Server::heartbeat(server.vsn, Some("7")),
        r#"{"ref":"7","topic":"phoenix","event":"phx_reply","payload":{"response":{},"status":"ok"}}"#,
        r#"[null,"7","phoenix","phx_reply",{"response":{},"status":"ok"}]"#,
    );
    both(
        &|server| Server::unmatched_topic(server.vsn, "realtime:x", Some("7")),
        r#"{"ref":"7","topic":"realtime:x","event":"phx_reply","payload":{"response":{"reason":"unmatched topic"},"status":"error"}}"#,
        r#"[null,"7","realtime:x","phx_reply",{"response":{"reason":"unmatched topic"},"status":"error"}]"#,
    );
}

#[test]
fn the_reply_to_a_join_repeats_the_entries_with_ids() {
    let entries = [raw(r#"{"event":"*","nested":{}}"#), raw("{}"), raw(r#"{"id":1 }"#)];
    let response = join_response(&entries, &[5, 6, 7]);
    assert_eq!(
        response.get(),
        r#"{"postgres_changes":[{"event":"*","nested":{},"id":5},{"id":6},{"id":1,"id":7}]}"#
    );
    assert_eq!(join_response(&[], &[]).get(), r#"{"postgres_changes":[]}"#);
}

fn change() -> Change {
    Change::parse(
        r#"{"seq":1,"table_name":"role","op":"UPDATE","key":{"id":1},"record":{"id":1,"version":12345678901234567890.0},
        "old_record":{"id":1,"version":1},"subjects":[],"at":"2026-11-24T15:30:32.12+00:00"}"#,
    )
    .unwrap()
}

#[test]
fn postgres_changes_format_unchanged() {
    let change = change();
    let mut frames = ChangeFrames::new(&change, "e", 9);
    let columns = r#"[{"name":"id","type":"int2"},{"name":"code","type":"text"},{"name":"name","type":"required_text"},{"name":"description","type":"note_text"},{"name":"permissions","type":"jsonb"},{"name":"version","type":"int4"},{"name":"created_at","type":"timestamptz"},{"name":"updated_at","type":"timestamptz"},{"name":"updated_by","type":"uuid"}]"#;
    let start = format!(
        r#""data":{{"columns":{columns},"commit_timestamp":"2026-11-24T15:30:32.120Z","errors":null,"#
    );
    let record = r#""record":{"id":1,"version":12345678901234567890.0},"#;
    for (visible, images, op) in [
        (Visible::Insert, record.to_owned(), "INSERT"),
        (Visible::Update, format!(r#""old_record":{{"id":1,"version":1}},{record}"#), "UPDATE"),
        (Visible::Appeared, format!(r#""old_record":{{"id":1}},{record}"#), "UPDATE"),
        (Visible::Delete, r#""old_record":{"id":1},"#.to_owned(), "DELETE"),
    ] {
        let payload = format!(
            r#"{{{start}{images}"schema":"public","table":"role","type":"{op}"}},"epoch":"e","ids":[3,4],"offset":9}}"#
        );
        let frame = frames.frame(Vsn::V2, TOPIC, visible, &[3, 4]).unwrap();
        assert_eq!(text(&frame), format!(r#"[null,null,"{TOPIC}","postgres_changes",{payload}]"#));
        let frame = frames.frame(Vsn::V1, TOPIC, visible, &[3, 4]).unwrap();
        assert_eq!(
            text(&frame),
            format!(r#"{{"ref":null,"topic":"{TOPIC}","event":"postgres_changes","payload":{payload}}}"#)
        );
    }
    assert_eq!(frames.frame(Vsn::V2, TOPIC, Visible::Nothing, &[3]), None);
    assert_eq!(frames.frame(Vsn::V2, TOPIC, Visible::Insert, &[]), None);
}

#[test]
fn a_frame_is_encoded_once_for_all_who_get_it() {
    let change = change();
    let mut frames = ChangeFrames::new(&change, "e", 9);
    let mut shared = |vsn, topic: &str, ids: &[u32]| match frames.frame(vsn, topic, Visible::Update, ids) {
        Some(Frame::Text(text)) => text,
        other => panic!("{other:?}"),
    };
    let first = shared(Vsn::V2, TOPIC, &[1]);
    assert!(Arc::ptr_eq(&first, &shared(Vsn::V2, TOPIC, &[1])));
    assert!(!Arc::ptr_eq(&first, &shared(Vsn::V2, TOPIC, &[2])));
    assert!(!Arc::ptr_eq(&first, &shared(Vsn::V2, "realtime:other", &[1])));
    assert!(!Arc::ptr_eq(&first, &shared(Vsn::V1, TOPIC, &[1])));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = ClientMessage::decode_binary(&bytes);
        let _ = ClientMessage::decode_binary(&[&[3], bytes.as_slice()].concat());
        let text = String::from_utf8_lossy(&bytes);
        for vsn in [Vsn::V1, Vsn::V2] {
            let _ = ClientMessage::decode(vsn, &text);
        }
    }

    #[test]
    fn no_payload_panics(event in "phx_join|access_token|broadcast|presence|heartbeat", value in "[\\[\\]{}\":,a-z0-9.]{0,60}") {
        let _ = ClientMessage::decode(Vsn::V2, &format!(r#"["1","1","{TOPIC}","{event}",{value}]"#));
        let _ = ClientMessage::decode(Vsn::V2, &format!(r#"["1","1","{TOPIC}","{event}",{{"config":{value}}}]"#));
    }

    #[test]
    fn what_is_printed_is_parsed_again(
        join_ref in proptest::option::of(any::<String>()), reference in proptest::option::of(any::<String>()),
        topic in any::<String>(), event in any::<String>(), payload in any::<String>(),
    ) {
        let payload = json!({"event": event, "payload": {"x": payload}});
        let v2 = json!([join_ref, reference, topic, "broadcast", payload]).to_string();
        let v1 = json!({"join_ref": join_ref, "ref": reference, "topic": topic, "event": "broadcast", "payload": payload}).to_string();
        for (vsn, frame) in [(Vsn::V1, v1), (Vsn::V2, v2)] {
            let message = ClientMessage::decode(vsn, &frame).unwrap();
            prop_assert_eq!(&message.join_ref, &join_ref);
            prop_assert_eq!(&message.reference, &reference);
            let ClientEvent::Broadcast(broadcast) = message.event else { panic!("no broadcast") };
            let out = Server::new(vsn, &message.topic, None).broadcast(&broadcast).unwrap();
            let ClientEvent::Broadcast(again) = ClientMessage::decode(vsn, text(&out)).unwrap().event else { panic!("no broadcast") };
            prop_assert_eq!(format!("{again:?}"), format!("{broadcast:?}"));
        }
    }

    #[test]
    fn a_binary_push_is_read_as_it_was_written(topic in ".{0,60}", event in ".{0,60}", payload in proptest::collection::vec(any::<u8>(), 0..99)) {
        let length = |text: &str| u8::try_from(text.len()).unwrap();
        let header = [3, 0, 0, length(&topic), length(&event), 0, 0];
        let frame = [&header, topic.as_bytes(), event.as_bytes(), &payload].concat();
        let message = ClientMessage::decode_binary(&frame).unwrap();
        prop_assert_eq!((message.join_ref, message.reference, &message.topic), (None, None, &topic));
        let ClientEvent::Broadcast(Broadcast { event: read, body: BroadcastBody::Bytes(bytes) }) = message.event else { panic!("no bytes") };
        prop_assert_eq!((read, bytes), (event, payload));
    }
}
