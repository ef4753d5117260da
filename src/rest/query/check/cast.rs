//! Which types a selected column may be cast to: those that Postgres can cast to at all, by well-known names.

use crate::schema::Type;

/// Why a cast is refused: a code and a sentence.
pub(super) fn check(ty: &Type, cast: &str) -> Result<(), (&'static str, String)> {
    let Some(family) = Family::of_name(cast) else {
        return Err((
            "unknown-cast",
            "only casts to text, numeric, date and time, bool, uuid and JSON types are known".to_owned(),
        ));
    };
    if may_become(ty, family) {
        Ok(())
    } else {
        Err(("cast-type", "Postgres has no cast between these types".to_owned()))
    }
}

/// Types that cast alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Text,
    Int4,
    Number,
    Bool,
    Date,
    Time,
    Timestamp,
    Interval,
    Uuid,
    Json,
}

impl Family {
    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "text" | "varchar" | "character varying" => Self::Text,
            "int" | "int4" | "integer" => Self::Int4,
            "int2" | "smallint" | "int8" | "bigint" | "numeric" | "decimal" | "float4" | "real"
            | "float8" | "double precision" => Self::Number,
            "bool" | "boolean" => Self::Bool,
            "date" => Self::Date,
            "time" | "time without time zone" => Self::Time,
            "timestamp" | "timestamp without time zone" | "timestamptz" | "timestamp with time zone" => {
                Self::Timestamp
            }
            "interval" => Self::Interval,
            "uuid" => Self::Uuid,
            "json" | "jsonb" => Self::Json,
            _ => return None,
        })
    }
}

fn may_become(ty: &Type, family: Family) -> bool {
    use Family::{Bool, Date, Int4, Interval, Json, Number, Text, Time, Timestamp, Uuid};
    if family == Text {
        return ty != &Type::Void;
    }
    match ty {
        // By its text: whether a value can be read so is seen when it is.
        Type::Text(_) => true,
        Type::Int4 => matches!(family, Int4 | Number | Bool),
        Type::Int2 | Type::Int8 | Type::Numeric(..) | Type::Float => matches!(family, Int4 | Number),
        Type::Bool => matches!(family, Bool | Int4),
        Type::Date => matches!(family, Date | Timestamp),
        Type::Time => matches!(family, Time | Interval),
        Type::Timestamptz => matches!(family, Date | Time | Timestamp),
        Type::Interval => matches!(family, Interval | Time),
        Type::Uuid => family == Uuid,
        Type::Json => matches!(family, Json | Int4 | Number | Bool),
        Type::Tstzrange | Type::Daterange | Type::Bytea | Type::Enum(_) | Type::Array(_) | Type::Void => {
            false
        }
    }
}
