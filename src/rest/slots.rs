//! A taken slot: what else is free nearby.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::{Collected, Method, Platform, Request};
use crate::problem::Problem;
use crate::rest::errors::{self, PgError};
use crate::rest::forward::Spec;
use crate::rest::query::Checked;
use crate::rest::{Rest, body};

/// The longest answer about free slots.
const MAX_BYTES: usize = 64 * 1024;

/// The most slots that are proposed.
const MOST: usize = 5;

/// Which dentist, from when to when, or for which services.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    dentist_id: Option<String>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    service_ids: Option<Value>,
}

/// The problem of a refused write; on a taken slot with up to five free ones. What was wanted is in the body, and for
/// an update, where the body says only what changes, in the row that the query names.
pub async fn explain<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    target: &str,
    query: Option<&Checked>,
    body: &[u8],
    status: u16,
    error: &PgError,
) -> Problem {
    let mut problem = errors::problem(rest.schema, rest.request.method(), status, error);
    if error.is_slot_taken()
        && matches!(target, "appointment" | "rpc/book_appointment" | "rpc/hold_appointment")
    {
        // Best effort: the refusal stands, whatever comes of the search.
        problem.alternatives = alternatives(rest, query, body).await;
    }
    problem
}

async fn alternatives<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    query: Option<&Checked>,
    body: &[u8],
) -> Option<Value> {
    let mut wanted = from_body(body)?;
    if let Some(query) = query {
        let row = from_row(rest, query).await?;
        wanted.dentist_id = wanted.dentist_id.or(row.dentist_id);
        wanted.starts_at = wanted.starts_at.or(row.starts_at);
        wanted.ends_at = wanted.ends_at.or(row.ends_at);
    }
    let (dentist_id, starts_at) = (wanted.dentist_id?, wanted.starts_at?);
    if let Some(ends_at) = wanted.ends_at {
        let arguments = json!({ "dentist_id": dentist_id, "starts_at": starts_at, "ends_at": ends_at });
        return read(rest, call("rpc/slot_alternatives", Vec::new(), &arguments)).await;
    }
    let services = wanted.service_ids?;
    match next_slots(rest, &services, Some(&dentist_id), &starts_at).await? {
        Value::Array(slots) if slots.is_empty() => next_slots(rest, &services, None, &starts_at).await,
        slots => Some(slots),
    }
}

/// The next slots that are long enough for the services, of one dentist or of all: a booking by services says no end.
async fn next_slots<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    services: &Value,
    dentist_id: Option<&str>,
    from: &str,
) -> Option<Value> {
    let arguments = json!({ "service_ids": services, "dentist_id": dentist_id, "from": from });
    let query =
        vec![("order".to_owned(), "starts_at,dentist_id".to_owned()), ("limit".to_owned(), MOST.to_string())];
    read(rest, call("rpc/available_slots", query, &arguments)).await
}

fn call<'a>(target: &'a str, query: Vec<(String, String)>, arguments: &Value) -> Spec<'a> {
    Spec::post(target, query, Some(arguments.to_string().into_bytes()))
}

/// The wish of a single row; several rows at once get no proposals.
fn from_body(bytes: &[u8]) -> Option<Wanted> {
    let rows = body::parse(std::str::from_utf8(bytes).ok()?).ok()?;
    let [_] = rows.rows.as_slice() else { return None };
    if rows.bulk {
        serde_json::from_slice::<Vec<Wanted>>(bytes).ok()?.pop()
    } else {
        serde_json::from_slice(bytes).ok()
    }
}

async fn from_row<P: Platform, R: Request>(rest: &Rest<'_, P, R>, query: &Checked) -> Option<Wanted> {
    query.pinned_key()?;
    let mut pairs = query.filters_only().pairs();
    pairs.push(("select".to_owned(), "dentist_id,starts_at,ends_at".to_owned()));
    let value = read(rest, Spec::get("appointment", pairs)).await?;
    serde_json::from_value::<Vec<Wanted>>(value).ok()?.pop()
}

async fn read<P: Platform, R: Request>(rest: &Rest<'_, P, R>, spec: Spec<'_>) -> Option<Value> {
    let reply = rest.send(spec).await.ok()?.or_problem(rest.schema, Method::Get).ok()?;
    match rest.platform.collect(reply.body, MAX_BYTES).await.ok()? {
        Collected::Whole(bytes) => serde_json::from_slice(&bytes).ok(),
        Collected::Longer(_) => None,
    }
}
