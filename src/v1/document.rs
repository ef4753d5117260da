//! A document as an admin sends it: JSON, or Markdown with its fields in lines between `---` at the beginning.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::live::moment::Moment;
use crate::problem::{Kind, Problem, Violation};
use crate::rag::knowledge::Document;
use crate::rest;
use crate::schema::{Schema, Table, validate};

/// The longest body of a request: 400,000 characters of text and their fields.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;
/// What may be sent.
const FIELDS: [&str; 7] = ["title", "body", "category", "language", "audience", "valid_from", "valid_until"];

/// Reads JSON.
pub fn from_json(schema: &Schema, slug: &str, body: &[u8]) -> Result<Document, Problem> {
    checked(schema, slug, rest::body::text(body)?)
}

/// Reads Markdown.
pub fn from_markdown(schema: &Schema, slug: &str, body: &[u8]) -> Result<Document, Problem> {
    let text = rest::body::text(body)?.replace("\r\n", "\n");
    let (fields, markdown) = split(&text).ok_or_else(|| {
        let detail = "Markdown begins with lines between ---, among them title:";
        Problem::violations(Kind::InvalidBody, vec![Violation::body("", "fields", detail)])
    })?;
    let mut members = Map::new();
    for line in fields.lines().filter(|line| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once(':') else {
            let detail = "each line between --- is a name, a colon and a value";
            return Err(Problem::violations(Kind::InvalidBody, vec![Violation::body("", "fields", detail)]));
        };
        members.insert(name.trim().to_owned(), json!(unquoted(value.trim())));
    }
    members.insert("body".to_owned(), json!(markdown.trim()));
    checked(schema, slug, &Value::Object(members).to_string())
}

fn split(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("---\n")?;
    match rest.strip_prefix("---\n") {
        Some(body) => Some(("", body)),
        None => rest.split_once("\n---\n"),
    }
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// Checks the fields by the rules of the table's columns; all that is wrong is told at once.
fn checked(schema: &Schema, slug: &str, text: &str) -> Result<Document, Problem> {
    rest::body::check_depth(text)?;
    let rows = rest::body::parse(text)?;
    let (Some(table), Some(row), false) = (schema.table("knowledge_document"), rows.rows.first(), rows.bulk)
    else {
        let errors = vec![Violation::body("", "type", "one JSON object is wanted")];
        return Err(Problem::violations(Kind::InvalidBody, errors));
    };
    let mut errors = Vec::new();
    validate::columns(table, &FIELDS, &row.0, &mut errors);
    for name in ["title", "body"] {
        if !row.0.iter().any(|(member, _)| member == name) {
            errors.push(Violation::body(format!("/{name}"), "required", format!("{name} is required")));
        }
    }
    bad_slug(table, slug, &mut errors);
    if errors.is_empty() {
        let document: Document = serde_json::from_str(text)
            .map_err(|_| Problem::new(Kind::InvalidBody, "The body is not a document."))?;
        return in_order(Document { slug: slug.to_owned(), ..document });
    }
    Err(Problem::violations(Kind::Validation, errors))
}

/// The path's part is told as if it were a member: it is one of the row's columns.
fn bad_slug(table: &Table, slug: &str, errors: &mut Vec<Violation>) {
    let raw = RawValue::from_string(json!(slug).to_string());
    let raw = raw.unwrap_or_else(|_| RawValue::NULL.to_owned());
    validate::columns(table, &["slug"], &[("slug".into(), &raw)], errors);
}

fn in_order(document: Document) -> Result<Document, Problem> {
    let moment = |text: &Option<String>| text.as_deref().and_then(Moment::parse);
    match (moment(&document.valid_from), moment(&document.valid_until)) {
        (Some(from), Some(until)) if from.micros() >= until.micros() => {
            let detail = "A document's validity ends after it begins.";
            let errors = vec![Violation::body("/valid_until", "rule", detail)];
            Err(Problem::violations(Kind::Validation, errors))
        }
        _ => Ok(document),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SCHEMA;

    fn pointers(outcome: Result<Document, Problem>) -> Vec<String> {
        outcome
            .err()
            .map(|problem| problem.into_details().errors)
            .unwrap_or_default()
            .into_iter()
            .map(|e| e.pointer)
            .collect()
    }

    #[test]
    fn markdown_brings_its_fields_in_front() {
        let text = "---\r\ntitle: \"A: B\"\r\naudience: staff\r\n\r\n---\r\n\r\n# A\r\n\r\nText.\r\n";
        let document = from_markdown(&SCHEMA, "a-b", text.as_bytes()).unwrap_or_else(|_| panic!("refused"));
        assert_eq!((document.slug.as_str(), document.title.as_str()), ("a-b", "A: B"));
        assert_eq!((document.audience.as_str(), document.body.as_str()), ("staff", "# A\n\nText."));
        assert_eq!((document.category.as_str(), document.language.as_str()), ("general", "en"));
    }

    #[test]
    fn markdown_without_fields_or_with_others_is_refused() {
        for text in ["# A", "---\ntitle: A\n# A", "---\nno colon\n---\n# A", ""] {
            assert_eq!(pointers(from_markdown(&SCHEMA, "a", text.as_bytes())), [""], "{text}");
        }
        let text = "---\naudience: all\nlanguage: english\nmood: good\n---\n";
        let found = pointers(from_markdown(&SCHEMA, "A", text.as_bytes()));
        assert_eq!(found, ["/audience", "/body", "/language", "/mood", "/title", "/slug"]);
    }

    #[test]
    fn json_has_the_types_of_the_columns() {
        let found = pointers(from_json(
            &SCHEMA,
            "a",
            br#"{"title":1,"body":"x","valid_from":"soon","category":null}"#,
        ));
        assert_eq!(found, ["/title", "/valid_from", "/category"]);
        assert_eq!(pointers(from_json(&SCHEMA, "a", b"[{}]")), [""]);
        let never =
            br#"{"title":"A","body":"x","valid_from":"2026-02-01","valid_until":"2026-01-01T00:00:00Z"}"#;
        assert_eq!(pointers(from_json(&SCHEMA, "a", never)), ["/valid_until"]);
    }
}
