//! Properties of the whole grammar: what is printed parses to the same tree, and nothing panics.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::tree::{
    Arrow, Condition, Direction, Embed, Field, Filter, Is, Join, Key, Nulls, Operator, OrderTerm, Path,
    Quantifier, Query, Search, SelectItem, Test,
};
use super::{Mode, parse, print};

/// Text with everything that is syntax somewhere.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{1,8}",
        r#"[a-c"\\,(){}.:;!*%&=+ \-> 0-9é漢🦷']{0,12}"#,
        any::<String>().prop_map(|text| text.chars().filter(|c| !c.is_control()).take(12).collect()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(vec![
        "not", "and", "or", "order", "limit", "offset", "select", "inner", "left",
    ]);
    prop_oneof![4 => text().prop_filter("names are not empty", |name| !name.is_empty()), 1 => word.prop_map(str::to_owned)]
}

fn field() -> impl Strategy<Value = Field> {
    let key = prop_oneof![name().prop_map(Key::Name), any::<i32>().prop_map(Key::Index)];
    let arrow = (any::<bool>(), key).prop_map(|(text, key)| Arrow { text, key });
    (name(), prop_oneof![3 => Just(Vec::new()), 1 => vec(arrow, 1..4)])
        .prop_map(|(name, json)| Field { name, json })
}

/// A field that may stand before a closing bracket, where an index would be ambiguous.
fn bracketed_field() -> impl Strategy<Value = Field> {
    field().prop_map(|mut field| {
        while let Some(Arrow { key: Key::Index(_), .. }) = field.json.last() {
            field.json.pop();
        }
        field
    })
}

fn test() -> impl Strategy<Value = Test> {
    let operator = proptest::sample::select(Operator::ALL);
    let quantifier = option::of(proptest::sample::select(Quantifier::ALL));
    let compare = (operator, quantifier, text()).prop_map(|(operator, quantifier, value)| {
        Test::Compare(operator, quantifier.filter(|_| operator.quantifiable()), value)
    });
    let list = vec(text(), 0..5).prop_map(|mut values| {
        if values.len() == 1 && values.iter().all(String::is_empty) {
            values.clear();
        }
        Test::In(values)
    });
    let search = (proptest::sample::select(Search::ALL), option::of("[a-z_]{1,8}"), text())
        .prop_map(|(search, config, value)| Test::Search(search, config, value));
    prop_oneof![4 => compare, 2 => list, 1 => proptest::sample::select(Is::ALL).prop_map(Test::Is), 1 => search]
}

fn filter() -> impl Strategy<Value = Filter> {
    (field(), any::<bool>(), test()).prop_map(|(field, not, test)| Filter { field, not, test })
}

fn condition() -> impl Strategy<Value = Condition> {
    filter().prop_map(Condition::Filter).prop_recursive(6, 20, 4, |inner| {
        (any::<bool>(), any::<bool>(), vec(inner, 1..4)).prop_map(|(not, any, members)| Condition::Group {
            not,
            any,
            members,
        })
    })
}

fn item() -> impl Strategy<Value = SelectItem> {
    let cast = option::of(proptest::sample::select(vec!["text", "int4", "double precision"]));
    let column = (option::of(name()), bracketed_field(), cast)
        .prop_map(|(alias, field, cast)| SelectItem::Column { alias, field, cast: cast.map(str::to_owned) });
    let leaf = prop_oneof![1 => Just(SelectItem::Star), 4 => column];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let join = option::of(prop_oneof![Just(Join::Inner), Just(Join::Left)]);
        (any::<bool>(), option::of(name()), name(), option::of(name()), join, vec(inner, 0..3)).prop_map(
            |(spread, alias, target, hint, join, items)| {
                let alias = alias.filter(|_| !spread);
                // `count(` is an aggregate.
                let target = if target == "count" { "counts".to_owned() } else { target };
                SelectItem::Embed(Embed { spread, alias, target, hint, join, items })
            },
        )
    })
}

fn path() -> impl Strategy<Value = Path> {
    vec(name().prop_filter("not is a word", |name| name != "not"), 0..3)
}

fn order() -> impl Strategy<Value = Vec<OrderTerm>> {
    let direction = option::of(proptest::sample::select(Direction::ALL));
    let nulls = option::of(proptest::sample::select(Nulls::ALL));
    let term = (option::of(name()), bracketed_field(), direction, nulls)
        .prop_map(|(relation, field, direction, nulls)| OrderTerm { relation, field, direction, nulls });
    vec(term, 1..4)
}

/// Each path at most once.
fn by_path<T: std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<(Path, T)>> {
    vec((path(), value), 0..3).prop_map(|list| {
        let mut kept: Vec<(Path, T)> = Vec::new();
        for (path, value) in list {
            if !kept.iter().any(|(other, _)| *other == path) {
                kept.push((path, value));
            }
        }
        kept
    })
}

fn query() -> impl Strategy<Value = Query> {
    (
        option::of(vec(item(), 1..4)),
        vec((path(), condition()), 0..4),
        by_path(order()),
        by_path(any::<u64>()),
        by_path(any::<u64>()),
        option::of(vec(name(), 1..4)),
        option::of(vec(name(), 1..4)),
    )
        .prop_map(|(select, conditions, order, limit, offset, columns, on_conflict)| Query {
            select,
            conditions,
            order,
            limit,
            offset,
            columns,
            on_conflict,
            arguments: None,
        })
}

/// As a client would put it on the wire.
fn encode(pairs: &[(String, String)]) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_parses_to_the_same_tree(query in query()) {
        let raw = encode(&print::pairs(&query));
        prop_assume!(raw.len() <= super::MAX_BYTES);
        prop_assert_eq!(parse(&raw, Mode::Filters), Ok(query), "{}", raw);
    }

    #[test]
    fn the_canonical_form_is_its_own(raw in "[a-z=&.,()!*>\"%0-9:+-]{0,60}") {
        for mode in [Mode::Filters, Mode::Arguments] {
            if let Ok(query) = parse(&raw, mode) {
                prop_assert_eq!(parse(&encode(&print::pairs(&query)), mode), Ok(query));
            }
        }
    }

    #[test]
    fn no_text_panics(raw in any::<String>()) {
        for mode in [Mode::Filters, Mode::Arguments] {
            let _ = parse(&raw, mode);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..80), key in "(select|or|a\\.and|order|limit|columns|x)") {
        let raw = percent_encoding::percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC).to_string();
        let _ = parse(&format!("{key}={raw}"), Mode::Filters);
        let _ = parse(&format!("{raw}={key}"), Mode::Arguments);
    }

    #[test]
    fn violations_never_repeat_the_value(value in "[a-z]{3,5}ZQX[a-z(),.]{0,9}", key in "(id|select|or|order|limit|columns)") {
        if let Err(errors) = parse(&format!("{key}={value}"), Mode::Filters) {
            for error in errors {
                prop_assert!(!error.detail.contains("ZQX"), "{}", error.detail);
                prop_assert_eq!(error.pointer, format!("?{key}"));
            }
        }
    }
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    for raw in ["or=".to_owned() + &"(and".repeat(3000), "select=".to_owned() + &"a(".repeat(7000)] {
        let errors = parse(&raw, Mode::Filters).unwrap_err();
        assert_eq!(errors.first().unwrap().code, "too-deep", "{}", &raw[..20]);
    }
}

#[test]
fn the_longest_query_is_read_and_one_byte_more_is_not() {
    let raw = format!("a=eq.{}", "x".repeat(super::MAX_BYTES - 5));
    assert!(parse(&raw, Mode::Filters).is_ok());
    let errors = parse(&(raw + "x"), Mode::Filters).unwrap_err();
    assert_eq!(errors.first().unwrap().code, super::TOO_LONG);
}
