//! The API reference is the program's: the file is not stale, every route and error kind is in it, its examples fit.

use chairside::docs::{openapi, page};
use chairside::problem::Kind;
use chairside::schema::SCHEMA;
use serde_json::Value;

#[test]
fn the_file_is_not_stale() {
    let written: Value = serde_json::from_str(include_str!("../docs/openapi.json")).unwrap();
    assert!(written == openapi(&SCHEMA), "docs/openapi.json is stale: run scripts/docs and commit it");
}

#[test]
fn every_table_and_function_is_in_it() {
    let document = openapi(&SCHEMA);
    let paths = document["paths"].as_object().unwrap();
    for table in SCHEMA.tables {
        let path = &paths[&format!("/rest/v1/{}", table.name)];
        assert_eq!(path.get("post").is_some(), table.insertable(), "{}", table.name);
        assert_eq!(path.get("patch").is_some(), table.updatable(), "{}", table.name);
        assert_eq!(path.get("delete").is_some(), table.deletable, "{}", table.name);
    }
    for function in SCHEMA.functions {
        assert_eq!(paths.contains_key(&format!("/rest/v1/rpc/{}", function.name)), !function.internal);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| walk(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let document = openapi(&SCHEMA);
    let mut references = Vec::new();
    walk(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[test]
fn every_example_is_in_its_operation() {
    let document = openapi(&SCHEMA);
    let examples: Vec<Value> = serde_json::from_str(include_str!("../src/docs/examples.json")).unwrap();
    assert!(examples.len() >= 15);
    for example in examples {
        let (path, method) =
            (example["path"].as_str().unwrap(), example["method"].as_str().unwrap().to_lowercase());
        let operation = &document["paths"][path][&method];
        assert!(
            operation["x-examples"].as_array().is_some_and(|all| all.contains(&example)),
            "{}",
            example["id"]
        );
        let status = example["status"].to_string();
        let known = operation["responses"].get(&status).or_else(|| operation["responses"].get("4XX"));
        assert!(known.is_some(), "{}: {status} is not among its answers", example["id"]);
    }
}

#[test]
fn every_error_kind_has_a_page() {
    let document = openapi(&SCHEMA);
    let pages = document["x-errors"].as_array().unwrap();
    for kind in Kind::ALL {
        let page = page(*kind);
        assert!(page.cause.len() > 20 && page.cure.len() > 20, "{}", kind.name());
        assert!(pages.iter().any(|one| one["name"] == kind.name() && one["status"] == kind.status()));
    }
    assert_eq!(pages.len(), Kind::ALL.len());
}
