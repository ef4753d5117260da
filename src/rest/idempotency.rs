//! `Idempotency-Key`: the first result again, never a second write.
//!
//! The key is kept where the commit is: `app.pre_request` inserts it in the request's own transaction, so a second
//! request under the same key waits for the first, then meets a unique violation, and the edge reads back what the
//! first one made. A lost reply or a Worker that died in between changes nothing about that.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::http::{Answer, Collected, Method, Payload, Platform, Reply, Request, set_header};
use crate::problem::{Kind, Problem, Violation};
use crate::rest::forward::Spec;
use crate::rest::prefer::{Resolution, Return};
use crate::rest::query::Checked;
use crate::rest::query::text::text;
use crate::rest::reply::Outcome;
use crate::rest::wants::{Media, Wants};
use crate::rest::{Rest, precondition, unreachable};
use crate::schema::Table;

/// Says that an answer is a replay.
const REPLAYED: &str = "idempotency-replayed";
/// How many rows are read again with one URL.
const KEYS_AT_ONCE: usize = 100;
/// The longest stored result.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A key and what it was used for.
#[derive(Debug)]
pub struct Claim {
    key: String,
    fingerprint: String,
}

impl Claim {
    /// The claim of a request that carries a key. The fingerprint covers all that decides what is written: the body,
    /// `columns`, `on_conflict` and the preferences on duplicates and missing members.
    pub fn of(wants: &Wants, query: &Checked, body: &[u8]) -> Option<Self> {
        let key = wants.idempotency_key.clone()?;
        let mut hash = Sha256::new();
        hash.update(body);
        for list in [query.columns(), query.on_conflict()] {
            hash.update(b"\0");
            hash.update(list.unwrap_or_default().join(",").as_bytes());
        }
        hash.update([
            0,
            match wants.prefer.resolution {
                None => 0,
                Some(Resolution::Merge) => 1,
                Some(Resolution::Ignore) => 2,
            },
            u8::from(wants.prefer.missing_default == Some(true)),
        ]);
        let mut fingerprint = String::with_capacity(64);
        for byte in hash.finalize() {
            let _ = write!(fingerprint, "{byte:02x}");
        }
        Some(Self { key, fingerprint })
    }

    /// The headers that `app.pre_request` reads.
    pub fn headers(&self) -> [(&'static str, String); 2] {
        [("idempotency-key", self.key.clone()), ("x-chairside-body-sha256", self.fingerprint.clone())]
    }
}

/// What the database keeps of a request, told only to who sends the same one again.
#[derive(Debug, Deserialize)]
struct Stored {
    matches: bool,
    #[serde(default)]
    keys: Vec<Map<String, Value>>,
    #[serde(default)]
    result: Value,
}

/// Reads what was kept under the key, and refuses another request under it.
async fn stored<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    path: &str,
    claim: &Claim,
) -> Result<Stored, Problem> {
    let asked = json!({ "method": "POST", "path": path, "key": claim.key, "body_sha256": claim.fingerprint });
    let spec = Spec::post("rpc/idempotency_replay", String::new(), Some(asked.to_string().into_bytes()));
    let reply = rest.send(spec).await?.or_problem(rest.schema, Method::Post)?;
    let read = rest.platform.collect(reply.body, MAX_BYTES).await;
    let Collected::Whole(bytes) = read.map_err(|error| unreachable(error, "database"))? else {
        return Err(Problem::new(Kind::Internal, "The first result is too large to be read again."));
    };
    let kept: Option<Stored> = serde_json::from_slice(&bytes)
        .map_err(|_| Problem::new(Kind::BadUpstream, "The first result cannot be read.").cause("replay"))?;
    match kept {
        None => Err(Problem::new(
            Kind::Conflict,
            "The first request under this key is not there any more; try again.",
        )),
        Some(kept) if !kept.matches => Err(Problem::violations(
            Kind::IdempotencyKeyReused,
            vec![Violation::header(
                "idempotency-key",
                "reused",
                "This key was used with another request; take a new key for a new request.",
            )],
        )),
        Some(kept) => Ok(kept),
    }
}

/// Answers an insert from the rows that the first one made, read under the caller's own policies.
pub async fn replay_rows<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &Table,
    wants: &Wants,
    query: &Checked,
    claim: &Claim,
) -> Result<Answer<P::Stream>, Problem> {
    let kept = stored(rest, &format!("/{}", table.name), claim).await?;
    let answer = match wants.prefer.returns {
        Some(Return::Representation) if kept.keys.len() > KEYS_AT_ONCE => {
            bulk_representation(rest, table, wants, query, &kept.keys).await?
        }
        Some(Return::Representation) if !kept.keys.is_empty() => {
            let reply = read_keys(rest, table, wants, query, &kept.keys).await?;
            let answer = precondition::pass_with_etag(rest.platform, table, query, wants, reply).await?;
            Answer { status: 201, ..answer }
        }
        Some(Return::Representation) => Answer {
            body: Payload::Bytes(b"[]".to_vec()),
            ..Answer::empty(201).header("content-type", "application/json; charset=utf-8")
        },
        Some(Return::HeadersOnly) => match kept.keys.as_slice() {
            [key] => Answer::empty(201).header("location", location(table, key)),
            _ => Answer::empty(201),
        },
        _ => Answer::empty(201),
    };
    Ok(replayed(answer))
}

async fn read_keys<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &Table,
    wants: &Wants,
    query: &Checked,
    keys: &[Map<String, Value>],
) -> Result<Reply<P::Stream>, Problem> {
    let spec = Spec { accept: wants.media.name(), ..Spec::get(table.name, text(&of_keys(query, keys))) };
    rest.send(spec).await?.or_problem(rest.schema, Method::Get)
}

/// More keys than a URL can hold are read in several goes, and the arrays joined.
async fn bulk_representation<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &Table,
    wants: &Wants,
    query: &Checked,
    keys: &[Map<String, Value>],
) -> Result<Answer<P::Stream>, Problem> {
    if !matches!(wants.media, Media::Json | Media::ArrayStripped) {
        return Err(Problem::new(
            Kind::NotAcceptable,
            format!("The first result has more than {KEYS_AT_ONCE} rows, which are replayed as JSON alone."),
        ));
    }
    let mut rows: Vec<Box<RawValue>> = Vec::with_capacity(keys.len());
    for some in keys.chunks(KEYS_AT_ONCE) {
        let reply = read_keys(rest, table, wants, query, some).await?;
        let read = rest.platform.collect(reply.body, MAX_BYTES).await;
        let Collected::Whole(bytes) = read.map_err(|error| unreachable(error, "database"))? else {
            return Err(Problem::new(Kind::Internal, "The first result is too large to be read again."));
        };
        let mut part: Vec<Box<RawValue>> = serde_json::from_slice(&bytes).map_err(|_| {
            Problem::new(Kind::BadUpstream, "The first result cannot be read.").cause("replay")
        })?;
        rows.append(&mut part);
    }
    let body = serde_json::to_vec(&rows)
        .map_err(|_| Problem::new(Kind::Internal, "The result cannot be written."))?;
    Ok(Answer {
        body: Payload::Bytes(body),
        ..Answer::empty(201).header("content-type", "application/json; charset=utf-8")
    })
}

fn replayed<S>(mut answer: Answer<S>) -> Answer<S> {
    set_header(&mut answer.headers, REPLAYED, "true".to_owned());
    answer
}

/// The request's own `select`, for the rows of these keys.
fn of_keys(query: &Checked, keys: &[Map<String, Value>]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = query
        .pairs()
        .into_iter()
        .filter(|(name, _)| !matches!(name.as_str(), "columns" | "on_conflict"))
        .collect();
    let rows: Vec<String> = keys
        .iter()
        .map(|key| {
            let columns: Vec<_> =
                key.iter().map(|(name, value)| format!("{name}.eq.{}", quoted(value))).collect();
            format!("and({})", columns.join(","))
        })
        .collect();
    pairs.push(("or".to_owned(), format!("({})", rows.join(","))));
    pairs
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value inside a logic tree, always in quotes.
fn quoted(value: &Value) -> String {
    format!("\"{}\"", plain(value).replace('\\', "\\\\").replace('"', "\\\""))
}

/// As PostgREST writes it.
fn location(table: &Table, key: &Map<String, Value>) -> String {
    let pairs: Vec<_> = key.iter().map(|(name, value)| format!("{name}=eq.{}", plain(value))).collect();
    format!("/{}?{}", table.name, pairs.join("&"))
}

/// Answers a function's call from the result that the first one recorded.
pub async fn replay_result<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    path: &str,
    wants: &Wants,
    claim: &Claim,
) -> Result<Answer<P::Stream>, Problem> {
    let kept = stored(rest, path, claim).await?;
    let result = match kept.result {
        Value::Null => return Ok(replayed(Answer::empty(204))),
        Value::Array(mut rows) if wants.media.is_object() && rows.len() == 1 => rows.remove(0),
        other => other,
    };
    let media = format!("{}; charset=utf-8", wants.media.name());
    let body = Payload::Bytes(result.to_string().into_bytes());
    Ok(replayed(Answer { body, ..Answer::empty(200).header("content-type", media) }))
}

/// Whether the outcome says that the key was used before.
pub fn is_conflict<S>(outcome: &Outcome<S>) -> bool {
    matches!(outcome, Outcome::Refused(_, error) if error.is_idempotency_conflict())
}
