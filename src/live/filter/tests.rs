use proptest::prelude::*;

use super::*;

const ID: &str = "00000000-0000-4000-8000-0000000a0001";

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn binding(event: &str, table: &str, filter: &str) -> Result<Binding, BindingError> {
    let entry = serde_json::json!({"event": event, "schema": "public", "table": table, "filter": filter});
    Binding::parse(&raw(&entry.to_string()))
}

fn change(table: &str, op: &str, old: &str, new: &str) -> Change {
    let json = format!(
        r#"{{"seq":1,"table_name":"{table}","op":"{op}","key":{{"id":"{ID}"}},"record":{new},"old_record":{old},
        "subjects":[],"at":"2026-11-24T00:00:00Z"}}"#
    );
    Change::parse(&json).unwrap()
}

/// Whether an inserted row passes.
fn passes(table: &str, filter: &str, row: &str) -> bool {
    let inserted = change(table, "INSERT", "null", row);
    binding("*", table, filter).unwrap().shows(&inserted, Visible::Insert) == Visible::Insert
}

#[test]
fn values_are_compared_by_their_type() {
    let cases = [
        ("payment", "amount=eq.10", r#"{"amount":10.00}"#, true),
        ("payment", "amount=gt.9", r#"{"amount":10.00}"#, true),
        ("payment", "amount=lt.9", r#"{"amount":10.00}"#, false),
        ("payment", "amount=gt.9007199254740992", r#"{"amount":9007199254740993}"#, true),
        ("payment", "amount=eq.9007199254740992", r#"{"amount":9007199254740993}"#, false),
        ("payment", "amount=lt.-1", r#"{"amount":-10}"#, true),
        ("payment", "amount=eq.1e2", r#"{"amount":100.0}"#, true),
        ("payment", "amount=gte.0", r#"{"amount":0.00}"#, true),
        (
            "payment",
            "patient_id=eq.00000000-0000-4000-8000-0000000A0001",
            r#"{"patient_id":"00000000-0000-4000-8000-0000000a0001"}"#,
            true,
        ),
        (
            "appointment",
            "starts_at=eq.2026-11-24T16:30:00+01:00",
            r#"{"starts_at":"2026-11-24T15:30:00+00:00"}"#,
            true,
        ),
        (
            "appointment",
            "starts_at=gte.2026-11-24",
            r#"{"starts_at":"2026-11-23T23:59:59.999999+00:00"}"#,
            false,
        ),
        ("appointment", "status=lt.confirmed", r#"{"status":"scheduled"}"#, true),
        ("appointment", "room=lt.b", r#"{"room":"B"}"#, true),
        ("appointment", "room=eq.\"a,b\"", r#"{"room":"a,b"}"#, true),
        ("appointment", "room=eq.say \"hi\"", r#"{"room":"say \"hi\""}"#, true),
        ("appointment", "late_cancel=eq.t", r#"{"late_cancel":true}"#, true),
        ("appointment", "late_cancel=is.false", r#"{"late_cancel":true}"#, false),
        ("appointment", "room=in.(a,\"b,c\",d)", r#"{"room":"b,c"}"#, true),
        ("appointment", "room=in.()", r#"{"room":"a"}"#, false),
        ("appointment", "room=not.in.(a,b)", r#"{"room":"c"}"#, true),
        ("appointment", "room=eq.a,status=eq.held", r#"{"room":"a","status":"held"}"#, true),
        ("appointment", "room=eq.a,status=eq.held", r#"{"room":"a","status":"arrived"}"#, false),
        ("appointment", "room=like.a%c_", r#"{"room":"abbcd"}"#, true),
        ("appointment", "room=like.A%", r#"{"room":"abb"}"#, false),
        ("appointment", "room=ilike.A\\%%", r#"{"room":"a%b"}"#, true),
        ("appointment", "deleted_at=is.null", r#"{"deleted_at":null}"#, true),
        ("appointment", "deleted_at=not.is.null", r#"{"deleted_at":null}"#, false),
    ];
    for (table, filter, row, wanted) in cases {
        assert_eq!(passes(table, filter, row), wanted, "{filter} of {row}");
    }
}

#[test]
fn a_comparison_with_null_is_never_true_but_distinct_is() {
    for filter in
        ["room=eq.a", "room=neq.a", "room=not.eq.a", "room=in.(a)", "room=not.in.(a)", "room=not.like.a"]
    {
        assert!(!passes("appointment", filter, r#"{"room":null}"#), "{filter}");
    }
    assert!(passes("appointment", "room=isdistinct.a", r#"{"room":null}"#));
    assert!(!passes("appointment", "room=isdistinct.a", r#"{"room":"a"}"#));
}

#[test]
fn a_filtered_binding_is_a_view_of_the_table() {
    let star = binding("*", "appointment", "room=eq.a").unwrap();
    let (a, b) = (r#"{"room":"a"}"#, r#"{"room":"b"}"#);
    let update = |old: &str, new: &str, seen| star.shows(&change("appointment", "UPDATE", old, new), seen);
    assert_eq!(update(a, a, Visible::Update), Visible::Update);
    assert_eq!(update(b, a, Visible::Update), Visible::Update, "a row that comes to match");
    assert_eq!(update(a, b, Visible::Update), Visible::Delete, "a row that no longer matches");
    assert_eq!(update(b, b, Visible::Update), Visible::Nothing);
    assert_eq!(update(a, b, Visible::Appeared), Visible::Nothing, "what was not seen decides nothing");
    assert_eq!(update(b, a, Visible::Appeared), Visible::Appeared);
    assert_eq!(update(a, b, Visible::Delete), Visible::Delete, "a row out of sight that had matched");
    assert_eq!(update(b, a, Visible::Delete), Visible::Nothing);
    assert_eq!(star.shows(&change("appointment", "DELETE", a, "null"), Visible::Delete), Visible::Delete);
    assert_eq!(star.shows(&change("appointment", "DELETE", b, "null"), Visible::Delete), Visible::Nothing);
    let only_updates = binding("UPDATE", "appointment", "room=eq.a").unwrap();
    assert_eq!(only_updates.shows(&change("appointment", "UPDATE", a, b), Visible::Update), Visible::Nothing);
}

#[test]
fn events_tables_and_schema_select() {
    let inserted = change("payment", "INSERT", "null", "{}");
    for (entry, wanted) in [
        (r#"{"event":"*","schema":"public"}"#, true),
        (r#"{"event":"*","schema":"*","table":"*"}"#, true),
        (r#"{"schema":"public","table":"payment"}"#, true),
        (r#"{"event":"insert","table":"payment"}"#, true),
        (r#"{"event":"UPDATE","schema":"public","table":"payment"}"#, false),
        (r#"{"event":"*","schema":"public","table":"invoices","filter":"  "}"#, false),
    ] {
        let shown = Binding::parse(&raw(entry)).unwrap().shows(&inserted, Visible::Insert);
        assert_eq!(shown == Visible::Insert, wanted, "{entry}");
    }
}

#[test]
fn faults_read_as_realtimes_own() {
    let long = format!("room=in.({})", ["x"; 101].join(","));
    for (table, filter, message) in [
        ("appointment", "undefined", "Error parsing `filter` params: [\"undefined\"]"),
        ("appointment", "room=foo.hey", "Error parsing `filter` params: [\"foo\", \"hey\"]"),
        (
            "appointment",
            "room=in.a",
            "Error parsing `filter` params: `in` filter value must be wrapped by parentheses",
        ),
        ("appointment", &long, "Error parsing `filter` params: too many values for `in` filter. Maximum 100"),
        ("appointment", "zzz=eq.1", "invalid column for filter zzz"),
        ("appointment", "patient_id=eq.me", "invalid input syntax for type uuid: \"me\""),
        ("user", "address=eq.{}", "invalid column for filter address"),
        ("payment", "amount=like.1%", "operator does not exist"),
        (
            "nope",
            "",
            "Please check Realtime is enabled for the given connect parameters: [event: *, schema: public, table: nope, filters: ]",
        ),
        ("change_log", "", "Unable to subscribe to changes with given parameters."),
        ("*", "room=eq.a", "a filter needs a table"),
    ] {
        let error = binding("*", table, filter).unwrap_err().to_string();
        assert!(error.contains(message), "{table} {filter}: {error}");
    }
    for entry in [
        "{}",
        r#"{"schema":null}"#,
        r#"{"schema":1}"#,
        r#"{"schema":"public","table":"user","select":["id"]}"#,
        "[]",
    ] {
        assert!(Binding::parse(&raw(entry)).is_err(), "{entry}");
    }
}

#[test]
fn ids_are_equal_for_equal_entries_alone() {
    let entries = [
        r#"{"event":"*","schema":"public"}"#,
        r#"{"event":"INSERT","schema":"public"}"#,
        r#"{"event":"*","schema":"public"}"#,
    ];
    let ids = assign_ids(&entries.map(raw));
    assert_eq!(ids, [ids[0], ids[1], ids[0]]);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn binding_ids_format_unchanged() {
    assert_eq!(assign_ids(&[raw(r#"{"event":"*","schema":"public"}"#)]), [14_974_699]);
}

#[test]
fn bindings_of_one_channel_share_a_frame_per_kind() {
    let bindings = [
        (1, binding("*", "appointment", "").unwrap()),
        (2, binding("*", "appointment", "room=eq.a").unwrap()),
        (1, binding("*", "appointment", "").unwrap()),
        (3, binding("INSERT", "appointment", "").unwrap()),
        (4, binding("UPDATE", "appointment", "room=eq.b").unwrap()),
    ];
    let moved = change("appointment", "UPDATE", r#"{"room":"a"}"#, r#"{"room":"b"}"#);
    let shown = shown_to(&bindings, &moved, Visible::Update);
    assert_eq!(shown, [(Visible::Update, vec![1, 4]), (Visible::Delete, vec![2])]);
    assert!(shown_to(&bindings, &moved, Visible::Nothing).is_empty());
}

proptest! {
    #[test]
    fn no_filter_panics(filter in "([a-z_]{1,10}=)?(not\\.)?[a-z]{0,4}\\.?[ -~é]{0,30}") {
        if let Ok(binding) = binding("*", "appointment", &filter) {
            let row = r#"{"room":"é","starts_at":"x","status":"y","version":"z"}"#;
            binding.shows(&change("appointment", "INSERT", "null", row), Visible::Insert);
        }
    }

    #[test]
    fn any_text_can_be_asked_for_in_quotes(text in any::<String>()) {
        let quoted = format!("room=eq.\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let json = serde_json::to_string(&text).unwrap();
        let row = format!(r#"{{"room":{json}}}"#);
        prop_assert!(passes("appointment", &quoted, &row));
    }

    #[test]
    fn numbers_are_ordered_as_integers_are(left in any::<i64>(), right in any::<i64>(), zeros in 0..4_usize) {
        let filter = format!("amount=lt.{right}");
        let point = if zeros == 0 { String::new() } else { format!(".{}", "0".repeat(zeros)) };
        let row = format!(r#"{{"amount":{left}{point}}}"#);
        prop_assert_eq!(passes("payment", &filter, &row), left < right);
    }
}
