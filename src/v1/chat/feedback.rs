//! `POST /v1/chat/feedback`: whether an answer helped. What was asked and answered is not kept, only what the comment says.

use serde_json::{Map, Value, json};

use super::{V1, require_post};
use crate::http::{Answer, Call, Method, Platform, Request, header};
use crate::problem::{Kind, Problem, Violation};
use crate::rag::upstream::{Fault, Patience, exchange};
use crate::rest::errors;

const MAX_BODY: usize = 16 * 1024;
const COMMENT: usize = 1_000;

impl<P: Platform, R: Request> V1<'_, P, R> {
    /// Keeps a rating in the caller's name.
    pub(in crate::v1) async fn feedback(&self) -> Result<Answer<P::Stream>, Problem> {
        require_post(self.request.method())?;
        self.require_welcome()?;
        let row = rated(&self.body(MAX_BODY).await?)?;
        let database = self.database();
        let mut headers = database.headers;
        headers.push(header("content-type", "application/json"));
        let call = Call {
            reads: &["retry-after"],
            ..Call::new(
                Method::Post,
                format!("{}/rpc/rate_answer", database.rest_url),
                headers,
                Some(row.to_string().into_bytes()),
            )
        };
        let answered = exchange(self.platform, call, Patience { retries: 0, ..Patience::TURN }).await;
        match answered {
            Ok(answered) if matches!(answered.status, 200 | 204) => Ok(Answer::empty(204)),
            Ok(answered) => Err(self.refused(answered.status, &answered.body)),
            Err(fault) => Err(away(&fault)),
        }
    }

    fn refused(&self, status: u16, body: &[u8]) -> Problem {
        match errors::parse(body) {
            Some(error) => errors::problem(self.app.schema, Method::Post, status, &error),
            None => errors::unreadable(status),
        }
    }
}

fn away(fault: &Fault) -> Problem {
    Problem::new(Kind::Unavailable, "The rating cannot be kept at the moment.")
        .retry_after(5)
        .cause(fault.to_string())
}

// The row, or everything that is wrong.
fn rated(body: &[u8]) -> Result<Value, Problem> {
    let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(body) else {
        return Err(Problem::new(Kind::InvalidBody, "The body is no JSON object."));
    };
    let mut errors = Vec::new();
    let completion = body.get("completion_id").and_then(Value::as_str).filter(|id| is_completion(id));
    if completion.is_none() {
        errors.push(Violation::body(
            "/completion_id",
            "pattern",
            "completion_id is the id of an answer: chatcmpl-…",
        ));
    }
    let rating = body.get("rating").and_then(Value::as_str).filter(|rating| ["up", "down"].contains(rating));
    if rating.is_none() {
        errors.push(Violation::body("/rating", "one-of", "rating is up or down"));
    }
    let comment = comment(&body, &mut errors);
    for name in body.keys().filter(|name| !["completion_id", "rating", "comment"].contains(&name.as_str())) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        errors.push(Violation::body(
            pointer,
            "unknown-member",
            "only completion_id, rating and comment are known here",
        ));
    }
    if !errors.is_empty() {
        return Err(Problem::violations(Kind::Validation, errors));
    }
    Ok(json!({"completion_id": completion, "rating": rating, "comment": comment}))
}

fn comment(body: &Map<String, Value>, errors: &mut Vec<Violation>) -> Option<String> {
    match body.get("comment") {
        None | Some(Value::Null) => None,
        Some(Value::String(comment)) if comment.contains('\0') => {
            errors.push(Violation::body(
                "/comment",
                "pattern",
                "comment must not contain the character U+0000",
            ));
            None
        }
        Some(Value::String(comment)) if comment.chars().count() <= COMMENT => {
            Some(comment.trim().to_owned()).filter(|comment| !comment.is_empty())
        }
        Some(_) => {
            let detail = format!("comment is a text of at most {COMMENT} characters");
            errors.push(Violation::body("/comment", "too-long", detail));
            None
        }
    }
}

fn is_completion(id: &str) -> bool {
    id.strip_prefix("chatcmpl-").is_some_and(|id| uuid::Uuid::try_parse(id).is_ok() && id.len() == 36)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rating_of_an_answer_is_kept() {
        let good = json!({"completion_id": "chatcmpl-22222222-2222-4222-8222-222222222222", "rating": "up", "comment": " x "});
        assert_eq!(rated(good.to_string().as_bytes()).map(|row| row["comment"].clone()), Ok(json!("x")));
        for (name, value) in [
            ("completion_id", json!("chatcmpl-1")),
            ("rating", json!("good")),
            ("comment", json!("x".repeat(1001))),
            ("comment", json!("\0")),
            ("question", json!("What I asked")),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            let pointers =
                rated(bad.to_string().as_bytes()).map_err(|problem| problem.errors[0].pointer.clone());
            assert_eq!(pointers, Err(format!("/{name}")));
        }
    }
}
