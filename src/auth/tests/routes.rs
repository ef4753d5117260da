//! What crosses to Supabase Auth.

use super::signing::SUB;
use crate::auth::routes::{Body, Limit, MAX_BODY, REQUEST_HEADERS, RESPONSE_HEADERS, allow, route};
use crate::problem::Kind;

fn kind(method: &str, path: &str, query: &str) -> Kind {
    route(method, path, query).expect_err(path).kind
}

#[test]
fn what_supabase_js_calls_passes() {
    let (factor, identity) = (format!("/factors/{SUB}"), format!("/user/identities/{SUB}"));
    let (challenge, verify) = (format!("{factor}/challenge"), format!("{factor}/verify"));
    for (method, path, query, limit) in [
        ("POST", "/signup", "redirect_to=https%3A%2F%2Fapp.test", Limit::Strict),
        ("POST", "/token", "grant_type=password", Limit::Strict),
        ("POST", "/token", "grant_type=pkce", Limit::Strict),
        ("POST", "/token", "grant_type=refresh_token", Limit::Ordinary),
        ("POST", "/logout", "scope=global", Limit::Ordinary),
        ("GET", "/user", "", Limit::Ordinary),
        ("PUT", "/user", "", Limit::Strict),
        ("POST", "/recover", "", Limit::Strict),
        ("POST", "/resend", "", Limit::Strict),
        ("POST", "/otp", "", Limit::Strict),
        ("POST", "/magiclink", "", Limit::Strict),
        ("GET", "/verify", "token=abc&type=signup&redirect_to=https://app.test/", Limit::Strict),
        ("POST", "/verify", "", Limit::Strict),
        ("GET", "/reauthenticate", "", Limit::Strict),
        ("GET", "/authorize", "provider=google", Limit::Ordinary),
        ("GET", "/callback", "code=1", Limit::Ordinary),
        ("POST", "/callback", "", Limit::Ordinary),
        ("GET", "/settings", "", Limit::Ordinary),
        ("GET", "/health", "", Limit::Ordinary),
        ("GET", "/.well-known/jwks.json", "", Limit::Ordinary),
        ("POST", "/factors", "", Limit::Ordinary),
        ("DELETE", &factor, "", Limit::Ordinary),
        ("POST", &challenge, "", Limit::Strict),
        ("POST", &verify, "", Limit::Strict),
        ("GET", "/user/identities/authorize", "provider=google", Limit::Ordinary),
        ("DELETE", &identity, "", Limit::Ordinary),
    ] {
        let found =
            route(method, path, query).unwrap_or_else(|problem| panic!("{method} {path}: {problem:?}"));
        assert_eq!(found.limit, limit, "{method} {path}?{query}");
    }
}

#[test]
fn what_wants_the_service_key_does_not_exist() {
    for path in ["/admin/users", "/admin", "/admin/generate_link", "/invite", "/generate_link"] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let problem = route(method, path, "").unwrap_err();
            assert_eq!(problem.kind, Kind::NotFound);
            assert!(problem.hint.is_some());
        }
    }
}

#[test]
fn other_spellings_of_a_path_do_not_exist() {
    let factor = format!("/factors/{{{SUB}}}");
    for path in [
        "",
        "/",
        "/user/",
        "//user",
        "/User",
        "/user/../admin/users",
        "/user/%2e%2e/admin",
        "/us%65r",
        "/user;x",
        "/./user",
        "/user\\..\\admin",
        "/user\0",
        "user",
        "/user/identities",
        "/factors/",
        "/factors/1",
        "/factors/../admin",
        "/factors/{id}",
        &factor,
        "/sso",
        "/saml/acs",
        "/oauth/token",
        "/token/../admin/users",
        "/.well-known/",
        "/.well-known/openid-configuration",
    ] {
        assert_eq!(kind("GET", path, ""), Kind::NotFound, "{path}");
        assert_eq!(allow(path), None);
    }
}

#[test]
fn other_methods_are_named_as_such() {
    assert_eq!(kind("DELETE", "/user", ""), Kind::MethodNotAllowed);
    assert_eq!(kind("get", "/user", ""), Kind::MethodNotAllowed);
    assert_eq!(kind("GET", "/token", ""), Kind::MethodNotAllowed);
    assert_eq!(allow("/user").as_deref(), Some("GET, PUT"));
}

#[test]
fn only_an_unmistakable_refresh_escapes_the_strict_limit() {
    for query in [
        "",
        "grant_type=password",
        "grant_type=refresh_token&grant_type=password",
        "grant_type=password&grant_type=refresh_token",
        "grant_type=refresh_token&%67rant_type=password",
        "grant_type=password;grant_type=refresh_token",
        "Grant_type=refresh_token",
        "grant_type=refresh_token%00",
        "grant_type=refresh_token+",
        "grant_type",
        "x=grant_type=refresh_token",
    ] {
        assert_eq!(route("POST", "/token", query).unwrap().limit, Limit::Strict, "{query}");
    }
}

#[test]
fn a_hostile_query_is_refused() {
    for query in
        ["a b", "a\r\nb", "a\0", "é", "a#b", "apikey=x", "a=1&apikey=sb_secret_x", "%61pikey=x", "a;ApiKey=x"]
    {
        assert_eq!(kind("GET", "/user", query), Kind::InvalidQuery, "{query}");
    }
    assert_eq!(kind("GET", "/user", &"a".repeat(4097)), Kind::UriTooLong);
}

#[test]
fn bodies_are_json_and_small() {
    let token = route("POST", "/token", "grant_type=password").unwrap();
    assert_eq!(token.body, Body::Json);
    assert!(token.check_body(Some("application/json;charset=UTF-8"), Some(100)).is_ok());
    assert!(token.check_body(Some("Application/JSON"), None).is_ok());
    assert!(token.check_body(None, None).is_ok());
    assert!(token.check_body(None, Some(0)).is_ok());
    let refused = |media_type, length| token.check_body(media_type, length).unwrap_err().kind;
    assert_eq!(refused(Some("application/x-www-form-urlencoded"), Some(100)), Kind::UnsupportedMediaType);
    assert_eq!(refused(Some("application/x-www-form-urlencoded"), None), Kind::UnsupportedMediaType);
    assert_eq!(refused(Some("application/jsonp"), Some(100)), Kind::UnsupportedMediaType);
    assert_eq!(refused(Some(""), Some(100)), Kind::UnsupportedMediaType);
    assert_eq!(refused(None, Some(100)), Kind::UnsupportedMediaType);
    assert_eq!(refused(Some("application/json"), Some(MAX_BODY + 1)), Kind::TooLarge);
    assert!(token.check_body(Some("application/json"), Some(MAX_BODY)).is_ok());
    let callback = route("POST", "/callback", "").unwrap();
    assert!(callback.check_body(Some("application/x-www-form-urlencoded"), Some(9)).is_ok());
    assert!(callback.check_body(Some("application/json"), Some(9)).is_err());
}

#[test]
fn no_credential_cookie_or_address_crosses_by_being_copied() {
    for name in [
        "authorization",
        "apikey",
        "cookie",
        "host",
        "forwarded",
        "x-forwarded-for",
        "x-real-ip",
        "cf-connecting-ip",
        "sb-forwarded-for",
        "set-cookie",
    ] {
        assert!(!REQUEST_HEADERS.contains(&name) && !RESPONSE_HEADERS.contains(&name), "{name}");
    }
    for name in REQUEST_HEADERS.iter().chain(RESPONSE_HEADERS) {
        assert_eq!(*name, name.to_ascii_lowercase());
    }
}
