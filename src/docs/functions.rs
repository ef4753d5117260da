//! `/rest/v1/rpc/{function}`

use serde_json::{Map, Value, json};

use super::schemas::{arguments, returned};
use super::tables::answers;
use crate::schema::{Column, Function, Type};

/// A function's operations: POST, and GET where it only reads.
pub fn path(function: &Function) -> Value {
    let mut path = Map::new();
    path.insert("post".to_owned(), call(function));
    if function.read_only {
        path.insert("get".to_owned(), query(function));
    }
    Value::Object(path)
}

fn call(function: &Function) -> Value {
    let mut parameters = Vec::new();
    if !function.read_only {
        parameters.push(json!({ "$ref": "#/components/parameters/Idempotency-Key" }));
    }
    json!({
        "operationId": format!("rpc.{}", function.name),
        "tags": ["Functions"],
        "summary": function.name,
        "description": describe(function),
        "parameters": parameters,
        "requestBody": {
            "required": function.arguments.iter().any(|argument| !argument.has_default),
            "content": { "application/json": { "schema": arguments(function.arguments) } },
        },
        "responses": good(function, &[400, 406, 409, 413, 415, 422]),
    })
}

fn query(function: &Function) -> Value {
    let parameter = |argument: &Column| {
        json!({
            "name": argument.name, "in": "query", "required": !argument.has_default,
            "description": argument.comment, "schema": { "type": "string", "examples": [example(&argument.ty)] },
        })
    };
    json!({
        "operationId": format!("rpc.{}.read", function.name),
        "tags": ["Functions"],
        "summary": function.name,
        "description": describe(function),
        "parameters": function.arguments.iter().map(parameter).collect::<Vec<_>>(),
        "responses": good(function, &[400, 406, 409, 416, 422]),
    })
}

fn good(function: &Function, wrong: &[u16]) -> Value {
    let content = json!({ "application/json": { "schema": returned(&function.returns) } });
    answers(json!({ "200": { "description": "What it returns.", "content": content } }), wrong)
}

fn describe(function: &Function) -> String {
    let who = if function.anon { " Also without signing in." } else { "" };
    format!("{}{who}", function.comment)
}

fn example(ty: &Type) -> &'static str {
    match ty {
        Type::Array(_) => "{00000000-0000-4000-8000-0000000000d1}",
        Type::Uuid => "00000000-0000-4000-8000-0000000000d1",
        Type::Timestamptz => "2026-12-01T09:00:00Z",
        Type::Date => "2026-12-01",
        Type::Bool => "true",
        Type::Json => "{}",
        Type::Text(_) => "LOT-1",
        _ => "1",
    }
}
