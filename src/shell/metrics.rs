//! One data point a request in Analytics Engine, where the binding `METRICS` is there. What it holds is in `docs/runbook.md`; of
//! a person only the role.

use std::cell::OnceCell;

use worker::{AnalyticsEngineDataPointBuilder, AnalyticsEngineDataset, Env};

use crate::app::LogLine;

const BINDING: &str = "METRICS";

thread_local! {
    // To find that it is missing costs an error each time.
    static DATASET: OnceCell<Option<AnalyticsEngineDataset>> = const { OnceCell::new() };
}

/// Writes the request's data point. It is sent after the reply and costs no wait; one that is lost is no harm.
pub fn write(env: &Env, clinic: &str, line: &LogLine) {
    DATASET.with(|dataset| {
        if let Some(dataset) = dataset.get_or_init(|| env.analytics_engine(BINDING).ok()) {
            write_to(dataset, clinic, line);
        }
    });
}

fn write_to(dataset: &AnalyticsEngineDataset, clinic: &str, line: &LogLine) {
    let point = AnalyticsEngineDataPointBuilder::new()
        .indexes([clinic])
        .add_blob(line.method)
        .add_blob(line.route.as_ref())
        .add_blob(line.role)
        .add_blob(line.code.as_deref().unwrap_or_default())
        .add_double(f64::from(line.status))
        // Milliseconds: below 2^53, and nobody waits longer.
        .add_double(f64::from(u32::try_from(line.ms).unwrap_or(u32::MAX)))
        .add_double(f64::from(u32::try_from(line.upstream_ms).unwrap_or(u32::MAX)))
        .build();
    let _ = dataset.write_data_point(&point);
}
