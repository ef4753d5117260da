//! The knowledge base's scheduled reconcile: a bounded part of comparing one index of the vector store with the database, the one that was
//! looked at the longest ago. It has no user's token and comes with the service key.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::app::App;
use crate::config::Secret;
use crate::http::{Platform, header};
use crate::rag::lexical::{Database, said};
use crate::rag::limited::Limited;
use crate::rag::models_of::Model;
use crate::rag::reconcile::{Filled, Index, REQUESTS, empty, fill};
use crate::rag::store_of::Store;
use crate::rag::upstream::{Fault, Patience, Upstream, exchange};
use crate::rag::vectors::Kept;

/// What a run did, for the log.
#[derive(Debug, PartialEq)]
pub struct Ran {
    /// Whether it is to be logged as an error.
    pub failed: bool,
    /// The log line.
    pub log: Value,
}

/// Does a part of the upkeep.
pub async fn run<P: Platform>(app: &App, platform: &P) -> Ran {
    let parts = &app.parts;
    let (Some(first), Some(made_with), Some(model)) =
        (parts.first_index(), parts.made_with(), parts.keeper())
    else {
        return done(json!({"skipped": "no vector store is configured"}));
    };
    let Some(key) = &app.config.service_key else {
        return done(json!({"skipped": "SUPABASE_SERVICE_ROLE_KEY is missing"}));
    };
    let database = database(&app.config.supabase_url, key, platform.new_id());
    let claim = json!({"first_index": first, "made_with": made_with});
    match ask::<P, Option<Index>>(platform, &database, "claim_knowledge_index", &claim).await {
        Err(fault) => failed(json!({}), &fault),
        Ok(None) => done(json!({"skipped": "another run is under way"})),
        Ok(Some(index)) => match parts.store(&index.name) {
            Some(store) if index.state == "retired" => retire(platform, &database, &index, &store).await,
            Some(store) => compare(platform, &database, &index, model, &store).await,
            None => done(json!({"skipped": "no vector store is configured"})),
        },
    }
}

async fn compare<P: Platform>(
    platform: &P,
    database: &Database,
    index: &Index,
    model: &Model,
    store: &Store,
) -> Ran {
    let limited = Limited::new(platform, REQUESTS);
    let kept = Kept { embedder: Some(model), stores: vec![store] };
    let mut filled = Filled::from(index);
    let outcome = fill(&limited, &kept, database, &mut filled).await;
    // Also after a fault: what was done is done, and the lease is given back.
    let marked: Result<Option<u32>, Fault> =
        ask(platform, database, "mark_knowledge_index", &filled.mark(&index.name)).await;
    let log = json!({
        "index": index.name, "compared": filled.repaired.pieces, "written": filled.repaired.written,
        "deleted": filled.repaired.deleted, "pass_done": filled.done,
    });
    match outcome.and(marked.map(|_| ())) {
        Ok(()) => done(log),
        Err(fault) => failed(log, &fault),
    }
}

async fn retire<P: Platform>(platform: &P, database: &Database, index: &Index, store: &Store) -> Ran {
    let emptied = empty(&Limited::new(platform, REQUESTS), store).await;
    let name = json!({"name": index.name});
    let then: Result<Value, Fault> = match &emptied {
        Ok(None) => ask(platform, database, "drop_knowledge_index", &name).await,
        _ => ask(platform, database, "mark_knowledge_index", &Filled::from(index).mark(&index.name)).await,
    };
    let log = json!({"index": index.name, "retired": true, "deleted": emptied.as_ref().ok()});
    match emptied.map(|_| ()).and(then.map(|_| ())) {
        Ok(()) => done(log),
        Err(fault) => failed(log, &fault),
    }
}

async fn ask<U: Upstream, T: DeserializeOwned>(
    upstream: &U,
    database: &Database,
    function: &str,
    body: &Value,
) -> Result<T, Fault> {
    said(&exchange(upstream, database.rpc(function, body), Patience::TURN).await?)
}

fn database(url: &str, key: &Secret, request_id: String) -> Database {
    let mut headers = vec![header("x-request-id", request_id)];
    headers.push(header("apikey", key.expose().to_owned()));
    // A secret key is no JWT: as a bearer PostgREST would refuse it.
    if !key.expose().starts_with("sb_secret_") {
        headers.push(header("authorization", format!("Bearer {}", key.expose())));
    }
    Database { rest_url: format!("{url}/rest/v1"), headers }
}

fn done(log: Value) -> Ran {
    Ran { failed: false, log: named(log) }
}

fn failed(mut log: Value, fault: &Fault) -> Ran {
    log["cause"] = json!(fault.to_string());
    Ran { failed: true, log: named(log) }
}

fn named(mut log: Value) -> Value {
    log["job"] = json!("knowledge");
    log
}
