//! The envelope of a server's frame, in both serializers.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Vsn;

/// A frame ready to be sent; cloning it copies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text frame.
    Text(Arc<str>),
    /// A binary frame.
    Binary(Arc<[u8]>),
}

impl Frame {
    /// How many bytes go out.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Never for a frame made here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    r#ref: Option<&'a str>,
    topic: &'a str,
    event: &'a str,
    payload: &'a RawValue,
}

/// A text frame; `payload` is JSON. 1.0.0 has no place for the join's ref.
pub(super) fn text(
    vsn: Vsn,
    join_ref: Option<&str>,
    reference: Option<&str>,
    topic: &str,
    event: &str,
    payload: &RawValue,
) -> Arc<str> {
    let written = match vsn {
        Vsn::V1 => serde_json::to_string(&Envelope { r#ref: reference, topic, event, payload }),
        Vsn::V2 => serde_json::to_string(&(join_ref, reference, topic, event, payload)),
    };
    // Strings and JSON that is text already cannot fail to serialise.
    written.unwrap_or_default().into()
}

/// Anything whose serialisation cannot fail, as JSON.
pub(super) fn json(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_default()
}
