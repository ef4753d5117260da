//! One change of one row, as `change_log` records it, from whichever way it came: PostgREST's row, the `record` of
//! Realtime's INSERT, or our own stored text. All three give the same `Change`.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::moment::Moment;
pub use super::row::Row;
use super::row::text;
use crate::ids::text_of;
use crate::schema::{SCHEMA, Table};

/// What happened to the row. A soft delete is an UPDATE that sets `deleted_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// A new row.
    Insert,
    /// The row has other values.
    Update,
    /// The row is gone.
    Delete,
}

impl Op {
    /// As `change_log.op` and Realtime's `type` spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Insert, Self::Update, Self::Delete].into_iter().find(|op| op.as_str() == name)
    }
}

/// An entry of `change_log`.
#[derive(Clone, Debug)]
pub struct Change {
    /// Commit order; gaps are legal.
    pub seq: u64,
    /// The changed table, one of the eleven.
    pub table: &'static Table,
    /// What happened.
    pub op: Op,
    /// The row's key, in the order of the primary key.
    pub key: Row,
    /// The row after the change; `None` for a DELETE and for an entry whose payload was emptied.
    pub record: Option<Row>,
    /// The row before the change; `None` for an INSERT and for an entry whose payload was emptied.
    pub old_record: Option<Row>,
    /// The people the row belongs to, before and after.
    pub subjects: Vec<Uuid>,
    /// When it was written, as `commit_timestamp` has it: `2026-11-24T15:30:32.120Z`.
    pub at: String,
}

impl PartialEq for Change {
    fn eq(&self, other: &Self) -> bool {
        (self.seq, self.table.name, self.op, &self.at) == (other.seq, other.table.name, other.op, &other.at)
            && (&self.key, &self.record, &self.old_record) == (&other.key, &other.record, &other.old_record)
            && self.subjects == other.subjects
    }
}

impl Eq for Change {}

/// Why an entry cannot be used. Shows no value of the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// No JSON object.
    NotJson,
    /// A member is missing: Realtime cuts off what is over 1 MiB.
    Missing(&'static str),
    /// A member has a form that `change_log` never has.
    Malformed(&'static str),
    /// The table is none of those whose changes are logged.
    UnknownTable(String),
}

impl fmt::Display for ChangeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => formatter.write_str("the entry is no JSON object"),
            Self::Missing(member) => write!(formatter, "the entry has no {member}"),
            Self::Malformed(member) => write!(formatter, "the entry's {member} is malformed"),
            Self::UnknownTable(name) => write!(formatter, "changes of the table {name} are not known here"),
        }
    }
}

impl std::error::Error for ChangeError {}

impl Change {
    /// One row of `change_log` as PostgREST or Realtime gives it, or what [`Change::to_json`] wrote. Members that are
    /// not needed (actor, hashes) are passed over.
    pub fn parse(json: &str) -> Result<Self, ChangeError> {
        let entry: Row = serde_json::from_str(json).map_err(|_| ChangeError::NotJson)?;
        let member = |name: &'static str| entry.get(name).ok_or(ChangeError::Missing(name));
        let table = entry
            .text("table")
            .or_else(|| entry.text("table_name"))
            .ok_or(ChangeError::Missing("table_name"))?;
        let table = logged_table(&table).ok_or_else(|| ChangeError::UnknownTable(table.into_owned()))?;
        let op = text(member("op")?).and_then(|op| Op::parse(&op)).ok_or(ChangeError::Malformed("op"))?;
        let (record, old_record) =
            (row(member("record")?, "record")?, row(member("old_record")?, "old_record")?);
        let change = Self {
            seq: text(member("seq")?)
                .and_then(|seq| seq.parse().ok())
                .ok_or(ChangeError::Malformed("seq"))?,
            table,
            op,
            key: key(table, &row(member("key")?, "key")?.unwrap_or_default())?,
            record,
            old_record,
            subjects: subjects(member("subjects")?).ok_or(ChangeError::Malformed("subjects"))?,
            at: text(member("at")?)
                .and_then(|at| Moment::parse(&at))
                .map(Moment::to_millis_text)
                .ok_or(ChangeError::Malformed("at"))?,
        };
        change.has_its_images()
    }

    /// Whether the payload was emptied after its retention or on erasure: such a change can be shown to nobody, and a
    /// log that needs it is not complete.
    pub fn is_emptied(&self) -> bool {
        self.record.is_none() && self.old_record.is_none()
    }

    /// For storing and pushing; [`Change::parse`] reads it.
    pub fn to_json(&self) -> String {
        // Serialising to a string of maps with string keys has no way to fail.
        serde_json::to_string(&Stored::from(self)).unwrap_or_default()
    }

    /// Images fit the operation, unless the payload was emptied.
    fn has_its_images(self) -> Result<Self, ChangeError> {
        let (after, before) = (self.op != Op::Delete, self.op != Op::Insert);
        if self.is_emptied() || (self.record.is_some() == after && self.old_record.is_some() == before) {
            Ok(self)
        } else {
            Err(ChangeError::Malformed("record"))
        }
    }
}

#[derive(Serialize)]
struct Stored<'a> {
    seq: u64,
    table: &'a str,
    op: &'a str,
    key: &'a Row,
    record: &'a Option<Row>,
    old_record: &'a Option<Row>,
    subjects: Vec<String>,
    at: &'a str,
}

impl<'a> From<&'a Change> for Stored<'a> {
    fn from(change: &'a Change) -> Self {
        Self {
            seq: change.seq,
            table: change.table.name,
            op: change.op.as_str(),
            key: &change.key,
            record: &change.record,
            old_record: &change.old_record,
            subjects: change.subjects.iter().copied().map(text_of).collect(),
            at: &change.at,
        }
    }
}

impl Serialize for Change {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored::from(self).serialize(serializer)
    }
}

/// The tables whose changes are logged: `change_log`'s triggers are on these and no others.
pub const LOGGED: [&str; 11] = [
    "user",
    "role",
    "patient_medical_history",
    "service",
    "appointment",
    "appointment_has_service",
    "treatment_records",
    "invoices",
    "payment",
    "insurance_detail",
    "inventory",
];

/// The table of that name, if its changes are logged.
pub fn logged_table(name: &str) -> Option<&'static Table> {
    SCHEMA.table(name).filter(|table| LOGGED.contains(&table.name))
}

/// A row given as an object, as null, or as the text of either.
fn row(json: &str, name: &'static str) -> Result<Option<Row>, ChangeError> {
    let malformed = |_| ChangeError::Malformed(name);
    if json.starts_with('"') {
        let inner: String = serde_json::from_str(json).map_err(malformed)?;
        return serde_json::from_str(&inner).map_err(malformed);
    }
    serde_json::from_str(json).map_err(malformed)
}

fn key(table: &Table, given: &Row) -> Result<Row, ChangeError> {
    let column = |name: &&str| {
        let raw = RawValue::from_string(given.get(name)?.to_owned()).ok()?;
        Some(((*name).to_owned(), raw))
    };
    let columns: Option<Vec<_>> = table.primary_key.iter().map(column).collect();
    columns.map(Row::new).ok_or(ChangeError::Malformed("key"))
}

/// A JSON array of ids, the text of one, or Postgres's own `{a,b}`.
fn subjects(json: &str) -> Option<Vec<Uuid>> {
    let ids: Vec<String> = match text(json)? {
        literal if literal.starts_with('{') => {
            let inner = literal.strip_prefix('{')?.strip_suffix('}')?;
            inner.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect()
        }
        array => serde_json::from_str(&array).ok()?,
    };
    ids.iter().map(|id| Uuid::try_parse(id).ok()).collect()
}

#[cfg(test)]
mod tests;
