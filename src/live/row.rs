//! A row as JSON, column by column, each value kept as its own text: no number loses a digit on its way through.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Columns in the order in which they came, with their JSON text.
#[derive(Clone, Debug, Default)]
pub struct Row(Vec<(String, Box<RawValue>)>);

impl Row {
    /// A row of these columns.
    pub fn new(columns: Vec<(String, Box<RawValue>)>) -> Self {
        Self(columns)
    }

    /// The JSON text of a column; `None` when the row does not have it.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == column).map(|(_, value)| value.get())
    }

    /// Whether the column is there and is null.
    pub fn is_null(&self, column: &str) -> bool {
        self.get(column) == Some("null")
    }

    /// The value as Postgres would print it: a string without its quotes, anything else as its JSON text. `None` when
    /// the column is null or absent.
    pub fn text(&self, column: &str) -> Option<Cow<'_, str>> {
        self.get(column).and_then(text)
    }

    /// The value as a UUID; `None` when it is none.
    pub fn uuid(&self, column: &str) -> Option<Uuid> {
        self.text(column).and_then(|text| Uuid::try_parse(&text).ok())
    }

    /// Every column with its JSON text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.get()))
    }

    /// These columns alone, in their order; those that the row does not have are left out.
    #[must_use]
    pub fn only(&self, columns: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| columns.contains(&name.as_str())).cloned().collect())
    }
}

/// Equal when they have the same columns with the same JSON texts, in whatever order.
impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Eq for Row {}

/// A JSON scalar as Postgres would print it; `None` for null.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
        Some(b'n') => None,
        _ => Some(Cow::Borrowed(json)),
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Columns;
        impl<'de> Visitor<'de> for Columns {
            type Value = Row;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a row as a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut columns = Vec::with_capacity(map.size_hint().unwrap_or(24));
                while let Some(entry) = map.next_entry()? {
                    columns.push(entry);
                }
                Ok(Row(columns))
            }
        }
        deserializer.deserialize_map(Columns)
    }
}
