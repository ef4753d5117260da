//! The life of a request around its route: who calls, budgets, CORS, ids, upstream faults, logs.

mod support;

use chairside::http::{Budget, Method, SendError, find};
use serde_json::json;
use support::{
    NOW, PATIENT, REQUEST_ID, anon_key, app_with, get, ok_json, pg_error, reply, request, run, run_on,
    script, serve, sign, user_token,
};

#[test]
fn an_anonymous_read_goes_out_under_the_anon_key() {
    let seen = serve(&get("/rest/v1/service?select=id"), vec![ok_json("[]")]);
    assert_eq!((seen.status, seen.body.as_slice()), (200, b"[]".as_slice()));
    let headers = &seen.calls[0].headers;
    assert_eq!(find(headers, "apikey"), Some(anon_key().as_str()));
    assert_eq!(find(headers, "authorization"), Some(format!("Bearer {}", anon_key()).as_str()));
    assert_eq!(find(headers, "x-request-id"), Some(REQUEST_ID));
    assert_eq!(seen.header("x-request-id"), Some(REQUEST_ID));
    assert!(seen.log.contains("\"upstream_ms\":7"), "{}", seen.log);
    assert_eq!(seen.header("ratelimit-policy"), Some("\"anon\";q=120;w=60"));
}

#[test]
fn a_user_s_read_goes_out_under_the_user_s_own_token() {
    let script = script(vec![ok_json("[]")]);
    let seen = run(&get("/rest/v1/appointment").by_patient(), &script);
    let token = format!("Bearer {}", user_token(PATIENT, "patient"));
    assert_eq!(find(&seen.calls[0].headers, "authorization"), Some(token.as_str()));
    assert_eq!(script.admitted.borrow().as_slice(), [(Budget::User, PATIENT.to_owned())]);
    assert_eq!(seen.header("cache-control"), Some("no-store"));
    assert!(seen.log.contains("\"role\":\"patient\"") && !seen.log.contains(PATIENT));
}

#[test]
fn a_bad_token_is_refused_and_counted_by_address() {
    let expired = sign(&json!({
        "iss": "https://clinic.supabase.co/auth/v1", "aud": "authenticated", "sub": PATIENT, "role": "authenticated",
        "exp": NOW - 1,
    }));
    let service = sign(&json!({ "iss": "supabase", "role": "service_role", "exp": NOW + 10 }));
    for (token, status, code) in [
        ("x.y.z", 401, "token-malformed"),
        (&expired, 401, "token-expired"),
        (&service, 403, "service-key-refused"),
    ] {
        let script = script(Vec::new());
        let request = get("/rest/v1/user").header("authorization", &format!("Bearer {token}"));
        let seen = run(&request.header("cf-connecting-ip", "192.0.2.7"), &script);
        assert_eq!((seen.status, seen.code().as_str()), (status, code));
        assert_eq!(seen.header("www-authenticate").is_some(), status == 401, "{code}");
        assert_eq!(script.admitted.borrow().as_slice(), [(Budget::Anon, "192.0.2.7".to_owned())]);
        assert!(seen.calls.is_empty());
    }
}

#[test]
fn an_ipv6_network_shares_one_budget() {
    for address in ["2001:db8:1:2::7", "2001:DB8:1:2:ffff::1"] {
        let script = script(Vec::new());
        run(
            &get("/rest/v1/user").header("authorization", "Bearer x.y.z").header("cf-connecting-ip", address),
            &script,
        );
        assert_eq!(script.admitted.borrow().as_slice(), [(Budget::Anon, "2001:db8:1:2::".to_owned())]);
    }
}

#[test]
fn a_spent_budget_is_429() {
    let script = script(Vec::new());
    script.refuse.set(true);
    let seen = run(&get("/rest/v1/user").by_patient(), &script);
    assert_eq!((seen.status, seen.code().as_str()), (429, "rate-limited"));
    assert_eq!(seen.header("retry-after"), Some("60"));
    assert_eq!(seen.header("ratelimit-policy"), Some("\"user\";q=600;w=60"));
}

#[test]
fn cors_is_an_allow_list() {
    let preflight = |origin: &str| {
        let request = request(Method::Options, "/rest/v1/user").header("origin", origin);
        serve(&request.header("access-control-request-method", "PATCH"), Vec::new())
    };
    let allowed = preflight("https://app.clinic.test");
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.clinic.test"));
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("idempotency-key"));
    let refused = preflight("https://evil.test");
    assert_eq!((refused.status, refused.code().as_str()), (403, "origin-refused"));
    assert_eq!(refused.header("access-control-allow-origin"), None);
    let error = serve(&get("/nowhere").header("origin", "https://app.clinic.test"), Vec::new());
    assert_eq!(error.header("access-control-allow-origin"), Some("https://app.clinic.test"));
    assert_eq!(error.header("vary"), Some("origin"));
}

#[test]
fn a_request_id_that_is_no_uuid_is_replaced() {
    for id in ["not a uuid", "'; drop table x", "", "1"] {
        let seen = serve(&get("/health").with_id(id), Vec::new());
        assert_eq!(seen.header("x-request-id"), Some(support::NEW_ID), "{id}");
    }
    let kept = serve(&get("/health").with_id(&REQUEST_ID.to_uppercase()), Vec::new());
    assert_eq!(kept.header("x-request-id"), Some(REQUEST_ID));
}

#[test]
fn an_upstream_that_is_away_slow_or_mad_is_told_apart() {
    let request = get("/rest/v1/service");
    let down = serve(&request, vec![Err(SendError::Unreachable("connection refused".to_owned()))]);
    assert_eq!((down.status, down.header("retry-after")), (503, Some("5")));
    assert!(down.log.contains("connection refused") && !down.json().to_string().contains("refused\""));
    assert_eq!(serve(&request, vec![Err(SendError::Timeout)]).status, 504);
    let html = [("content-type", "text/html")];
    for mad in [
        reply(200, &html, "<html>"),
        reply(502, &html, "<html>"),
        reply(302, &[], ""),
        reply(500, &[("content-type", "application/json")], "{\"message\":"),
        pg_error(500, "XX000", "internal: select from secrets"),
        pg_error(400, "P0001", "raised"),
    ] {
        let seen = serve(&request, vec![mad]);
        assert_eq!((seen.status, seen.code().as_str()), (502, "bad-upstream"));
        assert!(!seen.json().to_string().contains("secrets"));
    }
    assert_eq!(serve(&request, vec![reply(503, &html, "<html>")]).status, 503);
}

#[test]
fn paths_that_lead_nowhere_are_404_and_unnamed_in_the_log() {
    for path in [
        "/x",
        "/rest/v1",
        "/rest/v1/",
        "/rest/v1/nope",
        "/rest/v1/rpc/nope",
        "/rest/v1/change_log",
        "/rest/v1/rpc/idempotency_replay",
        "/rest/v1/user/",
        "/rest/v1/%75ser",
        "/auth/v2/x",
        "/auth/v1/admin/users",
    ] {
        let seen = serve(&get(path), Vec::new());
        assert_eq!(seen.status, 404, "{path}");
        assert!(!seen.log.contains("nope"), "{path}");
    }
}

#[test]
fn auth_is_passed_through_with_its_own_errors() {
    let grant = request(Method::Post, "/auth/v1/token?grant_type=password").json("{\"email\":\"a@b.c\"}");
    let script = script(vec![reply(
        400,
        &[
            ("content-type", "application/json"),
            ("x-sb-error-code", "invalid_credentials"),
            ("set-cookie", "a=b"),
        ],
        "{\"code\":\"invalid_credentials\"}",
    )]);
    let seen = run(&grant.header("apikey", &anon_key()).header("cookie", "x=y"), &script);
    assert_eq!((seen.status, seen.code().as_str()), (400, "invalid_credentials"));
    assert_eq!(seen.header("x-sb-error-code"), Some("invalid_credentials"));
    assert!(seen.header("set-cookie").is_none());
    assert_eq!(seen.calls[0].url, "https://clinic.supabase.co/auth/v1/token?grant_type=password");
    assert!(find(&seen.calls[0].headers, "cookie").is_none());
    assert_eq!(script.admitted.borrow()[0].0, Budget::Auth);
}

#[test]
fn a_client_learns_what_it_needs_to_begin() {
    for path in ["/", "/.well-known/chairside"] {
        let seen = serve(&get(path), Vec::new());
        assert_eq!(seen.status, 200);
        assert_eq!(
            seen.json(),
            json!({
                "name": "Chairside", "clinic": "demo", "rest": "/rest/v1", "auth": "/auth/v1",
                "realtime": "/realtime/v1", "key": anon_key(),
            })
        );
    }
    assert_eq!(serve(&request(Method::Post, "/"), Vec::new()).status, 405);
}

#[test]
fn a_socket_is_for_allowed_origins_and_the_worker_s_own() {
    let allowed = [None, Some("https://app.clinic.test"), Some("https://edge.clinic.test")];
    let foreign =
        ["https://edge.clinic.test.evil.test", "https://evil.test", "edge.clinic.test", "null"].map(Some);
    let code = |origin: Option<&str>| {
        let target = format!("/realtime/v1/websocket?vsn=2.0.0&apikey={}", anon_key());
        let request = get(&target).header("upgrade", "websocket").header("host", "edge.clinic.test");
        let request = origin.map_or(request.clone(), |origin| request.header("origin", origin));
        serve(&request, Vec::new()).code()
    };
    // These settings have no service key: whoever gets past the origin is told so.
    for origin in allowed {
        assert_eq!(code(origin), "misconfigured", "{origin:?}");
    }
    for origin in foreign {
        assert_eq!(code(origin), "origin-refused", "{origin:?}");
    }
}

#[test]
fn ready_tells_of_every_upstream_and_fails_for_the_database_alone() {
    let app = app_with(&[
        ("VECTOR_STORE", "chroma"),
        ("CHROMA_URL", "http://127.0.0.1:9"),
        ("CHROMA_COLLECTION", "knowledge"),
        ("EMBEDDINGS", "openai"),
        ("EMBEDDINGS_URL", "http://127.0.0.1:9/v1"),
        ("EMBEDDINGS_MODEL", "m"),
        ("EMBEDDINGS_DIMENSION", "3"),
        ("CHAT", "openai"),
        ("CHAT_URL", "http://127.0.0.1:9/v1"),
        ("CHAT_MODEL", "m"),
    ]);
    let answers = |statuses: [u16; 5]| {
        run_on(&app, &get("/ready"), &script(statuses.map(|status| reply(status, &[], "{}")).into()))
    };
    let seen = answers([200, 200, 200, 401, 503]);
    assert_eq!((seen.status, &seen.json()["upstreams"]["vectors"]), (200, &"up".into()));
    assert_eq!(seen.json()["upstreams"]["embeddings"], "up", "a refusal is an answer");
    assert_eq!(seen.json()["upstreams"]["chat"], "down");
    let seen = answers([200, 503, 200, 200, 200]);
    assert_eq!((seen.status, &seen.json()["status"]), (503, &"not-ready".into()));
}
