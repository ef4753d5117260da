//! A client as the helper makes of supabase-js: keeps a cursor, resumes, drops what it has; or an unmodified one.

use chairside::live::phoenix::{Frame, Vsn};
use serde_json::{Value, json};

/// A place in the log.
pub type Place = (String, u64);

#[derive(Debug)]
pub struct Client {
    pub token: &'static str,
    /// Uses the helper.
    pub resumes: bool,
    pub vsn: Vsn,
    pub topic: String,
    /// The open socket, as the Room numbers it.
    pub socket: Option<u64>,
    pub room: usize,
    pub connect_at: u64,
    pub heartbeat_at: u64,
    joined: Joined,
    join_ref: u64,
    last_ref: u64,
    pub cursor: Option<Place>,
    /// What was seen without a break: from where, and the places of the changes.
    pub start: Option<Place>,
    pub seen: Vec<u64>,
    pub repeated: u64,
    pub resyncs: u64,
    pub errors: u64,
    pub trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joined {
    No { again_at: u64 },
    Asked { at: u64 },
    Yes,
}

/// What a client found out and the world checks.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// Complete up to here since `start`.
    Complete,
    /// What was seen ends here: check it, a new start follows.
    Ends,
}

impl Client {
    pub fn new(token: &'static str, resumes: bool, vsn: Vsn, topic: &str) -> Self {
        Self {
            token,
            resumes,
            vsn,
            topic: format!("realtime:{topic}"),
            socket: None,
            room: 0,
            connect_at: 0,
            heartbeat_at: 0,
            joined: Joined::No { again_at: 0 },
            join_ref: 0,
            last_ref: 0,
            cursor: None,
            start: None,
            seen: Vec::new(),
            repeated: 0,
            resyncs: 0,
            errors: 0,
            trouble: None,
        }
    }

    pub fn is_live(&self) -> bool {
        self.joined == Joined::Yes
    }

    pub fn opened(&mut self, now: u64, socket: u64) {
        (self.socket, self.heartbeat_at, self.joined) =
            (Some(socket), now + 25_000, Joined::No { again_at: now });
    }

    /// The socket is gone: connect again a second later.
    pub fn closed(&mut self, now: u64) {
        (self.socket, self.connect_at, self.joined) = (None, now + 1_000, Joined::No { again_at: now });
        self.forget_unless_resuming();
    }

    fn forget_unless_resuming(&mut self) {
        if !self.resumes {
            (self.start, self.cursor) = (None, None);
            self.seen.clear();
        }
    }

    fn write(&mut self, topic: &str, event: &str, payload: &Value, join_ref: Option<u64>) -> String {
        self.last_ref += 1;
        let (join_ref, reference) =
            (join_ref.map(|join_ref| join_ref.to_string()), self.last_ref.to_string());
        match self.vsn {
            Vsn::V2 => json!([join_ref, reference, topic, event, payload]).to_string(),
            Vsn::V1 => {
                json!({"topic": topic, "event": event, "payload": payload, "ref": reference, "join_ref": join_ref})
                    .to_string()
            }
        }
    }

    /// What it sends now.
    pub fn tick(&mut self, now: u64) -> Vec<String> {
        let mut frames = Vec::new();
        if self.socket.is_none() {
            return frames;
        }
        if now >= self.heartbeat_at {
            self.heartbeat_at = now + 25_000;
            frames.push(self.write("phoenix", "heartbeat", &json!({}), None));
        }
        let late = matches!(self.joined, Joined::Asked { at } if now >= at + 10_000);
        if late || matches!(self.joined, Joined::No { again_at } if now >= again_at) {
            self.join_ref = self.last_ref + 1;
            self.forget_unless_resuming();
            self.joined = Joined::Asked { at: now };
            let resume =
                self.cursor.as_ref().map(|(epoch, offset)| json!({"epoch": epoch, "offset": offset}));
            let mut broadcast = json!({"ack": false, "self": false});
            if let Some(resume) = resume.filter(|_| self.resumes) {
                broadcast["resume"] = resume;
            }
            let payload = json!({"access_token": self.token, "config": {
                "broadcast": broadcast, "presence": {"key": "", "enabled": false}, "private": false,
                "postgres_changes": [{"event": "*", "schema": "public"}],
            }});
            let topic = self.topic.clone();
            frames.push(self.write(&topic, "phx_join", &payload, Some(self.join_ref)));
        }
        frames
    }

    /// A frame came; what it lets the client claim.
    pub fn received(&mut self, now: u64, frame: &Frame) -> Option<Claim> {
        let Frame::Text(text) = frame else { return None };
        let frame: Value = serde_json::from_str(text).expect("the Room sends JSON");
        let (join_ref, reference, topic, event, payload) = match self.vsn {
            Vsn::V2 => (&frame[0], &frame[1], &frame[2], &frame[3], &frame[4]),
            Vsn::V1 => (&Value::Null, &frame["ref"], &frame["topic"], &frame["event"], &frame["payload"]),
        };
        let mine = self.join_ref.to_string();
        if topic != self.topic.as_str() || join_ref.as_str().is_some_and(|join_ref| join_ref != mine) {
            return None;
        }
        match event.as_str() {
            Some("phx_reply") if reference == mine.as_str() => {
                self.replied(now, payload["status"] == "ok");
                None
            }
            Some("phx_error" | "phx_close") if reference.is_null() || reference == mine.as_str() => {
                self.errors += 1;
                self.joined = Joined::No { again_at: now + 1_000 };
                self.forget_unless_resuming();
                None
            }
            // 1.0.0 does not say of which join a message is: before the answer it may be of one that is gone.
            Some(_) if !self.resumes && !self.is_live() => None,
            Some("system") => self.system(payload),
            Some("postgres_changes") => {
                self.change(payload);
                None
            }
            _ => None,
        }
    }

    fn replied(&mut self, now: u64, is_ok: bool) {
        if is_ok {
            self.joined = Joined::Yes;
        } else {
            self.joined = Joined::No { again_at: now + 1_000 };
        }
    }

    fn place(payload: &Value) -> Option<Place> {
        Some((payload["epoch"].as_str()?.to_owned(), payload["offset"].as_u64()?))
    }

    fn system(&mut self, payload: &Value) -> Option<Claim> {
        if payload["status"] == "resync" {
            self.resyncs += 1;
            (self.start, self.cursor) = (None, Self::place(payload));
            self.seen.clear();
            self.start.clone_from(&self.cursor);
            return None;
        }
        let place = Self::place(payload).filter(|_| payload["message"] == "watermark")?;
        match &self.cursor {
            Some((epoch, offset)) if *epoch == place.0 => {
                if *offset < place.1 {
                    self.cursor = Some(place);
                }
                Some(Claim::Complete)
            }
            Some(_) => {
                self.trouble = Some("a watermark of another epoch without resync".to_owned());
                None
            }
            None => {
                (self.start, self.cursor) = (Some(place.clone()), Some(place));
                None
            }
        }
    }

    fn change(&mut self, payload: &Value) {
        let Some((epoch, offset)) = Self::place(payload) else {
            self.trouble = Some("a change without epoch or offset".to_owned());
            return;
        };
        match &mut self.cursor {
            Some((of, last)) if *of == epoch && offset > *last => {
                *last = offset;
                self.seen.push(offset);
            }
            Some((of, _)) if *of == epoch => self.repeated += 1,
            Some(_) => self.trouble = Some("a change of another epoch without resync".to_owned()),
            // Before the first watermark nothing is promised.
            None => {}
        }
    }
}
