//! One data point a request in Analytics Engine, where the binding `METRICS` is there. What it holds is in `docs/runbook.md`; of
//! a person only the role.

use std::cell::Cell;

use worker::Env;

use super::edge;
use crate::app::LogLine;

thread_local! {
    // A binding does not come later: where it is missing nothing more is made for it.
    static IS_BOUND: Cell<bool> = const { Cell::new(true) };
}

/// Writes the request's data point: what it said of it but for the numbers, the index and the blobs, each in a line. It is sent after
/// the reply and costs no wait; one that is lost is no harm.
pub fn write(env: &Env, clinic: &str, line: &LogLine) -> Option<String> {
    if !IS_BOUND.get() {
        return None;
    }
    let point =
        [clinic, line.method, &line.route, line.role, line.code.as_deref().unwrap_or_default()].join("\n");
    // Milliseconds: below 2^53, and nobody waits longer.
    let [ms, upstream_ms] = [line.ms, line.upstream_ms].map(|ms| u32::try_from(ms).unwrap_or(u32::MAX));
    let is_bound = edge::measure(env, &point, line.status, ms, upstream_ms);
    IS_BOUND.set(is_bound.unwrap_or(true));
    IS_BOUND.get().then_some(point)
}
