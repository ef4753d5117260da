//! The API reference: an OpenAPI 3.1 document folded from the schema, the error kinds and the routes.
//!
//! Nothing of it is in the Worker: `scripts/docs` writes it into a static file, and a test says when that is stale.

mod errors;
mod examples;
mod functions;
mod other;
mod schemas;
mod tables;
mod v1;

pub use errors::{Page, page};
use serde_json::{Map, Value, json};

use crate::schema::Schema;

const DESCRIPTION: &str = "The realtime cloud database of a dental clinic. `/rest/v1` speaks PostgREST's dialect as \
supabase-js, -py, Flutter, Swift and Kotlin use it; `/auth/v1` passes on to Supabase Auth; `/v1` speaks OpenAI's. Every \
query and body is validated before the database sees it, and row level security decides what a caller sees and may do.\n\n\
Send the project's public key in `apikey`, and who is signed in also a token in `Authorization: Bearer …`. \
Errors are `application/problem+json` (RFC 9457) that also carry PostgREST's members.";

/// The document.
pub fn openapi(schema: &Schema) -> Value {
    let mut paths = Map::new();
    for table in schema.tables {
        paths.insert(format!("/rest/v1/{}", table.name), tables::path(table));
    }
    for function in schema.functions.iter().filter(|function| !function.internal) {
        paths.insert(format!("/rest/v1/rpc/{}", function.name), functions::path(function));
    }
    paths.extend(v1::paths());
    paths.extend(other::paths());
    examples::add(&mut paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chairside",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The realtime cloud database of a dental clinic, at the edge",
            "description": DESCRIPTION,
            "license": { "name": "Proprietary", "identifier": "LicenseRef-Proprietary" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags(),
        // Everything may be asked for without signing in; what is seen and done then is row level security's to say.
        "security": [{}, { "apikey": [] }, { "bearer": [] }, { "apikey": [], "bearer": [] }],
        "paths": paths,
        "components": components(schema),
        "x-errors": errors::pages(),
    })
}

fn tags() -> Value {
    json!([
        { "name": "Tables", "description": "Validated reads and writes, in PostgREST's dialect." },
        { "name": "Functions", "description": "The clinic's transactions. Each is one step that happens whole or not at all; send `Idempotency-Key` and a retry gets the first result." },
        { "name": "Chatbot", "description": "Answers from the clinic's documents, in OpenAI's dialect, and the knowledge base behind them." },
        { "name": "Audit", "description": "The chain of the change log." },
        { "name": "Live rooms", "description": "Changes as they commit, in Supabase Realtime's dialect." },
        { "name": "Auth", "description": "Supabase Auth, passed through." },
        { "name": "Operations", "description": "Whether it runs." },
    ])
}

fn components(schema: &Schema) -> Value {
    let mut all = Map::new();
    for table in schema.tables {
        all.insert(table.name.to_owned(), schemas::row(table));
        if table.insertable() {
            all.insert(format!("{}.insert", table.name), schemas::insert(table));
        }
        if table.updatable() {
            all.insert(format!("{}.update", table.name), schemas::update(table));
        }
    }
    all.insert("Problem".to_owned(), errors::schema());
    all.extend(tables::filter_schemas());
    all.extend(v1::schemas());
    all.extend(other::schemas());
    json!({
        "schemas": all,
        "responses": errors::responses(),
        "parameters": tables::shared_parameters(),
        "headers": tables::shared_headers(),
        "securitySchemes": {
            "apikey": {
                "type": "apiKey", "in": "header", "name": "apikey",
                "description": "The project's public key (anon or publishable). It names the project and opens nothing by itself.",
            },
            "bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "A user's access token from `/auth/v1/token`. A bad one is 401, never anon.",
            },
        },
    })
}
