//! The binary form of broadcasts in 2.0.0.
//!
//! From a client (kind 3): kind, the lengths of `join_ref`, ref, topic, event and metadata, the encoding of the payload
//! (0 bytes, 1 JSON), then these five texts and the payload. From the server (kind 4): kind, the lengths of topic,
//! event and metadata, the encoding, then these three texts and the payload.

use serde_json::value::RawValue;

use super::client::BroadcastBody;

const PUSH: u8 = 3;
const BROADCAST: u8 = 4;
const BYTES: u8 = 0;
const JSON: u8 = 1;

/// A client's broadcast.
pub(super) struct Push {
    pub join_ref: Option<String>,
    pub reference: Option<String>,
    pub topic: String,
    pub event: String,
    /// Or why the payload is none.
    pub body: Result<BroadcastBody, String>,
}

impl Push {
    pub fn parse(frame: &[u8]) -> Result<Self, &'static str> {
        let [kind, header @ ..] = frame else { return Err("the frame is empty") };
        if *kind != PUSH {
            return Err("the only binary message of a client is a broadcast");
        }
        let [join_ref, reference, topic, event, metadata, encoding, rest @ ..] = header else {
            return Err("the frame ends within its header");
        };
        let mut rest = rest;
        let mut take = |length: u8| -> Result<String, &'static str> {
            let (text, after) = rest
                .split_at_checked(usize::from(length))
                .ok_or("the frame is shorter than its header says")?;
            rest = after;
            String::from_utf8(text.to_vec()).map_err(|_| "the header is not UTF-8")
        };
        let texts = [take(*join_ref)?, take(*reference)?, take(*topic)?, take(*event)?, take(*metadata)?];
        let [join_ref, reference, topic, event, _metadata] = texts;
        let optional = |text: String| if text.is_empty() { None } else { Some(text) };
        let (join_ref, reference) = (optional(join_ref), optional(reference));
        Ok(Self { join_ref, reference, topic, event, body: body(*encoding, rest) })
    }
}

fn body(encoding: u8, payload: &[u8]) -> Result<BroadcastBody, String> {
    match encoding {
        BYTES => Ok(BroadcastBody::Bytes(payload.to_vec())),
        JSON => std::str::from_utf8(payload)
            .ok()
            .and_then(|text| serde_json::from_str::<Box<RawValue>>(text).ok())
            .map(BroadcastBody::Json)
            .ok_or_else(|| "the payload is not JSON".to_owned()),
        _ => Err("the payload's encoding is 0 or 1".to_owned()),
    }
}

/// A broadcast to a 2.0.0 client; `None` when topic or event are longer than the header can say.
pub(super) fn broadcast(topic: &str, event: &str, body: &BroadcastBody) -> Option<Vec<u8>> {
    let length = |text: &str| u8::try_from(text.len()).ok();
    let (encoding, payload) = match body {
        BroadcastBody::Bytes(bytes) => (BYTES, bytes.as_slice()),
        BroadcastBody::Json(json) => (JSON, json.get().as_bytes()),
    };
    let header = [BROADCAST, length(topic)?, length(event)?, 0, encoding];
    Some([&header, topic.as_bytes(), event.as_bytes(), payload].concat())
}
