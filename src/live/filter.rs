//! What a client asked to see: one `postgres_changes` entry of a join, and which changes it lets through.
//!
//! A binding with a filter is a view of the table. An INSERT or UPDATE comes through when the row as it is now matches.
//! A DELETE comes through when the row as it was, and as the viewer saw it, matched. An UPDATE after which the row no
//! longer matches arrives as a DELETE with the key, where Realtime sends nothing: otherwise no client could keep a
//! filtered list right. An image that the viewer does not see never decides anything.

mod condition;
mod pattern;
mod value;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::value::RawValue;

use self::condition::Condition;
use super::audience::Visible;
use super::change::{Change, LOGGED, Op, Row, logged_table};
use super::row::text;
use crate::gathered::gathered;

/// Why there is no such binding; reads as Realtime's own message and goes out as a `system` error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingError(pub String);

impl fmt::Display for BindingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for BindingError {}

/// One entry of `postgres_changes`, parsed.
#[derive(Clone, Debug)]
pub struct Binding {
    /// `None` for every operation.
    op: Option<Op>,
    /// `None` for every table.
    table: Option<&'static str>,
    conditions: Vec<Condition>,
}

impl Binding {
    /// An entry as the client sent it: `event` in any case (an unknown one means all), `schema`, `table` (left out or
    /// `*`: every table), `filter`.
    pub fn parse(entry: &RawValue) -> Result<Self, BindingError> {
        let entry: Row = serde_json::from_str(entry.get()).map_err(|_| no_params())?;
        let asked = Asked {
            event: member(&entry, "event")?.unwrap_or_else(|| "*".to_owned()),
            schema: member(&entry, "schema")?,
            table: member(&entry, "table")?,
            filter: member(&entry, "filter")?,
        };
        if asked.schema.is_none() && asked.table.is_none() {
            return Err(no_params());
        }
        if !matches!(entry.get("select"), None | Some("null")) {
            return Err(BindingError(
                "Error parsing `select` params: column selection is not supported here; leave it out to get whole rows".to_owned(),
            ));
        }
        let op = [Op::Insert, Op::Update, Op::Delete]
            .into_iter()
            .find(|op| asked.event.eq_ignore_ascii_case(op.as_str()));
        let table = asked.known_table()?;
        Ok(Self { op, table, conditions: asked.conditions(table)? })
    }

    /// What the binding's client is shown of a change of which its viewer may see `visible`.
    pub fn shows(&self, change: &Change, visible: Visible) -> Visible {
        if self.table.is_some_and(|table| table != change.table.name) {
            return Visible::Nothing;
        }
        let shown = if self.conditions.is_empty() { visible } else { self.filtered(change, visible) };
        if self.op.is_some() && self.op != shown.op() { Visible::Nothing } else { shown }
    }

    /// Whether it asks for rows of one of these tables.
    pub fn asks_for(&self, tables: &[&str]) -> bool {
        self.table.is_none_or(|table| tables.contains(&table))
    }

    /// What it asks for, with `?` for each value: `event=UPDATE&table=service&filter=code=eq.?`.
    pub fn shape(&self) -> String {
        let event = self.op.map_or("*", Op::as_str);
        let mut shape = ["event=", event, "&table=", self.table.unwrap_or("*")].concat();
        let conditions: BTreeSet<String> = gathered(self.conditions.iter().map(Condition::shape));
        for (at, condition) in conditions.iter().enumerate() {
            shape.push_str(if at == 0 { "&filter=" } else { "," });
            shape.push_str(condition);
        }
        shape
    }

    fn filtered(&self, change: &Change, visible: Visible) -> Visible {
        let matches = |image: &Option<Row>| {
            image.as_ref().is_some_and(|row| self.conditions.iter().all(|condition| condition.passes(row)))
        };
        match visible {
            Visible::Insert | Visible::Update | Visible::Appeared if matches(&change.record) => visible,
            Visible::Delete | Visible::Update if matches(&change.old_record) => Visible::Delete,
            _ => Visible::Nothing,
        }
    }
}

/// What each of these bindings is shown, as the ids per kind: one frame for each.
pub fn shown_to<'a>(
    bindings: impl IntoIterator<Item = &'a (u32, Binding)>,
    change: &Change,
    visible: Visible,
) -> Vec<(Visible, Vec<u32>)> {
    let mut kinds: Vec<(Visible, Vec<u32>)> = Vec::new();
    if visible == Visible::Nothing {
        return kinds;
    }
    for (id, binding) in bindings {
        let shown = binding.shows(change, visible);
        match kinds.iter_mut().find(|(kind, _)| *kind == shown) {
            _ if shown == Visible::Nothing => {}
            Some((_, ids)) if ids.contains(id) => {}
            Some((_, ids)) => ids.push(*id),
            None => kinds.push((shown, vec![*id])),
        }
    }
    kinds
}

/// The ids of a join's entries: the same for identical entries, different for all others, and the same again after a
/// rejoin.
pub fn assign_ids(entries: &[Box<RawValue>]) -> Vec<u32> {
    let mut taken: Vec<(u32, &str)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut id = hash(entry.get());
        while taken.iter().any(|(other, text)| *other == id && *text != entry.get()) {
            id = (id % MAX_ID) + 1;
        }
        taken.push((id, entry.get()));
    }
    taken.into_iter().map(|(id, _)| id).collect()
}

const MAX_ID: u32 = 0x07ff_ffff;

/// FNV-1a, folded to the 27 bits that Realtime's own ids have.
fn hash(text: &str) -> u32 {
    let full =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    // realtime-js takes an id of 0 for none.
    ((full ^ (full >> 27)) & MAX_ID).max(1)
}

struct Asked {
    event: String,
    schema: Option<String>,
    table: Option<String>,
    filter: Option<String>,
}

impl Asked {
    fn known_table(&self) -> Result<Option<&'static str>, BindingError> {
        let schema = self.schema.as_deref().unwrap_or("public");
        let table = self.table.as_deref().unwrap_or("*");
        if !matches!(schema, "public" | "*") || (table != "*" && logged_table(table).is_none()) {
            return Err(BindingError(format!(
                "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given \
                 connect parameters: [{}]",
                self.parameters()
            )));
        }
        Ok(LOGGED.into_iter().find(|known| *known == table))
    }

    fn conditions(&self, table: Option<&'static str>) -> Result<Vec<Condition>, BindingError> {
        let filter = self.filter.as_deref().unwrap_or("").trim();
        if filter.is_empty() {
            return Ok(Vec::new());
        }
        let Some(table) = table.and_then(logged_table) else {
            return Err(self.exception("a filter needs a table"));
        };
        condition::parse(filter)
            .map_err(|reason| BindingError(format!("Error parsing `filter` params: {reason}")))?
            .iter()
            .map(|segment| segment.resolve(table).map_err(|reason| self.exception(&reason)))
            .collect()
    }

    fn exception(&self, reason: &str) -> BindingError {
        BindingError(format!(
            "Unable to subscribe to changes with given parameters. An exception happened so please check your connect \
             parameters: [{}]. Exception: {reason}",
            self.parameters()
        ))
    }

    fn parameters(&self) -> String {
        let or = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
        let (schema, table) = (or(&self.schema, "public"), or(&self.table, "*"));
        format!("event: {}, schema: {schema}, table: {table}, filters: {}", self.event, or(&self.filter, ""))
    }
}

fn no_params() -> BindingError {
    BindingError(
        "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to"
            .to_owned(),
    )
}

fn member(entry: &Row, name: &str) -> Result<Option<String>, BindingError> {
    match entry.get(name) {
        None | Some("null") => Ok(None),
        Some(json) if json.starts_with('"') => Ok(text(json).map(std::borrow::Cow::into_owned)),
        Some(_) => Err(BindingError(format!("The member `{name}` must be a string"))),
    }
}

#[cfg(test)]
mod tests;
