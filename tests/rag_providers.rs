//! What the settings choose: stores, embedding models and rerankers, against a script.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![allow(clippy::cast_precision_loss, reason = "small numbers")]

mod support;

use chairside::config::Secret;
use chairside::config::knowledge::{
    self, Embeddings, EmbeddingsProvider, Endpoint, PineconeAccount, PineconePlace, Rerank, RerankProvider,
};
use chairside::rag::embed::{Embedder, Kind};
use chairside::rag::gate::{Features, Verdict};
use chairside::rag::lexical::Passage;
use chairside::rag::models_of::{Model, reranker};
use chairside::rag::rerank::{RERANKED, reranked};
use chairside::rag::retrieve::{Found, Retrieval};
use chairside::rag::store::{Filter, Point, VectorStore};
use chairside::rag::store_of::Store;
use chairside::rag::upstream::{Fault, Patience};
use futures::executor::block_on;
use serde_json::{Map, Value, json};
use support::{Script, Scripted, ok_json, reply, script};

const QUICK: Patience = Patience { timeout_ms: 1000, limit: 1 << 20, retries: 1 };

fn account() -> PineconeAccount {
    PineconeAccount {
        api_key: Secret::new("pc-key"),
        api_version: "2026-04".into(),
        control_url: "https://control.test".into(),
    }
}

fn chroma() -> knowledge::Store {
    knowledge::Store::Chroma(knowledge::Chroma {
        url: "http://chroma.test".into(),
        tenant: "default_tenant".into(),
        database: "default_database".into(),
        collection: "knowledge".into(),
        token: None,
    })
}

fn pinecone() -> knowledge::Store {
    knowledge::Store::Pinecone(knowledge::Pinecone {
        account: account(),
        place: PineconePlace::Index("knowledge".into()),
        namespace: "clinic".into(),
    })
}

fn opened(dimension: &Value) -> Scripted {
    let cosine = json!({"hnsw": {"space": "cosine"}});
    ok_json(&json!({"id": "c1", "dimension": dimension, "configuration_json": cosine}).to_string())
}

fn described(dimension: usize) -> Scripted {
    let status = json!({"ready": true});
    let index = json!({"host": "h.test", "dimension": dimension, "metric": "cosine", "status": status});
    ok_json(&index.to_string())
}

const NOTHING: &str = r#"{"ids":[[]],"distances":[[]],"metadatas":[[]],"matches":[]}"#;

fn url(script: &Script, call: usize) -> String {
    script.calls.borrow()[call].url.clone()
}

fn body(script: &Script, call: usize) -> Value {
    serde_json::from_slice(script.calls.borrow()[call].body.as_ref().unwrap()).unwrap()
}

fn query(store: &Store, script: &Script) -> Result<usize, Fault> {
    block_on(store.query(script, &[1.0, 0.0], 3, &Filter::default())).map(|hits| hits.len())
}

#[test]
fn a_store_is_asked_for_its_dimension_once_and_another_is_refused_with_what_to_do() {
    for (settings, held, other) in
        [(chroma(), opened(&json!(2)), opened(&json!(384))), (pinecone(), described(2), described(384))]
    {
        let store = Store::new(&settings, None, QUICK);
        let script_ = script(vec![held, ok_json(NOTHING), ok_json(NOTHING)]);
        assert_eq!((query(&store, &script_), query(&store, &script_)), (Ok(0), Ok(0)));

        let store = Store::new(&settings, None, QUICK);
        let script_ = script(vec![other]);
        let Err(Fault::Unfit(words)) = query(&store, &script_) else { panic!("it fits") };
        assert!(words.contains("384") && words.contains("makes 2"), "{words}");
        let point = Point { id: "a".into(), values: vec![1.0, 0.0], metadata: Map::new() };
        let written = block_on(store.upsert(&script_, &[point]));
        assert!(matches!(written, Err(Fault::Unfit(_))), "nor is it written to, without being asked again");
    }
}

#[test]
fn an_empty_collection_takes_any_dimension() {
    let store = Store::new(&chroma(), None, QUICK);
    let script = script(vec![opened(&Value::Null), ok_json(NOTHING)]);
    assert_eq!(query(&store, &script), Ok(0));
}

#[test]
fn another_name_is_another_collection_or_namespace() {
    let script_ = script(vec![opened(&json!(2))]);
    block_on(Store::new(&chroma(), Some("next"), QUICK).ensure(&script_, 2)).unwrap();
    assert_eq!(body(&script_, 0)["name"], "next");
    let script_ = script(vec![described(2), ok_json(NOTHING)]);
    query(&Store::new(&pinecone(), Some("next"), QUICK), &script_).unwrap();
    assert_eq!(body(&script_, 1)["namespace"], "next");
}

fn model(provider: EmbeddingsProvider, name: &str) -> Model {
    let settings = Embeddings {
        provider,
        model: name.into(),
        dimension: 2,
        query_prefix: "query: ".into(),
        passage_prefix: "passage: ".into(),
    };
    Model::new(&settings, QUICK)
}

fn embed(model: &Model, script: &Script, texts: usize, kind: Kind) -> Result<Vec<Vec<f32>>, Fault> {
    let texts: Vec<String> = (0..texts).map(|n| format!("t{n}")).collect();
    block_on(model.embed(script, &texts, kind))
}

fn workers_vectors(texts: usize) -> Scripted {
    ok_json(&json!({"shape": [texts, 2], "data": vec![[3.0, 4.0]; texts], "pooling": "cls"}).to_string())
}

fn pinecone_vectors(texts: usize) -> Scripted {
    let data = vec![json!({"vector_type": "dense", "values": [3.0, 4.0]}); texts];
    ok_json(
        &json!({"model": "m", "vector_type": "dense", "data": data, "usage": {"total_tokens": 5}})
            .to_string(),
    )
}

#[test]
fn workers_ai_embeds_through_its_binding() {
    let script_ = script(vec![workers_vectors(100), workers_vectors(20)]);
    let found = embed(&model(EmbeddingsProvider::WorkersAi, "@cf/baai/bge-m3"), &script_, 120, Kind::Passage);
    assert_eq!(found.map(|found| (found.len(), found[119].clone())), Ok((120, vec![0.6, 0.8])));
    assert_eq!(url(&script_, 0), "ai:@cf/baai/bge-m3");
    assert_eq!(body(&script_, 1)["text"][19], "passage: t119");
    assert_eq!(body(&script_, 1).get("pooling"), None);
    let script_ = script(vec![workers_vectors(1)]);
    embed(&model(EmbeddingsProvider::WorkersAi, "@cf/baai/bge-base-en-v1.5"), &script_, 1, Kind::Query)
        .unwrap();
    assert_eq!(body(&script_, 0), json!({"text": ["query: t0"], "pooling": "cls"}));
}

#[test]
fn the_bindings_refusals_are_read_and_a_busy_model_is_asked_again() {
    let busy = || reply(429, &[], r#"{"internalCode":3040,"description":"Capacity temporarily exceeded"}"#);
    let of = model(EmbeddingsProvider::WorkersAi, "@cf/baai/bge-m3");
    assert!(embed(&of, &script(vec![busy(), workers_vectors(1)]), 1, Kind::Query).is_ok());
    assert_eq!(embed(&of, &script(vec![busy(), busy()]), 1, Kind::Query), Err(Fault::Busy(429, None)));
    for (body, words) in [
        (r#"{"internalCode":5007,"description":"No such model","name":"AiError"}"#, "5007: No such model"),
        (r#"{"errors":[{"code":10000,"message":"Authentication error"}]}"#, "10000: Authentication error"),
        ("<html>", "no reason given"),
    ] {
        let refused = embed(&of, &script(vec![reply(400, &[], body)]), 1, Kind::Query);
        assert_eq!(refused, Err(Fault::Refused(400, words.into())));
    }
}

#[test]
fn pinecone_embeds_at_most_96_and_is_told_what_a_text_is() {
    let script_ = script(vec![pinecone_vectors(96), pinecone_vectors(4)]);
    let of = model(EmbeddingsProvider::Pinecone(account()), "llama-text-embed-v2");
    assert_eq!(embed(&of, &script_, 100, Kind::Passage).map(|found| found.len()), Ok(100));
    assert_eq!(url(&script_, 1), "https://control.test/embed");
    assert_eq!(
        body(&script_, 1),
        json!({
            "model": "llama-text-embed-v2", "inputs": [{"text": "t96"}, {"text": "t97"}, {"text": "t98"}, {"text": "t99"}],
            "parameters": {"input_type": "passage", "truncate": "END", "dimension": 2},
        })
    );
    let script_ = script(vec![pinecone_vectors(1)]);
    embed(&model(EmbeddingsProvider::Pinecone(account()), "multilingual-e5-large"), &script_, 1, Kind::Query)
        .unwrap();
    assert_eq!(body(&script_, 0)["parameters"], json!({"input_type": "query", "truncate": "END"}));
    let refused = r#"{"status":400,"error":{"code":"INVALID_ARGUMENT","message":"no such model"}}"#;
    let refused = embed(&of, &script(vec![reply(400, &[], refused)]), 1, Kind::Query);
    assert_eq!(refused, Err(Fault::Refused(400, "INVALID_ARGUMENT: no such model".into())));
}

#[test]
fn a_model_of_another_dimension_than_the_setting_is_refused() {
    let endpoint = Endpoint { url: "http://models.test/v1".into(), api_key: None };
    for (of, answer) in [
        (
            model(EmbeddingsProvider::OpenAi(endpoint), "m"),
            json!({"data": [{"index": 0, "embedding": [1.0, 0.0, 0.0]}]}),
        ),
        (model(EmbeddingsProvider::WorkersAi, "m"), json!({"data": [[1.0, 0.0, 0.0]]})),
        (model(EmbeddingsProvider::Pinecone(account()), "m"), json!({"data": [{"values": [1.0, 0.0, 0.0]}]})),
    ] {
        let outcome = embed(&of, &script(vec![ok_json(&answer.to_string())]), 1, Kind::Query);
        let Err(Fault::Unfit(words)) = outcome else { panic!("{outcome:?}") };
        assert!(words.contains("dimension 3") && words.contains("says 2"), "{words}");
    }
}

fn found(id: &str, score: f64) -> Found {
    let text = |text: &str| text.to_owned();
    let passage = Passage {
        id: text(id),
        document_slug: text("d"),
        title: text("Title"),
        heading: text("Heading"),
        content: format!("**{id}**"),
        category: text("general"),
        language: text("en"),
        audience: text("public"),
        updated_at: text("2026-01-01T00:00:00+00:00"),
        score,
        strength: 0.5,
    };
    Found { passage, dense: None, score, reranked: None }
}

fn retrieval(passages: usize) -> Retrieval {
    let found = (0..passages).map(|n| found(&format!("p{n:02}"), 1.0 / (1.0 + n as f64))).collect();
    Retrieval {
        found,
        verdict: Verdict { log_odds: 1.0, answerable: true },
        features: Features { dense: None, strength: 0.5 },
        without_vectors: None,
        without_reranker: None,
    }
}

fn ids(retrieval: &Retrieval) -> Vec<&str> {
    retrieval.found.iter().map(|found| found.passage.id.as_str()).collect()
}

fn rerank(provider: RerankProvider, script: &Script, passages: usize) -> Retrieval {
    let model = reranker(&Rerank { provider, model: "r".into() }, QUICK);
    block_on(reranked(script, Some(&model), "why?", retrieval(passages)))
}

#[test]
fn without_a_reranker_everything_stays_as_it_is() {
    let script = script(Vec::new());
    assert_eq!(block_on(reranked(&script, None, "why?", retrieval(40))), retrieval(40));
    assert_eq!(rerank(RerankProvider::WorkersAi, &script, 1), retrieval(1), "one has no order");
    assert!(script.calls.borrow().is_empty());
}

#[test]
fn workers_ai_reranks_the_best() {
    let ranked =
        json!({"response": [{"id": 2, "score": 0.9}, {"id": 0, "score": 0.1}, {"id": 1, "score": 0.1}]});
    let script = script(vec![ok_json(&ranked.to_string())]);
    let after = rerank(RerankProvider::WorkersAi, &script, 3);
    assert_eq!(ids(&after), ["p02", "p00", "p01"], "equals stay in the order of the searches");
    assert_eq!((after.found[0].reranked, after.without_reranker), (Some(0.9), None));
    assert_eq!(url(&script, 0), "ai:r");
    let contexts = json!([{"text": "Title\nHeading\np00"}, {"text": "Title\nHeading\np01"}, {"text": "Title\nHeading\np02"}]);
    assert_eq!(body(&script, 0), json!({"query": "why?", "contexts": contexts, "top_k": 3}));
}

#[test]
fn pinecone_reranks_the_best_and_the_rest_follows() {
    let data: Vec<Value> = (0..RERANKED).map(|n| json!({"index": n, "score": n as f64})).rev().collect();
    let script =
        script(vec![ok_json(&json!({"model": "r", "data": data, "usage": {"rerank_units": 1}}).to_string())]);
    let after = rerank(RerankProvider::Pinecone(account()), &script, RERANKED + 2);
    let last = format!("p{:02}", RERANKED - 1);
    assert_eq!((ids(&after)[0], ids(&after)[RERANKED - 1]), (last.as_str(), "p00"));
    assert_eq!(&ids(&after)[RERANKED..], [format!("p{RERANKED}"), format!("p{}", RERANKED + 1)]);
    assert_eq!(after.found[RERANKED].reranked, None);
    let body = body(&script, 0);
    assert_eq!((&body["top_n"], &body["return_documents"]), (&json!(RERANKED), &json!(false)));
    assert_eq!(url(&script, 0), "https://control.test/rerank");
}

#[test]
fn a_reranker_that_fails_leaves_the_order_and_says_so() {
    let partial = json!({"response": [{"id": 0, "score": 0.9}]}).to_string();
    let twice =
        json!({"response": [{"id": 0, "score": 0.9}, {"id": 0, "score": 0.8}, {"id": 1, "score": 0.8}]});
    for answer in [
        reply(400, &[], r#"{"internalCode":5007,"description":"No such model"}"#),
        ok_json(&partial),
        ok_json(&twice.to_string()),
        ok_json("[]"),
    ] {
        let after = rerank(RerankProvider::WorkersAi, &script(vec![answer]), 3);
        assert_eq!(ids(&after), ["p00", "p01", "p02"]);
        assert!(after.without_reranker.is_some() && after.found.iter().all(|found| found.reranked.is_none()));
    }
}
