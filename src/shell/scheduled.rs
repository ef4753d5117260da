//! The scheduled event: what runs is told by the cron expression that the Worker's `wrangler*.toml` names it by.

use worker::{Env, ScheduleContext, ScheduledEvent, console_error, console_log, event};

use super::env;
use super::object::tell;
use super::platform::EdgePlatform;
use crate::apart::apart;
use crate::app::App;
use crate::config::Config;
use crate::schema::SCHEMA;
use crate::{reminders, upkeep};

/// Reminders of appointments, and the waitlist's clock.
const REMINDERS: &str = "*/5 * * * *";
/// The knowledge base's reconcile: between two of the others.
const KNOWLEDGE: &str = "2-57/5 * * * *";

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    let config = match env::config(&env) {
        Ok(config) => config,
        Err(error) => return console_error!("scheduled: {error}"),
    };
    match event.cron().as_str() {
        REMINDERS if cfg!(feature = "clinic") => apart(remind(&config, env)).await,
        KNOWLEDGE if cfg!(feature = "chatbot") => apart(reconcile(config, env)).await,
        other => console_error!("scheduled: nothing runs at {other}"),
    }
}

async fn reconcile(config: Config, env: Env) {
    let upkeep::Ran { failed, log } =
        upkeep::run(&App::new(config, &SCHEMA, None), &EdgePlatform::new(env)).await;
    if failed {
        console_error!("{log}");
    } else {
        console_log!("{log}");
    }
}

async fn remind(config: &Config, env: Env) {
    let platform = EdgePlatform::new(env);
    match reminders::run(config, &platform).await {
        None => console_error!("reminders: SUPABASE_SERVICE_ROLE_KEY is missing"),
        Some(run) if run.broken || run.failed > 0 => console_error!("reminders: {run:?}"),
        Some(run) => console_log!("reminders: {run:?}"),
    }
    match reminders::advance_waitlist(config, &platform).await {
        None => console_error!("waitlist: the database could not be asked"),
        Some(expired) => console_log!("waitlist: {expired} offers expired"),
    }
    // What was marked is to be seen at once; a nudge that is lost costs no more than a wait.
    if let Ok(feeds) = env::feeds(platform.env()) {
        let _ = tell(&feeds, &config.clinic_id, "/nudge", String::new()).await;
    }
}
