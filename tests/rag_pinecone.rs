//! The store on Pinecone: against a script, and (ignored unless asked for) against a server at `PINECONE_CONTROL_URL`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use chairside::config::Secret;
use chairside::http::{Method, SendError};
use chairside::rag::lexical::Database;
use chairside::rag::models_of::Model;
use chairside::rag::pinecone::{API_VERSION, Pinecone, Place, Settings};
use chairside::rag::reconcile::{Cursor, Repaired, step};
use chairside::rag::store::{Filter, Hit, Point, VectorStore};
use chairside::rag::upstream::{Fault, Patience};
use chairside::rag::vectors::Kept;
use futures::executor::block_on;
use serde_json::{Map, Value, json};
use support::{Script, Scripted, ok_json, reply, script};

const HOST: &str = "https://knowledge-1.svc.test";
const QUICK: Patience = Patience { timeout_ms: 1000, limit: 1 << 20, retries: 2 };
const NO_NAMESPACE: &str = r#"{"code":5,"message":"Namespace not found","details":[]}"#;

fn pinecone(place: Place) -> Pinecone {
    let settings = Settings {
        api_key: Secret::new("very-secret"),
        control_url: "https://control.test".to_owned(),
        api_version: API_VERSION.to_owned(),
        place,
        namespace: "clinic".to_owned(),
    };
    Pinecone::new(settings, QUICK)
}

fn at_host() -> Pinecone {
    pinecone(Place::Host(HOST.to_owned()))
}

fn by_name() -> Pinecone {
    pinecone(Place::Index("knowledge".to_owned()))
}

fn described(host: &str, metric: &str, ready: bool) -> Scripted {
    let status = json!({"ready": ready, "state": "Ready"});
    ok_json(
        &json!({"name": "knowledge", "host": host, "dimension": 2, "metric": metric, "status": status})
            .to_string(),
    )
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn point(id: &str, values: &[f32], metadata: Value) -> Point {
    Point { id: id.to_owned(), values: values.to_vec(), metadata: object(metadata) }
}

fn sent(script: &Script, call: usize) -> (String, Value) {
    let calls = script.calls.borrow();
    let body = calls[call].body.as_deref().map_or(Value::Null, |body| serde_json::from_slice(body).unwrap());
    (calls[call].url.trim_start_matches(HOST).to_owned(), body)
}

fn query(script: &Script, store: &Pinecone, filter: &Value) -> Result<Vec<Hit>, Fault> {
    block_on(store.query(script, &[1.0, 0.0], 3, &Filter::parse(filter).unwrap()))
}

fn empty() -> Scripted {
    ok_json(r#"{"matches":[],"namespace":"clinic","usage":{"readUnits":1}}"#)
}

#[test]
fn the_host_is_looked_up_once_and_every_call_carries_key_and_version() {
    let script = script(vec![described("knowledge-1.svc.test", "cosine", true), empty(), empty()]);
    let store = by_name();
    assert_eq!(query(&script, &store, &json!({})), Ok(Vec::new()));
    assert_eq!(query(&script, &store, &json!({})), Ok(Vec::new()));
    let calls = script.calls.borrow();
    let urls: Vec<&str> = calls.iter().map(|call| call.url.as_str()).collect();
    let asked = "https://knowledge-1.svc.test/query";
    assert_eq!(urls, ["https://control.test/indexes/knowledge", asked, asked]);
    for call in calls.iter() {
        let header = |name: &str| chairside::http::find(&call.headers, name).map(str::to_owned);
        assert_eq!(header("api-key").as_deref(), Some("very-secret"));
        assert_eq!(header("x-pinecone-api-version").as_deref(), Some("2026-04"));
    }
    assert!(!format!("{store:?}").contains("very-secret"));
}

#[test]
fn an_index_that_cannot_be_reached_is_looked_up_again() {
    let down = || Err(SendError::Unreachable("refused".to_owned()));
    let script = script(vec![
        described("old.svc.test", "cosine", true),
        down(),
        down(),
        down(),
        described("new.svc.test", "cosine", true),
        empty(),
    ]);
    let store = by_name();
    assert!(matches!(query(&script, &store, &json!({})), Err(Fault::Unreachable(_))));
    assert_eq!(query(&script, &store, &json!({})), Ok(Vec::new()));
    assert_eq!(sent(&script, 5).0, "https://new.svc.test/query");
}

#[test]
fn ensure_says_the_dimension_by_either_way_and_what_is_wrong_with_the_index() {
    let script_ = script(vec![described("h.test", "cosine", true)]);
    assert_eq!(block_on(by_name().ensure(&script_, 2)), Ok(Some(2)));
    let stats = json!({"namespaces": {}, "dimension": 8, "metric": "cosine", "totalVectorCount": 0});
    let script_ = script(vec![ok_json(&stats.to_string())]);
    assert_eq!(block_on(at_host().ensure(&script_, 2)), Ok(Some(8)));
    let missing = r#"{"status":404,"error":{"code":"NOT_FOUND","message":"Resource knowledge not found"}}"#;
    for (reply, status) in [
        (described("h.test", "dotproduct", true), 409),
        (reply(404, &[], missing), 404),
        (reply(401, &[], "Unauthorized"), 401),
    ] {
        let outcome = block_on(by_name().ensure(&script(vec![reply]), 384));
        let Err(Fault::Refused(found, words)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(found, status);
        assert_eq!(status == 404, words.contains("dimension 384"), "{words}");
    }
    let unready = block_on(by_name().ensure(&script(vec![described("h.test", "cosine", false)]), 2));
    assert_eq!(unready, Err(Fault::Busy(503, None)));
}

#[test]
fn the_key_does_not_follow_a_host_into_the_clear() {
    for host in ["http://h.test", "ftp://h.test", ""] {
        let outcome = query(&script(vec![described(host, "cosine", true)]), &by_name(), &json!({}));
        assert_eq!(outcome, Err(Fault::Garbled("an index without a host")), "{host}");
    }
}

#[test]
fn matches_are_read_best_first_and_equals_by_id() {
    let found = json!({"namespace": "clinic", "matches": [
        {"id": "b", "score": 0.75, "metadata": {"n": 5.0, "x": 0.5, "s": "5.0"}},
        {"id": "c", "score": 0.9},
        {"id": "a", "score": 0.75, "metadata": {}},
    ]});
    let script = script(vec![ok_json(&found.to_string())]);
    let hits = query(&script, &at_host(), &json!({"a": 1})).unwrap();
    let shown: Vec<_> = hits.iter().map(|hit| (hit.id.as_str(), hit.score)).collect();
    assert_eq!(shown, [("c", 0.9), ("a", 0.75), ("b", 0.75)]);
    assert_eq!(
        hits[2].metadata,
        object(json!({"n": 5, "x": 0.5, "s": "5.0"})),
        "whole numbers are whole again"
    );
    assert_eq!(
        sent(&script, 0),
        (
            "/query".to_owned(),
            json!({
                "namespace": "clinic", "vector": [1.0, 0.0], "topK": 3, "filter": {"a": {"$eq": 1}},
                "includeMetadata": true, "includeValues": false,
            })
        )
    );
}

#[test]
fn filters_are_written_as_pinecone_reads_them() {
    for (filter, expected) in [
        (json!({}), Value::Null),
        (json!({"a": "x"}), json!({"a": {"$eq": "x"}})),
        (json!({"a": {"$gte": 1, "$lt": 3}}), json!({"$and": [{"a": {"$gte": 1}}, {"a": {"$lt": 3}}]})),
        (json!({"b": {"$in": ["x", "y"]}}), json!({"b": {"$in": ["x", "y"]}})),
        (json!({"b": {"$in": [true, false]}}), json!({"$or": [{"b": {"$eq": true}}, {"b": {"$eq": false}}]})),
        (json!({"b": {"$nin": [true]}}), json!({"b": {"$ne": true}})),
        (json!({"$or": [{"a": 1}, {}]}), Value::Null),
    ] {
        let script = script(vec![empty()]);
        query(&script, &at_host(), &filter).unwrap();
        let (_, body) = sent(&script, 0);
        assert_eq!(body["filter"], expected, "{filter}");
        assert_eq!(body.get("filter").is_some(), !expected.is_null());
    }
}

#[test]
fn writes_go_in_batches_of_a_thousand_and_two_megabytes() {
    let small: Vec<Point> =
        (0..2_500).map(|n| point(&format!("p{n}"), &[1.0, 0.0], json!({"n": n}))).collect();
    let written = |n: usize| ok_json(&json!({"upsertedCount": n}).to_string());
    let script_ = script(vec![written(1000), written(1000), written(500)]);
    block_on(at_host().upsert(&script_, &small)).unwrap();
    assert_eq!(sent(&script_, 0).1["namespace"], "clinic");
    assert_eq!(
        sent(&script_, 0).1["vectors"][1],
        json!({"id": "p1", "values": [1.0, 0.0], "metadata": {"n": 1}})
    );
    let values = vec![0.123_456_79_f32; 1024];
    let big: Vec<Point> =
        (0..400).map(|n| point(&format!("p{n}"), &values, json!({"t": "x".repeat(3_000)}))).collect();
    let replies = (0..20).map(|_| ok_json(r#"{"upsertedCount":0}"#)).collect();
    let script_ = script(replies);
    assert!(
        matches!(block_on(at_host().upsert(&script_, &big)), Err(Fault::Garbled(_))),
        "fewer than were sent"
    );
    let bytes = script_.calls.borrow()[0].body.as_ref().unwrap().len();
    assert!((1_900_000..=2_000_000).contains(&bytes), "{bytes}");
}

#[test]
fn what_pinecone_would_refuse_is_not_sent() {
    let nested = json!({"a": {"b": 1}});
    for (bad, why) in [
        (point("", &[1.0], json!({})), "an id"),
        (point(&"x".repeat(513), &[1.0], json!({})), "an id"),
        (point("zahnärztin", &[1.0], json!({})), "an id"),
        (point("two words", &[1.0], json!({})), "an id"),
        (point("a", &[0.0, 0.0], json!({})), "a vector"),
        (point("a", &[f32::NAN], json!({})), "a vector"),
        (point("a", &[1.0], json!({"n": null})), "metadata is of"),
        (point("a", &[1.0], nested), "metadata is of"),
        (point("a", &[1.0], json!({"l": ["x", 1]})), "metadata is of"),
        (point("a", &[1.0], json!({"t": "x".repeat(41_000)})), "40 KB"),
    ] {
        let script = script(Vec::new());
        let good = point("good", &[1.0], json!({"l": ["x"], "b": true, "n": 1, "s": ""}));
        let outcome = block_on(at_host().upsert(&script, &[good, bad]));
        let Err(Fault::Refused(400, words)) = outcome else { panic!("{outcome:?}") };
        assert!(words.contains(why), "{words}");
    }
    let script = script(Vec::new());
    let ids = ["a b".to_owned()];
    assert!(matches!(block_on(at_host().fetch(&script, &ids)), Err(Fault::Refused(400, _))));
    assert!(matches!(block_on(at_host().delete(&script, &ids)), Err(Fault::Refused(400, _))));
}

#[test]
fn fetches_fit_into_urls_and_deletions_go_in_thousands() {
    let ids: Vec<String> = (0..230).map(|n| format!("opening-hours#{n:03}")).collect();
    let found = |ids: &[String]| {
        let vectors: Map<String, Value> = ids
            .iter()
            .map(|id| (id.clone(), json!({"id": id, "values": [1.0, 0.5], "metadata": {"n": 2.0}})))
            .collect();
        ok_json(&json!({"vectors": vectors, "namespace": "clinic"}).to_string())
    };
    let script_ = script(vec![found(&ids[..80]), found(&ids[80..160]), found(&ids[160..229])]);
    let points = block_on(at_host().fetch(&script_, &ids)).unwrap();
    let calls = script_.calls.borrow();
    assert_eq!(points.len(), 229, "one of them is not there");
    assert_eq!(points[0], point("opening-hours#000", &[1.0, 0.5], json!({"n": 2})));
    assert!(calls.iter().all(|call| call.method == Method::Get && call.url.len() < 5_000));
    let asked: usize = calls.iter().map(|call| call.url.matches("&ids=opening%2Dhours%23").count()).sum();
    assert_eq!((calls.len(), asked), (3, 230));

    let ids: Vec<String> = (0..1_001).map(|n| n.to_string()).collect();
    let script_ = script(vec![ok_json("{}"), ok_json("{}")]);
    block_on(at_host().delete(&script_, &ids)).unwrap();
    assert_eq!(sent(&script_, 0).1["ids"].as_array().unwrap().len(), 1_000);
    assert_eq!(
        sent(&script_, 1),
        ("/vectors/delete".to_owned(), json!({"namespace": "clinic", "ids": ["1000"]}))
    );
}

#[test]
fn listings_follow_their_pages_and_end() {
    let page = |ids: &[&str], next: &str| {
        let vectors: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
        let pagination = if next.is_empty() { Value::Null } else { json!({"next": next}) };
        ok_json(&json!({"vectors": vectors, "pagination": pagination}).to_string())
    };
    let script_ = script(vec![page(&["s#2", "s#1"], "a/b="), page(&["s#3"], "")]);
    assert_eq!(block_on(at_host().list(&script_, "s#")), Ok(vec!["s#1".into(), "s#2".into(), "s#3".into()]));
    assert_eq!(sent(&script_, 0).0, "/vectors/list?limit=100&namespace=clinic&prefix=s%23");
    assert_eq!(
        sent(&script_, 1).0,
        "/vectors/list?limit=100&namespace=clinic&prefix=s%23&paginationToken=a%2Fb%3D"
    );
    let script_ = script(vec![page(&["x"], "same"), page(&["x"], "same")]);
    assert!(matches!(block_on(at_host().list(&script_, "")), Err(Fault::Garbled(_))));
}

#[test]
fn a_namespace_that_nobody_wrote_to_is_empty() {
    let missing = || reply(404, &[], NO_NAMESPACE);
    let ids = ["a".to_owned()];
    assert_eq!(query(&script(vec![missing()]), &at_host(), &json!({})), Ok(Vec::new()));
    assert_eq!(block_on(at_host().fetch(&script(vec![missing()]), &ids)), Ok(Vec::new()));
    assert_eq!(block_on(at_host().delete(&script(vec![missing()]), &ids)), Ok(()));
    assert_eq!(block_on(at_host().list(&script(vec![missing()]), "")), Ok(Vec::new()));
    let other = json!({"namespaces": {"other": {"vectorCount": 5}}, "dimension": 2}).to_string();
    assert_eq!(block_on(at_host().count(&script(vec![ok_json(&other)]))), Ok(0));
    let ours = other.replace("other", "clinic");
    assert_eq!(block_on(at_host().count(&script(vec![ok_json(&ours)]))), Ok(5));
}

#[test]
fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    let busy = || reply(429, &[("retry-after", "1")], "Too many requests");
    let down = || Err(SendError::Unreachable("refused".to_owned()));
    let tries = script(vec![busy(), down(), empty()]);
    assert_eq!(query(&tries, &at_host(), &json!({})), Ok(Vec::new()));
    assert_eq!(
        query(&script(vec![busy(), busy(), busy()]), &at_host(), &json!({})),
        Err(Fault::Busy(429, Some(1)))
    );
    let later = reply(503, &[("retry-after", "60")], "");
    assert_eq!(query(&script(vec![later]), &at_host(), &json!({})), Err(Fault::Busy(503, Some(60))));
    for status in [400, 401, 403, 404, 409, 412, 422] {
        let refused = reply(status, &[("retry-after", "1")], r#"{"code":3,"message":"no","details":[]}"#);
        assert_eq!(
            query(&script(vec![refused]), &at_host(), &json!({})),
            Err(Fault::Refused(status, "3: no".to_owned()))
        );
    }
    for garbage in ["", "[]", r#"{"results":[]}"#, "<html>"] {
        assert!(matches!(
            query(&script(vec![ok_json(garbage)]), &at_host(), &json!({})),
            Err(Fault::Garbled(_))
        ));
    }
}

fn seen(lsn: u64) -> Scripted {
    reply(200, &[("x-pinecone-max-indexed-lsn", &lsn.to_string())], r#"{"matches":[]}"#)
}

#[test]
fn settling_waits_for_a_write_of_its_own_to_be_seen() {
    let stats = || ok_json(r#"{"dimension":2,"metric":"cosine"}"#);
    let barrier = || reply(200, &[("x-pinecone-request-lsn", "7")], "{}");
    let patient = script(vec![stats(), barrier(), seen(5), seen(6), seen(7)]);
    assert_eq!(block_on(at_host().settle(&patient)), Ok(()));
    assert_eq!(sent(&patient, 1).0, "/vectors/delete");
    assert_eq!(sent(&patient, 4).1["topK"], 1);
    let never = script([stats(), barrier()].into_iter().chain((0..8).map(|_| seen(6))).collect());
    assert_eq!(block_on(at_host().settle(&never)), Err(Fault::Timeout));
    let silent = script(vec![stats(), ok_json("{}"), empty()]);
    assert_eq!(block_on(at_host().settle(&silent)), Ok(()), "without numbers there is nothing to wait for");
    let nobody = script(vec![stats(), reply(404, &[], NO_NAMESPACE), seen(0)]);
    assert_eq!(block_on(at_host().settle(&nobody)), Ok(()), "nothing was ever written");
}

#[test]
fn a_pass_of_the_reconcile_begins_when_all_writes_are_seen() {
    let database = Database { rest_url: "https://clinic.test/rest/v1".into(), headers: Vec::new() };
    let store = at_host();
    let kept: Kept<'_, Model, Pinecone> = Kept { embedder: None, stores: vec![&store] };
    let stats = ok_json(r#"{"dimension":2,"metric":"cosine"}"#);
    let barrier = reply(200, &[("x-pinecone-request-lsn", "7")], "{}");
    let script = script(vec![stats, barrier, seen(6), seen(7), ok_json("[]")]);
    let (repaired, _) = block_on(step(&script, &kept, &database, &Cursor::default())).unwrap();
    assert_eq!(repaired, Repaired::default());
    let calls = script.calls.borrow();
    assert!(calls[..4].iter().all(|call| call.url.starts_with(HOST)));
    assert!(calls[4].url.starts_with("https://clinic.test/rest/v1/"));
}
