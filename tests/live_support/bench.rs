//! One Room, its store, and what each of its sockets received.

use std::collections::BTreeMap;

use chairside::live::audience::Viewer;
use chairside::live::change::Change;
use chairside::live::feed::{Batch, BatchEntry, Cursor, LogPage, UpstreamState};
use chairside::live::phoenix::{Frame, Vsn};
use chairside::live::room::{
    Attachment, Grant, Limits, Refusal, Room, RoomEffect, RoomEvent, Shard, StoredRoom,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::postgres::viewer;

pub const START: u64 = 1_700_000_000_000;
pub const TOPIC: &str = "realtime:clinic";

pub struct Bench {
    pub now: u64,
    pub room: Room,
    pub out: Vec<RoomEffect>,
    pub store: BTreeMap<String, String>,
    pub attachments: BTreeMap<u64, Attachment>,
    vsns: BTreeMap<u64, Vsn>,
    pub head: u64,
    pub shard: Shard,
    pub limits: Limits,
    random: u64,
    /// Answers to questions about tokens come at once.
    pub authorises: bool,
    pub expires_at: Option<u64>,
}

pub fn cursor(offset: u64) -> Cursor {
    Cursor { epoch: "e".to_owned(), offset }
}

/// An entry of the log from a row of `change_log`.
pub fn entry(offset: u64, row: &Value) -> BatchEntry {
    let change = Change::parse(&row.to_string()).unwrap().to_json();
    BatchEntry { offset, change: RawValue::from_string(change).unwrap() }
}

pub fn batch(from: u64, rows: &[Value]) -> Batch {
    let entries: Vec<BatchEntry> =
        rows.iter().zip(from + 1..).map(|(row, offset)| entry(offset, row)).collect();
    let head = from + rows.len() as u64;
    Batch {
        epoch: "e".to_owned(),
        from,
        entries,
        head,
        state: UpstreamState::Live,
        since: None,
        reset: false,
    }
}

/// A message as both serializers have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub join_ref: Value,
    pub reference: Value,
    pub topic: String,
    pub event: String,
    pub payload: Value,
}

impl Message {
    pub fn is_ok(&self) -> bool {
        self.event == "phx_reply" && self.payload["status"] == "ok"
    }

    pub fn reason(&self) -> &str {
        self.payload["response"]["reason"].as_str().unwrap_or("")
    }
}

impl Bench {
    pub fn new() -> Self {
        Self::sharded(Shard { index: 0, count: 1 }, Limits::default())
    }

    pub fn sharded(shard: Shard, limits: Limits) -> Self {
        let room = Room::restore(START, StoredRoom::default(), shard, limits.clone());
        Self {
            now: START,
            room,
            out: Vec::new(),
            store: BTreeMap::new(),
            attachments: BTreeMap::new(),
            vsns: BTreeMap::new(),
            head: 0,
            shard,
            limits,
            random: 11,
            authorises: true,
            expires_at: None,
        }
    }

    /// A Room with these sockets, each of which has joined every row of `public` with its token.
    pub fn joined(tokens: &[&str]) -> Self {
        let mut bench = Self::new();
        for (token, client) in tokens.iter().zip(1..) {
            bench.open(client, Vsn::V2);
            bench.join(client, TOPIC, token, json!({}));
        }
        bench.out.clear();
        bench
    }

    pub fn give(&mut self, event: RoomEvent) -> Vec<RoomEffect> {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let effects = self.room.handle(self.now, self.random, event);
        for effect in &effects {
            match effect {
                RoomEffect::Save { key, value } => {
                    self.store.insert(key.clone(), value.clone());
                }
                RoomEffect::Forget { key } => {
                    self.store.remove(key);
                }
                RoomEffect::Attach(attachment) => {
                    self.attachments.insert(attachment.client, attachment.clone());
                }
                RoomEffect::Close { client, .. } => {
                    self.attachments.remove(client);
                }
                _ => {}
            }
        }
        self.out.extend(effects.iter().cloned());
        if self.authorises {
            for effect in &effects {
                if let RoomEffect::Authorise { request, token, .. } = effect {
                    self.authorised(*request, viewer(token.expose()), self.expires_at);
                }
            }
        }
        // The Feed's first word.
        if let Some(RoomEffect::Listen { cursor: None }) =
            effects.iter().find(|effect| matches!(effect, RoomEffect::Listen { .. }))
            && self.authorises
        {
            self.give(RoomEvent::Batch(batch(self.head, &[])));
        }
        effects
    }

    pub fn authorised(&mut self, request: u64, viewer: Viewer, expires_at: Option<u64>) -> Vec<RoomEffect> {
        let result = Ok(Grant { viewer, expires_at });
        self.give(RoomEvent::Authorised { request, result })
    }

    pub fn refused(&mut self, request: u64, refusal: Refusal) -> Vec<RoomEffect> {
        self.give(RoomEvent::Authorised { request, result: Err(refusal) })
    }

    /// The numbers of all questions about tokens.
    pub fn questions(&self) -> Vec<u64> {
        let asked = self.out.iter().filter_map(|effect| match effect {
            RoomEffect::Authorise { request, .. } => Some(*request),
            _ => None,
        });
        asked.collect()
    }

    /// The number of the last question about a token.
    pub fn request(&self) -> u64 {
        *self.questions().last().expect("it asked about a token")
    }

    pub fn wait(&mut self, ms: u64) -> Vec<RoomEffect> {
        self.now += ms;
        self.give(RoomEvent::Alarm)
    }

    pub fn open(&mut self, client: u64, vsn: Vsn) {
        self.vsns.insert(client, vsn);
        self.give(RoomEvent::Opened { client, vsn });
    }

    pub fn text(&mut self, client: u64, text: &str) -> Vec<RoomEffect> {
        self.give(RoomEvent::Text { client, text: text.to_owned() })
    }

    /// Sends a message of a join with this ref.
    pub fn push(
        &mut self,
        client: u64,
        join_ref: &str,
        reference: &str,
        topic: &str,
        event: &str,
        payload: Value,
    ) {
        let text = match self.vsns[&client] {
            Vsn::V2 => json!([join_ref, reference, topic, event, payload]).to_string(),
            Vsn::V1 => json!({"topic": topic, "event": event, "payload": payload, "ref": reference, "join_ref": join_ref})
                .to_string(),
        };
        self.text(client, &text);
    }

    pub fn heartbeat(&mut self, client: u64) {
        self.push(client, "", "9", "phoenix", "heartbeat", json!({}));
    }

    /// Joins with ref 1; `config` goes over the usual one, which wants every change of `public`.
    pub fn join(&mut self, client: u64, topic: &str, token: &str, config: Value) {
        self.join_as(client, "1", topic, token, config);
    }

    pub fn join_as(&mut self, client: u64, reference: &str, topic: &str, token: &str, config: Value) {
        let mut whole = json!({
            "broadcast": {"ack": false, "self": false}, "presence": {"key": "", "enabled": false}, "private": false,
            "postgres_changes": [{"event": "*", "schema": "public"}],
        });
        for (name, value) in config.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let mut payload = json!({"config": whole});
        if !token.is_empty() {
            payload["access_token"] = token.into();
        }
        self.push(client, reference, reference, topic, "phx_join", payload);
    }

    /// Changes at the head of the log.
    pub fn change(&mut self, rows: &[Value]) -> Vec<RoomEffect> {
        let batch = batch(self.head, rows);
        self.head = batch.head;
        self.give(RoomEvent::Batch(batch))
    }

    pub fn page(&mut self, page: LogPage) -> Vec<RoomEffect> {
        let (request, _) = self.reads();
        self.give(RoomEvent::LogPage { request, page })
    }

    /// The last page that was asked for.
    pub fn reads(&self) -> (u64, u64) {
        let read = self.out.iter().rev().find_map(|effect| match effect {
            RoomEffect::ReadLog { request, cursor } => Some((*request, cursor.offset)),
            _ => None,
        });
        read.expect("it read the log")
    }

    /// What a socket received since it was last asked for.
    pub fn received(&mut self, client: u64) -> Vec<Message> {
        let vsn = self.vsns[&client];
        let mut messages = Vec::new();
        for effect in &mut self.out {
            if let RoomEffect::Send { to, frame } = effect
                && to.contains(&client)
            {
                to.retain(|other| *other != client);
                messages.push(message(vsn, frame));
            }
        }
        messages
    }

    /// The changes among them: type, offset.
    pub fn changes(&mut self, client: u64) -> Vec<(String, u64)> {
        let changes = self.received(client).into_iter().filter(|message| message.event == "postgres_changes");
        let change = |message: Message| {
            let kind = message.payload["data"]["type"].as_str().unwrap().to_owned();
            (kind, message.payload["offset"].as_u64().unwrap())
        };
        changes.map(change).collect()
    }

    pub fn closed(&self, client: u64) -> Option<u16> {
        self.out.iter().find_map(|effect| match effect {
            RoomEffect::Close { client: closed, code, .. } if *closed == client => Some(*code),
            _ => None,
        })
    }

    /// The object dies and is made anew from what was stored; the sockets survive.
    pub fn restart(&mut self) {
        let values = self.store.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let sockets = self.attachments.values().cloned().collect();
        self.room = Room::restore(self.now, StoredRoom { values, sockets }, self.shard, self.limits.clone());
    }
}

fn message(vsn: Vsn, frame: &Frame) -> Message {
    let Frame::Text(text) = frame else {
        let payload = json!(frame.len());
        let (event, topic) = ("binary".to_owned(), String::new());
        return Message { join_ref: Value::Null, reference: Value::Null, topic, event, payload };
    };
    let value: Value = serde_json::from_str(text).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match vsn {
        Vsn::V2 => Message {
            join_ref: value[0].clone(),
            reference: value[1].clone(),
            topic: text(&value[2]),
            event: text(&value[3]),
            payload: value[4].clone(),
        },
        Vsn::V1 => Message {
            join_ref: Value::Null,
            reference: value["ref"].clone(),
            topic: text(&value["topic"]),
            event: text(&value["event"]),
            payload: value["payload"].clone(),
        },
    }
}
