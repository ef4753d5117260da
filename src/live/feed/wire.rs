//! Realtime's frames, as far as the Feed reads them.

use serde::Deserialize;
use serde_json::value::RawValue;

/// `[join_ref, ref, topic, event, payload]`
#[derive(Deserialize)]
pub(super) struct Frame<'a>(
    pub Option<String>,
    pub Option<String>,
    pub String,
    pub String,
    #[serde(borrow)] pub &'a RawValue,
);

/// The payload of `postgres_changes`.
#[derive(Deserialize)]
pub(super) struct ChangePayload<'a> {
    #[serde(borrow)]
    pub data: ChangeData<'a>,
}

#[derive(Deserialize)]
pub(super) struct ChangeData<'a> {
    #[serde(borrow, default)]
    pub record: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub errors: Option<&'a RawValue>,
}

/// The payload of `system`.
#[derive(Deserialize)]
pub(super) struct System {
    #[serde(default)]
    pub extension: String,
    #[serde(default)]
    pub status: String,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    status: String,
}

/// Whether the payload of a `phx_reply` says ok.
pub(super) fn is_ok(payload: &RawValue) -> bool {
    serde_json::from_str::<Reply>(payload.get()).is_ok_and(|reply| reply.status == "ok")
}

#[derive(Deserialize)]
struct SeqOf {
    seq: u64,
}

/// The rows of a backfill with their `seq`, ascending; `None` when it is not that.
pub(super) fn rows(body: &str) -> Option<Vec<(u64, &RawValue)>> {
    let rows: Vec<&RawValue> = serde_json::from_str(body).ok()?;
    let rows: Option<Vec<_>> =
        rows.into_iter().map(|row| Some((serde_json::from_str::<SeqOf>(row.get()).ok()?.seq, row))).collect();
    rows.filter(|rows| rows.is_sorted_by(|a, b| a.0 < b.0))
}
