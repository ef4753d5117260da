//! The grammar of filter strings: `column=[not.]operator.value`, several of them separated by commas, all of which
//! have to hold. Commas inside quotes and parentheses do not separate; a value in double quotes is taken as it is,
//! with `\` before `"` and `\`.

use std::cmp::Ordering;

use super::pattern::Like;
use super::value::Value;
use crate::live::change::Row;
use crate::schema::{Column, Table, Type};

const MAX_VALUES: usize = 100;

/// One condition, with its column not yet looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    column: String,
    negate: bool,
    operator: &'static str,
    values: Vec<String>,
}

const OPERATORS: [&str; 11] =
    ["eq", "neq", "lt", "lte", "gt", "gte", "in", "is", "like", "ilike", "isdistinct"];

/// A filter string, cut up; the error reads as Realtime's.
pub(super) fn parse(filter: &str) -> Result<Vec<Segment>, String> {
    split(filter).into_iter().map(segment).collect()
}

fn segment(text: &str) -> Result<Segment, String> {
    let (column, rest) = text.split_once('=').ok_or_else(|| format!("[{text:?}]"))?;
    let (negate, rest) = rest.strip_prefix("not.").map_or((false, rest), |rest| (true, rest));
    let (name, value) = rest.split_once('.').ok_or_else(|| format!("[{rest:?}]"))?;
    let operator =
        OPERATORS.into_iter().find(|known| *known == name).ok_or_else(|| format!("[{name:?}, {value:?}]"))?;
    let values = if operator == "in" { list(value)? } else { vec![unquote(value)] };
    Ok(Segment { column: column.trim().to_owned(), negate, operator, values })
}

fn list(value: &str) -> Result<Vec<String>, String> {
    let inner = value
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .ok_or("`in` filter value must be wrapped by parentheses")?;
    let values: Vec<String> =
        if inner.is_empty() { Vec::new() } else { split(inner).into_iter().map(unquote).collect() };
    if values.len() > MAX_VALUES {
        return Err(format!("too many values for `in` filter. Maximum {MAX_VALUES}"));
    }
    Ok(values)
}

/// The parts between commas that stand outside quotes and parentheses. A quote opens only where a value begins: one
/// in the middle of a value is a character like any other.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted, mut escaped, mut previous) =
        (Vec::new(), 0, 0_u32, false, false, ',');
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if quoted => quoted = false,
            '"' if matches!(previous, '.' | '(' | ',') => quoted = true,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        previous = character;
    }
    parts.push(&text[start..]);
    parts
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain
}

/// One condition on one column.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    column: &'static Column,
    negate: bool,
    operator: &'static str,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Compare(fn(Ordering) -> bool, Value),
    In(Vec<Value>),
    Distinct(Value),
    Like(Like),
    Null,
    NotNull,
    Truth(bool),
}

impl Segment {
    /// The condition on a column of this table; the error is what Postgres would have said.
    pub fn resolve(&self, table: &'static Table) -> Result<Condition, String> {
        let column = table.column(&self.column).ok_or_else(|| {
            format!("ERROR P0001 (raise_exception) invalid column for filter {}", self.column)
        })?;
        Ok(Condition { column, negate: self.negate, operator: self.operator, test: self.test(column)? })
    }

    fn test(&self, column: &'static Column) -> Result<Test, String> {
        let first = self.values.first().map_or("", String::as_str);
        let value = || typed(column, first);
        Ok(match self.operator {
            "eq" => Test::Compare(Ordering::is_eq, value()?),
            "neq" => Test::Compare(Ordering::is_ne, value()?),
            "lt" => Test::Compare(Ordering::is_lt, value()?),
            "lte" => Test::Compare(Ordering::is_le, value()?),
            "gt" => Test::Compare(Ordering::is_gt, value()?),
            "gte" => Test::Compare(Ordering::is_ge, value()?),
            "isdistinct" => Test::Distinct(value()?),
            "in" => Test::In(self.values.iter().map(|value| typed(column, value)).collect::<Result<_, _>>()?),
            "is" => is(column, first)?,
            like => Test::Like(pattern(column, first, like == "ilike")?),
        })
    }
}

fn typed(column: &Column, text: &str) -> Result<Value, String> {
    Value::parse(&column.ty, text).ok_or_else(|| {
        if Value::comparable(&column.ty) {
            let kind = column.pg_type;
            format!(
                "ERROR 22P02 (invalid_text_representation) invalid input syntax for type {kind}: \"{text}\""
            )
        } else {
            format!("ERROR P0001 (raise_exception) invalid column for filter {}", column.name)
        }
    })
}

fn is(column: &Column, what: &str) -> Result<Test, String> {
    match what.to_ascii_lowercase().as_str() {
        "null" => Ok(Test::Null),
        "not_null" => Ok(Test::NotNull),
        "true" if column.ty == Type::Bool => Ok(Test::Truth(true)),
        "false" if column.ty == Type::Bool => Ok(Test::Truth(false)),
        "unknown" if column.ty == Type::Bool => Ok(Test::Null),
        _ => Err(format!(
            "ERROR 22023 (invalid_parameter_value) invalid value for is filter on {}",
            column.name
        )),
    }
}

fn pattern(column: &Column, pattern: &str, any_case: bool) -> Result<Like, String> {
    if matches!(column.ty, Type::Text(_) | Type::Enum(_)) {
        Ok(Like::new(pattern, any_case))
    } else {
        Err(format!("ERROR 42883 (undefined_function) operator does not exist: {} ~~ text", column.pg_type))
    }
}

impl Condition {
    /// How it is written, with `?` for its values.
    pub fn shape(&self) -> String {
        let not = if self.negate { "not." } else { "" };
        [self.column.name, "=", not, self.operator, ".?"].concat()
    }

    /// Whether the row satisfies it; as in SQL, a comparison with null is neither true nor, negated, true.
    pub fn passes(&self, row: &Row) -> bool {
        self.holds(row).is_some_and(|holds| holds != self.negate)
    }

    fn holds(&self, row: &Row) -> Option<bool> {
        let stored = row.text(self.column.name);
        match &self.test {
            Test::Null => return Some(stored.is_none()),
            Test::NotNull => return Some(stored.is_some()),
            Test::Truth(wanted) => {
                return Some(stored.as_deref() == Some(if *wanted { "true" } else { "false" }));
            }
            Test::Distinct(_) if stored.is_none() => return Some(true),
            _ => {}
        }
        let stored = stored?;
        if let Test::Like(like) = &self.test {
            return Some(like.matches(&stored));
        }
        let stored = Value::parse(&self.column.ty, &stored)?;
        match &self.test {
            Test::Compare(accepts, value) => stored.compare(value).map(accepts),
            Test::In(values) => {
                Some(values.iter().any(|value| stored.compare(value) == Some(Ordering::Equal)))
            }
            Test::Distinct(value) => Some(stored.compare(value) != Some(Ordering::Equal)),
            Test::Like(_) | Test::Null | Test::NotNull | Test::Truth(_) => None,
        }
    }
}
