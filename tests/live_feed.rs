//! The Feed's rules, one at a time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod live_support;

use chairside::config::Secret;
use chairside::live::feed::{
    BACKFILL_LIMIT, Batch, BatchPlan, Cursor, Entry, Feed, FeedEffect, FeedEvent, FeedNotice, KEEP_ALIVE_MS,
    LogEnds, LogPage, META_KEY, Meta, PagePlan, STALE_MS, StoredFeed, TOPIC, UpstreamState, room_key,
};
use live_support::postgres::{PATIENT_1, appointment, row};
use serde_json::{Value, json};

const START: u64 = 1_700_000_000_000;

/// A Feed and what it asked for.
struct Bench {
    now: u64,
    feed: Feed,
    out: Vec<FeedEffect>,
    /// How much of it is of before the test.
    before: usize,
    random: u64,
}

fn cursor(epoch: &str, offset: u64) -> Cursor {
    Cursor { epoch: epoch.to_owned(), offset }
}

fn stored(last: u64, last_seq: u64, rooms: &[&str]) -> StoredFeed {
    let mut values = vec![(META_KEY.to_owned(), r#"{"epoch":"e","base_seq":0}"#.to_owned())];
    values.extend(rooms.iter().map(|room| (room_key(room), "{}".to_owned())));
    let log = (last > 0).then_some(LogEnds { first: 1, last, last_seq });
    StoredFeed { values, log }
}

fn change(seq: u64) -> Value {
    let image = appointment(seq, PATIENT_1, "confirmed");
    row(seq, "appointment", None, Some(&image))
}

fn rows(seqs: impl IntoIterator<Item = u64>) -> String {
    Value::Array(seqs.into_iter().map(change).collect()).to_string()
}

impl Bench {
    fn new(stored: &StoredFeed) -> Self {
        Self { now: START, feed: Feed::restore(stored, None), out: Vec::new(), before: 0, random: 7 }
    }

    /// A Feed whose log ends at this offset and `seq`, with a live upstream and one Room at the head.
    fn live(last: u64, last_seq: u64) -> Self {
        let mut bench = Self::new(&stored(last, last_seq, &[]));
        bench.listen("room", Some(cursor("e", last)));
        bench.newest(last_seq);
        bench.ready();
        bench.backfilled(&rows([]));
        bench.ack("room", last);
        bench.ack("room", last);
        assert_eq!(bench.state(), None, "nothing is left to be told");
        bench.before = bench.out.len();
        bench
    }

    /// What it asked for since it was live.
    fn during(&self) -> &[FeedEffect] {
        &self.out[self.before..]
    }

    fn give(&mut self, event: FeedEvent) -> Vec<FeedEffect> {
        self.random += 1_000;
        let effects = self.feed.handle(self.now, self.random, event);
        self.out.extend(effects.iter().cloned());
        effects
    }

    fn wait(&mut self, ms: u64) -> Vec<FeedEffect> {
        self.now += ms;
        self.give(FeedEvent::Alarm)
    }

    fn listen(&mut self, room: &str, cursor: Option<Cursor>) -> Vec<FeedEffect> {
        self.give(FeedEvent::Listen { room: room.to_owned(), cursor })
    }

    fn find<T>(&self, wanted: impl Fn(&FeedEffect) -> Option<T>) -> Option<T> {
        self.out.iter().rev().find_map(wanted)
    }

    fn connection(&self) -> u64 {
        self.find(|effect| match effect {
            FeedEffect::Connect { connection } => Some(*connection),
            _ => None,
        })
        .expect("it connected")
    }

    fn poll(&self) -> u64 {
        self.find(|effect| match effect {
            FeedEffect::AskNewest { request } => Some(*request),
            _ => None,
        })
        .expect("it asked for the newest")
    }

    fn backfill(&self) -> (u64, u64) {
        self.find(|effect| match effect {
            FeedEffect::Backfill { request, after, .. } => Some((*request, *after)),
            _ => None,
        })
        .expect("it asked for a backfill")
    }

    fn newest(&mut self, newest: u64) -> Vec<FeedEffect> {
        let request = self.poll();
        self.give(FeedEvent::Newest { request, newest: (newest > 0).then_some(newest) })
    }

    fn backfilled(&mut self, body: &str) -> Vec<FeedEffect> {
        let (request, _) = self.backfill();
        self.give(FeedEvent::Backfilled { request, body: body.to_owned() })
    }

    fn ack(&mut self, room: &str, offset: u64) -> Vec<FeedEffect> {
        self.give(FeedEvent::Acked { room: room.to_owned(), cursor: cursor("e", offset) })
    }

    fn frame(&mut self, frame: &Value) -> Vec<FeedEffect> {
        let connection = self.connection();
        self.give(FeedEvent::UpstreamFrames { connection, texts: vec![frame.to_string()] })
    }

    /// The last frame that went to Realtime.
    fn sent(&self) -> Value {
        let text = self.find(|effect| match effect {
            FeedEffect::SendUpstream(text) => Some(text.clone()),
            _ => None,
        });
        serde_json::from_str(&text.expect("it sent a frame")).unwrap()
    }

    fn system(&mut self, status: &str) -> Vec<FeedEffect> {
        self.frame(&json!([null, null, TOPIC, "system", {"extension": "postgres_changes", "status": status, "message": ""}]))
    }

    /// From an open socket to `system ok`.
    fn ready(&mut self) {
        let connection = self.connection();
        self.give(FeedEvent::UpstreamOpened { connection });
        self.system("ok");
    }

    fn inserted(&mut self, row: &Value) -> Vec<FeedEffect> {
        self.frame(&insert(row))
    }

    /// The state that a push on its way tells.
    fn state(&mut self) -> Option<UpstreamState> {
        let effects = self.give(FeedEvent::Alarm);
        plan(&effects).map(|plan| plan.state)
    }
}

fn insert(row: &Value) -> Value {
    let data =
        json!({"type": "INSERT", "schema": "public", "table": "change_log", "errors": null, "record": row});
    json!([null, null, TOPIC, "postgres_changes", {"ids": [1], "data": data}])
}

fn plan(effects: &[FeedEffect]) -> Option<&BatchPlan> {
    effects.iter().find_map(|effect| match effect {
        FeedEffect::Push { batch, .. } => Some(batch),
        _ => None,
    })
}

fn appended(effects: &[FeedEffect]) -> Vec<(u64, u64)> {
    let entries = effects.iter().filter_map(|effect| match effect {
        FeedEffect::Append(entries) => Some(entries),
        _ => None,
    });
    entries.flatten().map(|entry: &Entry| (entry.offset, entry.seq)).collect()
}

fn has(effects: &[FeedEffect], wanted: impl Fn(&FeedEffect) -> bool) -> bool {
    effects.iter().any(wanted)
}

fn asks_backfill(effects: &[FeedEffect]) -> bool {
    has(effects, |effect| matches!(effect, FeedEffect::Backfill { .. }))
}

#[test]
fn the_first_listener_starts_everything_and_the_log_begins_at_the_newest_change() {
    let mut bench = Bench::new(&StoredFeed::default());
    let effects = bench.listen("room", None);
    assert!(matches!(effects[0], FeedEffect::Save { ref key, .. } if *key == room_key("room")));
    assert!(has(&effects, |effect| matches!(effect, FeedEffect::Connect { .. })));
    assert!(has(&effects, |effect| matches!(effect, FeedEffect::SetAlarm(_))));
    assert!(plan(&effects).is_none() && !asks_backfill(&effects));
    let effects = bench.newest(41);
    let FeedEffect::ResetLog { key, value } =
        effects.iter().find(|effect| matches!(effect, FeedEffect::ResetLog { .. })).unwrap()
    else {
        unreachable!()
    };
    let meta: Meta = serde_json::from_str(value).unwrap();
    assert_eq!((key.as_str(), meta.base_seq), (META_KEY, 41));
    let plan = plan(&effects).unwrap();
    assert_eq!((plan.epoch.as_str(), plan.from, plan.head, plan.reset), (meta.epoch.as_str(), 0, 0, false));
    bench.ready();
    assert_eq!(appended(&bench.backfilled(&rows([42, 45]))), [(1, 42), (2, 45)]);
}

#[test]
fn a_new_room_waits_until_the_log_is_complete_and_gets_nothing_from_before() {
    let mut bench = Bench::new(&stored(10, 10, &[]));
    bench.listen("room", None);
    assert!(plan(&bench.newest(12)).is_none(), "the log lacks two changes");
    let effects = bench.backfilled(&rows([11, 12]));
    assert_eq!(appended(&effects), [(11, 11), (12, 12)]);
    assert_eq!(plan(&effects).map(|plan| (plan.from, plan.head)), Some((12, 12)));
}

#[test]
fn the_next_change_from_realtime_is_stored_and_then_pushed() {
    let mut bench = Bench::live(5, 50);
    let effects = bench.inserted(&change(51));
    assert_eq!(appended(&effects), [(6, 51)]);
    let append = effects.iter().position(|effect| matches!(effect, FeedEffect::Append(_)));
    let push = effects.iter().position(|effect| matches!(effect, FeedEffect::Push { .. }));
    assert!(append.unwrap() < push.unwrap());
    assert_eq!(
        plan(&effects).map(|plan| (plan.from, plan.upto, plan.state)),
        Some((5, 6, UpstreamState::Live))
    );
    assert!(!asks_backfill(&effects));
}

#[test]
fn changes_that_come_at_once_go_out_as_one_push() {
    let mut bench = Bench::live(10, 10);
    let connection = bench.connection();
    let texts = [11, 12, 12, 13].map(|seq| insert(&change(seq)).to_string()).to_vec();
    let effects = bench.give(FeedEvent::UpstreamFrames { connection, texts });
    assert_eq!(appended(&effects), [(11, 11), (12, 12), (13, 13)]);
    let pushes = effects.iter().filter(|effect| matches!(effect, FeedEffect::Push { .. }));
    assert_eq!(pushes.count(), 1);
    assert_eq!(plan(&effects).map(|plan| (plan.from, plan.upto)), Some((10, 13)));
}

#[test]
fn frames_of_a_connection_that_one_of_them_ended_do_not_count() {
    let mut bench = Bench::live(10, 10);
    let connection = bench.connection();
    let close = json!([null, null, TOPIC, "phx_close", {}]).to_string();
    let texts = vec![close, insert(&change(11)).to_string()];
    assert_eq!(appended(&bench.give(FeedEvent::UpstreamFrames { connection, texts })), []);
}

#[test]
fn a_change_that_was_taken_is_not_taken_again() {
    let mut bench = Bench::live(5, 50);
    bench.inserted(&change(51));
    assert!(appended(&bench.inserted(&change(51))).is_empty());
    assert!(appended(&bench.inserted(&change(50))).is_empty());
    assert!(!asks_backfill(bench.during()));
}

#[test]
fn a_gap_is_filled_by_a_backfill_and_never_jumped() {
    let mut bench = Bench::live(5, 50);
    let effects = bench.inserted(&change(53));
    assert!(appended(&effects).is_empty() && asks_backfill(&effects));
    assert_eq!(bench.backfill().1, 50);
    // 51 came through Realtime in the meantime; the page brings it again.
    assert_eq!(appended(&bench.inserted(&change(51))), [(6, 51)]);
    assert_eq!(appended(&bench.backfilled(&rows([51, 53]))), [(7, 53)]);
}

#[test]
fn one_backfill_is_on_its_way_and_one_more_follows_for_all_that_asked_meanwhile() {
    let mut bench = Bench::live(5, 50);
    assert!(asks_backfill(&bench.give(FeedEvent::Nudge)));
    for _ in 0..5 {
        assert!(!asks_backfill(&bench.give(FeedEvent::Nudge)));
    }
    assert!(asks_backfill(&bench.backfilled(&rows([51]))), "a nudge came after the read began");
    assert_eq!(bench.backfill().1, 51);
    assert!(!asks_backfill(&bench.backfilled(&rows([]))));
}

#[test]
fn a_nudge_without_listeners_is_nothing() {
    let mut bench = Bench::new(&stored(5, 50, &[]));
    assert_eq!(bench.give(FeedEvent::Nudge), []);
    assert!(!bench.feed.is_listened_to() && Bench::live(5, 50).feed.is_listened_to());
}

#[test]
fn a_full_page_is_followed_by_the_next() {
    let mut bench = Bench::live(0, 0);
    bench.give(FeedEvent::Nudge);
    let effects = bench.backfilled(&rows(1..=BACKFILL_LIMIT));
    assert!(asks_backfill(&effects));
    assert_eq!(bench.backfill().1, BACKFILL_LIMIT);
    assert!(!asks_backfill(&bench.backfilled(&rows([BACKFILL_LIMIT + 1]))));
}

#[test]
fn a_backfill_that_fails_is_tried_again_later_and_later() {
    let mut bench = Bench::live(5, 50);
    bench.give(FeedEvent::Nudge);
    let mut waits = Vec::new();
    for _ in 0..5 {
        let request = bench.backfill().0;
        let effects = bench.give(FeedEvent::BackfillFailed { request, status: Some(503) });
        assert!(has(&effects, |effect| *effect == FeedEffect::Log(FeedNotice::BackfillFailed(Some(503)))));
        assert!(!asks_backfill(&effects));
        let began = bench.now;
        while !asks_backfill(&bench.wait(25)) {}
        waits.push(bench.now - began);
    }
    assert!(waits[0] <= 275 && waits[4] >= 2_000 && waits[4] <= 4_025, "{waits:?}");
    for body in ["", "{}", "[1]", r#"[{"seq":52},{"seq":51}]"#] {
        let request = bench.backfill().0;
        let effects = bench.give(FeedEvent::Backfilled { request, body: body.to_owned() });
        assert!(
            appended(&effects).is_empty()
                && has(&effects, |effect| matches!(
                    effect,
                    FeedEffect::Log(FeedNotice::BackfillFailed(None))
                ))
        );
        bench.wait(30_000);
    }
}

#[test]
fn a_backfill_without_any_answer_is_given_up_and_its_late_answer_passed_over() {
    let mut bench = Bench::live(5, 50);
    bench.give(FeedEvent::Nudge);
    let (old, _) = bench.backfill();
    bench.wait(15_000);
    bench.wait(500);
    assert_ne!(bench.backfill().0, old, "asked again");
    assert!(appended(&bench.give(FeedEvent::Backfilled { request: old, body: rows([51]) })).is_empty());
    assert_eq!(appended(&bench.backfilled(&rows([51]))), [(6, 51)]);
}

#[test]
fn a_change_that_realtime_cut_is_read_from_postgres() {
    for data in [
        json!({"type": "INSERT", "errors": ["Error 413: Payload Too Large"], "record": change(51)}),
        json!({"type": "INSERT", "errors": null}),
        json!({"type": "INSERT", "errors": null, "record": {"seq": 51}}),
    ] {
        let mut bench = Bench::live(5, 50);
        let effects =
            bench.frame(&json!([null, null, TOPIC, "postgres_changes", {"ids": [1], "data": data}]));
        assert!(appended(&effects).is_empty() && asks_backfill(&effects));
    }
    let mut bench = Bench::live(5, 50);
    let connection = bench.connection();
    let effects =
        bench.give(FeedEvent::UpstreamFrames { connection, texts: vec!["no frame at all".to_owned()] });
    assert!(asks_backfill(&effects));
}

#[test]
fn a_row_that_cannot_be_read_is_passed_over_with_a_notice_and_holds_up_nobody() {
    let mut bench = Bench::live(5, 50);
    bench.give(FeedEvent::Nudge);
    let mut unknown = change(51);
    unknown["table_name"] = "a_table_of_next_year".into();
    let effects = bench.backfilled(&json!([unknown, change(52)]).to_string());
    assert_eq!(appended(&effects), [(6, 52)]);
    assert!(has(&effects, |effect| matches!(effect, FeedEffect::Log(FeedNotice::BadEntry { seq: 51, .. }))));
}

#[test]
fn a_payload_that_was_erased_before_it_was_read_begins_a_new_epoch() {
    let mut bench = Bench::live(5, 50);
    bench.give(FeedEvent::Nudge);
    let mut emptied = change(52);
    emptied["record"] = Value::Null;
    let effects = bench.backfilled(&json!([change(51), emptied, change(53)]).to_string());
    assert_eq!(appended(&effects), [(1, 53)]);
    let plan = plan(&effects).unwrap();
    assert!(plan.epoch != "e" && plan.reset);
}

#[test]
fn a_database_that_went_back_in_time_begins_a_new_epoch() {
    let mut bench = Bench::live(5, 50);
    bench.wait(2_000);
    let effects = bench.newest(49);
    assert!(has(&effects, |effect| matches!(effect, FeedEffect::ResetLog { .. })));
    assert!(plan(&effects).unwrap().reset);
}

#[test]
fn an_answer_about_the_newest_change_that_is_overtaken_is_no_step_back() {
    let mut bench = Bench::live(5, 50);
    bench.wait(2_000);
    bench.inserted(&change(51));
    assert!(!has(&bench.newest(50), |effect| matches!(effect, FeedEffect::ResetLog { .. })));
}

#[test]
fn answers_that_an_instance_before_this_one_asked_for_do_not_count() {
    let mut bench = Bench::live(5, 50);
    bench.wait(2_000);
    bench.give(FeedEvent::Nudge);
    let (poll, backfill, connection) = (bench.poll(), bench.backfill().0, bench.connection());
    let mut next = Bench::new(&stored(5, 50, &["room"]));
    next.random = 900_000;
    next.give(FeedEvent::Alarm);
    let newest = FeedEvent::Newest { request: poll, newest: Some(1) };
    assert!(!has(&next.give(newest), |effect| matches!(effect, FeedEffect::ResetLog { .. })));
    next.newest(51);
    assert!(appended(&next.give(FeedEvent::Backfilled { request: backfill, body: rows([51]) })).is_empty());
    let text =
        json!([null, null, TOPIC, "system", {"extension": "postgres_changes", "status": "ok"}]).to_string();
    assert!(!has(&next.give(FeedEvent::UpstreamFrames { connection, texts: vec![text] }), |effect| *effect
        == FeedEffect::Log(FeedNotice::Ready)));
}

#[test]
fn a_log_far_behind_begins_anew_unless_somebody_goes_on_from_it() {
    let mut bench = Bench::new(&stored(10, 10, &[]));
    bench.listen("room", None);
    assert!(has(&bench.newest(30_000), |effect| matches!(effect, FeedEffect::ResetLog { .. })));
    let mut bench = Bench::new(&stored(10, 10, &[]));
    bench.listen("room", None);
    assert!(asks_backfill(&bench.newest(20_010)));
    let mut bench = Bench::new(&stored(10, 10, &["room"]));
    bench.give(FeedEvent::Alarm);
    assert!(asks_backfill(&bench.newest(30_000)));
}

#[test]
fn the_join_is_one_binding_on_change_log_with_the_service_key() {
    let jwt = "aaa.bbb.ccc";
    for (key, sent) in [(jwt, json!(jwt)), ("sb_secret_x", Value::Null)] {
        let feed = Feed::restore(&StoredFeed::default(), Some(Secret::new(key)));
        let mut bench = Bench { now: START, feed, out: Vec::new(), before: 0, random: 7 };
        bench.listen("room", None);
        let connection = bench.connection();
        bench.give(FeedEvent::UpstreamOpened { connection });
        let frame = bench.sent();
        assert_eq!((&frame[2], &frame[3]), (&json!(TOPIC), &json!("phx_join")));
        assert_eq!(
            frame[4]["config"]["postgres_changes"],
            json!([{"event": "INSERT", "schema": "public", "table": "change_log"}])
        );
        assert_eq!(frame[4]["access_token"], sent);
        assert!(!format!("{:?}", bench.feed).contains(jwt), "the key does not show");
    }
}

#[test]
fn what_was_committed_before_realtime_was_ready_is_read_each_time_it_says_so() {
    let mut bench = Bench::live(5, 50);
    assert!(asks_backfill(&bench.system("ok")), "unsolicited: the subscription was made anew");
    let effects = bench.backfilled(&rows([51]));
    assert_eq!(appended(&effects), [(6, 51)]);
}

#[test]
fn a_silent_realtime_is_noticed_and_joined_again_then_connected_again() {
    let mut bench = Bench::live(5, 50);
    bench.wait(2_000);
    assert!(!asks_backfill(&bench.newest(52)), "Realtime gets a second");
    let effects = bench.wait(1_000);
    assert!(has(&effects, |effect| matches!(
        effect,
        FeedEffect::Log(FeedNotice::UpstreamSilent { behind: 2 })
    )));
    assert!(asks_backfill(&effects));
    assert_eq!(bench.sent()[3], "phx_join");
    bench.backfilled(&rows([51, 52]));
    bench.system("ok");
    bench.backfilled(&rows([]));
    // Nothing has come through since: a new join did not help.
    bench.wait(2_000);
    bench.newest(53);
    let effects = bench.wait(1_000);
    assert!(has(&effects, |effect| *effect == FeedEffect::CloseUpstream));
    assert!(has(&bench.wait(500), |effect| matches!(effect, FeedEffect::Connect { .. })));
}

#[test]
fn a_change_that_arrives_within_the_second_raises_no_doubt() {
    let mut bench = Bench::live(5, 50);
    bench.wait(2_000);
    bench.newest(51);
    bench.inserted(&change(51));
    let effects = bench.wait(1_000);
    assert!(
        !asks_backfill(&effects) && !has(&effects, |effect| matches!(effect, FeedEffect::SendUpstream(_)))
    );
}

#[test]
fn heartbeats_are_sent_and_a_connection_that_does_not_answer_is_given_up() {
    let mut bench = Bench::live(5, 50);
    bench.wait(25_000);
    let beat = bench.sent();
    assert_eq!((&beat[2], &beat[3]), (&json!("phoenix"), &json!("heartbeat")));
    bench.frame(&json!([null, beat[1], "phoenix", "phx_reply", {"response": {}, "status": "ok"}]));
    assert!(!has(&bench.wait(10_000), |effect| *effect == FeedEffect::CloseUpstream));
    bench.wait(15_000);
    assert_eq!(bench.sent()[3], "heartbeat");
    let effects = bench.wait(10_000);
    assert!(has(&effects, |effect| *effect == FeedEffect::CloseUpstream));
}

#[test]
fn a_connection_that_does_not_get_ready_is_given_up_and_retried_later_and_later() {
    let refused = |bench: &mut Bench| {
        let connection = bench.connection();
        bench.give(FeedEvent::UpstreamOpened { connection });
        let join = bench.sent();
        bench.frame(
            &json!([join[0], join[1], TOPIC, "phx_reply", {"response": {"reason": "no"}, "status": "error"}]),
        )
    };
    let mut bench = Bench::new(&stored(5, 50, &["room"]));
    bench.give(FeedEvent::Alarm);
    let mut waits = Vec::new();
    for _ in 0..6 {
        assert!(has(&refused(&mut bench), |effect| *effect == FeedEffect::CloseUpstream));
        let began = bench.now;
        while !has(&bench.wait(50), |effect| matches!(effect, FeedEffect::Connect { .. })) {}
        waits.push(bench.now - began);
    }
    assert!(waits[0] <= 300 && waits[5] >= 4_000, "{waits:?}");
    // Opened, joined, and then nothing.
    let connection = bench.connection();
    bench.give(FeedEvent::UpstreamOpened { connection });
    assert!(has(&bench.wait(15_000), |effect| *effect == FeedEffect::CloseUpstream));
    // Not even opened.
    bench.wait(30_000);
    assert!(has(&bench.wait(15_000), |effect| *effect == FeedEffect::CloseUpstream));
}

#[test]
fn closed_channels_errors_and_sockets_are_connected_again() {
    for event in ["phx_error", "phx_close"] {
        let mut bench = Bench::live(5, 50);
        let effects = bench.frame(&json!([null, null, TOPIC, event, {}]));
        assert!(has(&effects, |effect| *effect == FeedEffect::CloseUpstream));
        let effects = bench.frame(&json!(["0", null, TOPIC, event, {}]));
        assert!(
            effects.is_empty() || !has(&effects, |effect| *effect == FeedEffect::CloseUpstream),
            "of another join"
        );
    }
    let mut bench = Bench::live(5, 50);
    bench.system("error");
    assert!(has(&bench.wait(500), |effect| matches!(effect, FeedEffect::Connect { .. })));
    let mut bench = Bench::live(5, 50);
    let old = bench.connection();
    bench.give(FeedEvent::UpstreamClosed { connection: old, code: Some(1012) });
    bench.wait(500);
    assert_ne!(bench.connection(), old);
    let effects = bench.give(FeedEvent::UpstreamClosed { connection: old, code: None });
    assert!(
        !has(&effects, |effect| matches!(effect, FeedEffect::Log(FeedNotice::UpstreamLost(_)))),
        "an old socket"
    );
}

#[test]
fn the_feed_lets_go_a_while_after_the_last_room() {
    let mut bench = Bench::live(5, 50);
    let effects = bench.give(FeedEvent::Leave { room: "room".to_owned() });
    assert!(has(&effects, |effect| *effect == FeedEffect::Forget { key: room_key("room") }));
    assert!(!has(&effects, |effect| *effect == FeedEffect::CloseUpstream));
    bench.wait(10_000);
    let effects = bench.wait(5_000);
    assert_eq!(effects, [FeedEffect::CloseUpstream]);
    assert_eq!(bench.wait(100_000), []);
    assert!(has(&bench.listen("room", None), |effect| matches!(effect, FeedEffect::Connect { .. })));
}

#[test]
fn a_room_that_comes_back_soon_finds_the_connection_as_it_was() {
    let mut bench = Bench::live(5, 50);
    bench.give(FeedEvent::Leave { room: "room".to_owned() });
    bench.wait(5_000);
    let effects = bench.listen("room", None);
    assert_eq!(plan(&effects).map(|plan| plan.from), Some(5));
    assert!(!has(&effects, |effect| matches!(effect, FeedEffect::Connect { .. })));
}

#[test]
fn a_push_that_fails_is_repeated_and_a_room_that_never_answers_is_let_go() {
    let mut bench = Bench::live(5, 50);
    bench.inserted(&change(51));
    let failed = |bench: &mut Bench| bench.give(FeedEvent::PushFailed { room: "room".to_owned() });
    for _ in 0..9 {
        assert!(plan(&failed(&mut bench)).is_none());
        let effects = bench.wait(30_000);
        assert_eq!(plan(&effects).map(|plan| (plan.from, plan.upto)), Some((5, 6)));
    }
    let effects = failed(&mut bench);
    assert!(has(&effects, |effect| *effect == FeedEffect::Log(FeedNotice::RoomDropped("room".to_owned()))));
    assert!(has(&effects, |effect| *effect == FeedEffect::Forget { key: room_key("room") }));
    let effects = bench.listen("room", Some(cursor("e", 5)));
    assert_eq!(plan(&effects).map(|plan| (plan.from, plan.upto)), Some((5, 6)));
}

#[test]
fn one_push_at_a_time_goes_to_a_room_and_one_without_an_answer_is_repeated() {
    let mut bench = Bench::live(5, 50);
    assert!(plan(&bench.inserted(&change(51))).is_some());
    assert!(plan(&bench.inserted(&change(52))).is_none());
    assert_eq!(plan(&bench.ack("room", 6)).map(|plan| (plan.from, plan.upto)), Some((6, 7)));
    bench.wait(30_000);
    assert_eq!(plan(&bench.wait(500)).map(|plan| (plan.from, plan.upto)), Some((6, 7)));
}

#[test]
fn a_room_s_own_cursor_is_believed() {
    let mut bench = Bench::live(5, 50);
    bench.inserted(&change(51));
    assert_eq!(
        plan(&bench.ack("room", 3)).map(|plan| (plan.from, plan.upto, plan.reset)),
        Some((3, 6, false))
    );
    let effects = bench.give(FeedEvent::Acked { room: "room".to_owned(), cursor: cursor("other", 3) });
    assert_eq!(plan(&effects).map(|plan| (plan.from, plan.reset)), Some((6, true)));
    bench.ack("room", 6);
    let effects = bench.listen("room", Some(cursor("other", 2)));
    assert_eq!(plan(&effects).map(|plan| (plan.from, plan.reset)), Some((6, true)));
    let effects = bench.listen("room", Some(cursor("e", 99)));
    assert_eq!(plan(&effects).map(|plan| (plan.from, plan.reset)), Some((6, true)), "beyond the log");
}

#[test]
fn a_room_that_takes_nothing_is_asked_again_later_not_at_once() {
    let mut bench = Bench::live(5, 50);
    bench.inserted(&change(51));
    assert!(plan(&bench.ack("room", 5)).is_none());
    assert!(plan(&bench.wait(250)).is_some());
}

#[test]
fn a_room_before_the_log_is_told_that_changes_are_lost() {
    let mut bench = Bench::live(50, 50);
    bench.give(FeedEvent::Trimmed { first: 40 });
    let effects = bench.listen("late", Some(cursor("e", 38)));
    assert_eq!(plan(&effects).map(|plan| (plan.from, plan.upto, plan.reset)), Some((39, 50, true)));
    let effects = bench.listen("later", Some(cursor("e", 39)));
    assert_eq!(plan(&effects).map(|plan| (plan.from, plan.reset)), Some((39, false)));
}

#[test]
fn after_a_restart_the_rooms_are_asked_for_their_cursors() {
    let mut bench = Bench::new(&stored(9, 90, &["room", "other"]));
    let effects = bench.give(FeedEvent::Alarm);
    assert!(has(&effects, |effect| matches!(effect, FeedEffect::Connect { .. })));
    assert_eq!(plan(&effects).map(|plan| (plan.from, plan.upto, plan.reset)), Some((9, 9, false)));
    assert_eq!(plan(&bench.ack("room", 4)).map(|plan| (plan.from, plan.upto)), Some((4, 9)));
}

#[test]
fn the_states_are_live_catching_up_and_stale_since() {
    let mut bench = Bench::live(5, 50);
    let told = |effects: &[FeedEffect]| plan(effects).map(|plan| (plan.state, plan.since));
    let connection = bench.connection();
    let effects = bench.give(FeedEvent::UpstreamClosed { connection, code: None });
    assert_eq!(told(&effects), Some((UpstreamState::CatchingUp, None)));
    bench.ack("room", 5);
    let since = bench.now;
    let effects = bench.wait(STALE_MS);
    assert_eq!(told(&effects), Some((UpstreamState::Stale, Some(since))));
    bench.ack("room", 5);
    let effects = bench.newest(50);
    assert_eq!(
        told(&effects),
        Some((UpstreamState::CatchingUp, None)),
        "Postgres says that nothing is missing"
    );
    bench.ack("room", 5);
    bench.ready();
    let effects = bench.backfilled(&rows([]));
    assert_eq!(told(&effects), Some((UpstreamState::Live, None)));
}

#[test]
fn without_realtime_postgres_is_polled() {
    let mut bench = Bench::live(5, 50);
    let connection = bench.connection();
    bench.give(FeedEvent::UpstreamClosed { connection, code: None });
    bench.wait(2_000);
    assert!(asks_backfill(&bench.newest(51)), "at once: nobody else will bring it");
}

#[test]
fn a_postgres_that_never_answered_makes_it_stale_too() {
    let mut bench = Bench::new(&stored(5, 50, &["room"]));
    bench.give(FeedEvent::Alarm);
    bench.ack("room", 5);
    let effects = bench.wait(STALE_MS);
    assert_eq!(plan(&effects).map(|plan| (plan.state, plan.since)), Some((UpstreamState::Stale, None)));
}

#[test]
fn rooms_hear_from_the_feed_when_nothing_happens() {
    let mut bench = Bench::live(5, 50);
    for _ in 0..9 {
        bench.wait(2_000);
        bench.newest(50);
        assert_eq!(plan(bench.during()), None);
    }
    let effects = bench.wait(KEEP_ALIVE_MS - 18_000);
    assert_eq!(plan(&effects).map(|plan| (plan.from, plan.upto)), Some((5, 5)));
}

#[test]
fn an_alarm_is_set_within_a_minute_while_anybody_listens() {
    let mut bench = Bench::new(&StoredFeed::default());
    bench.listen("room", None);
    for _ in 0..200 {
        let at = bench.find(|effect| match effect {
            FeedEffect::SetAlarm(at) => Some(*at),
            _ => None,
        });
        let at = at.unwrap();
        assert!(at > bench.now && at <= bench.now + 60_000);
        bench.now = at;
        bench.give(FeedEvent::Alarm);
    }
}

#[test]
fn the_log_is_trimmed_by_number_and_age() {
    let mut bench = Bench::new(&stored(300_000, 300_000, &["room"]));
    let effects = bench.give(FeedEvent::Alarm);
    let trim = FeedEffect::Trim { below: 100_001, before_ms: START - 6 * 3_600_000 };
    assert!(effects.contains(&trim));
    assert!(!has(&bench.wait(500_000), |effect| matches!(effect, FeedEffect::Trim { .. })));
    assert!(has(&bench.wait(100_000), |effect| matches!(effect, FeedEffect::Trim { .. })));
}

#[test]
fn pages_are_read_within_the_log_and_nowhere_else() {
    let mut bench = Bench::live(50, 50);
    bench.give(FeedEvent::Trimmed { first: 40 });
    let read = |from| PagePlan::Read { epoch: "e".to_owned(), from, upto: 50, head: 50 };
    assert_eq!(bench.feed.page(&cursor("e", 45)), read(45));
    assert_eq!(bench.feed.page(&cursor("e", 39)), read(39));
    assert_eq!(bench.feed.page(&cursor("e", 50)), read(50));
    let gone = PagePlan::Gone(cursor("e", 50));
    for lost in [cursor("e", 38), cursor("e", 51), cursor("other", 45), cursor("e", u64::MAX - 1)] {
        assert_eq!(bench.feed.page(&lost), gone);
    }
    assert_eq!(Feed::restore(&StoredFeed::default(), None).page(&cursor("e", 1)), PagePlan::NotReady);
}

#[test]
fn pages_and_batches_hold_no_hole() {
    let entry = |offset: u64| (offset, change(offset).to_string());
    let page = |from, offsets: &[u64]| {
        let plan = PagePlan::Read { epoch: "e".to_owned(), from, upto: 9, head: 9 };
        plan.fill(offsets.iter().map(|offset| entry(*offset))).unwrap()
    };
    let offsets = |page: &LogPage| page.entries.iter().map(|entry| entry.offset).collect::<Vec<_>>();
    assert_eq!(offsets(&page(3, &[4, 5, 6])), [4, 5, 6]);
    assert_eq!(offsets(&page(3, &[4, 6])), [4]);
    assert!(page(3, &[5, 6]).gone, "the beginning was trimmed while it was read");
    let plan = BatchPlan {
        epoch: "e".to_owned(),
        from: 3,
        upto: 9,
        head: 9,
        state: UpstreamState::Live,
        since: None,
        reset: false,
    };
    let batch = plan.clone().fill([entry(6), entry(7)]);
    assert_eq!((batch.from, batch.reset, batch.entries.len()), (5, true, 2));
    let big = |offset| (offset, format!("\"{}\"", "x".repeat(600_000)));
    let batch = plan.fill([big(4), big(5), big(6)]);
    assert_eq!((batch.reset, batch.entries.len()), (false, 1), "about a megabyte at most");
}

#[test]
fn batch_format_unchanged() {
    let plan = BatchPlan {
        epoch: "e".to_owned(),
        from: 3,
        upto: 4,
        head: 4,
        state: UpstreamState::CatchingUp,
        since: Some(5),
        reset: false,
    };
    let batch = plan.fill([(4, r#"{"seq":7}"#.to_owned())]);
    let text = r#"{"epoch":"e","from":3,"entries":[{"offset":4,"change":{"seq":7}}],"head":4,"state":"catching-up","since":5,"reset":false}"#;
    assert_eq!(serde_json::to_string(&batch).unwrap(), text);
    let least: Batch = serde_json::from_str(r#"{"epoch":"e","from":3,"head":3,"state":"live"}"#).unwrap();
    assert!(least.entries.is_empty() && least.since.is_none() && !least.reset);
    let least: LogPage = serde_json::from_str(r#"{"epoch":"e","from":3,"head":3}"#).unwrap();
    assert!(least.entries.is_empty() && !least.gone);
    let page = LogPage::gone(cursor("e", 4));
    assert_eq!(
        serde_json::to_string(&page).unwrap(),
        r#"{"epoch":"e","from":4,"entries":[],"head":4,"gone":true}"#
    );
}

#[test]
fn stored_format_unchanged() {
    let meta = Meta { epoch: "00000000000003e8".to_owned(), base_seq: 41 };
    assert_eq!(serde_json::to_string(&meta).unwrap(), r#"{"epoch":"00000000000003e8","base_seq":41}"#);
    assert_eq!(serde_json::to_string(&cursor("e", 4)).unwrap(), r#"{"epoch":"e","offset":4}"#);
    assert_eq!((META_KEY, room_key("a").as_str()), ("meta", "room/a"));
    // What was stored by this version is read by every later one.
    let mut bench = Bench::new(&stored(9, 90, &["room"]));
    assert!(matches!(bench.feed.page(&cursor("e", 4)), PagePlan::Read { from: 4, upto: 9, .. }));
    assert!(plan(&bench.give(FeedEvent::Alarm)).is_some());
}
