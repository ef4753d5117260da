//! JSON Schema (2020-12) of columns, rows and bodies.

use serde_json::{Map, Value, json};

use crate::schema::{Column, Returns, Table, Test, Type};

/// What a table's rows look like. Nothing is required: `select` chooses, and what a role may not read is absent.
pub fn row(table: &Table) -> Value {
    json!({
        "type": "object",
        "description": table.comment,
        "properties": properties(table.columns.iter(), Use::Answer),
    })
}

/// What may be inserted.
pub fn insert(table: &Table) -> Value {
    let columns = || table.columns.iter().filter(|column| column.insertable);
    let required: Vec<_> = columns()
        .filter(|column| !column.nullable && !column.has_default)
        .map(|column| column.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties(columns(), Use::Body),
        "required": required,
        "additionalProperties": false,
    })
}

/// What may be updated.
pub fn update(table: &Table) -> Value {
    let columns = table.columns.iter().filter(|column| column.updatable);
    json!({ "type": "object", "properties": properties(columns, Use::Body), "additionalProperties": false })
}

/// A function's arguments as one object.
pub fn arguments(arguments: &[Column]) -> Value {
    let required: Vec<_> =
        arguments.iter().filter(|argument| !argument.has_default).map(|argument| argument.name).collect();
    json!({
        "type": "object",
        "properties": properties(arguments.iter(), Use::Body),
        "required": required,
        "additionalProperties": false,
    })
}

/// What a function returns.
pub fn returned(returns: &Returns) -> Value {
    let (one, many) = match returns {
        Returns::Scalar(ty) => return nullable(of(ty, Use::Answer)),
        Returns::Table(name, many) => (reference(name), *many),
        Returns::Rows(columns, many) => {
            (json!({ "type": "object", "properties": properties(columns.iter(), Use::Answer) }), *many)
        }
    };
    if many { json!({ "type": "array", "items": one }) } else { one }
}

/// A reference to a named schema.
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Whether a schema says what is sent or what comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// In a body: narrow, so that a generator of requests stays within what is accepted.
    Body,
    /// In an answer: whatever Postgres may print.
    Answer,
}

fn properties<'a>(columns: impl Iterator<Item = &'a Column>, used: Use) -> Map<String, Value> {
    columns.map(|column| (column.name.to_owned(), property(column, used))).collect()
}

fn property(column: &Column, used: Use) -> Value {
    let mut schema = of(&column.ty, used);
    for rule in column.rules {
        narrow(&mut schema, &rule.test);
    }
    if column.nullable {
        schema = nullable(schema);
    }
    if let (false, Some(members)) = (column.comment.is_empty(), schema.as_object_mut()) {
        members.insert("description".to_owned(), json!(column.comment));
    }
    schema
}

fn nullable(mut schema: Value) -> Value {
    let Some(members) = schema.as_object_mut() else { return schema };
    if let Some(ty) = members.get("type").cloned() {
        members.insert("type".to_owned(), json!([ty, "null"]));
        if let Some(Value::Array(labels)) = members.get_mut("enum") {
            labels.push(Value::Null);
        }
    }
    schema
}

/// A type's schema.
pub fn of(ty: &Type, used: Use) -> Value {
    match ty {
        Type::Bool => json!({ "type": "boolean" }),
        Type::Int2 => json!({ "type": "integer", "minimum": i16::MIN, "maximum": i16::MAX }),
        Type::Int4 => {
            json!({ "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX })
        }
        Type::Int8 => json!({ "type": "integer", "format": "int64" }),
        Type::Numeric(precision, scale) => numeric(*precision, *scale, used),
        Type::Float => json!({ "type": "number" }),
        Type::Text(0) | Type::Tstzrange | Type::Daterange | Type::Bytea => json!({ "type": "string" }),
        Type::Text(longest) => json!({ "type": "string", "maxLength": longest }),
        Type::Uuid => json!({ "type": "string", "format": "uuid" }),
        Type::Date => json!({ "type": "string", "format": "date" }),
        Type::Time => json!({ "type": "string", "examples": ["09:00:00"] }),
        Type::Timestamptz => json!({ "type": "string", "format": "date-time" }),
        Type::Interval => json!({ "type": "string", "examples": ["00:30:00"] }),
        Type::Json => json!({}),
        Type::Enum(labels) => json!({ "type": "string", "enum": labels }),
        Type::Array(element) => json!({ "type": "array", "items": nullable(of(element, used)) }),
        Type::Void => json!({ "type": "null" }),
    }
}

fn numeric(precision: u16, scale: u16, used: Use) -> Value {
    let mut schema = json!({ "type": "number" });
    if let (true, Use::Body, Some(members)) = (precision > 0, used, schema.as_object_mut()) {
        // Bounds that a double holds exactly: one below the power of ten, before the decimals.
        let most = 10i64.saturating_pow(u32::from(precision.saturating_sub(scale)).min(15)) - 1;
        members.insert("minimum".to_owned(), json!(-most));
        members.insert("maximum".to_owned(), json!(most));
        let decimals =
            if scale == 0 { "no decimals".to_owned() } else { format!("{scale} decimals are kept") };
        members.insert("description".to_owned(), json!(decimals));
    }
    schema
}

fn narrow(schema: &mut Value, rule: &Test) {
    // Of a list the elements are checked, which JSON Schema cannot be told from the rule alone.
    let Some(members) = schema.as_object_mut().filter(|members| !members.contains_key("items")) else {
        return;
    };
    let mut put = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
    let bound = |number: &str| serde_json::from_str(number).unwrap_or(Value::Null);
    match rule {
        Test::OneOf(values) => put("enum", json!(values)),
        Test::Matches(pattern) => put("pattern", json!(pattern.source())),
        Test::Length(least, most, trimmed) => length(members, *least, *most, *trimmed),
        Test::AtLeast(least, true) => put("minimum", bound(least)),
        Test::AtLeast(least, false) => put("exclusiveMinimum", bound(least)),
        Test::AtMost(most, true) => put("maximum", bound(most)),
        Test::AtMost(most, false) => put("exclusiveMaximum", bound(most)),
    }
}

// A column may have two rules on its length, its own and its domain's: the narrower counts.
fn length(members: &mut Map<String, Value>, least: u32, most: u32, trimmed: bool) {
    let known = |members: &Map<String, Value>, name: &str| members.get(name).and_then(Value::as_u64);
    let least = known(members, "minLength").unwrap_or(0).max(least.into());
    let most = known(members, "maxLength").unwrap_or(u64::MAX).min(most.into());
    if least > 0 {
        members.insert("minLength".to_owned(), json!(least));
    }
    if most < u64::from(u32::MAX) {
        members.insert("maxLength".to_owned(), json!(most));
    }
    if trimmed && least > 0 && !members.contains_key("pattern") {
        members.insert("pattern".to_owned(), json!("\\S"));
    }
}
