//! `/rest/v1/{table}` against a scripted PostgREST: what goes out, what comes back, what never goes out.

mod support;

use chairside::http::{Method, find};
use support::{
    PATIENT, Seen, TestRequest, app, get, ok_json, pg_error, reply, request, run, run_on, script, serve,
};

fn patch(target: &str) -> TestRequest {
    request(Method::Patch, target).by_patient()
}

fn post(target: &str) -> TestRequest {
    request(Method::Post, target).by_patient()
}

fn prefer(seen: &Seen) -> Option<String> {
    find(&seen.calls[0].headers, "prefer").map(str::to_owned)
}

const APPOINTMENT: &str = r#"{"patient_id":"00000000-0000-4000-8000-0000000a0001",
    "dentist_id":"00000000-0000-4000-8000-0000000000d1","starts_at":"2027-03-10T09:00Z","ends_at":"2027-03-10T09:30Z"}"#;

#[test]
fn a_read_is_forwarded_in_canonical_form_and_bounded() {
    let seen =
        serve(&get("/rest/v1/service?select=id,name&order=name&fee=gt.10&fee=lt.99"), vec![ok_json("[]")]);
    let query = seen.query(0);
    let value = |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    assert_eq!(value("select"), Some("id,name"));
    assert_eq!(value("limit"), Some("1000"));
    assert_eq!(query.iter().filter(|(name, _)| name == "fee").count(), 2);
    assert!(seen.calls[0].url.starts_with("https://clinic.supabase.co/rest/v1/service?"));
    assert_eq!(seen.header("content-range"), Some("0-0/*"));
}

#[test]
fn what_the_schema_does_not_know_is_not_forwarded() {
    for target in [
        "/rest/v1/service?nope=eq.1",
        "/rest/v1/service?fee=eq.abc",
        "/rest/v1/service?select=nope",
        "/rest/v1/service?fee=bogus.1",
        "/rest/v1/service?order=nope",
        "/rest/v1/service?limit=5000",
        "/rest/v1/service?select=name.count()",
        "/rest/v1/service?id=in.(1,2)",
    ] {
        let seen = serve(&get(target), Vec::new());
        assert_eq!((seen.status, seen.code().as_str()), (400, "invalid-query"), "{target}");
        assert!(seen.violations()[0].0.starts_with('?'), "{target}: {:?}", seen.violations());
    }
}

#[test]
fn a_query_that_is_known_goes_out_as_at_first_for_whoever_asks_and_is_of_its_own_table_and_method() {
    let app = app();
    let sent = |request: TestRequest| {
        let seen = run_on(&app, &request, &script(vec![ok_json("[]")]));
        seen.calls.first().map(|call| call.url.clone())
    };
    let target = "/rest/v1/appointment?select=id,notes&status=in.(scheduled,\"held\")&order=starts_at";
    let first = sent(get(target).by_patient());
    assert!(first.is_some());
    assert_eq!(sent(get(target).by_patient()), first);
    assert_eq!(sent(get(target)), first);
    assert_eq!(sent(get(&target.replace("appointment", "service"))), None);
    assert_eq!(sent(post(&target.replace("order=", "columns=")).json("{}")), None);
}

#[test]
fn a_body_goes_out_as_it_came() {
    let seen = serve(&post("/rest/v1/appointment").json(APPOINTMENT), vec![reply(201, &[], "")]);
    assert_eq!(seen.status, 201);
    assert_eq!(seen.calls[0].body.as_deref(), Some(APPOINTMENT.as_bytes()));
    assert_eq!((seen.calls[0].method, prefer(&seen)), (Method::Post, None));
    assert_eq!(find(&seen.calls[0].headers, "content-type"), Some("application/json"));
}

#[test]
fn preferences_go_out_in_one_order() {
    let request = post("/rest/v1/appointment").json(APPOINTMENT);
    let seen = serve(&request.header("prefer", "count=exact, return=representation"), vec![ok_json("[]")]);
    assert_eq!(prefer(&seen).as_deref(), Some("return=representation,count=exact"));
}

#[test]
fn all_that_is_wrong_with_a_body_is_told_at_once() {
    let body = r#"[{"dentist_id":"x","starts_at":"2027-03-10T09:00Z","ends_at":"2027-13-10T09:30Z","nope":1},
        {"dentist_id":null,"starts_at":true,"ends_at":"2027-03-10T09:30Z","version":3}]"#;
    let seen = serve(&post("/rest/v1/appointment").json(body), Vec::new());
    let mut found = seen.violations();
    found.sort();
    let expected = [
        ("/0/dentist_id", "type"),
        ("/0/ends_at", "type"),
        ("/0/nope", "unknown-column"),
        ("/1/dentist_id", "null"),
        ("/1/starts_at", "type"),
        ("/1/version", "read-only"),
    ];
    assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    assert_eq!((seen.status, seen.code().as_str()), (422, "validation-failed"));
}

#[test]
fn rows_have_the_same_members_in_whatever_order() {
    let row = |members: &[(&str, &str)]| {
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        format!("{{{}}}", members.join(","))
    };
    let dentist = ("dentist_id", PATIENT);
    let (starts, ends) = (("starts_at", "2027-03-10T09:00:00Z"), ("ends_at", "2027-03-10T09:30:00Z"));
    let send = |second: &[(&str, &str)]| {
        let body = format!("[{},{}]", row(&[dentist, starts, ends, ("reason", "Pain")]), row(second));
        serve(&post("/rest/v1/appointment").json(&body), vec![reply(201, &[], "")])
    };
    assert_eq!(send(&[("reason", "Check"), ends, starts, dentist]).status, 201);
    for other in [vec![dentist, starts, ends], vec![dentist, starts, ends, ("source", "phone")]] {
        assert_eq!(send(&other).violations(), [("/1".to_owned(), "uneven-rows".to_owned())]);
    }
}

#[test]
fn writes_without_a_filter_are_refused() {
    for method in [Method::Patch, Method::Delete] {
        for target in
            ["/rest/v1/appointment", "/rest/v1/appointment?select=id", "/rest/v1/appointment?limit=1"]
        {
            let seen = serve(&request(method, target).by_patient().json("{}"), Vec::new());
            assert_eq!(seen.status, 400, "{target}");
        }
    }
    let seen = serve(&request(Method::Put, "/rest/v1/service?fee=eq.1").by_patient().json("{}"), Vec::new());
    assert_eq!((seen.status, seen.calls.len()), (400, 0));
}

#[test]
fn methods_that_nobody_has_are_405_and_named() {
    for (method, target) in [
        (Method::Post, "/rest/v1/dentist"),
        (Method::Delete, "/rest/v1/treatment_records?id=eq.1"),
        (Method::Other, "/rest/v1/user"),
        (Method::Put, "/rest/v1/rpc/book_appointment"),
        (Method::Get, "/rest/v1/rpc/book_appointment"),
    ] {
        let seen = serve(&request(method, target).by_patient(), Vec::new());
        assert_eq!(seen.status, 405, "{target}");
        assert!(seen.header("allow").is_some(), "{target}");
    }
}

#[test]
fn a_deadlock_is_tried_once_more_and_no_more() {
    let request = post("/rest/v1/appointment").json(APPOINTMENT);
    let deadlock = || pg_error(500, "40P01", "deadlock detected");
    let won = serve(&request, vec![deadlock(), reply(201, &[], "")]);
    assert_eq!((won.status, won.calls.len()), (201, 2));
    assert_eq!(won.calls[0], won.calls[1]);
    let lost = serve(&request, vec![deadlock(), deadlock()]);
    assert_eq!((lost.status, lost.code().as_str(), lost.calls.len()), (409, "40P01", 2));
}

#[test]
fn database_errors_are_mapped_and_their_details_dropped() {
    let cases = [
        (400, "23P01", "conflicting key value violates exclusion constraint \"appointment_room_free\"", 409),
        (409, "23505", "duplicate key value violates unique constraint \"appointment_pkey\"", 409),
        (
            409,
            "23503",
            "insert or update on table \"appointment\" violates foreign key constraint \"appointment_dentist_id_fkey\"",
            422,
        ),
        (
            400,
            "23514",
            "new row for relation \"appointment\" violates check constraint \"appointment_grid\"",
            422,
        ),
        (
            400,
            "23502",
            "null value in column \"dentist_id\" of relation \"appointment\" violates not-null constraint",
            422,
        ),
        (400, "22P02", "invalid input syntax for type uuid: \"Ana Alder\"", 422),
        (400, "2201B", "invalid regular expression: parentheses () not balanced", 400),
        (500, "21000", "ON CONFLICT DO UPDATE command cannot affect row a second time", 422),
        (403, "42501", "new row violates row-level security policy for table \"appointment\"", 403),
        (401, "42501", "permission denied for table appointment", 401),
        (409, "PT409", "The appointment is closed.", 409),
        (503, "53300", "too many connections", 503),
        (500, "57014", "canceling statement due to statement timeout", 503),
        (504, "PGRST003", "Timed out acquiring connection from connection pool.", 503),
        (406, "PGRST116", "JSON object requested, multiple (or no) rows returned", 406),
    ];
    for (status, code, message, expected) in cases {
        // A taken slot is followed by the search for others, which may fail.
        let replies = vec![pg_error(status, code, message), pg_error(500, "XX000", "x")];
        let seen = serve(&post("/rest/v1/appointment").json(APPOINTMENT), replies);
        assert_eq!((seen.status, seen.code().as_str()), (expected, code), "{code}");
        let json = seen.json();
        let keeps_details = code.starts_with("PGRST1");
        assert_eq!(json["details"].is_null(), !keeps_details, "{code}");
        assert!(!json.to_string().contains("Ana Alder"), "{code}");
        assert_eq!(seen.header("retry-after").is_some(), expected == 503, "{code}");
    }
}

#[test]
fn constraints_speak_in_their_own_words_and_point_at_their_columns() {
    let error = pg_error(
        409,
        "23503",
        "insert or update on table \"appointment\" violates foreign key constraint \"appointment_dentist_id_fkey\"",
    );
    let seen = serve(&post("/rest/v1/appointment").json(APPOINTMENT), vec![error]);
    assert_eq!(seen.violations(), [("/dentist_id".to_owned(), "reference".to_owned())]);
    assert_eq!(seen.json()["message"], "dentist_id names nobody the clinic knows.");
}

#[test]
fn a_rule_of_the_clinic_names_the_field() {
    let body = r#"{"code":"PT422","message":"Name the dentist.","details":"dentist_id","hint":null}"#;
    let raised = reply(422, &[("content-type", "application/json; charset=utf-8")], body);
    let seen = serve(&post("/rest/v1/appointment").json(APPOINTMENT), vec![raised]);
    assert_eq!((seen.status, seen.code().as_str()), (422, "PT422"));
    assert_eq!(seen.violations(), [("/dentist_id".to_owned(), "rule".to_owned())]);
}

#[test]
fn a_taken_slot_comes_with_others() {
    let taken = || {
        pg_error(
            400,
            "23P01",
            "conflicting key value violates exclusion constraint \"appointment_dentist_free\"",
        )
    };
    let free = r#"[{"dentist_id":"d","starts_at":"2027-03-10T10:00:00+00:00"}]"#;
    let seen = serve(&post("/rest/v1/appointment").json(APPOINTMENT), vec![taken(), ok_json(free)]);
    assert_eq!((seen.status, seen.json()["alternatives"].to_string()), (409, free.to_owned()));
    assert!(seen.calls[1].url.ends_with("/rpc/slot_alternatives"));
    let asked: serde_json::Value = serde_json::from_slice(seen.calls[1].body.as_deref().unwrap()).unwrap();
    assert_eq!(asked["starts_at"], "2027-03-10T09:00Z");
    // A change says only what is new: the rest is in the row.
    let target = "/rest/v1/appointment?id=eq.00000000-0000-4000-8000-0000000b0001";
    let change = patch(target).json(r#"{"starts_at":"2027-03-10T09:00Z"}"#);
    let seen = serve(&change, vec![taken(), ok_json(r#"[{"id":"b1"}]"#), ok_json(free)]);
    let asked: serde_json::Value = serde_json::from_slice(seen.calls[2].body.as_deref().unwrap()).unwrap();
    assert_eq!(asked, serde_json::json!({ "appointment_id": "b1", "starts_at": "2027-03-10T09:00Z" }));
}

#[test]
fn a_function_that_meets_a_taken_slot_says_what_it_knows_of_the_wish() {
    let taken = || pg_error(400, "23P01", "violates exclusion constraint \"appointment_dentist_free\"");
    let id = "00000000-0000-4000-8000-0000000b0001";
    let moved = format!(r#"{{"appointment_id":"{id}","starts_at":"2027-03-10T09:00:00Z"}}"#);
    let held = format!(r#"{{"hold_id":"{id}","hold_token":"secret"}}"#);
    for (function, body, expected) in [
        ("reschedule_appointment", &moved, moved.clone()),
        ("book_appointment", &held, format!(r#"{{"appointment_id":"{id}"}}"#)),
    ] {
        let call = post(&format!("/rest/v1/rpc/{function}")).by_patient().json(body);
        let seen = serve(&call, vec![taken(), ok_json("[]")]);
        assert_eq!((seen.status, seen.json()["alternatives"].to_string()), (409, "[]".to_owned()));
        let asked: serde_json::Value =
            serde_json::from_slice(seen.calls[1].body.as_deref().unwrap()).unwrap();
        assert_eq!(asked, serde_json::from_str::<serde_json::Value>(&expected).unwrap());
    }
}

#[test]
fn a_treatment_that_waits_for_alerts_names_them() {
    let unread = || {
        let body = r#"{"code":"PT409","message":"The patient has alerts: 1.","details":"acknowledged_alerts","hint":"Read them."}"#;
        reply(409, &[("content-type", "application/json; charset=utf-8")], body)
    };
    let alerts = r#"[{"alert_id":"a1","title":"Latex"}]"#;
    let visit = "00000000-0000-4000-8000-0000000b0001";
    let expected = serde_json::json!({ "appointment_id": visit });
    let call = post("/rest/v1/rpc/complete_visit").json(&format!(r#"{{"appointment_id":"{visit}"}}"#));
    let seen = serve(&call, vec![unread(), ok_json(alerts)]);
    assert_eq!((seen.status, seen.json()["alerts"].to_string()), (409, alerts.to_owned()));
    assert!(seen.calls[1].url.contains("/rpc/visit_alerts?acknowledged_at=is.null"));
    assert_eq!(seen.violations(), [("/acknowledged_alerts".to_owned(), "rule".to_owned())]);
    for (table, column) in [("appointment", "id"), ("treatment_records", "appointment_id")] {
        let target = format!("/rest/v1/{table}?id=eq.00000000-0000-4000-8000-0000000c0001");
        let row = format!(r#"[{{"{column}":"{visit}"}}]"#);
        let change = patch(&target).json(r#"{"status":"completed"}"#);
        let seen = serve(&change, vec![unread(), ok_json(&row), ok_json(alerts)]);
        assert_eq!(seen.json()["alerts"].to_string(), alerts, "{table}");
        let asked: serde_json::Value =
            serde_json::from_slice(seen.calls[2].body.as_deref().unwrap()).unwrap();
        assert_eq!(asked, expected);
    }
    // Who may not read them is refused all the same.
    let seen =
        serve(&call, vec![unread(), pg_error(403, "42501", "Only patient, dentist, admin may do this.")]);
    assert_eq!((seen.status, seen.json().get("alerts")), (409, None));
}

#[test]
fn an_etag_is_the_version_of_a_single_object() {
    let single = get(&format!("/rest/v1/user?id=eq.{PATIENT}"))
        .by_patient()
        .header("accept", "application/vnd.pgrst.object+json");
    let object = [("content-type", "application/vnd.pgrst.object+json; charset=utf-8")];
    let seen = serve(&single, vec![reply(200, &object, r#"{"id":"x","version":7}"#)]);
    assert_eq!(
        (seen.header("etag"), seen.body.as_slice()),
        (Some("\"7\""), br#"{"id":"x","version":7}"#.as_slice())
    );
    // It is read anyway, so it comes with its head; a list is passed on as it comes, and an error is short.
    assert!(seen.calls[0].whole > 0 && seen.calls[0].errors > 0);
    let list = serve(&get("/rest/v1/service"), vec![ok_json("[]")]);
    assert!(list.calls[0].whole == 0 && list.calls[0].errors > 0);
    let large = format!("{{\"version\":7,\"x\":\"{}\"}}", "a".repeat(300_000));
    let seen = serve(&single, vec![reply(200, &object, &large)]);
    assert_eq!((seen.header("etag"), seen.body.len()), (None, large.len()));
}

#[test]
fn a_new_row_has_its_first_etag_unread_and_a_merged_one_its_own() {
    let object = [("content-type", "application/vnd.pgrst.object+json; charset=utf-8")];
    let created = || vec![reply(201, &object, r#"{"id":1,"version":4}"#)];
    let row = r#"{"code":"X-1","name":"X","category":"diagnostic","fee":1}"#;
    let insert = |prefer: &str, target: &str| {
        request(Method::Post, target)
            .by_patient()
            .json(row)
            .header("accept", "application/vnd.pgrst.object+json")
            .header("prefer", prefer)
    };
    let service = "/rest/v1/service";
    let seen = serve(&insert("return=representation", service), created());
    assert_eq!((seen.header("etag"), seen.calls[0].whole), (Some("\"1\""), 0));
    // Without its version shown it has none.
    let seen = serve(&insert("return=representation", "/rest/v1/service?select=code"), created());
    assert_eq!(seen.header("etag"), None);
    // What is merged may have been there.
    let seen = serve(&insert("return=representation,resolution=merge-duplicates", service), created());
    assert_eq!(seen.header("etag"), Some("\"4\""));
    assert!(seen.calls[0].whole > 0);
}

#[test]
fn if_match_is_a_filter_on_the_version() {
    let target = format!("/rest/v1/user?id=eq.{PATIENT}");
    let change = patch(&target).json("{\"phone\":null}").header("if-match", "\"3\"");
    let range = |range: &'static str| {
        reply(204, &[("content-range", range), ("preference-applied", "count=exact")], "")
    };
    let seen = serve(&change, vec![range("0-0/1")]);
    assert!(seen.query(0).contains(&("version".to_owned(), "eq.3".to_owned())));
    assert_eq!(prefer(&seen).as_deref(), Some("count=exact"));
    // What the edge asked for on its own is not shown.
    assert_eq!((seen.header("content-range"), seen.header("preference-applied")), (Some("0-0/*"), None));
    let found = reply(200, &[("content-type", "application/json"), ("content-range", "0-0/*")], "[{}]");
    let seen = serve(&change, vec![range("*/0"), found]);
    assert_eq!((seen.status, seen.code().as_str()), (412, "precondition-failed"));
    let none = reply(200, &[("content-type", "application/json"), ("content-range", "*/*")], "[]");
    assert_eq!(serve(&change, vec![range("*/0"), none]).status, 404);
    let many = patch("/rest/v1/user?role_id=eq.1").json("{\"phone\":null}").header("if-match", "\"3\"");
    assert_eq!(serve(&many, Vec::new()).code(), "invalid-header");
}

#[test]
fn max_affected_counts_under_strict_alone_and_stays_at_the_edge() {
    let change = |prefer: &str| {
        let request = patch(&format!("/rest/v1/user?id=eq.{PATIENT}")).json("{\"phone\":null}");
        serve(&request.header("prefer", prefer), vec![reply(204, &[("content-range", "0-0/*")], "")])
    };
    let strict = change("handling=strict, max-affected=1");
    assert_eq!(find(&strict.calls[0].headers, "x-chairside-max-affected"), Some("1"));
    assert_eq!(prefer(&strict).as_deref(), Some("handling=strict"));
    let lenient = change("max-affected=1");
    assert_eq!(find(&lenient.calls[0].headers, "x-chairside-max-affected"), None);
}

#[test]
fn a_soft_delete_tells_what_it_marked() {
    let target = "/rest/v1/service?id=eq.00000000-0000-4000-8000-000000005001";
    let delete = request(Method::Delete, target).by_patient();
    let marked =
        |count: &'static str| reply(204, &[("content-range", "*/0"), ("chairside-deleted", count)], "");
    let seen = serve(&delete.clone().header("prefer", "count=exact"), vec![marked("1")]);
    assert_eq!((seen.status, seen.header("content-range")), (204, Some("*/1")));
    assert_eq!(seen.header("chairside-deleted"), None);
    let whole = delete.header("prefer", "return=representation");
    let rows = reply(
        200,
        &[("content-type", "application/json; charset=utf-8"), ("content-range", "0-0/1")],
        "[{\"id\":1}]",
    );
    let seen = serve(&whole, vec![rows, marked("1")]);
    assert_eq!((seen.status, seen.body.as_slice()), (200, b"[{\"id\":1}]".as_slice()));
    // Row level security kept them: nothing was marked, nothing is shown.
    let rows = reply(
        200,
        &[("content-type", "application/json; charset=utf-8"), ("content-range", "0-0/1")],
        "[{\"id\":1}]",
    );
    let seen = serve(&whole, vec![rows, reply(204, &[("content-range", "*/*")], "")]);
    assert_eq!(seen.body, b"[]");
}

#[test]
fn the_public_catalogue_is_kept_until_it_changes() {
    let read = get("/rest/v1/service?select=name");
    let rows = |body: &str| ok_json(body);
    let script = script(vec![rows("[1]"), rows("[2]"), rows("[3]"), rows("[4]")]);
    let body = |request: &TestRequest| String::from_utf8(run(request, &script).body).unwrap();
    // Nobody follows the log: every read goes through.
    assert_eq!((body(&read), body(&read)), ("[1]".to_owned(), "[2]".to_owned()));
    *script.catalogue.borrow_mut() = Some("epoch/1".to_owned());
    assert_eq!((body(&read), body(&read)), ("[3]".to_owned(), "[3]".to_owned()));
    assert_eq!(run(&read, &script).header("cache-status"), Some("chairside; hit"));
    *script.catalogue.borrow_mut() = Some("epoch/2".to_owned());
    assert_eq!(body(&read), "[4]");
}

#[test]
fn only_what_is_the_same_for_everybody_is_kept() {
    let url = "/rest/v1/service?select=name";
    for request in [
        get(url).by_patient(),
        get(url).header("prefer", "count=exact"),
        get(url).header("range", "0-1"),
        get("/rest/v1/clinic_settings?select=time_zone"),
    ] {
        let script = script(vec![ok_json("[1]"), ok_json("[2]")]);
        *script.catalogue.borrow_mut() = Some("epoch/1".to_owned());
        assert_eq!(
            (run(&request, &script).body, run(&request, &script).body),
            (b"[1]".to_vec(), b"[2]".to_vec())
        );
        assert_eq!(run(&get("/health"), &script).header("cache-control"), Some("no-store"));
    }
}
