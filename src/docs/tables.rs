//! `/rest/v1/{table}`: one path a table, an operation a method.

use serde_json::{Map, Value, json};

use super::errors::problems;
use super::schemas::reference;
use crate::rest::query::MAX_LIMIT;
use crate::schema::{Column, Table, Type, value};

/// A table's operations.
pub fn path(table: &Table) -> Value {
    let mut path = Map::new();
    path.insert("get".to_owned(), read(table));
    if table.insertable() {
        path.insert("post".to_owned(), insert(table));
    }
    if table.updatable() {
        path.insert("patch".to_owned(), update(table));
    }
    if table.insertable() && table.updatable() {
        path.insert("put".to_owned(), replace(table));
    }
    if table.deletable {
        path.insert("delete".to_owned(), delete(table));
    }
    Value::Object(path)
}

fn read(table: &Table) -> Value {
    let rows = rows(table);
    json!({
        "operationId": format!("{}.read", table.name),
        "tags": ["Tables"],
        "summary": format!("Read {}", table.name),
        "description": format!("{} Filter by any column; embed related rows in `select`. At most {MAX_LIMIT} rows at once.", table.comment),
        "parameters": parameters(table, &["select", "order", "limit", "offset", "Prefer", "Range"]),
        "responses": answers(json!({
            "200": { "description": "All rows that match.", "headers": headers(&["Content-Range", "ETag"]), "content": representations(&rows) },
            "206": { "description": "Part of them: a count was asked for, and there are more.", "headers": headers(&["Content-Range"]), "content": representations(&rows) },
        }), &[400, 406, 416]),
    })
}

fn insert(table: &Table) -> Value {
    let one = reference(&format!("{}.insert", table.name));
    let many = json!({ "type": "array", "items": one, "minItems": 1, "maxItems": MAX_LIMIT });
    json!({
        "operationId": format!("{}.insert", table.name),
        "tags": ["Tables"],
        "summary": format!("Insert into {}", table.name),
        "description": "One row or several, whole or not at all. With `Prefer: resolution=merge-duplicates` an upsert on `on_conflict`.",
        "parameters": named(&["select", "on_conflict", "columns", "Prefer", "Idempotency-Key"]),
        "requestBody": { "required": true, "content": { "application/json": { "schema": { "oneOf": [one, many] } } } },
        "responses": answers(json!({
            "200": { "description": "Upserted; the rows, if `Prefer: return=representation`.", "content": representations(&rows(table)) },
            "201": { "description": "Inserted; the rows, as in 200, if `Prefer: return=representation`.", "headers": headers(&["Location", "ETag", "Idempotency-Replayed"]) },
        }), &[400, 406, 409, 413, 415, 422]),
    })
}

fn update(table: &Table) -> Value {
    changed(
        table,
        "update",
        &format!("Update rows of {}", table.name),
        "All rows that the filter names; without a filter it is refused.",
        Some(reference(&format!("{}.update", table.name))),
    )
}

fn replace(table: &Table) -> Value {
    changed(
        table,
        "replace",
        &format!("Insert or replace one row of {}", table.name),
        "The row whose whole primary key the query names, each column by `eq`.",
        Some(reference(&format!("{}.insert", table.name))),
    )
}

fn delete(table: &Table) -> Value {
    let what = if table.column("deleted_at").is_some() {
        "All rows that the filter names; they are marked, not removed. Without a filter it is refused."
    } else {
        "All rows that the filter names; without a filter it is refused."
    };
    changed(table, "delete", &format!("Delete rows of {}", table.name), what, None)
}

fn changed(table: &Table, verb: &str, summary: &str, description: &str, body: Option<Value>) -> Value {
    let mut operation = json!({
        "operationId": format!("{}.{verb}", table.name),
        "tags": ["Tables"],
        "summary": summary,
        "description": description,
        "parameters": parameters(table, &["select", "Prefer", "If-Match"]),
        "responses": answers(json!({
            "200": { "description": "The rows, if `Prefer: return=representation`.", "headers": headers(&["Content-Range", "ETag"]), "content": representations(&rows(table)) },
            "201": { "description": "A row was made; it is in the body, as in 200, if `Prefer: return=representation`." },
            "204": { "description": "Done.", "headers": headers(&["Content-Range", "ETag"]) },
        }), &[400, 406, 409, 412, 413, 415, 422]),
    });
    if let (Some(schema), Some(members)) = (body, operation.as_object_mut()) {
        let content = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        members.insert("requestBody".to_owned(), content);
    }
    operation
}

fn rows(table: &Table) -> Value {
    json!({ "type": "array", "items": reference(table.name) })
}

fn representations(rows: &Value) -> Value {
    let one = rows.get("items").cloned().unwrap_or_default();
    json!({
        "application/json": { "schema": rows },
        "application/vnd.pgrst.object+json": { "schema": one },
        "text/csv": { "schema": { "type": "string" } },
    })
}

/// The good answers and, by status, what may go wrong.
pub fn answers(mut good: Value, wrong: &[u16]) -> Value {
    if let Some(answers) = good.as_object_mut() {
        answers.extend(problems(wrong));
    }
    good
}

fn named(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })).collect()
}

fn headers(names: &[&str]) -> Value {
    let one = |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    Value::Object(names.iter().map(one).collect())
}

fn parameters(table: &Table, shared: &[&str]) -> Vec<Value> {
    let filters = table.columns.iter().map(filter);
    named(shared).into_iter().chain(filters).collect()
}

/// A filter on a column, `operator.value`; what a value is depends on the type alone.
fn filter(column: &Column) -> Value {
    json!({ "name": column.name, "in": "query", "schema": reference(&format!("filter.{}", filter_name(&column.ty))) })
}

fn filter_name(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "boolean",
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Numeric(..) | Type::Float => "number",
        Type::Uuid => "uuid",
        Type::Date => "date",
        Type::Timestamptz => "timestamptz",
        _ => "text",
    }
}

/// The schemas of filters.
pub fn filter_schemas() -> Map<String, Value> {
    [
        (Type::Bool, "is.true"),
        (Type::Int4, "gte.1"),
        (Type::Uuid, "eq.00000000-0000-4000-8000-0000000000d1"),
        (Type::Date, "gte.2026-12-01"),
        (Type::Timestamptz, "gte.2026-12-01T00:00:00Z"),
        (Type::Text(0), "ilike.*a*"),
    ]
    .map(|(ty, example)| {
        let description = format!(
            "`operator.value`: eq, neq, gt, gte, lt, lte, in.(…), is.null, like, ilike, match and PostgREST's others, \
             `not.` before each; a value is {}.",
            value::describe(&ty)
        );
        let schema = json!({ "type": "string", "description": description, "examples": [example] });
        (format!("filter.{}", filter_name(&ty)), schema)
    })
    .into_iter()
    .collect()
}

/// What several operations take.
pub fn shared_parameters() -> Value {
    let query = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema });
    let header = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "header", "required": false, "description": description, "schema": schema });
    let text = |example: &str| json!({ "type": "string", "examples": [example] });
    json!({
        "select": query("select", "Columns and related rows, separated by commas; aliases `name:column`, embeds `table!constraint(columns)`.", text("*")),
        "order": query("order", "`column.asc|desc.nullsfirst|nullslast`, separated by commas.", text("id.asc")),
        "limit": query("limit", "At most so many rows.", json!({ "type": "integer", "minimum": 0, "maximum": MAX_LIMIT })),
        "offset": query("offset", "Leaves out so many rows.", json!({ "type": "integer", "minimum": 0 })),
        "on_conflict": query("on_conflict", "The unique columns on which an upsert decides.", text("id")),
        "columns": query("columns", "The columns that are written, whatever else the rows hold.", text("id")),
        "Prefer": header("Prefer", "`return=minimal|representation|headers-only`, `count=exact|planned|estimated`, `resolution=merge-duplicates|ignore-duplicates`, `missing=default`, `handling=strict`, `max-affected=N`.", text("return=representation")),
        "Range": header("Range", "First and last row's number.", json!({ "type": "string", "examples": ["0-24"] })),
        "If-Match": header("If-Match", "The row's `ETag`; 412 when it has changed since. Wants a filter on the whole primary key.", json!({ "type": "string", "examples": ["\"1\""] })),
        "Idempotency-Key": header("Idempotency-Key", "1 to 255 visible characters, best a UUID. Within 24 hours the same request under it gets the first result.", json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" })),
    })
}

/// What several answers carry.
pub fn shared_headers() -> Value {
    let header = |description: &str| json!({ "description": description, "required": false, "schema": { "type": "string" } });
    json!({
        "Content-Range": header("Which rows these are, and of how many if a count was asked for: `0-24/573`."),
        "ETag": header("The row's version, where the answer is one row."),
        "Location": header("Where the new row is."),
        "Idempotency-Replayed": header("`true` when this is an earlier request's result."),
        "X-Request-Id": header("The request's id, also in the audit log."),
        "RateLimit-Policy": header("The budget that was counted against: `\"user\";q=600;w=60`."),
        "Retry-After": header("In how many seconds to try again."),
    })
}
