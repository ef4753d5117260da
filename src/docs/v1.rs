//! `/v1`: the chatbot, its knowledge base, and the audit's chain.

use serde_json::{Map, Value, json};

use super::errors::statuses;
use super::schemas::reference;
use super::tables::answers;

/// Paths and their operations.
pub fn paths() -> Map<String, Value> {
    [
        ("/v1/chat/completions", json!({ "post": chat() })),
        ("/v1/chat/feedback", json!({ "post": feedback() })),
        ("/v1/models", json!({ "get": models() })),
        ("/v1/knowledge/search", json!({ "post": search() })),
        ("/v1/knowledge/documents", json!({ "get": documents() })),
        (
            "/v1/knowledge/documents/{slug}",
            json!({ "parameters": [slug()], "get": read(), "put": write(), "delete": delete() }),
        ),
        ("/v1/audit/verify", json!({ "get": audit() })),
    ]
    .into_iter()
    .map(|(path, item)| (path.to_owned(), item))
    .collect()
}

/// Schemas of bodies and answers.
pub fn schemas() -> Map<String, Value> {
    let text = || json!({ "type": "string" });
    [
        ("openai.error", json!({
            "type": "object", "required": ["error"],
            "properties": { "error": {
                "type": "object", "required": ["message", "type", "param", "code"],
                "properties": { "message": text(), "type": text(), "param": { "type": ["string", "null"] }, "code": text(), "errors": { "type": "array" } },
            } },
        })),
        ("chat.request", json!({
            "type": "object", "required": ["messages"],
            "properties": {
                "model": { "type": "string", "minLength": 1, "maxLength": 200, "description": "Any name: there is one assistant." },
                "messages": { "type": "array", "minItems": 1, "maxItems": 40, "items": {
                    "type": "object", "required": ["role", "content"],
                    "properties": { "role": { "enum": ["user", "assistant", "system", "developer"] }, "content": { "type": "string", "maxLength": 4000 } },
                } },
                "stream": { "type": "boolean" },
                "stream_options": { "type": "object", "properties": { "include_usage": { "type": "boolean" } } },
                "temperature": { "type": "number", "minimum": 0, "maximum": 2 },
                "max_tokens": { "type": "integer", "minimum": 1 },
                "max_completion_tokens": { "type": "integer", "minimum": 1 },
                "user": text(),
            },
        })),
        ("chat.completion", json!({
            "type": "object", "required": ["id", "object", "created", "model", "choices", "sources"],
            "properties": {
                "id": text(), "object": { "const": "chat.completion" }, "created": { "type": "integer" }, "model": text(),
                "choices": { "type": "array", "items": { "type": "object", "description": "`message.annotations` cite passages; `finish_reason` is `stop` only for a whole answer." } },
                "sources": { "type": "array", "description": "The cited passages by number." },
            },
        })),
        ("knowledge.found", json!({
            "type": "object", "required": ["mode", "degraded", "answerable", "hits"],
            "properties": {
                "mode": { "enum": ["hybrid", "dense", "lexical"] },
                "degraded": { "type": ["string", "null"], "description": "Why fewer searches were made than are configured." },
                "answerable": { "type": "boolean", "description": "Whether the assistant would answer from these." },
                "hits": { "type": "array", "items": { "type": "object", "required": ["id", "document", "content", "score", "scores"] } },
            },
        })),
        ("knowledge.document", json!({
            "type": "object", "required": ["title", "body"],
            "properties": {
                "title": { "type": "string", "minLength": 1 }, "body": { "type": "string", "minLength": 1, "description": "Markdown." },
                "category": text(), "language": text(), "audience": text(),
                "valid_from": { "type": ["string", "null"], "format": "date-time" },
                "valid_until": { "type": ["string", "null"], "format": "date-time" },
            },
        })),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}

// Errors here are in OpenAI's shape, whatever the status.
fn operation(tag: &str, id: &str, summary: &str, good: Value, wrong: &[u16]) -> Value {
    let mut responses = good;
    if let Some(members) = responses.as_object_mut() {
        for status in statuses(wrong) {
            let content = json!({ "application/json": { "schema": reference("openai.error") } });
            members.insert(status.to_string(), json!({ "description": "An error in OpenAI's shape; `code` is the kind's name.", "content": content }));
        }
    }
    json!({ "operationId": id, "tags": [tag], "summary": summary, "responses": responses })
}

fn with(mut operation: Value, name: &str, value: Value) -> Value {
    if let Some(members) = operation.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    operation
}

fn body(schema: &Value) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

fn good(description: &str, schema: &Value) -> Value {
    json!({ "200": { "description": description, "content": { "application/json": { "schema": schema } } } })
}

fn chat() -> Value {
    let answer = json!({ "200": {
        "description": "The answer; with `stream`, chunks as server-sent events, a sentence at a time, ended by `[DONE]`.",
        "headers": { "X-Chairside-Outcome": { "schema": { "enum": ["answered", "abstained", "triage"] } } },
        "content": {
            "application/json": { "schema": reference("chat.completion") },
            "text/event-stream": { "schema": { "type": "string" } },
        },
    } });
    let chat = operation("Chatbot", "chat.completions", "Ask the clinic", answer, &[400, 409, 413, 415, 422]);
    with(chat, "requestBody", body(&reference("chat.request")))
}

fn feedback() -> Value {
    let kept = json!({ "204": { "description": "It is kept." } });
    let rating = json!({
        "type": "object", "required": ["completion_id", "rating"], "additionalProperties": false,
        "properties": {
            "completion_id": { "type": "string", "pattern": "^chatcmpl-" },
            "rating": { "enum": ["up", "down"] },
            "comment": { "type": ["string", "null"], "maxLength": 1000 },
        },
    });
    let feedback = operation(
        "Chatbot",
        "chat.feedback",
        "Say whether an answer helped",
        kept,
        &[400, 409, 413, 415, 422],
    );
    with(feedback, "requestBody", body(&rating))
}

fn models() -> Value {
    let list = json!({ "type": "object", "required": ["object", "data"], "properties": { "object": { "const": "list" }, "data": { "type": "array" } } });
    operation("Chatbot", "models", "The one model there is", good("A list of one.", &list), &[])
}

fn search() -> Value {
    let asked = json!({
        "type": "object", "required": ["query"], "additionalProperties": false,
        "properties": {
            "query": { "type": "string", "minLength": 1, "maxLength": 4000 },
            "top_k": { "type": "integer", "minimum": 1, "maximum": 50 },
            "filter": { "type": ["object", "null"], "description": "On document, category, language, audience, valid_from and valid_until: `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`, `$in`, `$nin`, `$and`, `$or`." },
            "mode": { "enum": ["hybrid", "dense", "lexical"] },
        },
    });
    let search = operation(
        "Chatbot",
        "knowledge.search",
        "Search the clinic's documents",
        good("The best passages.", &reference("knowledge.found")),
        &[400, 409, 413, 415, 422],
    );
    with(search, "requestBody", body(&asked))
}

fn slug() -> Value {
    json!({ "name": "slug", "in": "path", "required": true, "schema": { "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 100 } })
}

fn documents() -> Value {
    let list = json!({ "type": "object", "required": ["documents"], "properties": { "documents": { "type": "array" } } });
    let page = json!([
        { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 1000 } },
        { "name": "after", "in": "query", "description": "A slug: those that follow it.", "schema": { "type": "string" } },
    ]);
    with(
        operation(
            "Chatbot",
            "knowledge.list",
            "List the documents",
            good("Without their text.", &list),
            &[400],
        ),
        "parameters",
        page,
    )
}

fn read() -> Value {
    operation(
        "Chatbot",
        "knowledge.read",
        "Read a document",
        good("With its text and ETag.", &reference("knowledge_document")),
        &[400],
    )
}

fn write() -> Value {
    let written = json!({ "type": "object", "required": ["outcome", "document", "pieces", "vectors"] });
    let mut answer = good("Updated, or unchanged.", &written);
    if let Some(members) = answer.as_object_mut() {
        let created =
            json!({ "description": "Created.", "content": { "application/json": { "schema": written } } });
        members.insert("201".to_owned(), created);
    }
    let put = operation(
        "Chatbot",
        "knowledge.write",
        "Write a document; only what has changed is embedded",
        answer,
        &[400, 409, 412, 413, 415, 422],
    );
    let content = json!({
        "required": true,
        "content": {
            "application/json": { "schema": reference("knowledge.document") },
            "text/markdown": { "schema": { "type": "string", "description": "Fields in lines between `---`, then Markdown." } },
        },
    });
    with(
        with(put, "requestBody", content),
        "parameters",
        json!([{ "$ref": "#/components/parameters/If-Match" }]),
    )
}

fn delete() -> Value {
    let deleted = json!({ "type": "object", "required": ["outcome"] });
    let delete = operation(
        "Chatbot",
        "knowledge.delete",
        "Delete a document",
        good("It is gone, from the vector store too.", &deleted),
        &[400, 409, 412, 422],
    );
    with(delete, "parameters", json!([{ "$ref": "#/components/parameters/If-Match" }]))
}

fn audit() -> Value {
    json!({
        "operationId": "audit.verify", "tags": ["Audit"], "summary": "Verify the change log's chain, a part at a time",
        "description": "For admins. Go on `from` where the last answer stopped, with its hash as `anchor`, until the head is reached.",
        "parameters": [
            { "name": "from", "in": "query", "description": "The entry after which to begin.", "schema": { "type": "integer", "minimum": 0 } },
            { "name": "anchor", "in": "query", "description": "The hash of that entry.", "schema": { "type": "string", "pattern": "^[0-9a-f]{64}$" } },
        ],
        "responses": answers(good("How far the chain is whole, and the first broken link if there is one.", &reference("audit")), &[400, 409, 422]),
    })
}
