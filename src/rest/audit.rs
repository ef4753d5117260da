//! `GET /v1/audit/verify`: the change log's chain, walked by the database in parts of a bounded length.
//!
//! `?from=seq` goes on after an entry (which is judged again); `anchor` is that entry's hash as it was kept elsewhere,
//! by which an end that was cut off is noticed. The answer is `{verified_to, head: {seq, hash}, broken: null or {seq,
//! why}}`; ask again from `verified_to` until it is `head.seq`.

use serde_json::{Map, Value};

use crate::http::{Answer, Method, Platform, Request};
use crate::problem::{Kind, Problem, Violation};
use crate::rest::forward::Spec;
use crate::rest::{Rest, method_not_allowed, reply};

impl<P: Platform, R: Request> Rest<'_, P, R> {
    /// Serves the route.
    ///
    /// # Errors
    /// 400 for a parameter that is not one; 401 and 403 for whoever is no admin, from the database.
    pub async fn verify_audit(&self) -> Result<Answer<P::Stream>, Problem> {
        let method = self.request.method();
        if method != Method::Get {
            return Err(method_not_allowed("GET"));
        }
        let arguments = arguments(self.request.query())
            .map_err(|errors| Problem::violations(Kind::InvalidQuery, errors))?;
        let body = Value::Object(arguments).to_string().into_bytes();
        let outcome = self.send(Spec::post("rpc/audit_verify", String::new(), Some(body))).await?;
        outcome.or_problem(self.schema, method).map(reply::pass)
    }
}

/// The function's arguments. Neither value needs decoding.
fn arguments(query: &str) -> Result<Map<String, Value>, Vec<Violation>> {
    let (mut arguments, mut errors) = (Map::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (argument, read) = match name {
            "from" => ("after", entry(value)),
            "anchor" => ("anchor", hash(value)),
            _ => {
                let detail = "only from and anchor are known here";
                errors.push(Violation::query("*", "unknown-parameter", detail));
                continue;
            }
        };
        match read {
            Err(detail) => errors.push(Violation::query(name, "type", detail)),
            Ok(value) => {
                if arguments.insert(argument.to_owned(), value).is_some() {
                    errors.push(Violation::query(name, "duplicate", "this parameter may be given once"));
                }
            }
        }
    }
    if arguments.contains_key("anchor") && !arguments.contains_key("after") {
        errors.push(Violation::query(
            "anchor",
            "incomplete",
            "anchor is the hash of the entry that from names",
        ));
    }
    if errors.is_empty() { Ok(arguments) } else { Err(errors) }
}

/// JavaScript's clients send no larger whole number than 2^53.
fn entry(value: &str) -> Result<Value, &'static str> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    match value.parse::<u64>() {
        Ok(seq) if digits && seq < 1 << 53 => Ok(seq.into()),
        _ => Err("from is the seq of an entry"),
    }
}

fn hash(value: &str) -> Result<Value, &'static str> {
    if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(value.into())
    } else {
        Err("anchor is a SHA-256 in hexadecimal")
    }
}
