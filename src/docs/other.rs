//! The paths beside `/rest/v1`.

use serde_json::{Map, Value, json};

use super::errors::problems;
use super::schemas::reference;
use super::tables::answers;

/// Paths and their operations.
pub fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    let mut put = |path: &str, item: Value| drop(paths.insert(path.to_owned(), item));
    put("/health", json!({ "get": operation("health", "Operations", "The Worker runs", "health") }));
    put("/ready", json!({ "get": ready() }));
    put("/realtime/v1/websocket", json!({ "get": realtime() }));
    put("/auth/v1/token", json!({ "post": token() }));
    put("/auth/v1/user", json!({ "get": user(), "put": change_user() }));
    put("/auth/v1/logout", json!({ "post": logout() }));
    put("/auth/v1/settings", json!({ "get": settings() }));
    paths
}

/// Schemas of their answers.
pub fn schemas() -> Map<String, Value> {
    let state = json!({ "type": "string", "enum": ["up", "down"] });
    let mut all = Map::new();
    let seq = json!({ "type": "integer" });
    let head = object(&json!({ "seq": seq, "hash": { "type": "string" } }), &["seq", "hash"]);
    let whys = ["link", "hash", "header", "payload", "anchor"];
    let broken = object(&json!({ "seq": seq, "why": { "enum": whys } }), &["seq", "why"]);
    all.insert(
        "audit".to_owned(),
        object(
            &json!({
                "verified_to": seq,
                "head": { "oneOf": [head, { "type": "null" }] },
                "broken": { "oneOf": [broken, { "type": "null" }] },
            }),
            &["verified_to", "head", "broken"],
        ),
    );
    all.insert("health".to_owned(), object(&json!({ "status": { "const": "ok" } }), &["status"]));
    all.insert(
        "ready".to_owned(),
        object(
            &json!({ "status": { "enum": ["ready", "not-ready"] }, "upstreams": { "type": "object", "additionalProperties": state } }),
            &["status", "upstreams"],
        ),
    );
    all.insert(
        "session".to_owned(),
        object(
            &json!({
                "access_token": { "type": "string" },
                "token_type": { "type": "string" },
                "expires_in": { "type": "integer" },
                "expires_at": { "type": "integer" },
                "refresh_token": { "type": "string" },
                "user": { "type": "object" },
            }),
            &["access_token", "refresh_token", "expires_in", "token_type", "user"],
        ),
    );
    all
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn json_answer(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn operation(id: &str, tag: &str, summary: &str, schema: &str) -> Value {
    json!({
        "operationId": id, "tags": [tag], "summary": summary,
        "responses": answers(json!({ "200": json_answer(summary, &reference(schema)) }), &[]),
    })
}

fn ready() -> Value {
    let mut ready = operation("ready", "Operations", "The upstreams answer", "ready");
    if let Some(down) = ready.pointer_mut("/responses/503") {
        let schema = json!({ "oneOf": [reference("ready"), reference("Problem")] });
        *down = json!({
            "description": "One of them does not, or the Worker is not configured.",
            "content": { "application/json": { "schema": reference("ready") }, "application/problem+json": { "schema": schema } },
        });
    }
    ready
}

fn realtime() -> Value {
    let query = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema });
    let mut responses = problems(&[400, 426]);
    responses
        .insert("101".to_owned(), json!({ "description": "The socket is open; Phoenix frames follow." }));
    json!({
        "operationId": "realtime", "tags": ["Live rooms"], "summary": "Open a socket",
        "description": "Phoenix channels as Supabase Realtime speaks them: `postgres_changes`, broadcast, presence. Rows arrive under row level security; `config.broadcast.resume` continues after a gap.",
        "parameters": [
            query("apikey", "The public key; browsers cannot send headers here.", json!({ "type": "string" })),
            query("vsn", "The serializer: objects or arrays.", json!({ "type": "string", "enum": ["1.0.0", "2.0.0"] })),
        ],
        "responses": responses,
    })
}

// Auth's own answers are Auth's: only what is refused here is a problem.
fn auth(id: &str, summary: &str, good: Value) -> Value {
    let upstream = json!({
        "description": "Refused: by Supabase Auth in its own shape, or here as a problem.",
        "content": {
            "application/json": { "schema": { "type": "object" } },
            "application/problem+json": { "schema": reference("Problem") },
        },
    });
    let mut responses = answers(good, &[]);
    if let Some(members) = responses.as_object_mut() {
        members.insert("4XX".to_owned(), upstream.clone());
        for status in ["401", "403", "404", "429"] {
            members.insert(status.to_owned(), upstream.clone());
        }
    }
    json!({ "operationId": id, "tags": ["Auth"], "summary": summary, "responses": responses })
}

fn token() -> Value {
    let mut token = auth(
        "auth.token",
        "Sign in with a password, or refresh a session",
        json!({ "200": json_answer("A session.", &reference("session")) }),
    );
    let body = json!({
        "oneOf": [
            object(&json!({ "email": { "type": "string", "format": "email" }, "password": { "type": "string" } }), &["email", "password"]),
            object(&json!({ "refresh_token": { "type": "string" } }), &["refresh_token"]),
        ],
    });
    if let Some(members) = token.as_object_mut() {
        members.insert(
            "parameters".to_owned(),
            json!([{
                "name": "grant_type", "in": "query", "required": true,
                "schema": { "type": "string", "enum": ["password", "refresh_token"] },
            }]),
        );
        members.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": { "application/json": { "schema": body } } }),
        );
    }
    token
}

fn user() -> Value {
    auth(
        "auth.user",
        "Who is signed in",
        json!({ "200": json_answer("The user, as Auth knows them.", &json!({ "type": "object" })) }),
    )
}

fn change_user() -> Value {
    let mut change = auth(
        "auth.user.change",
        "Change one's own password, e-mail or metadata",
        json!({ "200": json_answer("The user, as Auth knows them.", &json!({ "type": "object" })) }),
    );
    let text = json!({ "type": "string" });
    let body = json!({ "type": "object", "properties": { "email": text, "password": text, "nonce": text, "data": { "type": "object" } } });
    if let Some(members) = change.as_object_mut() {
        let content = json!({ "required": true, "content": { "application/json": { "schema": body } } });
        members.insert("requestBody".to_owned(), content);
    }
    change
}

fn logout() -> Value {
    auth("auth.logout", "End the session", json!({ "204": { "description": "It has ended." } }))
}

fn settings() -> Value {
    auth(
        "auth.settings",
        "Ways to sign in",
        json!({ "200": json_answer("Auth's settings.", &json!({ "type": "object" })) }),
    )
}
