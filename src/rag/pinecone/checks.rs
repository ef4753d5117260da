//! What Pinecone would refuse is refused before it is sent, and writes are cut to the size that it takes.

use serde_json::{Value, json};

use crate::rag::store::Point;
use crate::rag::upstream::Fault;

/// Vectors in one upsert at most.
pub const BATCH: usize = 1_000;
/// Bytes of one upsert at most; a little less than the 2 MB that are allowed, for what surrounds the vectors.
pub const BATCH_BYTES: usize = 2_000_000 - 2_000;
/// Ids in one deletion at most.
pub const IDS: usize = 1_000;
/// Bytes of ids in a URL at most: a fetch is a GET, and what stands between does not take any length.
pub const URL_BYTES: usize = 4_000;
/// Ids in one fetch at most: the reply carries their vectors.
pub const FETCHED: usize = 100;
const ID_LENGTH: usize = 512;
const METADATA_BYTES: usize = 40 << 10;

/// Whether an id is one that Pinecone takes: 1 to 512 visible ASCII characters.
pub fn id(id: &str) -> Result<(), Fault> {
    let fits = (1..=ID_LENGTH).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(()) } else { Err(refused("an id is 1 to 512 visible ASCII characters")) }
}

/// Whether ids are such.
pub fn ids(ids: &[String]) -> Result<(), Fault> {
    ids.iter().try_for_each(|each| id(each))
}

fn refused(why: &str) -> Fault {
    Fault::Refused(400, why.to_owned())
}

fn point(point: &Point) -> Result<(), Fault> {
    id(&point.id)?;
    if !point.values.iter().all(|x| x.is_finite()) || point.values.iter().all(|x| *x == 0.0) {
        return Err(refused("a vector is of finite numbers, at least one of them not 0"));
    }
    if !point.metadata.values().all(is_metadata) {
        return Err(refused("metadata is of strings, numbers, booleans and lists of strings"));
    }
    Ok(())
}

fn is_metadata(value: &Value) -> bool {
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => true,
        Value::Array(values) => values.iter().all(Value::is_string),
        Value::Null | Value::Object(_) => false,
    }
}

/// Points as JSON in batches that are small enough. All are looked at before the first is sent.
pub fn batches(points: &[Point]) -> Result<Vec<Vec<String>>, Fault> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut bytes = 0;
    for each in points {
        point(each)?;
        let metadata = json!(each.metadata).to_string();
        if metadata.len() > METADATA_BYTES {
            return Err(refused("metadata is at most 40 KB"));
        }
        let written = json!({"id": each.id, "values": each.values, "metadata": each.metadata}).to_string();
        let longer = written.len() + 1;
        match batches.last_mut() {
            Some(last) if last.len() < BATCH && bytes + longer <= BATCH_BYTES => last.push(written),
            _ => {
                batches.push(vec![written]);
                bytes = 0;
            }
        }
        bytes += longer;
    }
    Ok(batches)
}

/// Ids in lists that fit into a URL.
pub fn for_urls(ids: &[String]) -> Vec<&[String]> {
    let mut lists = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, id) in ids.iter().enumerate() {
        // `&ids=`, and what is neither letter nor digit is escaped.
        let escaped = id.bytes().map(|byte| if byte.is_ascii_alphanumeric() { 1 } else { 3 });
        let longer = 5 + escaped.sum::<usize>();
        if at > from && (bytes + longer > URL_BYTES || at - from == FETCHED) {
            lists.push(&ids[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += longer;
    }
    if from < ids.len() {
        lists.push(&ids[from..]);
    }
    lists
}
