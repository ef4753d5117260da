//! What goes with a refusal: a taken slot's free neighbours, and the alerts that a treatment has to wait for.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::{Collected, Method, Platform, Request};
use crate::problem::Problem;
use crate::rest::errors::{self, PgError};
use crate::rest::forward::Spec;
use crate::rest::query::{Checked, text};
use crate::rest::{Rest, body};

/// The longest answer about free slots.
const MAX_BYTES: usize = 64 * 1024;

/// What is known of the slot that was wanted: `slot_alternatives` takes it as it is.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Wanted {
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dentist_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_ids: Option<Value>,
    /// The appointment that was to be moved, or the hold that was to be booked.
    #[serde(alias = "hold_id", skip_serializing_if = "Option::is_none")]
    appointment_id: Option<String>,
}

/// The problem of a refused write; on a taken slot with up to five free ones, on alerts that nobody acknowledged with
/// these. What was wanted is in the body, and for an update, where the body says only what changes, in the row that the
/// query names; lengths and buffers are Postgres's to know.
pub async fn explain<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    target: &str,
    query: Option<&Checked>,
    body: &[u8],
    status: u16,
    error: &PgError,
) -> Problem {
    let mut problem = errors::problem(rest.schema, rest.request.method(), status, error);
    // Best effort: the refusal stands, whatever comes of the search.
    if error.is_slot_taken()
        && matches!(
            target,
            "appointment" | "rpc/book_appointment" | "rpc/hold_appointment" | "rpc/reschedule_appointment"
        )
    {
        problem.alternatives = alternatives(rest, query, body).await;
    }
    if error.is_alert_unread() {
        problem.alerts = unread_alerts(rest, target, query, body).await;
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
        wanted.appointment_id = Some(changed_row(rest, "appointment", query).await?);
    }
    let arguments = serde_json::to_vec(&wanted).ok()?;
    read(rest, Spec::post("rpc/slot_alternatives", String::new(), Some(arguments))).await
}

/// The visit's alerts without an acknowledgement, for those who may read them.
async fn unread_alerts<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    target: &str,
    query: Option<&Checked>,
    body: &[u8],
) -> Option<Value> {
    let visit = match (from_body(body)?.appointment_id, query) {
        (Some(visit), _) => visit,
        (None, query) => changed_row(rest, target, query?).await?,
    };
    let arguments = json!({ "appointment_id": visit }).to_string().into_bytes();
    let only_unread = "acknowledged_at=is.null".to_owned();
    rest.expect_reading_of("rpc/visit_alerts", only_unread.clone());
    let alerts = read(rest, Spec::post("rpc/visit_alerts", only_unread, Some(arguments))).await;
    rest.access.close(alerts.as_ref().and_then(Value::as_array).map(Vec::len));
    alerts
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

/// The appointment of the row that an update names; a change says only what is new about it.
async fn changed_row<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &str,
    query: &Checked,
) -> Option<String> {
    let column = if table == "appointment" { "id" } else { "appointment_id" };
    query.pinned_key()?;
    let mut row = query.filters_only().text().to_owned();
    text::push(&mut row, "select", column);
    let rows = read(rest, Spec::get(table, row)).await?;
    rows.get(0)?.get(column)?.as_str().map(str::to_owned)
}

async fn read<P: Platform, R: Request>(rest: &Rest<'_, P, R>, spec: Spec<'_>) -> Option<Value> {
    let reply = rest.send(spec).await.ok()?.or_problem(rest.schema, Method::Get).ok()?;
    match rest.platform.collect(reply.body, MAX_BYTES).await.ok()? {
        Collected::Whole(bytes) => serde_json::from_slice(&bytes).ok(),
        Collected::Longer(_) => None,
    }
}
