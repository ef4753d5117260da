//! A problem in `OpenAI`'s shape, which its clients read: `{"error": {message, type, param, code}}`, with every violation
//! beside it. Status and headers stay the problem's.

use serde::Serialize;

use crate::problem::{Problem, Violation};

#[derive(Serialize)]
struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<String>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Violation],
}

/// The body, as UTF-8 JSON.
pub fn body(problem: &Problem) -> Vec<u8> {
    let error = Error {
        message: &problem.detail,
        r#type: type_of(problem.status),
        param: problem.errors.first().and_then(|error| param(&error.pointer)),
        code: &problem.code,
        hint: problem.hint.as_deref(),
        errors: &problem.errors,
    };
    // A struct of strings cannot fail to serialise; an empty body would still carry the status.
    serde_json::to_vec(&Body { error }).unwrap_or_default()
}

const fn type_of(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

/// A pointer as `OpenAI` writes it: `/messages/0/content` is `messages[0].content`.
fn param(pointer: &str) -> Option<String> {
    if let Some(name) = pointer.strip_prefix('?').or_else(|| pointer.strip_prefix("header:")) {
        return Some(name.to_owned());
    }
    let parts = pointer.strip_prefix('/')?.split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
    Some(parts.fold(String::new(), |written, part| match part.parse::<u32>() {
        Ok(index) => format!("{written}[{index}]"),
        Err(_) if written.is_empty() => part,
        Err(_) => format!("{written}.{part}"),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::problem::Kind;

    fn written(problem: &Problem) -> serde_json::Value {
        serde_json::from_slice(&body(problem)).unwrap_or_default()
    }

    #[test]
    fn an_openai_client_reads_it() {
        let violation = Violation::body("/messages/0/content", "too-long", "content is too long");
        let problem = Problem::violations(Kind::Validation, vec![violation]);
        assert_eq!(
            written(&problem),
            json!({"error": {
                "message": "content is too long", "type": "invalid_request_error", "param": "messages[0].content",
                "code": "validation-failed",
                "errors": [{"pointer": "/messages/0/content", "code": "too-long", "detail": "content is too long"}],
            }})
        );
    }

    #[test]
    fn the_type_follows_the_status() {
        for (kind, name) in [
            (Kind::TokenExpired, "authentication_error"),
            (Kind::Forbidden, "permission_error"),
            (Kind::RateLimited, "rate_limit_error"),
            (Kind::NotFound, "invalid_request_error"),
            (Kind::Misconfigured, "server_error"),
        ] {
            let problem = Problem::new(kind, "x").cause("only for the log");
            assert_eq!(written(&problem)["error"]["type"], name);
            assert_eq!(written(&problem)["error"]["param"], json!(null));
            assert!(!written(&problem).to_string().contains("only for the log"));
        }
    }

    #[test]
    fn headers_and_query_parameters_are_named() {
        assert_eq!(param("?limit").as_deref(), Some("limit"));
        assert_eq!(param("header:if-match").as_deref(), Some("if-match"));
        assert_eq!(param("/filter/a~1b").as_deref(), Some("filter.a/b"));
        assert_eq!(param(""), None);
    }
}
