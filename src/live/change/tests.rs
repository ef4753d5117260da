use proptest::prelude::*;

use super::*;

const ID: &str = "00000000-0000-4000-8000-0000000a0001";

/// An entry as PostgREST gives it.
fn entry() -> String {
    format!(
        r#"{{"seq":9007199254740993,"table_name":"payment","op":"UPDATE","key":{{"id":"{ID}"}},
        "record":{{"id":"{ID}","amount":12345678901234567890.10,"notes":null}},
        "old_record":{{"id":"{ID}","amount":1.50,"notes":"ü"}},"subjects":["{ID}"],"actor":null,
        "at":"2026-11-24T15:30:32.120999+00:00","hash":"\\x00"}}"#
    )
}

#[test]
fn stored_change_format_unchanged() {
    let change = Change::parse(&entry()).unwrap();
    let pinned = format!(
        r#"{{"seq":9007199254740993,"table":"payment","op":"UPDATE","key":{{"id":"{ID}"}},"record":{{"id":"{ID}","amount":12345678901234567890.10,"notes":null}},"old_record":{{"id":"{ID}","amount":1.50,"notes":"ü"}},"subjects":["{ID}"],"at":"2026-11-24T15:30:32.120Z"}}"#
    );
    assert_eq!(change.to_json(), pinned);
    assert_eq!(Change::parse(&pinned).unwrap(), change);
}

#[test]
fn realtime_and_postgrest_give_the_same_change() {
    let realtime = format!(
        r#"{{"seq":"9007199254740993","table_name":"payment","op":"UPDATE","key":"{{\"id\": \"{ID}\"}}",
        "record":"{{\"id\": \"{ID}\", \"notes\": null, \"amount\": 12345678901234567890.10}}",
        "old_record":"{{\"id\": \"{ID}\", \"notes\": \"ü\", \"amount\": 1.50}}","subjects":"{{{ID}}}",
        "at":"2026-11-24 16:30:32.120999+01"}}"#
    );
    assert_eq!(Change::parse(&realtime).unwrap(), Change::parse(&entry()).unwrap());
}

#[test]
fn the_key_has_the_order_of_the_primary_key() {
    let json = format!(
        r#"{{"seq":1,"table_name":"appointment_has_service","op":"DELETE","key":{{"line_no":2,"appointment_id":"{ID}"}},
        "record":null,"old_record":{{"appointment_id":"{ID}","line_no":2}},"subjects":[],"at":"2026-11-24T00:00:00Z"}}"#
    );
    let names: Vec<_> = Change::parse(&json).unwrap().key.iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, ["appointment_id", "line_no"]);
}

#[test]
fn what_is_cut_off_or_malformed_is_refused_by_the_members_name() {
    let with = |from: &str, to: &str| Change::parse(&entry().replace(from, to));
    for (from, to, error) in [
        ("\"table_name\":\"payment\"", "\"x\":1", ChangeError::Missing("table_name")),
        ("payment", "change_log", ChangeError::UnknownTable("change_log".to_owned())),
        ("payment", "dentist", ChangeError::UnknownTable("dentist".to_owned())),
        ("\"old_record\":", "\"else\":", ChangeError::Missing("old_record")),
        ("UPDATE", "TRUNCATE", ChangeError::Malformed("op")),
        ("9007199254740993", "-1", ChangeError::Malformed("seq")),
        ("9007199254740993", "null", ChangeError::Malformed("seq")),
        ("UPDATE", "INSERT", ChangeError::Malformed("record")),
        ("UPDATE", "DELETE", ChangeError::Malformed("record")),
        ("\"key\":{\"id\"", "\"key\":{\"no\"", ChangeError::Malformed("key")),
        ("2026-11-24T", "2026-13-24T", ChangeError::Malformed("at")),
        ("\"subjects\":[\"", "\"subjects\":[\"x", ChangeError::Malformed("subjects")),
    ] {
        assert_eq!(with(from, to).unwrap_err(), error, "{from} → {to}");
    }
    assert_eq!(Change::parse("[]").unwrap_err(), ChangeError::NotJson);
}

#[test]
fn an_emptied_entry_is_a_change_without_images() {
    let json = format!(
        r#"{{"seq":1,"table_name":"user","op":"UPDATE","key":{{"id":"{ID}"}},"record":null,"old_record":null,
        "subjects":["{ID}"],"at":"2026-11-24T00:00:00Z"}}"#
    );
    assert!(Change::parse(&json).unwrap().is_emptied());
    assert!(!Change::parse(&entry()).unwrap().is_emptied());
}

#[test]
fn exactly_the_logged_tables_are_in_the_schema() {
    for name in LOGGED {
        assert!(
            logged_table(name).is_some_and(|table| !table.is_view && !table.primary_key.is_empty()),
            "{name}"
        );
    }
    assert!(logged_table("invoice_line").is_none());
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,80}") {
        let _ = Change::parse(&text);
        let _ = Change::parse(&entry().replace("2026-11-24T15:30:32.120999+00:00", &text));
    }

    #[test]
    fn stored_is_read_again(seq in any::<u64>(), amount in "-?[1-9][0-9]{0,40}(\\.[0-9]{1,20})?", note in any::<String>()) {
        let note = serde_json::to_string(&note).unwrap();
        let json = entry().replace("9007199254740993", &seq.to_string()).replace("1.50", &amount).replace("\"ü\"", &note);
        let change = Change::parse(&json).unwrap();
        prop_assert_eq!(change.old_record.as_ref().unwrap().get("amount"), Some(amount.as_str()));
        prop_assert_eq!(Change::parse(&change.to_json()).unwrap(), change);
    }
}
