//! A value by its column's type, and the order that Postgres gives values of that type.
//!
//! Text is compared byte by byte (the collation "C"); an enum's labels by their place; numbers digit by digit, so that
//! none is rounded; times as instants, whatever zone they are written in.

use std::cmp::Ordering;

use uuid::Uuid;

use crate::live::moment::Moment;
use crate::schema::Type;
use crate::schema::value::Decimal;

/// A value that can be compared with others of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Bool(bool),
    /// The text of a finite number.
    Number(String),
    /// -infinity, infinity, NaN, in Postgres's order; a finite number has the rank 0.
    Unbounded(i8),
    Text(String),
    Label(usize),
    Uuid(Uuid),
    Moment(Moment),
}

impl Value {
    /// Whether values of this type can be told apart at all.
    pub const fn comparable(ty: &Type) -> bool {
        !matches!(
            ty,
            Type::Interval
                | Type::Json
                | Type::Tstzrange
                | Type::Daterange
                | Type::Bytea
                | Type::Array(_)
                | Type::Void
        )
    }

    /// The value of that text; `None` when the text is none, or the type cannot be compared.
    pub fn parse(ty: &Type, text: &str) -> Option<Self> {
        match ty {
            Type::Bool => bool_of(text).map(Self::Bool),
            Type::Int2 | Type::Int4 | Type::Int8 | Type::Numeric(..) | Type::Float => number_of(text.trim()),
            Type::Text(_) => Some(Self::Text(text.to_owned())),
            Type::Enum(labels) => labels.iter().position(|label| *label == text).map(Self::Label),
            Type::Uuid => Uuid::try_parse(text).ok().map(Self::Uuid),
            Type::Date | Type::Timestamptz => Moment::parse(text).map(Self::Moment),
            Type::Time => Moment::parse(&format!("1970-01-01T{text}")).map(Self::Moment),
            _ => None,
        }
    }

    /// The order of two values of one type.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => Some(left.cmp(right)),
            (Self::Text(left), Self::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
            (Self::Label(left), Self::Label(right)) => Some(left.cmp(right)),
            (Self::Uuid(left), Self::Uuid(right)) => Some(left.cmp(right)),
            (Self::Moment(left), Self::Moment(right)) => Some(left.cmp(right)),
            (Self::Number(left), Self::Number(right)) => {
                Some(Decimal::parse(left)?.compare(&Decimal::parse(right)?))
            }
            (Self::Unbounded(left), Self::Unbounded(right)) => Some(left.cmp(right)),
            (Self::Unbounded(left), Self::Number(_)) => Some(left.cmp(&0)),
            (Self::Number(_), Self::Unbounded(right)) => Some(0.cmp(right)),
            _ => None,
        }
    }
}

fn bool_of(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn number_of(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        "-infinity" | "-inf" => Some(Value::Unbounded(-1)),
        "infinity" | "inf" | "+infinity" | "+inf" => Some(Value::Unbounded(1)),
        "nan" => Some(Value::Unbounded(2)),
        _ => Decimal::parse(text).map(|_| Value::Number(text.to_owned())),
    }
}
