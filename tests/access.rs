//! Readings of medical records: which requests are noted, with what, and that there is no reply without the note.

mod support;

use std::collections::BTreeMap;

use chairside::access::queue::{Effect, Event, GATHER_MS, MOST, OPEN_MS, Queue, Sender};
use chairside::access::{Intent, Outcome, Reading};
use chairside::http::{Method, find};
use chairside::live::room::{Grant, Reads, Refusal};
use chairside::realtime;
use futures::executor::block_on;
use serde_json::{Value, json};
use support::{
    NEW_ID, NOW, REQUEST_ID, Script, Seen, TestRequest, app, get, ok_json, pg_error, reply, request, run,
    script, user_token,
};
use uuid::Uuid;

const DENTIST: &str = "00000000-0000-4000-8000-0000000000d1";
const RECORDS: &str =
    "/rest/v1/treatment_records?select=id,notes&patient_id=eq.00000000-0000-4000-8000-0000000a0001";

fn by_dentist(request: TestRequest) -> TestRequest {
    request.header("authorization", &format!("Bearer {}", user_token(DENTIST, "dentist")))
}

fn noted(request: &TestRequest) -> Vec<Value> {
    let script = script(vec![ok_json("[]"), ok_json("[]")]);
    run(request, &script);
    script.noted.take()
}

#[test]
fn a_reading_is_noted_with_the_reader_s_token_and_without_values() {
    let script = script(vec![ok_json("[]")]);
    let seen = run(&by_dentist(get(&format!("{RECORDS}&notes=ilike.*Hildegard*"))), &script);
    assert_eq!(seen.status, 200);
    let token = user_token(DENTIST, "dentist");
    let reading = json!({
        "id": NEW_ID, "at_ms": NOW * 1000, "actor": DENTIST, "method": "GET", "route": "/rest/v1/treatment_records",
        "query": "select=id,notes&patient_id=eq.?&notes=ilike.?", "row_count": null, "request_id": REQUEST_ID,
    });
    let intent = json!({ "reading": reading, "token": token, "expires_at": NOW + 3600 });
    assert_eq!(script.noted.borrow().as_slice(), [intent]);
    assert_eq!(seen.access, [Outcome { id: NEW_ID.into(), shown: true, row_count: Some(1) }]);
}

#[test]
fn what_shows_medical_records_is_noted_and_nothing_else_is() {
    let lot = r#"{"lot_no":"L1"}"#;
    let note = |request| noted(&by_dentist(request)).len();
    for shown in [
        get("/rest/v1/patient_medical_history"),
        request(Method::Head, "/rest/v1/treatment_records"),
        get("/rest/v1/appointment?select=id,treatment_records(tooth)"),
        get(
            "/rest/v1/appointment?select=id,patient:user!appointment_patient_id_fkey(last_name,x:patient_medical_history!patient_medical_history_patient_id_fkey(title))",
        ),
        get("/rest/v1/rpc/patients_by_lot?lot_no=L1"),
        request(Method::Post, "/rest/v1/rpc/patients_by_lot").json(lot),
        request(Method::Patch, "/rest/v1/treatment_records?id=eq.00000000-0000-4000-8000-00000000dead")
            .json(r#"{"notes":"x"}"#)
            .header("prefer", "return=representation"),
    ] {
        assert_eq!(note(shown.clone()), 1, "{shown:?}");
    }
    for silent in [
        get("/rest/v1/appointment?select=id,service_lines:appointment_has_service(line_no)"),
        get("/rest/v1/rpc/available_slots?service_ids={00000000-0000-4000-8000-000000005001}"),
        request(Method::Patch, "/rest/v1/treatment_records?id=eq.00000000-0000-4000-8000-00000000dead")
            .json(r#"{"notes":"x"}"#),
        get("/rest/v1/treatment_records?nonsense=eq.1"),
    ] {
        assert_eq!(note(silent.clone()), 0, "{silent:?}");
    }
    assert_eq!(noted(&get(RECORDS)).len(), 0, "nobody in particular reads nothing");
    // Whether a patient still is one is for the database to say.
    assert_eq!(noted(&get(RECORDS).by_patient()).len(), 1);
}

#[test]
fn there_is_no_reply_without_the_note() {
    let full = script(vec![ok_json(r#"[{"notes":"secret"}]"#)]);
    full.full.set(true);
    let seen = run(&by_dentist(get(RECORDS)), &full);
    assert_eq!(
        (seen.status, seen.code().as_str(), seen.header("retry-after")),
        (503, "unavailable", Some("5"))
    );
    assert!(!String::from_utf8_lossy(&seen.body).contains("secret"));
    let write =
        request(Method::Patch, "/rest/v1/treatment_records?id=eq.00000000-0000-4000-8000-00000000dead");
    let full = script_full();
    let seen =
        run(&by_dentist(write.json(r#"{"notes":"x"}"#).header("prefer", "return=representation")), &full);
    assert_eq!((seen.status, seen.calls.len()), (503, 0), "and no change is made in vain");
}

fn script_full() -> Script {
    let script = script(Vec::new());
    script.full.set(true);
    script
}

#[test]
fn a_refused_request_has_read_nothing() {
    let refused = script(vec![pg_error(403, "42501", "no")]);
    let seen: Seen = run(&by_dentist(get(RECORDS)), &refused);
    assert_eq!(seen.access, [Outcome { id: NEW_ID.into(), shown: false, row_count: None }]);
    let empty =
        script(vec![reply(200, &[("content-type", "application/json"), ("content-range", "*/0")], "[]")]);
    assert_eq!(run(&by_dentist(get(RECORDS)), &empty).access[0].row_count, Some(0));
}

#[test]
fn a_refusal_that_lists_alerts_has_shown_them() {
    let refusal = pg_error(409, "PT409", "x");
    let refusal = refusal.map(|reply| {
        let error =
            json!({ "code": "PT409", "message": "unread", "details": "acknowledged_alerts", "hint": null });
        chairside::http::Reply { body: error.to_string().into_bytes(), ..reply }
    });
    let visit = r#"{"appointment_id":"00000000-0000-4000-8000-00000000dead"}"#;
    let script = script(vec![refusal, ok_json(r#"[{"title":"Latex"},{"title":"Penicillin"}]"#)]);
    let seen = run(&by_dentist(request(Method::Post, "/rest/v1/rpc/complete_visit").json(visit)), &script);
    assert_eq!((seen.status, seen.json()["alerts"].as_array().map(Vec::len)), (409, Some(2)));
    assert_eq!(script.noted.borrow()[0]["reading"]["route"], "/rest/v1/rpc/visit_alerts");
    assert_eq!(seen.access, [Outcome { id: NEW_ID.into(), shown: true, row_count: Some(2) }]);
}

const FOLLOWED: &str = "event=*&table=treatment_records&filter=patient_id=eq.?";

fn followed(noted: Option<(Uuid, u64)>) -> Reads {
    Reads { query: FOLLOWED.to_owned(), noted }
}

fn follow(code: &str, reads: Option<Reads>, full: bool) -> (Result<Grant, Refusal>, Vec<Value>) {
    let script = script(vec![ok_json(&json!([{ "role": { "code": code } }]).to_string())]);
    script.full.set(full);
    // The role is the database's, whatever the token says.
    let token = user_token(DENTIST, "dentist");
    let granted = block_on(realtime::grant(&app(), &token, reads, &script));
    (granted, script.noted.take())
}

#[test]
fn staff_that_follows_medical_records_in_a_live_room_is_noted_before_it_may() {
    for code in ["dentist", "receptionist", "admin"] {
        let (granted, noted) = follow(code, Some(followed(None)), false);
        assert_eq!(granted.map(|grant| grant.viewer.role.as_str()), Ok(code));
        let reading = json!({
            "id": NEW_ID, "at_ms": NOW * 1000, "actor": DENTIST, "method": "LISTEN", "route": "/realtime/v1/websocket",
            "query": FOLLOWED, "row_count": null, "request_id": NEW_ID,
        });
        let token = user_token(DENTIST, "dentist");
        assert_eq!(
            noted,
            [json!({ "reading": reading, "token": token, "expires_at": NOW + 3600, "is_told": true })]
        );
        assert_eq!(follow(code, None, false).1, [] as [Value; 0]);
        assert_eq!(follow(code, Some(followed(None)), true).0, Err(Refusal::Unavailable));
        // The same token once more is nothing new; a newer one is, and somebody else's.
        let again = |who: &str, until| {
            follow(code, Some(followed(Some((who.parse().unwrap(), until)))), false).1.len()
        };
        assert_eq!(again(DENTIST, NOW + 3600), 0);
        assert_eq!(again(DENTIST, NOW + 3599), 1);
        assert_eq!(again(support::PATIENT, NOW + 3600), 1);
    }
    let (granted, noted) = follow("patient", Some(followed(None)), true);
    assert!(granted.is_ok() && noted.is_empty());
}

#[test]
fn what_nothing_more_is_told_of_is_sent_at_once() {
    let mut queue = Queue::restore(&[], false);
    let told = |is_told| Intent { is_told, ..intent(if is_told { "told" } else { "open" }, "t", LATER) };
    for is_told in [true, false] {
        queue.handle(1_000, 0, Event::Note(told(is_told)));
    }
    let effects = queue.handle(1_000 + GATHER_MS, 0, Event::Alarm);
    let sent = effects.iter().find_map(|effect| match effect {
        Effect::Deliver { readings, .. } => {
            Some(readings.iter().map(|one| one.id.as_str()).collect::<Vec<_>>())
        }
        _ => None,
    });
    assert_eq!(sent, Some(vec!["told"]));
}

fn intent(id: &str, token: &str, expires_at: u64) -> Intent {
    let reading = Reading {
        id: id.into(),
        at_ms: 1,
        actor: "a".into(),
        method: "GET".into(),
        route: "r".into(),
        query: "q".into(),
        row_count: None,
        request_id: "x".into(),
    };
    Intent { reading, token: token.into(), expires_at, is_told: false }
}

const LATER: u64 = 1_000_000;

/// A queue with its store, as the object has it.
struct World {
    queue: Queue,
    stored: BTreeMap<String, String>,
    alarm: Option<u64>,
    sent: Vec<(u64, Sender, Vec<Reading>)>,
    now: u64,
}

impl World {
    fn new(service: bool) -> Self {
        Self {
            queue: Queue::restore(&[], service),
            stored: BTreeMap::new(),
            alarm: None,
            sent: vec![],
            now: 0,
        }
    }

    fn give(&mut self, event: Event) -> Vec<Effect> {
        let effects = self.queue.handle(self.now, 7, event);
        for effect in &effects {
            match effect.clone() {
                Effect::Save { key, value } => drop(self.stored.insert(key, value)),
                Effect::Forget { key } => drop(self.stored.remove(&key)),
                Effect::SetAlarm(at) => self.alarm = Some(at),
                Effect::Deliver { batch, sender, readings } => self.sent.push((batch, sender, readings)),
                Effect::Refuse | Effect::Waiting { .. } => {}
            }
        }
        effects
    }

    fn note(&mut self, id: &str, token: &str, expires_at: u64) {
        self.give(Event::Note(intent(id, token, expires_at)));
    }

    fn settle(&mut self, id: &str, shown: bool, row_count: Option<u64>) {
        self.give(Event::Settle(Outcome { id: id.into(), shown, row_count }));
    }

    /// Lets time pass, alarms and all.
    fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some(at) = self.alarm.filter(|at| *at <= until) {
            self.alarm = None;
            self.now = at;
            self.give(Event::Alarm);
        }
        self.now = until;
    }

    fn die(&mut self, service: bool) {
        let stored: Vec<_> = self.stored.clone().into_iter().collect();
        self.queue = Queue::restore(&stored, service);
    }

    fn taken(&mut self) -> (u64, Sender, Vec<(String, Option<u64>)>) {
        let (batch, sender, readings) = self.sent.remove(0);
        (batch, sender, readings.into_iter().map(|reading| (reading.id, reading.row_count)).collect())
    }
}

#[test]
fn readings_gather_and_go_under_their_token() {
    let mut world = World::new(true);
    for (id, token) in [("1", "t"), ("2", "u"), ("3", "t")] {
        world.note(id, token, LATER);
        world.settle(id, true, Some(5));
    }
    assert!(world.sent.is_empty());
    world.pass(GATHER_MS);
    let (batch, sender, ids) = world.taken();
    assert_eq!(sender, Sender::Reader("t".into()));
    assert_eq!(ids, [("1".to_owned(), Some(5)), ("3".to_owned(), Some(5))]);
    assert!(world.sent.is_empty(), "one at a time");
    world.give(Event::Delivered { batch });
    let (batch, sender, ids) = world.taken();
    assert_eq!((sender, ids.len()), (Sender::Reader("u".into()), 1));
    world.give(Event::Delivered { batch });
    assert!(world.queue.is_empty() && world.stored.is_empty());
}

#[test]
fn an_alarm_that_is_lost_is_made_good_by_the_next_reading() {
    let mut world = World::new(true);
    world.note("1", "t", LATER);
    world.settle("1", true, Some(5));
    world.now = GATHER_MS + 1;
    world.note("2", "t", LATER);
    assert_eq!(world.taken().2, [("1".to_owned(), Some(5))]);
}

#[test]
fn a_worker_that_died_leaves_a_reading_of_unknown_extent() {
    let mut world = World::new(true);
    world.note("1", "t", LATER);
    world.pass(OPEN_MS - 1);
    assert!(world.sent.is_empty());
    world.pass(1);
    assert_eq!(world.taken().2, [("1".to_owned(), None)]);
}

#[test]
fn what_was_refused_is_not_logged() {
    let mut world = World::new(true);
    world.note("1", "t", LATER);
    world.settle("1", false, None);
    world.settle("unknown", true, None);
    world.pass(OPEN_MS * 2);
    assert!(world.sent.is_empty() && world.stored.is_empty());
}

#[test]
fn it_is_tried_until_it_is_in_later_and_later() {
    let mut world = World::new(true);
    world.note("1", "t", u64::MAX);
    world.settle("1", true, None);
    let mut times = Vec::new();
    for _ in 0..14 {
        while world.sent.is_empty() {
            world.pass(500);
        }
        times.push(world.now);
        let (batch, ..) = world.taken();
        world.give(Event::Failed { batch, unauthorized: false });
    }
    let waits: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits[0] <= 2_000 && waits.is_sorted() && *waits.last().unwrap() <= 310_000, "{waits:?}");
    assert_eq!(world.stored.len(), 1);
}

#[test]
fn a_token_that_has_ended_gives_way_to_the_service_key() {
    let mut world = World::new(true);
    world.note("1", "t", 60);
    world.settle("1", true, None);
    world.pass(GATHER_MS);
    let (batch, sender, _) = world.taken();
    assert_eq!(sender, Sender::Reader("t".into()));
    world.give(Event::Failed { batch, unauthorized: false });
    world.pass(120_000);
    assert_eq!(world.taken().1, Sender::Reader("t".into()));
    world.pass(60_000);
    let (_, sender, ids) = world.taken();
    assert_eq!((sender, ids.len()), (Sender::Service, 1), "a delivery that got lost is made again");
}

#[test]
fn a_token_that_is_refused_is_not_tried_again() {
    let mut world = World::new(true);
    world.note("1", "t", LATER);
    world.settle("1", true, None);
    world.pass(GATHER_MS);
    let (batch, ..) = world.taken();
    world.give(Event::Failed { batch, unauthorized: true });
    let (batch, sender, _) = world.taken();
    assert_eq!(sender, Sender::Service);
    world.give(Event::Failed { batch, unauthorized: true });
    assert!(world.sent.is_empty(), "the service key's own failure waits");
    assert_eq!(world.stored.len(), 1);
}

#[test]
fn without_a_service_key_it_waits_for_one() {
    let mut world = World::new(false);
    world.note("1", "t", 1);
    world.settle("1", true, None);
    world.pass(3_600_000);
    assert!(world.sent.is_empty() && world.alarm.is_some());
    world.die(true);
    world.pass(600_000);
    assert_eq!(world.taken().1, Sender::Service);
}

#[test]
fn a_death_in_between_loses_nothing_and_a_late_outcome_takes_nothing() {
    let mut world = World::new(true);
    for id in ["1", "2"] {
        world.note(id, id, LATER);
        world.settle(id, true, Some(2));
    }
    world.pass(GATHER_MS);
    let (batch, ..) = world.taken();
    world.die(true);
    world.pass(70_000);
    let (again, _, ids) = world.taken();
    assert_eq!(ids, [("1".to_owned(), Some(2))], "told twice; the database keeps it once");
    world.give(Event::Delivered { batch: again + 5 });
    world.give(Event::Failed { batch: batch + 9, unauthorized: true });
    assert_eq!(world.stored.len(), 2);
    world.give(Event::Delivered { batch: again });
    let (last, ..) = world.taken();
    world.give(Event::Delivered { batch: last });
    assert!(world.stored.is_empty());
}

#[test]
fn a_full_queue_takes_no_more() {
    let mut queue = Queue::restore(&[], false);
    for n in 0..MOST {
        queue.handle(0, 0, Event::Settle(Outcome { id: "none".into(), shown: true, row_count: None }));
        if n < 3 {
            assert!(
                !queue
                    .handle(0, 0, Event::Note(intent(&n.to_string(), "t", LATER)))
                    .contains(&Effect::Refuse)
            );
        }
    }
    let stored: Vec<_> = (0..MOST)
        .map(|n| {
            let kept = json!({ "intent": intent(&n.to_string(), "t", 1), "since_ms": 0, "settled": true });
            (n.to_string(), kept.to_string())
        })
        .collect();
    let mut full = Queue::restore(&stored, false);
    assert_eq!(full.len(), MOST);
    assert!(full.handle(0, 0, Event::Note(intent("x", "t", LATER))).contains(&Effect::Refuse));
}

#[test]
fn stored_format_unchanged() {
    let mut queue = Queue::restore(&[], true);
    let effects = queue.handle(5, 0, Event::Note(intent("1", "t", 9)));
    let value = r#"{"intent":{"reading":{"id":"1","at_ms":1,"actor":"a","method":"GET","route":"r","query":"q","row_count":null,"request_id":"x"},"token":"t","expires_at":9},"since_ms":5,"settled":false}"#;
    assert_eq!(effects[0], Effect::Save { key: "1".into(), value: value.into() });
}

#[test]
fn the_audit_is_walked_by_the_database() {
    let answer = r#"{"verified_to":9,"head":{"seq":9,"hash":"ab"},"broken":null}"#;
    let script = script(vec![reply(200, &[("content-type", "application/json")], answer)]);
    let anchor = "ab".repeat(32);
    let seen = run(&by_dentist(get(&format!("/v1/audit/verify?from=7&anchor={anchor}"))), &script);
    assert_eq!((seen.status, seen.body.as_slice()), (200, answer.as_bytes()));
    assert_eq!(
        (seen.calls[0].method, seen.calls[0].url.as_str()),
        (Method::Post, "https://clinic.supabase.co/rest/v1/rpc/audit_verify")
    );
    let body: Value = serde_json::from_slice(seen.calls[0].body.as_deref().unwrap()).unwrap();
    assert_eq!(body, json!({ "after": 7, "anchor": anchor }));
    assert!(find(&seen.calls[0].headers, "authorization").unwrap().contains(&user_token(DENTIST, "dentist")));
}

#[test]
fn what_the_audit_is_asked_has_to_make_sense() {
    for (query, pointer) in [
        ("from=", "?from"),
        ("from=-1", "?from"),
        ("from=9007199254740992", "?from"),
        ("from=1&from=2", "?from"),
        ("anchor=ab", "?anchor"),
        (&format!("anchor={}", "ab".repeat(32)) as &str, "?anchor"),
        ("name=Hildegard", "?*"),
    ] {
        let seen = run(&by_dentist(get(&format!("/v1/audit/verify?{query}"))), &script(Vec::new()));
        assert_eq!((seen.status, seen.code().as_str()), (400, "invalid-query"), "{query}");
        assert!(seen.violations().iter().any(|(at, _)| at == pointer), "{query}: {:?}", seen.violations());
        assert!(!String::from_utf8_lossy(&seen.body).contains("Hildegard"));
    }
    let seen = run(&by_dentist(request(Method::Post, "/v1/audit/verify")), &script(Vec::new()));
    assert_eq!((seen.status, seen.header("allow")), (405, Some("GET")));
}
