//! Every production of the query string's grammar, accepted or refused and why, over the clinic's own tables.
//!
//! The table is `grammar.json`, so that the end-to-end tests can replay it against Chairside and PostgREST:
//! `op` is the method (`UPSERT`: POST with `Prefer: resolution`; `RPC-GET` and `RPC-POST`: functions), `raw` the
//! query string as it is sent, `canonical` what is sent on, written with as few escapes as possible.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashSet;
use std::fmt::Write;

use chairside::problem::Violation;
use chairside::rest::query::tree::{Is, Operator, Quantifier, Search};
use chairside::rest::query::{Checked, Mode, Op, Target, check, parse};
use chairside::schema::SCHEMA;
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    op: String,
    target: String,
    raw: String,
    accepted: bool,
    canonical: Option<String>,
    #[serde(default)]
    errors: Vec<Error>,
    why: String,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Error {
    pointer: String,
    code: String,
}

fn rows() -> Vec<Row> {
    serde_json::from_str(include_str!("grammar.json")).unwrap()
}

fn run(row: &Row, raw: &str) -> Result<Checked, Vec<Violation>> {
    let (op, mode) = match row.op.as_str() {
        "GET" => (Op::Read, Mode::Filters),
        "POST" => (Op::Insert, Mode::Filters),
        "UPSERT" => (Op::Upsert, Mode::Filters),
        "PUT" => (Op::Replace, Mode::Filters),
        "PATCH" => (Op::Update, Mode::Filters),
        "DELETE" => (Op::Delete, Mode::Filters),
        "RPC-GET" => (Op::Call, Mode::Arguments),
        "RPC-POST" => (Op::Call, Mode::Filters),
        other => panic!("{other} is no op"),
    };
    let target = match row.target.strip_prefix("rpc/") {
        Some(name) => SCHEMA.function(name).map(Target::Function),
        None => SCHEMA.table(&row.target).map(Target::Table),
    };
    let target = target.unwrap_or_else(|| panic!("{} is unknown: is generated.rs stale?", row.target));
    parse(raw, mode).and_then(|query| check(query, target, &SCHEMA, op))
}

/// The canonical pairs as one readable query string.
fn canonical(checked: &Checked) -> String {
    let escape = |text: &str| {
        let mut escaped = String::new();
        for c in text.chars() {
            if c.is_ascii_graphic() && !"%&+#;=".contains(c) {
                escaped.push(c);
            } else {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    write!(escaped, "%{byte:02X}").unwrap();
                }
            }
        }
        escaped
    };
    let pairs = checked.pairs();
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

#[test]
fn every_production_is_accepted_or_refused_as_the_table_says() {
    let mut wrong = Vec::new();
    for row in rows() {
        let place = format!("{} {}?{} ({})", row.op, row.target, row.raw, row.why);
        match run(&row, &row.raw) {
            Ok(checked) if row.accepted => {
                let is = canonical(&checked);
                if row.canonical.as_deref() != Some(is.as_str()) {
                    wrong.push(format!("{place}: canonical is {is}"));
                }
            }
            Ok(_) => wrong.push(format!("{place}: accepted")),
            Err(errors) => {
                let is: Vec<_> = errors
                    .iter()
                    .map(|error| Error { pointer: error.pointer.clone(), code: error.code.to_owned() })
                    .collect();
                if row.accepted || is != row.errors {
                    wrong.push(format!("{place}: refused with {errors:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_canonical_form_is_its_own() {
    for row in rows() {
        if let Some(expected) = &row.canonical {
            let checked = run(&row, expected).unwrap_or_else(|errors| panic!("{expected}: {errors:?}"));
            assert_eq!(canonical(&checked), *expected);
        }
    }
}

#[test]
fn the_table_is_complete() {
    let rows = rows();
    let (accepted, refused): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.accepted);
    assert!(accepted.len() >= 150 && refused.len() >= 150, "{} and {}", accepted.len(), refused.len());
    let mut seen = HashSet::new();
    for row in &rows {
        assert!(seen.insert((&row.op, &row.target, &row.raw)), "{} is there twice", row.raw);
        assert_ne!(row.accepted, row.canonical.is_none(), "{}", row.raw);
        assert_eq!(row.accepted, row.errors.is_empty(), "{}", row.raw);
        assert!(!row.why.is_empty(), "{}", row.raw);
    }
    // Operators that no column of the clinic fits are there as refused.
    let operators = Operator::ALL.iter().map(|one| format!("={}.", one.word()));
    let searches = Search::ALL.iter().map(|one| format!("={}", one.word()));
    let quantifiers = Quantifier::ALL.iter().map(|one| format!("({}).", one.word()));
    let is = Is::ALL.iter().map(|one| format!("is.{}", one.word()));
    for token in operators.chain(searches).chain(quantifiers).chain(is) {
        assert!(rows.iter().any(|row| row.raw.contains(&token)), "no row has {token}");
    }
}

#[test]
fn details_are_sentences_without_the_value() {
    for row in rows().iter().filter(|row| !row.accepted) {
        for error in run(row, &row.raw).unwrap_err() {
            assert!(!error.detail.is_empty(), "{}", row.raw);
            assert!(!error.detail.contains("junk"), "{}: {}", row.raw, error.detail);
        }
    }
}
