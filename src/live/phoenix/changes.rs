//! `postgres_changes` frames: each body is encoded once, each frame once per serializer, topic and ids.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Vsn;
use super::frame::{self, Frame, json};
use crate::live::audience::Visible;
use crate::live::change::{Change, Row};

/// The frames of one change, made when first asked for.
#[derive(Debug)]
pub struct ChangeFrames<'a> {
    change: &'a Change,
    epoch: &'a str,
    offset: u64,
    data: HashMap<Visible, Box<RawValue>>,
    frames: HashMap<(Visible, Vsn), Vec<Made>>,
}

#[derive(Debug)]
struct Made {
    topic: String,
    ids: Vec<u32>,
    text: Arc<str>,
}

#[derive(Serialize)]
struct Payload<'a> {
    data: &'a RawValue,
    epoch: &'a str,
    ids: &'a [u32],
    offset: u64,
}

#[derive(Serialize)]
struct Data<'a> {
    columns: Vec<ColumnType>,
    commit_timestamp: &'a str,
    errors: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_record: Option<&'a Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a Row>,
    schema: &'a str,
    table: &'a str,
    r#type: &'a str,
}

#[derive(Serialize)]
struct ColumnType {
    name: &'static str,
    r#type: &'static str,
}

impl<'a> ChangeFrames<'a> {
    /// For a change at this place of the log.
    pub fn new(change: &'a Change, epoch: &'a str, offset: u64) -> Self {
        Self { change, epoch, offset, data: HashMap::new(), frames: HashMap::new() }
    }

    /// The frame for the members of `topic` whose bindings `ids` are shown this; `None` when they are shown nothing.
    pub fn frame(&mut self, vsn: Vsn, topic: &str, visible: Visible, ids: &[u32]) -> Option<Frame> {
        if visible == Visible::Nothing || ids.is_empty() {
            return None;
        }
        let change = self.change;
        let data = self.data.entry(visible).or_insert_with(|| body(change, visible));
        let made = self.frames.entry((visible, vsn)).or_default();
        if let Some(found) = made.iter().find(|made| made.topic == topic && made.ids == ids) {
            return Some(Frame::Text(Arc::clone(&found.text)));
        }
        let payload = json(&Payload { data, epoch: self.epoch, ids, offset: self.offset });
        let text = frame::text(vsn, None, None, topic, "postgres_changes", &payload);
        made.push(Made { topic: topic.to_owned(), ids: ids.to_vec(), text: Arc::clone(&text) });
        Some(Frame::Text(text))
    }
}

fn body(change: &Change, visible: Visible) -> Box<RawValue> {
    let record = if visible == Visible::Delete { None } else { change.record.as_ref() };
    let old_record = match visible {
        Visible::Update => change.old_record.as_ref(),
        Visible::Appeared | Visible::Delete => Some(&change.key),
        Visible::Insert | Visible::Nothing => None,
    };
    let columns =
        change.table.columns.iter().map(|column| ColumnType { name: column.name, r#type: column.pg_type });
    json(&Data {
        columns: columns.collect(),
        commit_timestamp: &change.at,
        errors: None,
        old_record,
        record,
        schema: "public",
        table: change.table.name,
        r#type: visible.op().map_or("", |op| op.as_str()),
    })
}
