//! Each table's fields, folded over the generated schema: what a body may hold is what the database would take.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::borrow::Cow;

use chairside::problem::Violation;
use chairside::schema::validate::{Write, row};
use chairside::schema::{Column, SCHEMA, Table, Test, Type};
use serde_json::value::RawValue;

const INSERT: Write<'_> = Write::Insert { columns: None, missing_default: false };
const UPDATE: Write<'_> = Write::Update { columns: None };

fn check(table: &Table, write: Write<'_>, members: &[(&str, &str)]) -> Vec<Violation> {
    let values: Vec<Box<RawValue>> =
        members.iter().map(|(_, json)| RawValue::from_string((*json).to_owned()).unwrap()).collect();
    let members: Vec<(Cow<'_, str>, &RawValue)> = members
        .iter()
        .zip(&values)
        .map(|((name, _), value)| (Cow::Borrowed(*name), value.as_ref()))
        .collect();
    let mut errors = Vec::new();
    row(table, write, &members, "", &mut errors);
    errors
}

fn codes(errors: &[Violation]) -> Vec<&str> {
    errors.iter().map(|error| error.code).collect()
}

/// Every column of every table that clients may change, with its table.
fn updatable() -> impl Iterator<Item = (&'static Table, &'static Column)> {
    SCHEMA
        .tables
        .iter()
        .flat_map(|table| table.columns.iter().map(move |column| (table, column)))
        .filter(|(_, column)| column.updatable)
}

/// JSON that is not of the type, whatever the column's rules say.
fn wrong(ty: &Type) -> &'static [&'static str] {
    match ty {
        Type::Bool => &["1", "\"true\"", "{}", "[]"],
        Type::Int2 | Type::Int4 | Type::Int8 => {
            &["1.5", "true", "\"x\"", "{}", "1e3", "99999999999999999999"]
        }
        Type::Numeric(..) | Type::Float => &["true", "\"x\"", "{}", "[]", "\"NaN\"", "\"Infinity\""],
        Type::Text(_) | Type::Enum(_) => &["1", "true", "{}", "[\"a\"]"],
        Type::Json => &["\"\\u0000\""],
        Type::Array(_) => &["1", "{}", "\"a\"", "[{}]"],
        _ => &["1", "true", "\"x\"", "{}", "\"\\u0000\""],
    }
}

#[test]
fn every_column_refuses_json_of_another_type() {
    let mut seen = 0;
    for (table, column) in updatable() {
        for json in wrong(&column.ty) {
            let errors = check(table, UPDATE, &[(column.name, json)]);
            assert_eq!(errors.len(), 1, "{}.{} takes {json}", table.name, column.name);
            assert!(errors[0].pointer.starts_with(&format!("/{}", column.name)));
            assert!(errors[0].detail.len() > 10);
            seen += 1;
        }
    }
    assert!(seen > 300, "only {seen} cases");
}

#[test]
fn null_is_taken_where_the_column_takes_it() {
    for (table, column) in updatable() {
        let errors = check(table, UPDATE, &[(column.name, "null")]);
        let expected: &[&str] = if column.nullable { &[] } else { &["null"] };
        assert_eq!(codes(&errors), expected, "{}.{}", table.name, column.name);
    }
}

#[test]
fn every_rule_refuses_what_breaks_it() {
    let mut seen = 0;
    for (table, column) in updatable() {
        for rule in column.rules {
            let breaking = match &rule.test {
                Test::OneOf(_) => "\"no such word\"".to_owned(),
                Test::Matches(_) => "\"\\n no pattern of ours has this\"".to_owned(),
                Test::Length(_, most, _) if *most < u32::MAX => {
                    format!("\"{}\"", "x".repeat(*most as usize + 1))
                }
                Test::Length(..) => "\"\"".to_owned(),
                Test::AtLeast(bound, _) => format!("{}", bound.parse::<f64>().unwrap() - 1.0),
                Test::AtMost(bound, _) => format!("{}", bound.parse::<f64>().unwrap() + 1.0),
            };
            let errors = check(table, UPDATE, &[(column.name, &breaking)]);
            assert!(
                !errors.is_empty(),
                "{}.{} takes {breaking} against {}",
                table.name,
                column.name,
                rule.constraint
            );
            assert!(
                table.constraints.iter().any(|one| one.name == rule.constraint && !one.message.is_empty())
            );
            seen += 1;
        }
    }
    assert!(seen > 80, "only {seen} rules");
}

#[test]
fn columns_that_the_database_sets_are_read_only() {
    for table in SCHEMA.tables.iter().filter(|table| table.insertable()) {
        for column in table.columns.iter().filter(|column| !column.insertable) {
            let errors = check(table, INSERT, &[(column.name, "null")]);
            assert!(errors.iter().any(|error| error.code == "read-only"), "{}.{}", table.name, column.name);
        }
        for name in ["version", "created_at", "updated_at"] {
            assert!(table.column(name).is_none_or(|column| !column.insertable), "{}.{name}", table.name);
        }
    }
}

#[test]
fn what_has_no_default_is_required_on_insert() {
    for table in SCHEMA.tables.iter().filter(|table| table.insertable()) {
        let missing = check(table, INSERT, &[]);
        let required = table.columns.iter().filter(|c| c.insertable && !c.nullable && !c.has_default);
        let expected: Vec<String> = required.map(|column| format!("/{}", column.name)).collect();
        let found: Vec<String> = missing.iter().map(|error| error.pointer.clone()).collect();
        assert_eq!(found, expected, "{}", table.name);
        assert!(check(table, UPDATE, &[]).is_empty());
    }
}

#[test]
fn only_listed_columns_count() {
    let service = SCHEMA.table("service").unwrap();
    let columns = ["name".to_owned(), "active".to_owned()];
    let listed = |missing_default| Write::Insert { columns: Some(&columns), missing_default };
    let errors = check(service, listed(true), &[("name", "\"X\""), ("nope", "1")]);
    assert!(errors.iter().all(|error| error.code == "required" && error.pointer != "/active"), "{errors:?}");
    let errors = check(service, listed(false), &[("name", "\"X\"")]);
    assert!(errors.iter().any(|error| error.pointer == "/active"), "a listed column without a value is null");
}

#[test]
fn money_keeps_its_cents() {
    let service = SCHEMA.table("service").unwrap();
    for fits in ["85", "85.5", "85.50", "\"85.25\"", "9999999999.99", "1e2", "85.500"] {
        assert!(check(service, UPDATE, &[("fee", fits)]).is_empty(), "{fits}");
    }
    for exceeds in ["85.505", "10000000000", "1e10", "1e-3", "-1"] {
        assert_eq!(codes(&check(service, UPDATE, &[("fee", exceeds)])), ["range"], "{exceeds}");
    }
}

#[test]
fn a_pointer_escapes_the_member_s_name() {
    let errors = check(SCHEMA.table("role").unwrap(), UPDATE, &[("a/b~c", "1")]);
    assert_eq!(errors[0].pointer, "/a~1b~0c");
}

#[test]
fn every_generated_pattern_compiles() {
    let patterns = SCHEMA.tables.iter().flat_map(|table| table.columns).flat_map(|column| column.rules);
    for rule in patterns {
        if let Test::Matches(pattern) = &rule.test {
            assert!(pattern.is_valid(), "{}: {}", rule.constraint, pattern.source());
        }
    }
}
