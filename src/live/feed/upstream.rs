//! The one outgoing socket: joining Realtime, heartbeats, and when to give a connection up.
//!
//! <https://supabase.com/docs/guides/realtime/protocol>

use serde_json::json;
use serde_json::value::RawValue;

use super::event::{FeedEffect, FeedNotice};
use super::retry::delay_ms;
use super::wire::{ChangePayload, Frame, System, is_ok};
use crate::config::Secret;

/// The topic of the one subscription.
pub const TOPIC: &str = "realtime:chairside-feed";
/// Realtime closes a socket that is silent for a minute.
const HEARTBEAT_MS: u64 = 25_000;
const HEARTBEAT_ANSWER_MS: u64 = 10_000;
const OPEN_MS: u64 = 15_000;
/// From the join to `system ok`: two seconds when Realtime is cold.
const READY_MS: u64 = 15_000;
/// A connection that was ready for so long has earned a fresh start of the waits.
const STEADY_MS: u64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Idle,
    Opening { since: u64 },
    Joining { since: u64 },
    Ready { since: u64 },
}

/// What a frame meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Signal<'a> {
    Nothing,
    /// Changes flow from now on; what was committed before has to be read.
    Ready,
    /// The record of an INSERT on `change_log`.
    Record(&'a str),
    /// Something came that cannot be relied on.
    Doubt,
}

#[derive(Debug)]
pub(super) struct Upstream {
    token: Option<Secret>,
    link: Link,
    connection: u64,
    last_ref: u64,
    join_ref: u64,
    /// The heartbeat that was not answered yet.
    heartbeat: Option<u64>,
    heartbeat_at: u64,
    failures: u32,
    retry_at: u64,
    /// Rejoins in doubt since the last change came through.
    doubts: u32,
}

impl Upstream {
    pub(super) fn new(token: Option<Secret>) -> Self {
        Self {
            token,
            link: Link::Idle,
            connection: 0,
            last_ref: 0,
            join_ref: 0,
            heartbeat: None,
            heartbeat_at: 0,
            failures: 0,
            retry_at: 0,
            doubts: 0,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.link, Link::Ready { .. })
    }

    /// Whether events of this connection count.
    pub(super) fn is_current(&self, connection: u64) -> bool {
        self.link != Link::Idle && self.connection == connection
    }

    pub(super) fn opened(&mut self, now: u64, out: &mut Vec<FeedEffect>) {
        if let Link::Opening { .. } = self.link {
            self.heartbeat = None;
            self.heartbeat_at = now + HEARTBEAT_MS;
            self.join(now, out);
        }
    }

    fn join(&mut self, now: u64, out: &mut Vec<FeedEffect>) {
        self.last_ref += 1;
        self.join_ref = self.last_ref;
        self.link = Link::Joining { since: now };
        let reference = self.join_ref.to_string();
        let mut payload = json!({"config": {
            "broadcast": {"ack": false, "self": false}, "presence": {"key": "", "enabled": false}, "private": false,
            "postgres_changes": [{"event": "INSERT", "schema": "public", "table": "change_log"}],
        }});
        // A key of the new kind is no JWT: the one in the URL speaks for the join then.
        if let Some(token) = self.token.as_ref().filter(|token| token.expose().matches('.').count() == 2) {
            payload["access_token"] = token.expose().into();
        }
        let frame = json!([reference, reference, TOPIC, "phx_join", payload]);
        out.push(FeedEffect::SendUpstream(frame.to_string()));
    }

    /// What a frame of the current connection means.
    pub(super) fn frame<'a>(
        &mut self,
        now: u64,
        random: u64,
        text: &'a str,
        out: &mut Vec<FeedEffect>,
    ) -> Signal<'a> {
        let Ok(frame) = serde_json::from_str::<Frame<'a>>(text) else { return Signal::Doubt };
        let Frame(join_ref, reference, topic, event, payload) = frame;
        if topic == "phoenix" {
            if reference == self.heartbeat.map(|sent| sent.to_string()) {
                self.heartbeat = None;
            }
            return Signal::Nothing;
        }
        let of_earlier_join = join_ref.is_some_and(|join_ref| join_ref != self.join_ref.to_string());
        if topic != TOPIC || of_earlier_join || matches!(self.link, Link::Idle | Link::Opening { .. }) {
            return Signal::Nothing;
        }
        match event.as_str() {
            "postgres_changes" => self.change(payload),
            "system" => self.system(now, random, payload, out),
            "phx_reply" if reference == Some(self.join_ref.to_string()) && !is_ok(payload) => {
                self.give_up("join refused", now, random, out);
                Signal::Nothing
            }
            "phx_error" | "phx_close" => {
                self.give_up("channel closed", now, random, out);
                Signal::Nothing
            }
            _ => Signal::Nothing,
        }
    }

    fn change<'a>(&mut self, payload: &'a RawValue) -> Signal<'a> {
        let Ok(payload) = serde_json::from_str::<ChangePayload<'a>>(payload.get()) else {
            return Signal::Doubt;
        };
        let has_errors = payload.data.errors.is_some_and(|errors| errors.get() != "null");
        match payload.data.record {
            Some(record) if !has_errors => {
                self.doubts = 0;
                Signal::Record(record.get())
            }
            _ => Signal::Doubt,
        }
    }

    fn system<'a>(
        &mut self,
        now: u64,
        random: u64,
        payload: &RawValue,
        out: &mut Vec<FeedEffect>,
    ) -> Signal<'a> {
        let Ok(system) = serde_json::from_str::<System>(payload.get()) else { return Signal::Doubt };
        match (system.extension.as_str(), system.status.as_str()) {
            ("postgres_changes", "ok") => {
                if !self.is_ready() {
                    self.link = Link::Ready { since: now };
                    out.push(FeedEffect::Log(FeedNotice::Ready));
                }
                Signal::Ready
            }
            (_, "ok") => Signal::Nothing,
            _ => {
                self.give_up("system error", now, random, out);
                Signal::Nothing
            }
        }
    }

    /// Closes and waits for the next try.
    fn give_up(&mut self, why: &'static str, now: u64, random: u64, out: &mut Vec<FeedEffect>) {
        out.push(FeedEffect::CloseUpstream);
        self.lost(why, now, random, out);
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self, why: &'static str, now: u64, random: u64, out: &mut Vec<FeedEffect>) {
        let was_steady = matches!(self.link, Link::Ready { since } if now >= since + STEADY_MS);
        self.failures = if was_steady { 1 } else { self.failures.saturating_add(1) };
        self.retry_at = now + delay_ms(self.failures, random);
        self.link = Link::Idle;
        out.push(FeedEffect::Log(FeedNotice::UpstreamLost(why)));
    }

    /// Changes are missing although all seems well. A new join cures a silent subscription; where it does not, a new
    /// socket is tried.
    pub(super) fn doubt(&mut self, now: u64, random: u64, out: &mut Vec<FeedEffect>) {
        if !self.is_ready() {
            return;
        }
        self.doubts += 1;
        if self.doubts > 1 {
            self.doubts = 0;
            self.give_up("still silent after a new join", now, random, out);
        } else {
            self.join(now, out);
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: u64, random: u64, out: &mut Vec<FeedEffect>) {
        match self.link {
            Link::Idle => {
                if now >= self.retry_at {
                    // Drawn, not counted: a socket of an instance before this one must not pass for ours.
                    self.connection = random;
                    self.link = Link::Opening { since: now };
                    out.push(FeedEffect::Connect { connection: self.connection });
                }
            }
            Link::Opening { since } => {
                if now >= since + OPEN_MS {
                    self.give_up("did not open", now, random, out);
                }
            }
            Link::Joining { since } if now >= since + READY_MS => {
                self.give_up("not ready in time", now, random, out);
            }
            Link::Joining { .. } | Link::Ready { .. } => self.beat(now, random, out),
        }
    }

    fn beat(&mut self, now: u64, random: u64, out: &mut Vec<FeedEffect>) {
        if now < self.beat_at() {
            return;
        }
        if self.heartbeat.is_some() {
            self.give_up("heartbeat not answered", now, random, out);
            return;
        }
        self.last_ref += 1;
        self.heartbeat = Some(self.last_ref);
        self.heartbeat_at = now + HEARTBEAT_MS;
        let frame = json!([null, self.last_ref.to_string(), "phoenix", "heartbeat", {}]);
        out.push(FeedEffect::SendUpstream(frame.to_string()));
    }

    /// When the next heartbeat is due, or the answer to the last one is overdue.
    fn beat_at(&self) -> u64 {
        match self.heartbeat {
            Some(_) => self.heartbeat_at - HEARTBEAT_MS + HEARTBEAT_ANSWER_MS,
            None => self.heartbeat_at,
        }
    }

    /// When to tick next.
    pub(super) fn due_at(&self) -> u64 {
        let beat_at = self.beat_at();
        match self.link {
            Link::Idle => self.retry_at,
            Link::Opening { since } => since + OPEN_MS,
            Link::Joining { since } => beat_at.min(since + READY_MS),
            Link::Ready { .. } => beat_at,
        }
    }

    /// Nobody listens any more.
    pub(super) fn stop(&mut self, out: &mut Vec<FeedEffect>) {
        if self.link != Link::Idle {
            out.push(FeedEffect::CloseUpstream);
        }
        self.link = Link::Idle;
        (self.failures, self.retry_at, self.doubts) = (0, 0, 0);
    }
}
