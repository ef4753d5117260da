//! Reminders of appointments: a scheduled run claims those that are due, posts each to the clinic's webhook and has the
//! database mark what arrived, which the staff's room and the patient's see. What did not arrive is put back, and comes
//! again later and later; the database keeps the times.
//!
//! A claim is a lease: two runs never hold the same appointment, and what a run that died has not marked is posted again.
//! Then its receiver sees the same `webhook-id` again, which is stable for an appointment and its time, and drops it.
//!
//! The same event moves the waitlist's clock on.

pub mod webhook;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::{Config, Secret};
use crate::http::{Call, Collected, Method, Platform, header};

/// How many are claimed at once.
pub const BATCH: usize = 25;
/// How many batches a run makes; the next run goes on.
pub const MOST_BATCHES: usize = 20;
/// How long the receiver may take.
const WEBHOOK_TIMEOUT_MS: u32 = 5_000;
/// A run ends after so long: leases last ten minutes.
const RUN_MS: u64 = 240_000;
const MAX_BYTES: usize = 256 * 1024;

/// A claimed appointment: ids and times, nothing of the person.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Due {
    /// The appointment.
    pub appointment_id: String,
    /// Its patient.
    pub patient_id: String,
    /// Its dentist.
    pub dentist_id: String,
    /// When it starts.
    pub starts_at: String,
    /// The clinic's zone, to show that in.
    pub time_zone: String,
    /// The claim.
    pub claim_id: String,
}

/// What a run did, for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// So many reminders arrived, or were marked where there is no webhook.
    pub delivered: usize,
    /// So many did not and come again.
    pub failed: usize,
    /// Whether the database could not be asked.
    pub broken: bool,
}

/// One run. Without a service key there is nothing that it could do.
pub async fn run<P: Platform>(config: &Config, platform: &P) -> Option<Run> {
    let key = config.service_key.as_ref()?;
    let database = Database { config, key, platform };
    let mut run = Run::default();
    let started = platform.now_ms();
    for _ in 0..MOST_BATCHES {
        let Some(due) = database.claim().await else { return Some(Run { broken: true, ..run }) };
        let Some(claim) = due.first().map(|due| due.claim_id.clone()) else { break };
        let delivered = deliver(config, platform, &due).await;
        run.delivered += delivered.len();
        run.failed += due.len() - delivered.len();
        // Whatever is not marked now is claimed again when the lease has ended.
        if !database.finish(&claim, &delivered).await {
            return Some(Run { broken: true, ..run });
        }
        // A receiver that is away is not knocked up again and again.
        let is_away = delivered.is_empty();
        if is_away || due.len() < BATCH || platform.now_ms().saturating_sub(started) > RUN_MS {
            break;
        }
    }
    Some(run)
}

/// Ends the waitlist's offers whose time is up, so that the next in line are asked: how many there were. `None` without a
/// service key, or when the database could not be asked.
pub async fn advance_waitlist<P: Platform>(config: &Config, platform: &P) -> Option<u64> {
    let key = config.service_key.as_ref()?;
    let expired = Database { config, key, platform }.rpc("advance_waitlist", &json!({})).await?;
    serde_json::from_slice(&expired).ok()
}

/// Posts each, one after the other; the ids of those that arrived. After the first that gets no answer at all the rest is
/// left for later.
async fn deliver<P: Platform>(config: &Config, platform: &P, due: &[Due]) -> Vec<String> {
    let Some(webhook) = &config.reminders else {
        return due.iter().map(|due| due.appointment_id.clone()).collect();
    };
    let mut delivered = Vec::with_capacity(due.len());
    for due in due {
        let call = webhook::call(webhook, due, platform.now_ms());
        match platform.send(&call, WEBHOOK_TIMEOUT_MS).await {
            Ok(reply) if (200..300).contains(&reply.status) => delivered.push(due.appointment_id.clone()),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    delivered
}

struct Database<'a, P> {
    config: &'a Config,
    key: &'a Secret,
    platform: &'a P,
}

impl<P: Platform> Database<'_, P> {
    async fn claim(&self) -> Option<Vec<Due>> {
        let body = self.rpc("claim_reminders", &json!({ "batch": BATCH })).await?;
        serde_json::from_slice(&body).ok()
    }

    async fn finish(&self, claim: &str, delivered: &[String]) -> bool {
        let arguments = json!({ "claim_id": claim, "delivered": delivered });
        self.rpc("finish_reminders", &arguments).await.is_some()
    }

    async fn rpc(&self, name: &str, arguments: &Value) -> Option<Vec<u8>> {
        let key = self.key.expose();
        let mut headers = vec![
            header("apikey", key.to_owned()),
            header("content-type", "application/json"),
            header("x-request-id", self.platform.new_id()),
        ];
        // A secret key is no JWT: as a bearer PostgREST would refuse it.
        if !key.starts_with("sb_") {
            headers.push(header("authorization", format!("Bearer {key}")));
        }
        let url = format!("{}/rest/v1/rpc/{name}", self.config.supabase_url);
        let body = Some(arguments.to_string().into_bytes());
        let call = Call::new(Method::Post, url, headers, body);
        let reply = self.platform.send(&call, self.config.upstream_timeout_ms).await.ok()?;
        if reply.status != 200 {
            return None;
        }
        match self.platform.collect(reply.body, MAX_BYTES).await.ok()? {
            Collected::Whole(bytes) => Some(bytes),
            Collected::Longer(_) => None,
        }
    }
}
