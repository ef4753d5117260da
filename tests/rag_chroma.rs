//! The store on Chroma: against a script, and (ignored unless asked for) against a real server at `CHROMA_URL`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../examples/eval/native.rs"]
mod native;
mod support;

use chairside::config::Secret;
use chairside::http::SendError;
use chairside::rag::chroma::{Chroma, Settings};
use chairside::rag::store::{Filter, Hit, Point, VectorStore};
use chairside::rag::upstream::{Fault, Patience, Upstream};
use futures::executor::block_on;
use serde_json::{Map, Value, json};
use support::{Script, ok_json, reply, script};

const BASE: &str = "http://chroma.test/api/v2/tenants/default_tenant/databases/default_database/collections";
const OPENED: &str = r#"{"id":"c1","dimension":2,"configuration_json":{"hnsw":{"space":"cosine"}}}"#;
const QUICK: Patience = Patience { timeout_ms: 1000, limit: 1 << 20, retries: 2 };

fn settings(url: &str, collection: &str) -> Settings {
    Settings {
        url: url.to_owned(),
        tenant: "default_tenant".to_owned(),
        database: "default_database".to_owned(),
        collection: collection.to_owned(),
        token: None,
    }
}

fn chroma() -> Chroma {
    Chroma::new(settings("http://chroma.test", "knowledge"), QUICK)
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
    (calls[call].url.trim_start_matches(BASE).to_owned(), body)
}

fn query(script: &Script, store: &Chroma, filter: &Value) -> Result<Vec<Hit>, Fault> {
    block_on(store.query(script, &[1.0, 0.0], 3, &Filter::parse(filter).unwrap()))
}

const EMPTY: &str = r#"{"ids":[[]],"distances":[[]],"metadatas":[[]]}"#;

#[test]
fn the_collection_is_made_with_cosine_and_asked_for_once() {
    let script = script(vec![ok_json(OPENED), ok_json("7"), ok_json("7")]);
    let store = chroma();
    assert_eq!(block_on(store.ensure(&script, 2)), Ok(Some(2)));
    assert_eq!(block_on(store.count(&script)), Ok(7));
    assert_eq!(block_on(store.count(&script)), Ok(7));
    let (path, body) = sent(&script, 0);
    assert_eq!(path, "");
    assert_eq!(
        body,
        json!({"name": "knowledge", "get_or_create": true, "configuration": {"hnsw": {"space": "cosine"}}})
    );
    assert_eq!(sent(&script, 2).0, "/c1/count");
}

#[test]
fn a_collection_of_another_space_is_refused() {
    let script =
        script(vec![ok_json(r#"{"id":"c1","dimension":null,"configuration_json":{"hnsw":{"space":"l2"}}}"#)]);
    assert!(matches!(block_on(chroma().ensure(&script, 2)), Err(Fault::Refused(409, _))));
}

#[test]
fn a_collection_that_was_made_anew_is_found_again() {
    let gone = || reply(404, &[], r#"{"error":"NotFoundError","message":"gone"}"#);
    let script = script(vec![
        ok_json(OPENED),
        ok_json("1"),
        gone(),
        ok_json(&OPENED.replace("c1", "c2")),
        ok_json("2"),
    ]);
    let store = chroma();
    assert_eq!(block_on(store.count(&script)), Ok(1));
    assert_eq!(block_on(store.count(&script)), Ok(2));
    assert_eq!(sent(&script, 4).0, "/c2/count");
}

#[test]
fn distances_become_similarities_and_equals_are_ordered_by_id() {
    let found = r#"{"ids":[["b","c","a"]],"distances":[[0.25,0.1,0.25]],"metadatas":[[{"k":1},null,{}]]}"#;
    let script = script(vec![ok_json(OPENED), ok_json(found)]);
    let hits = query(&script, &chroma(), &json!({})).unwrap();
    let shown: Vec<_> = hits.iter().map(|hit| (hit.id.as_str(), hit.score)).collect();
    assert_eq!(shown, [("c", 0.9), ("a", 0.75), ("b", 0.75)]);
    assert_eq!(hits[2].metadata, object(json!({"k": 1})));
}

#[test]
fn filters_are_written_as_chroma_reads_them() {
    for (filter, expected) in [
        (json!({}), Value::Null),
        (json!({"a": "x"}), json!({"a": {"$eq": "x"}})),
        (json!({"a": {"$gte": 1, "$lt": 3}}), json!({"$and": [{"a": {"$gte": 1}}, {"a": {"$lt": 3}}]})),
        (json!({"a": 1, "b": {"$in": ["x"]}}), json!({"$and": [{"a": {"$eq": 1}}, {"b": {"$in": ["x"]}}]})),
        (
            json!({"$or": [{"a": 1, "b": 2}, {"c": {"$nin": [3]}}]}),
            json!({"$or": [{"$and": [{"a": {"$eq": 1}}, {"b": {"$eq": 2}}]}, {"c": {"$nin": [3]}}]}),
        ),
        (json!({"$or": [{"a": 1}]}), json!({"a": {"$eq": 1}})),
        (json!({"$or": [{"a": 1}, {}]}), Value::Null),
        (json!({"$and": [{}, {"a": true}]}), json!({"a": {"$eq": true}})),
    ] {
        let script = script(vec![ok_json(OPENED), ok_json(EMPTY)]);
        query(&script, &chroma(), &filter).unwrap();
        let (path, body) = sent(&script, 1);
        assert_eq!(path, "/c1/query");
        assert_eq!(body["where"], expected, "{filter}");
        assert_eq!(body.get("where").is_some(), !expected.is_null(), "an empty `where` is refused");
        assert_eq!((&body["query_embeddings"], &body["n_results"]), (&json!([[1.0, 0.0]]), &json!(3)));
    }
}

#[test]
fn an_upsert_drops_the_keys_that_are_gone() {
    let old = r#"{"ids":["a","b"],"metadatas":[{"keep":1,"gone":"x"},{"keep":1}],"embeddings":null}"#;
    let script = script(vec![ok_json(OPENED), ok_json(old), ok_json("{}"), ok_json("{}")]);
    let points = [point("a", &[1.0, 0.0], json!({"keep": 2})), point("b", &[0.0, 1.0], json!({"keep": 2}))];
    block_on(chroma().upsert(&script, &points)).unwrap();
    assert_eq!(sent(&script, 2).0, "/c1/upsert");
    assert_eq!(
        sent(&script, 3),
        ("/c1/update".to_owned(), json!({"ids": ["a"], "metadatas": [{"gone": null}]}))
    );
}

#[test]
fn big_writes_and_listings_go_in_parts() {
    let ids: Vec<String> = (0..12_001).map(|n| format!("id{n}")).collect();
    let script = script(std::iter::once(ok_json(OPENED)).chain((0..3).map(|_| ok_json("{}"))).collect());
    block_on(chroma().delete(&script, &ids)).unwrap();
    let sizes: Vec<usize> =
        (1..4).map(|call| sent(&script, call).1["ids"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [5000, 5000, 2001]);

    let page = |from: usize, to: usize| ok_json(&json!({"ids": ids[from..to]}).to_string());
    let script = support::script(vec![ok_json(OPENED), page(0, 5000), page(5000, 6000)]);
    let listed = block_on(chroma().list(&script, "id59")).unwrap();
    assert_eq!(sent(&script, 2).1["offset"], 5000);
    assert_eq!(listed.len(), 111, "id59, id590 to id599, id5900 to id5999");
    assert!(listed.is_sorted());
}

#[test]
fn errors_are_read_in_both_shapes() {
    for (status, body, expected) in [
        (400, r#"{"error":"InvalidArgumentError","message":"bad where"}"#, "InvalidArgumentError: bad where"),
        (422, r#"{"error":"ChromaError","message":"dimension"}"#, "ChromaError: dimension"),
        (413, "length limit exceeded", "length limit exceeded"),
    ] {
        let script = script(vec![ok_json(OPENED), reply(status, &[], body)]);
        assert_eq!(query(&script, &chroma(), &json!({})), Err(Fault::Refused(status, expected.to_owned())));
    }
}

#[test]
fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    let busy = || reply(429, &[("retry-after", "1")], "");
    let down = || Err(SendError::Unreachable("refused".to_owned()));
    let script_ = script(vec![ok_json(OPENED), busy(), down(), ok_json(EMPTY)]);
    assert_eq!(query(&script_, &chroma(), &json!({})), Ok(Vec::new()));
    let script_ = script(vec![ok_json(OPENED), busy(), busy(), busy()]);
    assert_eq!(query(&script_, &chroma(), &json!({})), Err(Fault::Busy(429, Some(1))));
    let script_ = script(vec![ok_json(OPENED), reply(501, &[], "not here")]);
    assert!(matches!(query(&script_, &chroma(), &json!({})), Err(Fault::Refused(501, _))));
}

#[test]
fn garbage_is_no_result() {
    for body in [
        "",
        "[]",
        r#"{"ids":[],"distances":[],"metadatas":[]}"#,
        r#"{"ids":[["a"]],"distances":[[]],"metadatas":[[]]}"#,
    ] {
        let script = script(vec![ok_json(OPENED), ok_json(body)]);
        assert!(matches!(query(&script, &chroma(), &json!({})), Err(Fault::Garbled(_))), "{body}");
    }
}

#[test]
fn the_clouds_token_is_sent_and_never_shown() {
    let token = Some(Secret::new("very-secret"));
    let store = Chroma::new(Settings { token, ..settings("http://chroma.test", "knowledge") }, QUICK);
    let script = script(vec![ok_json(OPENED)]);
    block_on(store.ensure(&script, 2)).unwrap();
    let calls = script.calls.borrow();
    assert!(calls[0].headers.iter().any(|(name, value)| name == "x-chroma-token" && value == "very-secret"));
    assert!(!format!("{store:?}").contains("very-secret"));
}

fn real() -> (native::Native, Chroma) {
    let url = std::env::var("CHROMA_URL").expect("CHROMA_URL says where Chroma is");
    let process = std::process::id();
    (native::Native, Chroma::new(settings(&url, &format!("test-{process}")), QUICK))
}

async fn ids<U: Upstream>(upstream: &U, store: &Chroma, filter: Value) -> Vec<String> {
    let filter = Filter::parse(&filter).unwrap();
    store.query(upstream, &[1.0, 0.0], 10, &filter).await.unwrap().into_iter().map(|hit| hit.id).collect()
}

#[test]
#[ignore = "needs a Chroma server at CHROMA_URL; tests/stack/models.test.mjs runs it"]
fn a_real_server_does_what_the_store_promises() {
    let (platform, store) = real();
    block_on(async {
        assert_eq!(store.ensure(&platform, 2).await.unwrap(), None);
        let points = [
            point("a#1", &[1.0, 0.0], json!({"audience": "public", "n": 1, "old": "x"})),
            point("a#2", &[0.6, 0.8], json!({"audience": "staff", "n": 2})),
            point("b#1", &[0.0, 1.0], json!({"audience": "public", "n": 3})),
        ];
        store.upsert(&platform, &points).await.unwrap();
        assert_eq!(store.ensure(&platform, 2).await.unwrap(), Some(2));
        assert_eq!(store.count(&platform).await.unwrap(), 3);

        let hits = store.query(&platform, &[1.0, 0.0], 3, &Filter::default()).await.unwrap();
        let scores: Vec<(&str, String)> =
            hits.iter().map(|hit| (hit.id.as_str(), format!("{:.2}", hit.score.abs()))).collect();
        assert_eq!(
            scores,
            [("a#1", "1.00".into()), ("a#2", "0.60".into()), ("b#1", "0.00".into())],
            "cosine"
        );

        assert_eq!(
            ids(&platform, &store, json!({"audience": {"$in": ["public"]}, "n": {"$gt": 1}})).await,
            ["b#1"]
        );
        assert_eq!(
            ids(
                &platform,
                &store,
                json!({"$or": [{"n": 2}, {"audience": {"$ne": "staff"}, "n": {"$lte": 1}}]})
            )
            .await,
            ["a#1", "a#2"]
        );
        assert_eq!(ids(&platform, &store, json!({"audience": {"$nin": ["public"]}})).await, ["a#2"]);

        store.upsert(&platform, &[point("a#1", &[0.0, 1.0], json!({"audience": "patients"}))]).await.unwrap();
        let fetched = store.fetch(&platform, &["a#1".to_owned(), "absent".to_owned()]).await.unwrap();
        assert_eq!(fetched, [point("a#1", &[0.0, 1.0], json!({"audience": "patients"}))], "replaced whole");

        assert_eq!(store.list(&platform, "a#").await.unwrap(), ["a#1", "a#2"]);
        store.delete(&platform, &["a#1".to_owned(), "absent".to_owned()]).await.unwrap();
        store.delete(&platform, &["absent".to_owned()]).await.unwrap();
        assert_eq!(store.list(&platform, "").await.unwrap(), ["a#2", "b#1"]);
        let wrong = store.upsert(&platform, &[point("c", &[1.0, 0.0, 0.0], json!({"n": 1}))]).await;
        assert!(matches!(wrong, Err(Fault::Refused(..))), "{wrong:?}");
    });
}
