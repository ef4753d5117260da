//! The query string, as supabase-js and its kin write it for PostgREST: [`parse`] reads it into a typed tree
//! without knowing any table, [`check`] holds the tree against the schema, [`Checked::text`] writes it again. What was asked a
//! moment ago is [`Known`].
//!
//! What PostgREST would answer for the canonical query is what it would answer for the original; what it reads
//! loosely (text after a closing bracket, a limit that is no number) is refused here.
//! Headers (`Range`, `Prefer`) are out of scope.

mod check;
mod checked;
mod decode;
mod filter;
mod known;
mod logic;
mod order;
mod parse;
mod print;
mod scan;
mod select;
mod shape;
pub mod text;
pub mod tree;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use checked::Checked;
pub use known::Known;
use tree::Query;

use crate::problem::Violation;
use crate::schema::{Function, Schema, Table};

/// The longest raw query string, in bytes; a longer one has the violation code [`TOO_LONG`].
pub const MAX_BYTES: usize = 16 * 1024;
/// The code of the violation of [`MAX_BYTES`], which is a status of its own.
pub const TOO_LONG: &str = "too-long";
/// The highest `limit`.
pub const MAX_LIMIT: u64 = 1000;
/// The highest `offset`.
pub const MAX_OFFSET: u64 = 1_000_000_000;

/// How a parameter is read that is no reserved word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is a filter: tables, and functions called by POST.
    Filters,
    /// It is a filter when its value starts with an operator, else an argument: functions called by GET.
    Arguments,
}

/// What a request does with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// GET or HEAD of a table.
    Read,
    /// POST without `Prefer: resolution`.
    Insert,
    /// POST with `Prefer: resolution`.
    Upsert,
    /// PUT: one row, addressed by `eq` on its whole key.
    Replace,
    /// PATCH.
    Update,
    /// DELETE.
    Delete,
    /// A function, by GET (when the query was parsed with [`Mode::Arguments`]) or by POST.
    Call,
}

impl Op {
    /// Its name.
    const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Insert => "insert",
            Self::Upsert => "upsert",
            Self::Replace => "replace",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Call => "call",
        }
    }
}

/// What a query is about.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// A table or view.
    Table(&'static Table),
    /// A function; filters and select apply to what it returns.
    Function(&'static Function),
}

/// Reads a raw, still percent-encoded query string (without `?`).
///
/// # Errors
/// Everything that is wrong with its form, in the order of the string.
pub fn parse(raw: &str, mode: Mode) -> Result<Query, Vec<Violation>> {
    parse::parse(raw, mode)
}

/// Holds a query against the schema.
///
/// # Errors
/// Everything in it that does not exist, does not fit or is not allowed, each at its parameter.
pub fn check(query: Query, target: Target, schema: &Schema, op: Op) -> Result<Checked, Vec<Violation>> {
    check::check(query, target, schema, op)
}
