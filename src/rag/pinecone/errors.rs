//! What Pinecone says when it refuses, in its three shapes.

use serde::Deserialize;
use serde_json::Value;

use crate::rag::upstream::{Answered, Fault};

/// The code of a gRPC status for what is not there.
const NOT_FOUND: i64 = 5;
const LONGEST: usize = 200;

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    // Control plane, records and inference.
    Named { error: Named },
    // The data plane, a gRPC status.
    Numbered { code: i64, message: String },
}

#[derive(Deserialize)]
struct Named {
    code: Value,
    message: String,
}

/// The words of an error: `{"status", "error": {"code", "message"}}`, `{"code", "message", "details"}`, or plain text as
/// its edge makes it.
pub fn words(body: &[u8]) -> String {
    let said = match serde_json::from_slice(body) {
        Ok(Said::Named { error: Named { code: Value::String(code), message } }) => {
            format!("{code}: {message}")
        }
        Ok(Said::Named { error: Named { code, message } }) => format!("{code}: {message}"),
        Ok(Said::Numbered { code, message }) => format!("{code}: {message}"),
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    };
    if said.is_empty() { "no reason given".to_owned() } else { said.chars().take(LONGEST).collect() }
}

/// Whether the namespace is not there: nobody has written to it yet.
pub fn is_no_namespace(answered: &Answered) -> bool {
    answered.status == 404
        && matches!(
            serde_json::from_slice(&answered.body),
            Ok(Said::Numbered { code: NOT_FOUND, message }) if message.to_ascii_lowercase().contains("namespace")
        )
}

/// Reads a reply whose body says nothing; nothing is done where there is no namespace.
pub fn done(answered: &Answered) -> Result<(), Fault> {
    match answered.status {
        200..300 => Ok(()),
        _ if is_no_namespace(answered) => Ok(()),
        status => Err(Fault::Refused(status, words(&answered.body))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Answered {
        Answered { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn all_three_shapes_are_read() {
        for (body, expected) in [
            (
                r#"{"status":400,"error":{"code":"INVALID_ARGUMENT","message":"bad","details":{}}}"#,
                "INVALID_ARGUMENT: bad",
            ),
            (r#"{"code":3,"message":"bad","details":[]}"#, "3: bad"),
            (r#"{"error":{"code":7,"message":"bad"}}"#, "7: bad"),
            ("Invalid API Key\n", "Invalid API Key"),
            (r#"{"detail":"else"}"#, r#"{"detail":"else"}"#),
            ("", "no reason given"),
        ] {
            assert_eq!(words(body.as_bytes()), expected);
        }
        assert_eq!(words("é".repeat(1000).as_bytes()).chars().count(), LONGEST);
    }

    #[test]
    fn only_a_missing_namespace_is_nothing_to_do() {
        let gone = answered(404, r#"{"code":5,"message":"Namespace not found","details":[]}"#);
        assert_eq!(done(&gone), Ok(()));
        for (status, body) in [
            (404, r#"{"status":404,"error":{"code":"NOT_FOUND","message":"index namespace not found"}}"#),
            (404, r#"{"code":5,"message":"Index not found","details":[]}"#),
            (404, "not found: namespace"),
            (400, r#"{"code":5,"message":"Namespace not found","details":[]}"#),
        ] {
            assert!(matches!(done(&answered(status, body)), Err(Fault::Refused(..))), "{body}");
        }
    }
}
