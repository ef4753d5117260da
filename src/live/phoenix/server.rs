//! What the server sends: one builder per message of `Server`, each for both serializers.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::client::{Broadcast, BroadcastBody};
use super::frame::{self, Frame, json};
use super::{PHOENIX, TOPIC_PREFIX, Vsn, binary};

/// Frames of one topic for one serializer.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// The client's serializer.
    pub vsn: Vsn,
    /// The topic, with its prefix.
    pub topic: &'a str,
    /// The ref of the join, where the message belongs to one; `None` for what many members get alike.
    pub join_ref: Option<&'a str>,
}

/// A `system` message.
#[derive(Clone, Debug, Default, Serialize)]
pub struct System<'a> {
    /// `system`, `postgres_changes`, or `chairside` for what Realtime does not have.
    pub extension: &'a str,
    /// `ok`, `error`, and of `chairside` more.
    pub status: &'a str,
    /// For people and logs.
    pub message: &'a str,
    /// With `offset`: the log's epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<&'a str>,
    /// Everything up to here has been sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Since when, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
}

#[derive(Serialize)]
struct Reply<'a, T> {
    response: T,
    status: &'a str,
}

#[derive(Serialize)]
struct Reason<'a> {
    reason: &'a str,
}

#[derive(Serialize)]
struct SystemPayload<'a> {
    channel: &'a str,
    #[serde(flatten)]
    system: &'a System<'a>,
}

#[derive(Serialize)]
struct BroadcastPayload<'a> {
    event: &'a str,
    payload: &'a RawValue,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Empty {}

impl<'a> Server<'a> {
    /// Frames for a member that joined the topic with this ref.
    pub const fn new(vsn: Vsn, topic: &'a str, join_ref: Option<&'a str>) -> Self {
        Self { vsn, topic, join_ref }
    }

    /// `phx_reply` with status ok; `response` is JSON, `{}` when `None`.
    pub fn reply_ok(&self, reference: Option<&str>, response: Option<&RawValue>) -> Frame {
        let empty = json(&Empty {});
        self.push(reference, "phx_reply", &Reply { response: response.unwrap_or(&empty), status: "ok" })
    }

    /// `phx_reply` with status error, for instance `Unauthorized: …`.
    pub fn reply_error(&self, reference: Option<&str>, reason: &str) -> Frame {
        self.push(reference, "phx_reply", &Reply { response: Reason { reason }, status: "error" })
    }

    /// The answer to a heartbeat.
    pub fn heartbeat(vsn: Vsn, reference: Option<&str>) -> Frame {
        Server::new(vsn, PHOENIX, None).reply_ok(reference, None)
    }

    /// The answer to any message on a topic that the client has not joined.
    pub fn unmatched_topic(vsn: Vsn, topic: &str, reference: Option<&str>) -> Frame {
        Server::new(vsn, topic, None).reply_error(reference, "unmatched topic")
    }

    /// `system`
    pub fn system(&self, system: &System<'_>) -> Frame {
        let channel = self.topic.strip_prefix(TOPIC_PREFIX).unwrap_or(self.topic);
        self.push(None, "system", &SystemPayload { channel, system })
    }

    /// `presence_state`: `{key: {metas: [...]}}`
    pub fn presence_state(&self, state: &RawValue) -> Frame {
        self.push(None, "presence_state", state)
    }

    /// `presence_diff`: `{joins: {...}, leaves: {...}}`
    pub fn presence_diff(&self, diff: &RawValue) -> Frame {
        self.push(None, "presence_diff", diff)
    }

    /// `broadcast`: JSON as a text frame, which every client reads; bytes as the binary frame of 2.0.0. `None` when
    /// this serializer cannot carry it.
    pub fn broadcast(&self, broadcast: &Broadcast) -> Option<Frame> {
        match &broadcast.body {
            BroadcastBody::Json(payload) => {
                let payload = BroadcastPayload { event: &broadcast.event, payload, r#type: "broadcast" };
                Some(self.push(None, "broadcast", &payload))
            }
            BroadcastBody::Bytes(_) if self.vsn == Vsn::V1 => None,
            body @ BroadcastBody::Bytes(_) => {
                binary::broadcast(self.topic, &broadcast.event, body).map(|bytes| Frame::Binary(bytes.into()))
            }
        }
    }

    /// `phx_close`: the channel is closed for good.
    pub fn close(&self) -> Frame {
        self.push(self.join_ref, "phx_close", &Empty {})
    }

    /// `phx_error`: the channel broke; the client joins again.
    pub fn error(&self) -> Frame {
        self.push(self.join_ref, "phx_error", &Empty {})
    }

    fn push(&self, reference: Option<&str>, event: &str, payload: &(impl Serialize + ?Sized)) -> Frame {
        Frame::Text(self.text(reference, event, &json(&payload)))
    }

    fn text(&self, reference: Option<&str>, event: &str, payload: &RawValue) -> Arc<str> {
        frame::text(self.vsn, self.join_ref, reference, self.topic, event, payload)
    }
}

/// The response to a join: each entry as it came, with its id. The id is last, so that it wins over one that the
/// client sent along.
pub fn join_response(entries: &[Box<RawValue>], ids: &[u32]) -> Box<RawValue> {
    let with_id = |(object, id): (&str, &u32)| {
        let members = object.strip_suffix('}').unwrap_or(object).trim_end();
        let comma = if members.ends_with('{') { "" } else { "," };
        format!("{members}{comma}\"id\":{id}}}")
    };
    let entries: Vec<String> = entries.iter().map(|entry| entry.get()).zip(ids).map(with_id).collect();
    RawValue::from_string(format!("{{\"postgres_changes\":[{}]}}", entries.join(","))).unwrap_or_default()
}
