use super::*;
use crate::live::change::LOGGED;

const ME: &str = "00000000-0000-4000-8000-0000000a0001";
const OTHER: &str = "00000000-0000-4000-8000-0000000a0002";
const ROLES: [Role; 5] = [Role::Anon, Role::Patient, Role::Dentist, Role::Receptionist, Role::Admin];

fn me(role: Role) -> Viewer {
    Viewer { role, id: (role != Role::Anon).then(|| Uuid::try_parse(ME).unwrap()) }
}

fn row(json: &str) -> Row {
    serde_json::from_str(&json.replace("ME", ME).replace("OTHER", OTHER)).unwrap()
}

/// The roles in which I see the image.
fn seen(table: &str, json: &str) -> Vec<&'static str> {
    let set = audience(table, &row(json));
    ROLES.into_iter().filter(|role| set.includes(&me(*role))).map(Role::as_str).collect()
}

fn update(before: &str, after: &str) -> Change {
    let json = format!(
        r#"{{"seq":1,"table_name":"appointment","op":"UPDATE","key":{{"id":"ME"}},"record":{after},"old_record":{before},
        "subjects":[],"at":"2026-11-24T00:00:00Z"}}"#
    );
    Change::parse(&json.replace("ME", ME).replace("OTHER", OTHER)).unwrap()
}

#[test]
fn each_logged_table_has_a_rule_and_no_other_relation() {
    for name in LOGGED {
        assert!(rule(name).is_some(), "{name} is seen by nobody");
    }
    for table in crate::schema::SCHEMA.tables.iter().filter(|table| !LOGGED.contains(&table.name)) {
        assert!(rule(table.name).is_none(), "{} is not logged", table.name);
        assert!(audience(table.name, &Row::default()).audiences().is_empty());
    }
}

#[test]
fn whoever_is_not_named_sees_what_the_role_does() {
    let (unseen, seen) = (
        r#"{"patient_id":"OTHER","deleted_at":"2026-01-01"}"#,
        r#"{"patient_id":"OTHER","deleted_at":null}"#,
    );
    for (before, after) in [(unseen, seen), (seen, unseen), (seen, seen)] {
        let change = update(before, after);
        let sight = Sight::new(&change);
        assert_eq!(sight.named(), BTreeSet::from([Uuid::try_parse(OTHER).unwrap()]));
        for role in ROLES {
            assert_eq!(sight.of(&me(role)), sight.of(&Viewer { role, id: None }), "{role:?}");
        }
    }
    let json = r#"{"seq":1,"table_name":"user","op":"UPDATE","key":{"id":"ME"},"subjects":[],"at":"2026-11-24T00:00:00Z",
        "record":{"id":"ME","role_id":4,"status":"active","deleted_at":null},"old_record":{"id":"ME","role_id":1}}"#;
    let change = Change::parse(&json.replace("ME", ME)).unwrap();
    assert!(Sight::new(&change).named().contains(&Uuid::try_parse(ME).unwrap()), "whose own row it is");
}

#[test]
fn who_sees_what() {
    let staff = ["dentist", "receptionist", "admin"];
    let own = ["patient", "dentist", "receptionist", "admin"];
    let cases: &[(&str, &str, &[&str])] = &[
        ("role", r#"{"id":1}"#, &own),
        ("user", r#"{"id":"OTHER","role_id":1,"status":"active","deleted_at":null}"#, &staff),
        ("user", r#"{"id":"OTHER","role_id":1,"status":"active","deleted_at":"2026-01-01"}"#, &["admin"]),
        ("user", r#"{"id":"ME","role_id":1,"status":"active","deleted_at":null}"#, &["patient"]),
        ("user", r#"{"id":"ME","role_id":4,"status":"active","deleted_at":null}"#, &["admin"]),
        ("user", r#"{"id":"ME","role_id":4,"status":"inactive","deleted_at":null}"#, &[]),
        ("user", r#"{"id":"ME","role_id":1,"status":"active","deleted_at":"2026-01-01"}"#, &[]),
        (
            "patient_medical_history",
            r#"{"patient_id":"ME","deleted_at":null}"#,
            &["patient", "dentist", "admin"],
        ),
        ("patient_medical_history", r#"{"patient_id":"OTHER","deleted_at":null}"#, &["dentist", "admin"]),
        ("patient_medical_history", r#"{"patient_id":"ME","deleted_at":"2026-01-01"}"#, &["admin"]),
        (
            "service",
            r#"{"active":true,"deleted_at":null}"#,
            &["anon", "patient", "dentist", "receptionist", "admin"],
        ),
        ("service", r#"{"active":false,"deleted_at":null}"#, &staff),
        ("service", r#"{"active":true,"deleted_at":"2026-01-01"}"#, &["admin"]),
        ("appointment", r#"{"patient_id":"ME","deleted_at":null}"#, &own),
        ("appointment", r#"{"patient_id":null,"deleted_at":null}"#, &staff),
        ("appointment", r#"{"patient_id":"ME"}"#, &["admin"]),
        ("appointment_has_service", r#"{"patient_id":"ME","appointment_deleted_at":null}"#, &own),
        (
            "appointment_has_service",
            r#"{"patient_id":"ME","appointment_deleted_at":"2026-01-01"}"#,
            &["admin"],
        ),
        ("treatment_records", r#"{"patient_id":"ME","status":"planned"}"#, &["patient", "dentist", "admin"]),
        ("treatment_records", r#"{"patient_id":"ME","status":"entered_in_error"}"#, &["dentist", "admin"]),
        ("invoices", r#"{"patient_id":"OTHER","guarantor_id":"ME","status":"issued"}"#, &own),
        ("invoices", r#"{"patient_id":"ME","guarantor_id":null,"status":"issued"}"#, &own),
        ("invoices", r#"{"patient_id":"ME","guarantor_id":"ME","status":"draft"}"#, &staff),
        ("invoices", r#"{"patient_id":"ME"}"#, &staff),
        ("payment", r#"{"patient_id":"ME"}"#, &["patient", "receptionist", "admin"]),
        ("payment", r#"{"patient_id":"OTHER"}"#, &["receptionist", "admin"]),
        ("insurance_detail", r#"{"patient_id":"OTHER","subscriber_id":"ME","deleted_at":null}"#, &own),
        (
            "insurance_detail",
            r#"{"patient_id":"ME","subscriber_id":null,"deleted_at":"2026-01-01"}"#,
            &["admin"],
        ),
        ("inventory", r#"{"deleted_at":null}"#, &staff),
        ("inventory", r#"{"deleted_at":"2026-01-01"}"#, &["admin"]),
        ("clinic_settings", r#"{"deleted_at":null}"#, &[]),
    ];
    for (table, json, roles) in cases {
        assert_eq!(seen(table, json), *roles, "{table} {json}");
    }
}

#[test]
fn an_update_is_shown_by_what_was_and_what_is_seen() {
    let (mine, others) = (
        r#"{"id":"ME","patient_id":"ME","deleted_at":null}"#,
        r#"{"id":"ME","patient_id":"OTHER","deleted_at":null}"#,
    );
    let gone = r#"{"id":"ME","patient_id":"ME","deleted_at":"2026-01-01"}"#;
    for (before, after, as_patient, as_dentist, as_admin) in [
        (mine, mine, Visible::Update, Visible::Update, Visible::Update),
        (mine, others, Visible::Delete, Visible::Update, Visible::Update),
        (others, mine, Visible::Appeared, Visible::Update, Visible::Update),
        (others, others, Visible::Nothing, Visible::Update, Visible::Update),
        (mine, gone, Visible::Delete, Visible::Delete, Visible::Update),
        (gone, mine, Visible::Appeared, Visible::Appeared, Visible::Update),
        (gone, gone, Visible::Nothing, Visible::Nothing, Visible::Update),
    ] {
        let change = update(before, after);
        assert_eq!(visible(&change, &me(Role::Patient)), as_patient, "{before} → {after}");
        assert_eq!(visible(&change, &me(Role::Dentist)), as_dentist, "{before} → {after}");
        assert_eq!(visible(&change, &me(Role::Admin)), as_admin, "{before} → {after}");
    }
}

#[test]
fn inserts_and_deletes_reach_those_who_see_the_one_image() {
    let mut change =
        update(r#"{"patient_id":"ME","deleted_at":null}"#, r#"{"patient_id":"ME","deleted_at":null}"#);
    change.op = Op::Delete;
    change.record = None;
    assert_eq!(visible(&change, &me(Role::Patient)), Visible::Delete);
    assert_eq!(visible(&change, &me(Role::Anon)), Visible::Nothing);
    change.op = Op::Insert;
    std::mem::swap(&mut change.record, &mut change.old_record);
    assert_eq!(visible(&change, &me(Role::Patient)), Visible::Insert);
    change.record = None;
    assert_eq!(visible(&change, &me(Role::Admin)), Visible::Nothing, "an emptied entry shows nothing");
}

#[test]
fn an_id_without_the_role_of_a_patient_owns_nothing() {
    let nobody = Viewer { role: Role::Anon, id: me(Role::Patient).id };
    let set = audience("payment", &row(r#"{"patient_id":"ME"}"#));
    assert!(!set.includes(&nobody));
    assert!(!set.includes(&Viewer { role: Role::Patient, id: None }));
}
