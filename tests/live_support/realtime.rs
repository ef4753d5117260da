//! Realtime as it was seen to behave: silent losses, zombies, late and unsolicited readiness.

use serde_json::{Value, json};

use super::Random;
use super::postgres::Postgres;

#[derive(Debug, Default)]
pub struct Realtime {
    /// The open socket's number.
    pub connection: Option<u64>,
    join_ref: Option<String>,
    /// Subscribed: everything after this place of the log is sent.
    sent: Option<usize>,
    /// Open, heartbeats answered, no change until a new join.
    pub is_zombie: bool,
    pub loses: bool,
    pub repeats: bool,
    pub reorders: bool,
    pub refuses_joins: bool,
    /// Not reachable at all.
    pub is_down: bool,
}

impl Realtime {
    pub fn close(&mut self) {
        (self.connection, self.join_ref, self.sent) = (None, None, None);
    }

    /// Behaves from now on; a zombie stays one until it is found out.
    pub fn heal(&mut self) {
        (self.loses, self.repeats, self.reorders) = (false, false, false);
        (self.refuses_joins, self.is_down) = (false, false);
    }

    /// What the Feed sent; gives frames with their delay.
    pub fn received(&mut self, text: &str, random: &mut Random) -> Vec<(u64, Answer)> {
        let frame: Value = serde_json::from_str(text).expect("the Feed sends JSON");
        let reply = |status: &str| json!([frame[0], frame[1], frame[2], "phx_reply", {"response": {}, "status": status}]);
        match frame[3].as_str() {
            Some("heartbeat") => vec![(random.within(1, 40), Answer::Frame(reply("ok")))],
            Some("phx_join") if self.refuses_joins => {
                vec![(random.within(1, 4_000), Answer::Frame(reply("error")))]
            }
            Some("phx_join") => {
                (self.join_ref, self.sent, self.is_zombie) =
                    (frame[0].as_str().map(str::to_owned), None, false);
                let answered = random.within(1, 100);
                let ready =
                    answered + if random.one_in(3) { random.within(1, 2_000) } else { random.within(1, 20) };
                vec![(answered, Answer::Frame(reply("ok"))), (ready, Answer::Ready(self.join_ref.clone()))]
            }
            _ => Vec::new(),
        }
    }

    /// The subscription is made, unless another join came in between.
    pub fn ready(&mut self, join_ref: Option<&str>, postgres: &Postgres) -> Option<Value> {
        if self.join_ref.as_deref() != join_ref || self.connection.is_none() || postgres.is_down {
            return None;
        }
        self.sent = Some(postgres.log.len());
        Some(self.system_ok())
    }

    pub fn is_subscribed(&self) -> bool {
        self.sent.is_some()
    }

    pub fn system_ok(&self) -> Value {
        json!([self.join_ref, null, "realtime:chairside-feed", "system",
            {"channel": "chairside-feed", "extension": "postgres_changes", "message": "Subscribed to PostgreSQL", "status": "ok"}])
    }

    /// One poll of the log.
    pub fn poll(&mut self, postgres: &Postgres, random: &mut Random) -> Vec<Value> {
        let Some(sent) = self.sent.filter(|_| !postgres.is_down) else { return Vec::new() };
        self.sent = Some(postgres.log.len());
        let mut frames = Vec::new();
        for (_, row) in &postgres.log[sent..] {
            if self.is_zombie || (self.loses && random.one_in(3)) {
                continue;
            }
            let frame = json!([null, null, "realtime:chairside-feed", "postgres_changes", {"ids": [1], "data": {
                "schema": "public", "table": "change_log", "type": "INSERT", "errors": null, "columns": [],
                "commit_timestamp": "2026-11-24T15:30:32.120Z", "record": row,
            }}]);
            if self.repeats && random.one_in(4) {
                frames.push(frame.clone());
            }
            frames.push(frame);
        }
        if self.reorders && frames.len() > 1 {
            let last = frames.len() - 1;
            frames.swap(0, last);
        }
        frames
    }
}

/// What Realtime does later.
#[derive(Clone, Debug)]
pub enum Answer {
    Frame(Value),
    Ready(Option<String>),
}
