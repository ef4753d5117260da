//! PostgREST's and Postgres's errors, mapped once: by SQLSTATE, constraint and column to a problem.
//!
//! A database error's `details` and its message can hold values of a row (`Key (email)=(…)`, `invalid input syntax:
//! "…"`), so neither is passed on: the client reads the constraint's own comment, or a sentence made here.

use std::borrow::Cow;

use serde::Deserialize;

use crate::http::{Headers, Method};
use crate::problem::{Kind, Problem, Violation};
use crate::schema::{Constraint, ConstraintKind, Schema};

/// The longest error body that is read.
pub const MAX_BYTES: usize = 64 * 1024;
/// The codes of a deadlock and of a serialization failure, after which a request is tried once more: nothing of it has
/// been done.
const TRANSIENT: [&str; 2] = ["40P01", "40001"];
/// The constraint that says that an idempotency key was used before.
pub const IDEMPOTENCY_CONSTRAINT: &str = "idempotency_pkey";
/// The longest wait that is advised when the database is busy, in seconds.
const RETRY_AFTER: u32 = 5;

/// An error as PostgREST writes it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PgError {
    /// SQLSTATE, or `PGRSTnnn`.
    #[serde(default)]
    pub code: Option<String>,
    /// What happened; may hold values.
    #[serde(default)]
    pub message: Option<String>,
    /// More of it; may hold values.
    #[serde(default)]
    pub details: Option<serde_json::Value>,
    /// Advice.
    #[serde(default)]
    pub hint: Option<String>,
    /// What the reply's headers say of it.
    #[serde(skip)]
    pub headers: Headers,
}

impl PgError {
    /// The error's code, empty when it has none.
    pub fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// The name in double quotes after a word of the message, as in `constraint "name"`.
    fn quoted_after(&self, word: &str) -> Option<&str> {
        let (_, rest) = self.message().split_once(word)?;
        let (_, rest) = rest.split_once('"')?;
        rest.split_once('"').map(|(name, _)| name)
    }

    /// Whether an idempotency key was used before.
    pub fn is_idempotency_conflict(&self) -> bool {
        self.code() == "23505" && self.quoted_after("constraint") == Some(IDEMPOTENCY_CONSTRAINT)
    }

    /// Whether one object was wanted and there was none, or more than one.
    pub fn is_not_one_row(&self) -> bool {
        self.code() == "PGRST116"
    }

    /// Whether the same again may well succeed.
    pub fn is_transient(&self) -> bool {
        TRANSIENT.contains(&self.code())
    }

    /// Whether a treatment waits for its dentist to acknowledge the patient's alerts.
    pub fn is_alert_unread(&self) -> bool {
        let at_fault = self.details.as_ref().and_then(serde_json::Value::as_str);
        self.code() == "PT409" && at_fault == Some("acknowledged_alerts")
    }

    /// Whether somebody else has the slot.
    pub fn is_slot_taken(&self) -> bool {
        self.code() == "23P01"
    }
}

/// The error in an upstream's body; `None` when the body is not PostgREST's.
pub fn parse(body: &[u8]) -> Option<PgError> {
    serde_json::from_slice::<PgError>(body).ok().filter(|error| error.message.is_some())
}

/// What the client is told. `status` is PostgREST's.
pub fn problem(schema: &Schema, method: Method, status: u16, error: &PgError) -> Problem {
    let code = error.code();
    let found = error.quoted_after("constraint").and_then(|name| schema.constraint(name));
    let constraint = found.map(|(_, constraint)| constraint);
    let mut problem = match code {
        "23P01" if found.is_some_and(|(table, _)| table.name != "appointment") => {
            with_constraint(Kind::Conflict, constraint, "The row overlaps with another.")
        }
        "23P01" => {
            with_constraint(Kind::SlotTaken, constraint, "The slot overlaps with another appointment.")
        }
        "40P01" | "40001" => Problem::new(Kind::Conflict, "Another change got in the way; try again."),
        "23505" => with_constraint(Kind::AlreadyExists, constraint, "A row with this value exists already."),
        "23503" if method == Method::Delete => {
            Problem::new(Kind::StillReferenced, "Other rows still refer to this one.")
        }
        "23503" if error.message().contains("still referenced") => {
            Problem::new(Kind::StillReferenced, "Other rows still refer to this one.")
        }
        "23503" => {
            with_constraint(Kind::Validation, constraint, "A row that this one refers to does not exist.")
        }
        "23514" => with_constraint(Kind::Validation, constraint, "A value is not allowed."),
        "23502" => not_null(error),
        "22001" => invalid_value("A text is too long."),
        "22003" => invalid_value("A number is out of range."),
        "22007" | "22008" => invalid_value("A date or time is not valid."),
        "2201B" | "42601" => {
            Problem::new(Kind::InvalidQuery, "A pattern or a search expression is not valid.")
        }
        "21000" => invalid_value("The body holds the same row twice."),
        code if code.starts_with("22") => invalid_value("A value does not have the type of its column."),
        "42501" if status == 401 => Problem::new(Kind::Unauthorized, "Sign in to do this."),
        "42501" => Problem::new(Kind::Forbidden, "You are not allowed to do this."),
        // A gateway in between says so without a code.
        code if is_unavailable(code) || (code.is_empty() && status == 503) => {
            Problem::new(Kind::Unavailable, "The database is busy or away; try again.")
                .retry_after(RETRY_AFTER)
        }
        code if code.starts_with("PT") => raised(status, error),
        code if code.starts_with("PGRST") => gateway(status, error),
        _ => Problem::new(Kind::BadUpstream, "The database answered something unexpected.")
            .cause(format!("upstream {status} {code}")),
    };
    if problem.kind != Kind::BadUpstream && !code.is_empty() {
        problem.code = Cow::Owned(code.to_owned());
    }
    problem
}

/// What is told when the upstream's error body is not PostgREST's.
pub fn unreadable(status: u16) -> Problem {
    Problem::new(Kind::BadUpstream, "The database answered something unexpected.")
        .cause(format!("upstream {status} without a PostgREST error"))
}

/// The status of an answer whose error has no body (HEAD).
pub fn bodiless(status: u16) -> Problem {
    Problem::new(kind_of(status), kind_of(status).title()).status(status)
}

/// Classes 53 (resources) and 08 (connection), a cancelled statement, and PostgREST's own connection errors.
fn is_unavailable(code: &str) -> bool {
    code.starts_with("53")
        || code.starts_with("08")
        || code == "57014"
        || code.starts_with("57P")
        || matches!(code, "PGRST000" | "PGRST001" | "PGRST002" | "PGRST003")
}

fn with_constraint(kind: Kind, constraint: Option<&Constraint>, otherwise: &str) -> Problem {
    let Some(constraint) = constraint else { return Problem::new(kind, otherwise) };
    let detail = if constraint.message.is_empty() { otherwise } else { constraint.message };
    let code = match constraint.kind {
        ConstraintKind::Check => "check",
        ConstraintKind::Unique => "unique",
        ConstraintKind::ForeignKey => "reference",
        ConstraintKind::Exclusion => "overlap",
    };
    let errors =
        constraint.columns.iter().map(|column| Violation::body(format!("/{column}"), code, detail)).collect();
    Problem::new(kind, detail).errors(errors)
}

fn not_null(error: &PgError) -> Problem {
    match error.quoted_after("column") {
        Some(column) => Problem::violations(
            Kind::Validation,
            vec![Violation::body(format!("/{column}"), "required", format!("{column} is required"))],
        ),
        None => invalid_value("A value that is required is missing."),
    }
}

fn invalid_value(detail: &str) -> Problem {
    Problem::new(Kind::Validation, detail)
}

/// Raised by our own functions with a status of their choice; message and hint are written for clients, and the detail
/// is the column or argument at fault.
fn raised(status: u16, error: &PgError) -> Problem {
    let at_fault =
        error.details.as_ref().and_then(serde_json::Value::as_str).filter(|name| is_identifier(name));
    let errors = at_fault.map(|name| Violation::body(format!("/{name}"), "rule", error.message()));
    let mut problem = Problem::new(kind_of(status), error.message()).status(status);
    problem.hint.clone_from(&error.hint);
    problem.errors(errors.into_iter().collect())
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// PostgREST's own: clients read its details (supabase-js tells zero rows from many by them).
fn gateway(status: u16, error: &PgError) -> Problem {
    if status >= 500 {
        return Problem::new(Kind::BadUpstream, "The database answered something unexpected.")
            .cause(format!("upstream {status} {}", error.code()));
    }
    let details = match &error.details {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let mut problem = Problem::new(kind_of(status), error.message()).status(status);
    problem.hint.clone_from(&error.hint);
    problem.details = details;
    problem.headers.clone_from(&error.headers);
    problem
}

const fn kind_of(status: u16) -> Kind {
    match status {
        401 => Kind::Unauthorized,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        405 => Kind::MethodNotAllowed,
        406 => Kind::NotAcceptable,
        409 => Kind::Conflict,
        412 => Kind::PreconditionFailed,
        413 => Kind::TooLarge,
        415 => Kind::UnsupportedMediaType,
        416 => Kind::RangeNotSatisfiable,
        422 => Kind::Validation,
        429 => Kind::RateLimited,
        503 => Kind::Unavailable,
        504 => Kind::UpstreamTimeout,
        400..=499 => Kind::InvalidQuery,
        _ => Kind::BadUpstream,
    }
}
