//! What the clinic's own tables cannot show; the rest is in `tests/grammar.json`.

use proptest::prelude::*;

use super::super::fixture::SCHEMA;
use super::super::{Checked, Mode, Op, Target, check, parse};
use crate::problem::Violation;

fn run(op: Op, target: &str, raw: &str) -> Result<Checked, Vec<Violation>> {
    let function = SCHEMA.function(target).map(Target::Function);
    let target = function.unwrap_or_else(|| Target::Table(SCHEMA.table(target).unwrap()));
    let by_get = matches!(target, Target::Function(_));
    let mode = if by_get { Mode::Arguments } else { Mode::Filters };
    parse(raw, mode).and_then(|query| check(query, target, &SCHEMA, op))
}

fn accepts(target: &str, raws: &[&str]) {
    let op = if SCHEMA.function(target).is_some() { Op::Call } else { Op::Read };
    for raw in raws {
        if let Err(errors) = run(op, target, raw) {
            panic!("{target}?{raw} is refused: {errors:?}");
        }
    }
}

fn refuses(target: &str, cases: &[(&str, &str)]) {
    let op = if SCHEMA.function(target).is_some() { Op::Call } else { Op::Read };
    for (raw, code) in cases {
        let codes: Vec<_> =
            run(op, target, raw).err().unwrap_or_default().iter().map(|error| error.code).collect();
        assert_eq!(codes, [*code], "{target}?{raw}");
    }
}

#[test]
fn ranges_have_their_operators() {
    accepts(
        "room",
        &[
            "busy=ov.[2027-01-04T09:00Z,2027-01-04T10:00Z)",
            "busy=cs.[2027-01-04T09:00Z,2027-01-04T10:00Z)",
            "busy=adj.(,2027-01-01T00:00Z]",
            "closed=sl.[2027-01-01,2027-02-01)",
            "closed=sr.empty",
            "closed=nxr.[2027-01-01,)",
            "closed=not.nxl.[2027-01-01,)",
            "closed=cd.[2027-01-01,2027-02-01)",
            "or=(busy.ov.\"[2027-01-04T09:00Z,2027-01-04T10:00Z)\",id.eq.1)",
            "closed=in.(\"[2027-01-01,2027-02-01)\",empty)",
            "busy=is.null",
            "order=busy.desc",
        ],
    );
    refuses(
        "room",
        &[
            ("busy=ov.2027-01-04", "value-type"),
            ("busy=like.x", "operator-type"),
            ("closed=sl.{}", "value-type"),
            ("id=adj.1", "operator-type"),
            ("select=busy::date", "cast-type"),
        ],
    );
}

#[test]
fn lists_have_their_operators() {
    accepts("room", &["tags=cs.{a,\"b c\"}", "tags=cd.{}", "tags=ov.{a}", "tags=eq.{a,b}", "tags=is.null"]);
    accepts("room", &["or=(tags.cs.{a,b},tags.cs.\"{\\\"c,d\\\"}\")", "select=tags::text"]);
    refuses(
        "room",
        &[
            ("tags=cs.a", "value-type"),
            ("tags=in.({a})", "operator-type"),
            ("tags=eq(any).{a}", "operator-type"),
            ("tags=fts.a", "operator-type"),
            ("tags->0=eq.a", "not-json"),
            ("data=ov.{}", "operator-type"),
        ],
    );
}

#[test]
fn a_junction_is_embedded_by_table_or_hint() {
    accepts(
        "room",
        &[
            "select=id,tag(label)",
            "select=id,tag!room_tag(label)&tag.label=eq.x&tag.limit=5",
            "select=id,tag(label,room(id))&tag.room.id=eq.1",
        ],
    );
    refuses(
        "room",
        &[
            ("select=id,tag!other(label)", "no-relationship"),
            ("select=id,...tag(label)", "not-to-one"),
            ("select=id,tag(label)&order=tag(label)", "not-to-one"),
            ("select=id,room_tag(id)", "no-relationship"),
        ],
    );
}

#[test]
fn a_refused_resource_is_said_once() {
    refuses("room", &[("select=x(y)&x.z=eq.1&x.order=z&x.limit=1&order=x(z)", "no-relationship")]);
}

#[test]
fn columns_with_reserved_names_are_quoted() {
    let checked = run(Op::Read, "room", "select=order&\"order\"=eq.x&order=order.desc").unwrap();
    let pairs = checked.pairs();
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["select", "\"order\"", "order"]);
}

#[test]
fn arguments_are_told_from_filters_by_the_operator() {
    accepts(
        "free",
        &["ids={1,2}", "ids={1}&room_id=5", "ids={1}&room_id=eq.5", "ids={1}&room_id=5&room_id=eq.5"],
    );
    accepts("rooms", &["", "id=eq.1&select=id,tag(label)&order=id"]);
    accepts("count_rooms", &["", "at=2027-01-01", "select=*"]);
    refuses(
        "free",
        &[
            ("", "missing-argument"),
            ("ids={a}", "value-type"),
            ("ids={1}&room_id=x", "value-type"),
            ("ids={1}&at=eq.2027-01-01", "ambiguous-argument"),
            ("ids=in.(1)", "ambiguous-argument"),
            ("ids={1}&starts_at=2027-01-01", "unknown-argument"),
        ],
    );
    refuses("rooms", &[("tags={a}", "unknown-argument"), ("select=id&tags=cs.{a}", "not-selected")]);
    refuses("count_rooms", &[("select=id", "not-for-scalar"), ("at=gt.2027-01-01", "ambiguous-argument")]);
}

#[test]
fn a_required_argument_that_reads_as_a_filter_is_missing() {
    let errors = run(Op::Call, "free", "room_id=eq.5").unwrap_err();
    assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), ["missing-argument"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_parses_panics_the_check(
        raw in r#"((select|order|or|id|tags|data->a|busy|tag\.id|tag\.order|limit|columns|on_conflict)=([a-z]{0,4}[.(),:*!]|eq\.|in\.\(|tag\(|id|tags|data->|[0-9{}"]){0,8}&){0,4}"#,
    ) {
        for op in [Op::Read, Op::Insert, Op::Upsert, Op::Replace, Op::Update, Op::Delete] {
            let _ = run(op, "room", &raw);
        }
        let _ = run(Op::Call, "free", &raw);
    }
}
