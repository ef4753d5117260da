//! What a client sends.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::join::{Join, Object};
use super::{PHOENIX, Vsn, binary};
use crate::live::row::text;

/// A frame from a client.
#[derive(Clone, Debug)]
pub struct ClientMessage {
    /// The ref of the join that the message belongs to; 1.0.0 clients may leave it out.
    pub join_ref: Option<String>,
    /// What a reply repeats.
    pub reference: Option<String>,
    /// The channel.
    pub topic: String,
    /// What is wanted.
    pub event: ClientEvent,
}

/// What a client wants.
#[derive(Clone, Debug)]
pub enum ClientEvent {
    /// `phx_join`
    Join(Box<Join>),
    /// `phx_leave`
    Leave,
    /// `heartbeat` on the topic `phoenix`
    Heartbeat,
    /// `access_token`: a newer token.
    AccessToken(String),
    /// `broadcast`
    Broadcast(Broadcast),
    /// `presence`
    Presence(Presence),
    /// Any other event, by its name.
    Unknown(String),
}

/// A broadcast, from one member of a topic to the others.
#[derive(Clone, Debug)]
pub struct Broadcast {
    /// The sender's own event.
    pub event: String,
    /// What is sent.
    pub body: BroadcastBody,
}

/// The payload of a broadcast.
#[derive(Clone, Debug)]
pub enum BroadcastBody {
    /// JSON, word for word.
    Json(Box<RawValue>),
    /// Bytes, which only 2.0.0 can carry.
    Bytes(Vec<u8>),
}

/// A change of the sender's presence.
#[derive(Clone, Debug)]
pub enum Presence {
    /// Says what the others shall see of it.
    Track(Box<RawValue>),
    /// Takes it back.
    Untrack,
}

/// Why a frame cannot be used. Shows nothing of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// No JSON at all: Realtime ignores it.
    NotJson,
    /// JSON or bytes, but no message of this serializer: nobody to reply to.
    NotAMessage(&'static str),
    /// A message whose payload is not what its event needs: replied to with the reason.
    Payload {
        /// The message's `join_ref`.
        join_ref: Option<String>,
        /// The message's `ref`.
        reference: Option<String>,
        /// The message's topic.
        topic: String,
        /// What is wrong.
        reason: String,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => formatter.write_str("the frame is not JSON"),
            Self::NotAMessage(reason) => formatter.write_str(reason),
            Self::Payload { reason, .. } => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for DecodeError {}

/// 1.0.0
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    topic: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    r#ref: Option<&'a RawValue>,
    #[serde(borrow)]
    join_ref: Option<&'a RawValue>,
}

struct Parts<'a> {
    join_ref: Option<&'a RawValue>,
    reference: Option<&'a RawValue>,
    topic: &'a RawValue,
    event: &'a RawValue,
    payload: &'a RawValue,
}

impl ClientMessage {
    /// A text frame.
    pub fn decode(vsn: Vsn, frame: &str) -> Result<Self, DecodeError> {
        let whole: &RawValue = serde_json::from_str(frame).map_err(|_| DecodeError::NotJson)?;
        let parts = match vsn {
            Vsn::V1 => object_parts(whole.get()),
            Vsn::V2 => array_parts(whole.get()),
        };
        let parts = parts.ok_or(DecodeError::NotAMessage(match vsn {
            Vsn::V1 => "a message is an object with topic, event, payload and ref",
            Vsn::V2 => "a message is an array of join_ref, ref, topic, event and payload",
        }))?;
        let is_ref = |raw: Option<&RawValue>| raw.is_none_or(|raw| is_reference(raw.get()));
        if !is_ref(parts.join_ref) || !is_ref(parts.reference) {
            return Err(DecodeError::NotAMessage("ref and join_ref are strings or null"));
        }
        let topic = string(parts.topic).ok_or(DecodeError::NotAMessage("the topic is a string"))?;
        let event = string(parts.event).ok_or(DecodeError::NotAMessage("the event is a string"))?;
        Self::of(reference(parts.join_ref), reference(parts.reference), topic, |topic| {
            client_event(topic, event, parts.payload)
        })
    }

    /// A binary frame: a broadcast of a 2.0.0 client.
    pub fn decode_binary(frame: &[u8]) -> Result<Self, DecodeError> {
        let push = binary::Push::parse(frame).map_err(DecodeError::NotAMessage)?;
        let (join_ref, reference, topic) = (push.join_ref, push.reference, push.topic);
        let (event, body) = (push.event, push.body);
        Self::of(join_ref, reference, topic, |_| Ok(ClientEvent::Broadcast(Broadcast { event, body: body? })))
    }

    fn of(
        join_ref: Option<String>,
        reference: Option<String>,
        topic: String,
        event: impl FnOnce(&str) -> Result<ClientEvent, String>,
    ) -> Result<Self, DecodeError> {
        match event(&topic) {
            Ok(event) => Ok(Self { join_ref, reference, topic, event }),
            Err(reason) => Err(DecodeError::Payload { join_ref, reference, topic, reason }),
        }
    }
}

fn object_parts(json: &str) -> Option<Parts<'_>> {
    let Envelope { topic, event, payload, r#ref, join_ref } = object(json)?;
    Some(Parts { join_ref, reference: r#ref, topic: topic?, event: event?, payload: payload? })
}

/// An object only: serde would read a struct from an array too.
fn object(json: &str) -> Option<Envelope<'_>> {
    if json.starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

fn array_parts(json: &str) -> Option<Parts<'_>> {
    let (join_ref, reference, topic, event, payload) = serde_json::from_str(json).ok()?;
    Some(Parts { join_ref: Some(join_ref), reference: Some(reference), topic, event, payload })
}

fn string(raw: &RawValue) -> Option<String> {
    if raw.get().starts_with('"') { text(raw.get()).map(std::borrow::Cow::into_owned) } else { None }
}

fn is_reference(json: &str) -> bool {
    matches!(json.as_bytes().first(), Some(b'"' | b'n' | b'-' | b'0'..=b'9'))
}

/// Some clients count their refs in numbers.
fn reference(raw: Option<&RawValue>) -> Option<String> {
    raw.and_then(|raw| text(raw.get())).map(std::borrow::Cow::into_owned)
}

fn client_event(topic: &str, event: String, payload: &RawValue) -> Result<ClientEvent, String> {
    Ok(match event.as_str() {
        "heartbeat" if topic == PHOENIX => ClientEvent::Heartbeat,
        "phx_join" => ClientEvent::Join(Box::new(Join::parse(payload)?)),
        "phx_leave" => ClientEvent::Leave,
        "access_token" => ClientEvent::AccessToken(
            Object::new("payload", payload.get())?
                .string("access_token")?
                .ok_or("access_token is missing")?,
        ),
        "broadcast" => ClientEvent::Broadcast(broadcast(payload)?),
        "presence" => ClientEvent::Presence(presence(payload)?),
        _ => ClientEvent::Unknown(event),
    })
}

fn broadcast(payload: &RawValue) -> Result<Broadcast, String> {
    let payload = Object::new("payload", payload.get())?;
    let event = payload.string("event")?.ok_or("event is missing")?;
    Ok(Broadcast { event, body: BroadcastBody::Json(inner(&payload)) })
}

fn presence(payload: &RawValue) -> Result<Presence, String> {
    let payload = Object::new("payload", payload.get())?;
    match payload.string("event")?.map(|event| event.to_ascii_lowercase()).as_deref() {
        Some("track") if payload.get("payload").is_none_or(|json| json.starts_with('{')) => {
            Ok(Presence::Track(inner(&payload)))
        }
        Some("track") => Err("payload must be an object".to_owned()),
        Some("untrack") => Ok(Presence::Untrack),
        _ => Err("event must be track or untrack".to_owned()),
    }
}

/// The sender's own payload, `{}` when there is none.
fn inner(payload: &Object) -> Box<RawValue> {
    let json = payload.get("payload").unwrap_or("{}");
    RawValue::from_string(json.to_owned()).unwrap_or_default()
}
