//! Retrieval and the knowledge base's upkeep against a script: what is asked, in which order, and what happens when a
//! part is down.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use chairside::http::{SendError, header};
use chairside::rag::chroma::{Chroma, Settings};
use chairside::rag::chunk::chunk;
use chairside::rag::embed::OpenAiEmbedder;
use chairside::rag::gate::Gate;
use chairside::rag::knowledge::{Document, Report, delete, put};
use chairside::rag::lexical::Database;
use chairside::rag::limited::Limited;
use chairside::rag::reconcile::{Cursor, PAGE, Repaired, empty, reconcile, step};
use chairside::rag::retrieve::{Question, Retrieval, Vectors, retrieve};
use chairside::rag::store::Filter;
use chairside::rag::upstream::{Fault, Patience, exchange};
use chairside::rag::vectors::Kept;
use futures::executor::block_on;
use serde_json::{Value, json};
use support::{Script, Scripted, ok_json, reply, script};

const QUICK: Patience = Patience { timeout_ms: 1000, limit: 1 << 20, retries: 0 };
const OPENED: &str = r#"{"id":"c1","dimension":2,"configuration_json":{"hnsw":{"space":"cosine"}}}"#;
const NOW: u64 = 1_800_000_000;

struct Parts {
    embedder: OpenAiEmbedder,
    store: Chroma,
    database: Database,
}

fn parts() -> Parts {
    let embedder = OpenAiEmbedder {
        url: "http://models.test/v1".into(),
        model: "m".into(),
        api_key: None,
        query_prefix: String::new(),
        passage_prefix: String::new(),
        batch: 64,
        patience: QUICK,
    };
    let settings = Settings {
        url: "http://chroma.test".into(),
        tenant: "default_tenant".into(),
        database: "default_database".into(),
        collection: "knowledge".into(),
        token: None,
    };
    let headers = vec![header("authorization", "Bearer patient")];
    let database = Database { rest_url: "https://clinic.test/rest/v1".into(), headers };
    Parts { embedder, store: Chroma::new(settings, QUICK), database }
}

fn passage(id: &str, score: f64, strength: f64) -> Value {
    json!({
        "id": id, "document_slug": "d", "title": "T", "heading": "", "content": "Text.", "category": "general", "language": "en",
        "audience": "public", "updated_at": "2026-01-01T00:00:00+00:00", "score": score, "strength": strength,
    })
}

fn vectors(count: usize) -> Scripted {
    let data: Vec<Value> = (0..count).map(|index| json!({"index": index, "embedding": [1.0, 0.0]})).collect();
    ok_json(&json!({"data": data}).to_string())
}

fn hits(found: &[(&str, f64)]) -> Scripted {
    let ids: Vec<&str> = found.iter().map(|(id, _)| *id).collect();
    let distances: Vec<f64> = found.iter().map(|(_, score)| 1.0 - score).collect();
    let metadatas: Vec<Value> = found.iter().map(|_| json!({})).collect();
    ok_json(&json!({"ids": [ids], "distances": [distances], "metadatas": [metadatas]}).to_string())
}

fn rows(passages: &[Value]) -> Scripted {
    ok_json(&json!(passages).to_string())
}

fn ask(script: &Script, with_vectors: bool) -> Result<Retrieval, Fault> {
    let Parts { embedder, store, database } = parts();
    let vectors = with_vectors.then_some(Vectors { embedder: &embedder, store: &store });
    let question = Question {
        text: "Do you treat cavities?",
        audiences: &["public", "patients"],
        category: Some("treatments"),
        language: None,
        filter: None,
        now: NOW,
    };
    block_on(retrieve(script, vectors, &database, question, &Gate::MINILM))
}

fn sent(script: &Script, call: usize) -> (String, Value) {
    let calls = script.calls.borrow();
    let body = calls[call].body.as_deref().map_or(Value::Null, |body| serde_json::from_slice(body).unwrap());
    (calls[call].url.clone(), body)
}

fn ids(retrieval: &Retrieval) -> Vec<&str> {
    retrieval.found.iter().map(|found| found.passage.id.as_str()).collect()
}

#[test]
fn both_searches_are_fused_and_the_gate_is_asked() {
    let script = script(vec![
        vectors(1),
        ok_json(OPENED),
        hits(&[("a", 0.9), ("b", 0.5), ("d", 0.4)]),
        rows(&[
            passage("c", 8.0, 0.6),
            passage("b", 6.0, 0.5),
            passage("a", 0.0, 0.0),
            passage("d", 0.0, 0.0),
        ]),
    ]);
    let retrieval = ask(&script, true).unwrap();
    assert_eq!(ids(&retrieval), ["a", "b", "c", "d"]);
    assert_eq!(retrieval.found[0].dense, Some(0.9));
    assert_eq!(retrieval.found[2].dense, None);
    assert!(retrieval.verdict.answerable && retrieval.without_vectors.is_none());
    assert!((retrieval.features.strength - 0.6).abs() < 1e-9);
}

#[test]
fn each_upstream_is_told_what_it_needs_and_no_more() {
    let script =
        script(vec![vectors(1), ok_json(OPENED), hits(&[("a", 0.9)]), rows(&[passage("a", 1.0, 0.1)])]);
    ask(&script, true).unwrap();
    let (url, body) = sent(&script, 0);
    assert_eq!(
        (url.as_str(), &body["input"]),
        (
            "http://models.test/v1/embeddings",
            &json!(["Do you treat cavities? caries, tooth decay, dental decay"])
        )
    );
    let (_, body) = sent(&script, 2);
    assert_eq!(
        body["where"],
        json!({"$and": [
            {"audience": {"$in": ["public", "patients"]}}, {"category": {"$eq": "treatments"}},
            {"valid_from": {"$lte": NOW}}, {"valid_until": {"$gt": NOW}},
        ]})
    );
    let (url, body) = sent(&script, 3);
    assert_eq!(url, "https://clinic.test/rest/v1/rpc/search_knowledge");
    assert_eq!(body["query"], "Do you treat cavities?");
    assert_eq!(body["ids"], json!(["a"]));
    assert_eq!(body["related"], json!(["caries", "tooth decay", "dental decay", "treatment", "therapy"]));
    let calls = script.calls.borrow();
    let told = |call: usize| calls[call].headers.iter().any(|(_, value)| value.contains("patient"));
    assert!(told(3), "the database is asked as the caller");
    assert!(!told(0) && !told(2), "nobody else sees the caller's token");
}

#[test]
fn what_the_database_does_not_show_is_not_found_whatever_the_vector_store_says() {
    let script = script(vec![vectors(1), ok_json(OPENED), hits(&[("staff#1", 0.99)]), rows(&[])]);
    let retrieval = ask(&script, true).unwrap();
    assert!(retrieval.found.is_empty() && !retrieval.verdict.answerable);
    assert_eq!(retrieval.features.dense, None);
}

#[test]
fn without_the_vector_store_or_the_model_words_carry_on_and_it_is_said() {
    let words = || rows(&[passage("a", 8.0, 0.7), passage("b", 2.0, 0.2)]);
    let down = || Err(SendError::Unreachable("refused".to_owned()));
    for replies in [
        vec![down(), words()],
        vec![vectors(1), down(), words()],
        vec![vectors(1), ok_json(OPENED), reply(500, &[], ""), words()],
        vec![vectors(1), ok_json(OPENED), ok_json("garbage"), words()],
        vec![vectors(0), words()],
    ] {
        let script = script(replies);
        let retrieval = ask(&script, true).unwrap();
        assert!(retrieval.without_vectors.is_some());
        assert_eq!(ids(&retrieval), ["a", "b"]);
        assert!(retrieval.verdict.answerable, "judged by the threshold of words alone");
    }
}

#[test]
fn where_no_vectors_are_configured_nothing_is_missing() {
    let script = script(vec![rows(&[passage("a", 1.0, 0.1)])]);
    let retrieval = ask(&script, false).unwrap();
    assert!(retrieval.without_vectors.is_none() && !retrieval.verdict.answerable);
}

#[test]
fn without_the_database_there_is_no_answer() {
    let script = script(vec![vectors(1), ok_json(OPENED), hits(&[("a", 0.9)]), reply(401, &[], "{}")]);
    assert!(matches!(ask(&script, true), Err(Fault::Refused(401, _))));
}

fn document(body: &str) -> Document {
    serde_json::from_value(json!({"slug": "fillings", "title": "Fillings", "body": body, "audience": "patients", "valid_until": "2031-01-01T00:00:00Z"})).unwrap()
}

fn written(outcome: &str, removed: &[&str]) -> Scripted {
    ok_json(&json!({"outcome": outcome, "document": {}, "added": [], "removed": removed}).to_string())
}

fn write(script: &Script, document: &Document) -> Result<Report, Fault> {
    let Parts { embedder, store, database } = parts();
    let pieces = chunk(&document.slug, &document.title, &document.body);
    let kept = Kept { embedder: Some(&embedder), stores: vec![&store] };
    block_on(put(script, &kept, &database, document, &pieces, None)).map(|(_, report)| report)
}

fn paths(script: &Script) -> Vec<String> {
    script.calls.borrow().iter().map(|call| call.url.rsplit('/').next().unwrap().to_owned()).collect()
}

const NONE: &str = r#"{"ids":[],"embeddings":[],"metadatas":[]}"#;

#[test]
fn new_vectors_come_before_the_document_and_stale_ones_go_after() {
    let script = script(vec![
        ok_json(OPENED),
        ok_json(NONE),
        vectors(1),
        ok_json(NONE),
        ok_json("{}"),
        written("updated", &["fillings#old"]),
        ok_json("{}"),
    ]);
    let report = write(&script, &document("Do not chew while numb.")).unwrap();
    assert_eq!(report, Report { embedded: 1, kept: 0, deleted: 1, fault: None });
    assert_eq!(
        paths(&script),
        ["collections", "get", "embeddings", "get", "upsert", "put_knowledge_document", "delete"]
    );
    assert_eq!(sent(&script, 2).1["input"], json!(["Fillings\nDo not chew while numb."]));
    let (_, upsert) = sent(&script, 4);
    assert_eq!(
        upsert["metadatas"][0],
        json!({
            "document": "fillings", "category": "general", "language": "en", "audience": "patients", "valid_from": 0, "valid_until": 1_924_992_000,
        })
    );
    let (_, body) = sent(&script, 5);
    assert_eq!(body["chunks"][0]["id"], upsert["ids"][0]);
    assert_eq!(sent(&script, 6).1["ids"], json!(["fillings#old"]));
}

#[test]
fn unchanged_text_is_not_embedded_again() {
    let pieces = chairside::rag::chunk::chunk("fillings", "Fillings", "Do not chew while numb.");
    let metadata = json!({"document": "fillings", "category": "general", "language": "en", "audience": "patients", "valid_from": 0, "valid_until": 1_924_992_000});
    let there = |metadata: &Value| {
        ok_json(
            &json!({"ids": [pieces[0].id], "embeddings": [[0.5, 0.5]], "metadatas": [metadata]}).to_string(),
        )
    };
    let same = script(vec![ok_json(OPENED), there(&metadata), written("unchanged", &[])]);
    let report = write(&same, &document("Do not chew while numb.")).unwrap();
    assert_eq!(report, Report { embedded: 0, kept: 1, deleted: 0, fault: None });
    assert_eq!(paths(&same), ["collections", "get", "put_knowledge_document"]);

    // Another audience: the vector stays, what it is filtered by is renewed, after the document itself.
    let mut staff = metadata.clone();
    staff["audience"] = json!("staff");
    let moved =
        script(vec![ok_json(OPENED), there(&staff), written("updated", &[]), there(&staff), ok_json("{}")]);
    write(&moved, &document("Do not chew while numb.")).unwrap();
    assert_eq!(paths(&moved), ["collections", "get", "put_knowledge_document", "get", "upsert"]);
    let (_, upsert) = sent(&moved, 4);
    assert_eq!((&upsert["embeddings"], &upsert["metadatas"]), (&json!([[0.5, 0.5]]), &json!([metadata])));
}

#[test]
fn a_document_that_cannot_be_embedded_is_written_all_the_same_and_it_is_said() {
    let down = || Err(SendError::Unreachable("refused".to_owned()));
    for (before, asked) in [
        (vec![ok_json(OPENED), ok_json(NONE), down()], "embeddings"),
        (vec![down()], "collections"),
        (vec![ok_json(OPENED), ok_json(NONE), vectors(1), ok_json(NONE), down()], "upsert"),
    ] {
        let replies = before.into_iter().chain([written("created", &[])]);
        let script = script(replies.collect());
        let report = write(&script, &document("Text.")).unwrap();
        assert!(matches!(report.fault, Some(Fault::Unreachable(_))), "{asked}");
        let paths = paths(&script);
        assert_eq!(&paths[paths.len() - 2..], [asked, "put_knowledge_document"]);
    }
}

#[test]
fn what_the_database_refuses_is_told_and_nothing_that_was_there_is_touched() {
    let words = r#"{"code":"PT412","message":"The document has changed in the meantime."}"#;
    let script = script(vec![
        ok_json(OPENED),
        ok_json(NONE),
        vectors(1),
        ok_json(NONE),
        ok_json("{}"),
        reply(412, &[], words),
    ]);
    assert_eq!(write(&script, &document("Text.")), Err(Fault::Refused(412, words.to_owned())));
    assert_eq!(paths(&script).last().map(String::as_str), Some("put_knowledge_document"));
}

#[test]
fn every_index_that_is_kept_gets_the_vectors_and_each_text_is_embedded_once() {
    let Parts { embedder, store, database } = parts();
    let other = parts().store;
    let pieces = chunk("fillings", "Fillings", "Do not chew while numb.");
    let kept = Kept { embedder: Some(&embedder), stores: vec![&store, &other] };
    let script = script(vec![
        ok_json(OPENED),
        ok_json(NONE),
        ok_json(OPENED),
        ok_json(NONE),
        vectors(1),
        ok_json(NONE),
        ok_json("{}"),
        ok_json(NONE),
        ok_json("{}"),
        written("updated", &["fillings#old"]),
        ok_json("{}"),
        ok_json("{}"),
    ]);
    let document = document("Do not chew while numb.");
    let (_, report) = block_on(put(&script, &kept, &database, &document, &pieces, None)).unwrap();
    assert_eq!(report, Report { embedded: 1, kept: 0, deleted: 1, fault: None });
    let paths = paths(&script);
    assert_eq!(paths.iter().filter(|path| *path == "embeddings").count(), 1);
    assert_eq!(paths.iter().filter(|path| *path == "upsert").count(), 2);
    assert_eq!(&paths[9..], ["put_knowledge_document", "delete", "delete"]);
}

#[test]
fn without_a_vector_store_the_database_alone_is_asked() {
    let Parts { database, .. } = parts();
    let kept: Kept<'_, OpenAiEmbedder, Chroma> = Kept { embedder: None, stores: Vec::new() };
    let script = script(vec![written("created", &[])]);
    let document = document("Text.");
    let pieces = chunk("fillings", "Fillings", "Text.");
    let (_, report) = block_on(put(&script, &kept, &database, &document, &pieces, Some(3))).unwrap();
    assert_eq!(report, Report::default());
    assert_eq!(sent(&script, 0).1["expected_version"], 3);
}

#[test]
fn a_document_is_gone_from_the_database_before_its_vectors_are() {
    let script = script(vec![written("deleted", &["fillings#a"]), ok_json(OPENED), ok_json("{}")]);
    let Parts { embedder, store, database } = parts();
    let kept = Kept { embedder: Some(&embedder), stores: vec![&store] };
    block_on(delete(&script, &kept, &database, "fillings", None)).unwrap();
    assert_eq!(paths(&script), ["delete_knowledge_document", "collections", "delete"]);
}

#[test]
fn an_unknown_member_of_a_document_is_refused() {
    assert!(
        serde_json::from_value::<Document>(
            json!({"slug": "a", "title": "A", "body": "x", "audiance": "staff"})
        )
        .is_err()
    );
}

fn piece_row(id: &str) -> Value {
    json!({
        "id": id, "ordinal": 0, "heading": "", "content": "Text.",
        "document": {"slug": "d", "title": "D", "category": "general", "language": "en", "audience": "public", "valid_from": null, "valid_until": null},
    })
}

fn metadata() -> Value {
    json!({"document": "d", "category": "general", "language": "en", "audience": "public", "valid_from": 0, "valid_until": 253_402_300_799_i64})
}

fn repair(script: &Script) -> Result<Repaired, Fault> {
    let Parts { embedder, store, database } = parts();
    block_on(reconcile(script, &Kept { embedder: Some(&embedder), stores: vec![&store] }, &database))
}

#[test]
fn drift_is_repaired_either_way() {
    let mut old = metadata();
    old["audience"] = json!("staff");
    let there = json!({"ids": ["d#same", "d#stale"], "embeddings": [[1.0, 0.0], [0.5, 0.5]], "metadatas": [metadata(), old]})
        .to_string();
    let script = script(vec![
        rows(&[piece_row("d#new"), piece_row("d#same"), piece_row("d#stale")]),
        ok_json(OPENED),
        ok_json(&there),
        vectors(1),
        ok_json(NONE),
        ok_json("{}"),
        ok_json(NONE),
        ok_json("{}"),
        ok_json(r#"{"ids":["d#late","d#new","d#same","d#stale","x#orphan"]}"#),
        ok_json(r#"["d#late","x#orphan"]"#),
        // An upload that was under way has its row by now.
        ok_json(r#"["x#orphan"]"#),
        ok_json("{}"),
    ]);
    assert_eq!(repair(&script), Ok(Repaired { pieces: 3, written: 2, deleted: 1 }));
    assert_eq!(sent(&script, 5).1["ids"], json!(["d#new"]));
    let renewed = sent(&script, 7).1;
    assert_eq!((&renewed["ids"], &renewed["embeddings"]), (&json!(["d#stale"]), &json!([[0.5, 0.5]])));
    assert_eq!(renewed["metadatas"], json!([metadata()]));
    assert_eq!(sent(&script, 10).1["ids"], json!(["d#late", "x#orphan"]));
    assert_eq!(sent(&script, 11).1["ids"], json!(["x#orphan"]));
}

#[test]
fn where_nothing_drifted_nothing_is_written() {
    let there = json!({"ids": ["d#a"], "embeddings": [[1.0, 0.0]], "metadatas": [metadata()]}).to_string();
    let script = script(vec![
        rows(&[piece_row("d#a")]),
        ok_json(OPENED),
        ok_json(&there),
        ok_json(r#"{"ids":["d#a"]}"#),
        ok_json("[]"),
    ]);
    assert_eq!(repair(&script), Ok(Repaired { pieces: 1, written: 0, deleted: 0 }));
}

#[test]
fn a_database_that_cannot_be_asked_deletes_nothing() {
    let script = script(vec![reply(401, &[], "{}")]);
    assert!(matches!(repair(&script), Err(Fault::Refused(401, _))));
    assert_eq!(paths(&script).len(), 1);
}

#[test]
fn a_run_ends_anywhere_and_the_next_goes_on_from_there() {
    let Parts { embedder, store, database } = parts();
    let kept = Kept { embedder: Some(&embedder), stores: vec![&store] };
    let page: Vec<Value> = (0..PAGE).map(|n| piece_row(&format!("d#{n:03}"))).collect();
    let known: Vec<String> = (0..PAGE).map(|n| format!("d#{n:03}")).collect();
    let vectors: Vec<[f64; 2]> = vec![[1.0, 0.0]; PAGE];
    let there = json!({"ids": known, "embeddings": vectors, "metadatas": vec![metadata(); PAGE]}).to_string();
    let script = script(vec![rows(&page), ok_json(OPENED), ok_json(&there), rows(&[])]);
    let (first, next) = block_on(step(&script, &kept, &database, &Cursor::default())).unwrap();
    let next = next.unwrap();
    assert_eq!((first.pieces, &next), (PAGE, &Cursor::Pieces("d#099".into())));
    let (second, next) = block_on(step(&script, &kept, &database, &next)).unwrap();
    assert_eq!((second.pieces, next), (0, Some(Cursor::Stored(None))));
    assert!(sent(&script, 3).0.contains("id=gt.d%23099&order=id&limit=100"));
}

#[test]
fn a_limited_upstream_refuses_what_is_too_much() {
    let script = script(vec![rows(&[]), rows(&[])]);
    let limited = Limited::new(&script, 2);
    let call = || parts().database.rpc("x", &json!({}));
    for left in [1, 0] {
        assert!(block_on(exchange(&limited, call(), QUICK)).is_ok());
        assert_eq!(limited.left(), left);
    }
    assert!(matches!(block_on(exchange(&limited, call(), QUICK)), Err(Fault::Unreachable(_))));
    assert_eq!(paths(&script).len(), 2);
}

#[test]
fn a_retired_index_is_emptied_page_by_page() {
    let Parts { store, .. } = parts();
    let script = script(vec![
        ok_json(OPENED),
        ok_json(r#"{"ids":["a","b"]}"#),
        ok_json("{}"),
        ok_json(r#"{"ids":[]}"#),
    ]);
    assert_eq!(block_on(empty(&script, &store)), Ok(Some(2)));
    assert_eq!(sent(&script, 2).1["ids"], json!(["a", "b"]));
    assert_eq!(block_on(empty(&script, &store)), Ok(None));
}

#[test]
fn a_filter_reaches_both_searches() {
    let Parts { embedder, store, database } = parts();
    let script = script(vec![vectors(1), ok_json(OPENED), hits(&[]), rows(&[])]);
    let filter = Filter::parse(&json!({"category": {"$in": ["billing"]}})).unwrap();
    let question = Question {
        text: "What does it cost?",
        audiences: &["public"],
        category: None,
        language: None,
        filter: Some(&filter),
        now: NOW,
    };
    let vectors = Some(Vectors { embedder: &embedder, store: &store });
    block_on(retrieve(&script, vectors, &database, question, &Gate::MINILM)).unwrap();
    let wanted = json!({"category": {"$in": ["billing"]}});
    let conditions = sent(&script, 2).1["where"]["$and"].clone();
    assert!(conditions.as_array().unwrap().contains(&wanted), "{conditions}");
    assert!(conditions.to_string().contains("audience"), "the caller's own limits stay: {conditions}");
    assert_eq!(sent(&script, 3).1["filter"], wanted);
}
