//! A body's values against a table's columns or a function's arguments: all errors at once, each with its pointer.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::value::{Decimal, check_text, describe};
use super::{Column, Function, Table, Test, Type};
use crate::problem::Violation;

/// The most violations that are told at once: a body can hold hundreds of thousands.
pub const MAX_ERRORS: usize = 100;

/// One JSON object of the body: its members in order, each value still as it was sent.
pub type Row<'a> = [(Cow<'a, str>, &'a RawValue)];

/// What is done with a row.
#[derive(Clone, Copy, Debug)]
pub enum Write<'a> {
    /// A new row. `columns` is the request's `columns` parameter: members outside it are ignored by PostgREST, and
    /// those missing count as null, or as their default when `missing_default` says so.
    Insert {
        /// The `columns` parameter.
        columns: Option<&'a [String]>,
        /// `Prefer: missing=default`.
        missing_default: bool,
    },
    /// A change of some columns.
    Update {
        /// The `columns` parameter.
        columns: Option<&'a [String]>,
    },
}

/// Checks one row for a table and adds what is wrong to `errors`; `at` is the row's own pointer (empty, or `/7`).
pub fn row(table: &Table, write: Write<'_>, row: &Row<'_>, at: &str, errors: &mut Vec<Violation>) {
    let (Write::Insert { columns, .. } | Write::Update { columns }) = write;
    let counts = |name: &str| columns.is_none_or(|listed| listed.iter().any(|column| column == name));
    for (name, raw) in row.iter().filter(|(name, _)| counts(name)) {
        if errors.len() >= MAX_ERRORS {
            return;
        }
        let pointer = Member { at, name };
        match table.column(name) {
            None => errors.push(Violation::body(
                pointer,
                "unknown-column",
                format!("`{}` has no such column", table.name),
            )),
            Some(column) => match writable(column, write) {
                Ok(()) => value(table, column, raw.get(), pointer, errors),
                Err(detail) => errors.push(Violation::body(pointer, "read-only", detail)),
            },
        }
    }
    if let Write::Insert { columns, missing_default } = write {
        required(table, columns, missing_default, row, at, errors);
    }
}

/// Checks a function's arguments, given as one object.
pub fn arguments(function: &Function, row: &Row<'_>, errors: &mut Vec<Violation>) {
    for (name, raw) in row {
        if errors.len() >= MAX_ERRORS {
            return;
        }
        let pointer = Member { at: "", name };
        match function.arguments.iter().find(|argument| argument.name == name.as_ref()) {
            None => errors.push(Violation::body(
                pointer,
                "unknown-argument",
                format!("`{}` has no such argument", function.name),
            )),
            Some(argument) => json_value(argument, raw.get(), pointer, errors),
        }
    }
    for argument in function.arguments.iter().filter(|argument| !argument.has_default) {
        if !row.iter().any(|(name, _)| name == argument.name) {
            errors.push(Violation::body(
                Member { at: "", name: argument.name },
                "required",
                format!("{} is required", argument.name),
            ));
        }
    }
}

/// Checks the values of some columns, whoever may write them to the table itself: for what is written by a function.
pub fn columns(table: &Table, names: &[&str], row: &Row<'_>, errors: &mut Vec<Violation>) {
    for (name, raw) in row {
        let known = names.contains(&name.as_ref()).then(|| table.column(name)).flatten();
        match known {
            _ if errors.len() >= MAX_ERRORS => return,
            Some(column) => value(table, column, raw.get(), Member { at: "", name }, errors),
            None => errors.push(Violation::body(
                Member { at: "", name },
                "unknown-member",
                format!("only {} are known here", names.join(", ")),
            )),
        }
    }
}

fn writable(column: &Column, write: Write<'_>) -> Result<(), String> {
    let allowed = match write {
        Write::Insert { .. } => column.insertable,
        Write::Update { .. } => column.updatable,
    };
    match (allowed, column.insertable) {
        (true, _) => Ok(()),
        (false, true) => Err(format!("{} cannot be changed once the row exists", column.name)),
        (false, false) => Err(format!("{} is set by the database", column.name)),
    }
}

fn required(
    table: &Table,
    columns: Option<&[String]>,
    missing_default: bool,
    row: &Row<'_>,
    at: &str,
    errors: &mut Vec<Violation>,
) {
    for column in table.columns.iter().filter(|column| column.insertable && !column.nullable) {
        let listed = columns.is_some_and(|columns| columns.iter().any(|name| name == column.name));
        let defaults = column.has_default && (missing_default || !listed);
        if !defaults && !row.iter().any(|(name, _)| name == column.name) {
            errors.push(Violation::body(
                Member { at, name: column.name },
                "required",
                format!("{} is required", column.name),
            ));
        }
    }
}

/// A member of the object at a pointer: a pointer itself, printed only where something is wrong.
#[derive(Clone, Copy)]
struct Member<'a> {
    at: &'a str,
    name: &'a str,
}

impl From<Member<'_>> for String {
    /// RFC 6901: `~` and `/` are escaped.
    fn from(Member { at, name }: Member<'_>) -> Self {
        format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
    }
}

/// The type first; the column's rules only on a value of the right type.
fn value(table: &Table, column: &Column, raw: &str, pointer: Member<'_>, errors: &mut Vec<Violation>) {
    let before = errors.len();
    json_value(column, raw, pointer, errors);
    if errors.len() > before || raw == "null" || column.rules.is_empty() {
        return;
    }
    let text = string(raw).unwrap_or(Cow::Borrowed(raw));
    for rule in column.rules.iter().filter(|rule| !passes(&rule.test, &text)) {
        let message = table
            .constraints
            .iter()
            .find(|constraint| constraint.name == rule.constraint)
            .map_or("is not allowed", |constraint| constraint.message);
        errors.push(Violation::body(pointer, test_code(&rule.test), message));
    }
}

fn test_code(test: &Test) -> &'static str {
    match test {
        Test::OneOf(_) => "enum",
        Test::Matches(_) => "pattern",
        Test::Length(..) => "length",
        Test::AtLeast(..) | Test::AtMost(..) => "range",
    }
}

fn passes(rule: &Test, text: &str) -> bool {
    let compare = |bound: &str| {
        let (value, bound) = (Decimal::parse(text)?.approximate(), Decimal::parse(bound)?.approximate());
        value.partial_cmp(&bound)
    };
    match rule {
        Test::OneOf(allowed) => allowed.contains(&text),
        Test::Matches(pattern) => pattern.matches(text),
        Test::Length(least, most, trimmed) => {
            // btrim() without a second argument removes spaces alone.
            let counted = if *trimmed { text.trim_matches(' ') } else { text };
            let length = counted.chars().count();
            length >= *least as usize && length <= *most as usize
        }
        Test::AtLeast(bound, inclusive) => {
            compare(bound).is_none_or(|order| order.is_gt() || (*inclusive && order.is_eq()))
        }
        Test::AtMost(bound, inclusive) => {
            compare(bound).is_none_or(|order| order.is_lt() || (*inclusive && order.is_eq()))
        }
    }
}

fn json_value(column: &Column, raw: &str, pointer: Member<'_>, errors: &mut Vec<Violation>) {
    let wrong = |code, detail: String| Violation::body(pointer, code, format!("{} {detail}", column.name));
    if raw == "null" {
        if !column.nullable {
            errors.push(wrong("null", "must not be null".to_owned()));
        }
        return;
    }
    if column.ty == Type::Json {
        if has_nul(raw) {
            errors.push(wrong("json", "must not contain the character U+0000".to_owned()));
        }
        return;
    }
    if let Type::Array(element) = column.ty
        && raw.starts_with('[')
    {
        array(column, element, raw, pointer, errors);
        return;
    }
    errors.extend(scalar(&column.ty, raw).err().map(|(code, detail)| wrong(code, detail)));
}

fn array(column: &Column, element: &Type, raw: &str, pointer: Member<'_>, errors: &mut Vec<Violation>) {
    let elements: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
    for (at, item) in elements.iter().enumerate().filter(|(_, item)| item.get() != "null") {
        if errors.len() >= MAX_ERRORS {
            return;
        }
        errors.extend(scalar(element, item.get()).err().map(|(code, detail)| {
            Violation::body(
                format!("{}/{at}", String::from(pointer)),
                code,
                format!("{} {detail}", column.name),
            )
        }));
    }
}

/// One JSON scalar for a type: numbers and texts both read as Postgres input, but a text column wants a text and a
/// boolean one a boolean.
fn scalar(ty: &Type, raw: &str) -> Result<(), (&'static str, String)> {
    let kind = raw.as_bytes().first().copied().unwrap_or_default();
    let wanted = || ("type", format!("must be {}", describe(ty)));
    let text = match kind {
        b'"' => string(raw).ok_or_else(wanted)?,
        b'{' | b'[' => return Err(wanted()),
        _ => Cow::Borrowed(raw),
    };
    let is_text = kind == b'"';
    let kind_fits = match ty {
        Type::Bool => !is_text && matches!(kind, b't' | b'f'),
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Numeric(..) | Type::Float => {
            !matches!(kind, b't' | b'f')
        }
        _ => is_text,
    };
    if !kind_fits {
        return Err(wanted());
    }
    check_text(ty, &text).map_err(|detail| ("type", detail))?;
    stored(ty, &text)
}

/// What limits a stored value, but not one that is compared with.
fn stored(ty: &Type, text: &str) -> Result<(), (&'static str, String)> {
    match ty {
        Type::Text(longest) if *longest > 0 && text.chars().count() > *longest as usize => {
            Err(("length", format!("must be {}", describe(ty))))
        }
        Type::Numeric(precision, scale) => {
            let Some(decimal) = Decimal::parse(text.trim()) else {
                return Err(("type", format!("must be {}", describe(ty))));
            };
            let (before, after) = decimal.digits();
            let fits =
                *precision == 0 || (before <= usize::from(precision - scale) && after <= usize::from(*scale));
            if fits { Ok(()) } else { Err(("range", format!("must be {}", describe(ty)))) }
        }
        Type::Date | Type::Timestamptz if is_infinite(text.trim()) => {
            Err(("range", format!("must be {}", describe(ty))))
        }
        _ => Ok(()),
    }
}

fn is_infinite(text: &str) -> bool {
    let end = text.len().checked_sub(INFINITY.len()).and_then(|at| text.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(INFINITY))
}

const INFINITY: &str = "infinity";

/// The text of a JSON string; `None` when it is not one.
fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Whether a JSON text holds the escape of U+0000 (an escaped backslash before `u0000` is not one).
fn has_nul(raw: &str) -> bool {
    raw.match_indices("\\u0000").any(|(at, _)| {
        let backslashes = raw[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes.is_multiple_of(2)
    })
}
