//! The database as the edge knows it: tables, columns, relationships, functions and the rules on values.
//!
//! `generated.rs` is written by `scripts/schema` from the migrated database; validation, relationships and the
//! documentation fold over it. Nothing here knows HTTP.

#[rustfmt::skip]
#[expect(clippy::unreadable_literal, reason = "numbers are written by a script")]
mod generated;
pub mod validate;
pub mod value;

use std::sync::OnceLock;

pub use generated::SCHEMA;
use regex_lite::Regex;

/// A comment of the database. The Worker is built without: only the API reference, written before, tells them.
const fn note(text: &'static str) -> &'static str {
    if cfg!(target_arch = "wasm32") { "" } else { text }
}

/// A table or view that clients may address.
#[derive(Debug)]
pub struct Table {
    /// Its name in the schema `public`, also its path segment.
    pub name: &'static str,
    /// Its comment in the database; empty in the Worker.
    pub comment: &'static str,
    /// A view, which is only read.
    pub is_view: bool,
    /// In the order of the database.
    pub columns: &'static [Column],
    /// The primary key's columns.
    pub primary_key: &'static [&'static str],
    /// Column sets on which an upsert may conflict (primary key and unique constraints).
    pub unique: &'static [&'static [&'static str]],
    /// Ways from here to other relations that PostgREST can embed.
    pub relationships: &'static [Relationship],
    /// Constraints by name with their message.
    pub constraints: &'static [Constraint],
    /// Whether `authenticated` holds DELETE.
    pub deletable: bool,
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether any signed-in role may insert at least one column.
    pub fn insertable(&self) -> bool {
        self.columns.iter().any(|column| column.insertable)
    }

    /// Whether any signed-in role may update at least one column.
    pub fn updatable(&self) -> bool {
        self.columns.iter().any(|column| column.updatable)
    }
}

/// A column, or a function's argument or result column.
#[expect(clippy::struct_excessive_bools, reason = "four independent facts of the catalogue")]
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type; a domain counts as its base type.
    pub ty: Type,
    /// The type's own name in `pg_type`, a domain's too: what Realtime tells clients.
    pub pg_type: &'static str,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// Whether it may be left out on insert although it is not nullable.
    pub has_default: bool,
    /// Whether signed-in clients may set it on insert (generated columns never).
    pub insertable: bool,
    /// Whether signed-in clients may set it on update.
    pub updatable: bool,
    /// What the edge can check by itself; the rest stays Postgres's alone.
    pub rules: &'static [Rule],
    /// Its comment in the database; empty in the Worker.
    pub comment: &'static str,
}

/// The types that occur, as PostgREST reads and writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `numeric(precision, scale)`; both 0 when unlimited.
    Numeric(u16, u16),
    /// `real` or `double precision`
    Float,
    /// `text`, `varchar`, `citext`, `bpchar`: the longest allowed length in characters, 0 when unlimited.
    Text(u32),
    /// `uuid`
    Uuid,
    /// `date`
    Date,
    /// `time` (without zone)
    Time,
    /// `timestamptz`
    Timestamptz,
    /// `interval`
    Interval,
    /// `json` or `jsonb`
    Json,
    /// `tstzrange`
    Tstzrange,
    /// `daterange`
    Daterange,
    /// `bytea`
    Bytea,
    /// An enum's labels.
    Enum(&'static [&'static str]),
    /// An array of a type.
    Array(&'static Type),
    /// `void`, of functions.
    Void,
}

/// One check on one column's value.
#[derive(Debug)]
pub struct Rule {
    /// The constraint that Postgres holds and whose comment is the message.
    pub constraint: &'static str,
    /// What is checked.
    pub test: Test,
}

/// What a rule checks; a NULL passes, as in Postgres.
#[derive(Debug)]
pub enum Test {
    /// `column in (…)`
    OneOf(&'static [&'static str]),
    /// `column ~ 'pattern'`
    Matches(&'static Pattern),
    /// Length in characters, inclusive; the flag: of the trimmed text.
    Length(u32, u32, bool),
    /// Numeric lower bound, and whether it is included.
    AtLeast(&'static str, bool),
    /// Numeric upper bound, and whether it is included.
    AtMost(&'static str, bool),
}

/// A regular expression that is compiled on first use.
#[derive(Debug)]
pub struct Pattern {
    source: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern in the common subset of Postgres' and Rust's syntax; a test compiles each generated one.
    pub const fn new(source: &'static str) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    /// The pattern's text.
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// Whether it compiles.
    pub fn is_valid(&self) -> bool {
        self.regex().is_some()
    }

    /// Whether the text matches; a pattern that does not compile leaves the verdict to Postgres.
    pub fn matches(&self, text: &str) -> bool {
        self.regex().is_none_or(|regex| regex.is_match(text))
    }

    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(self.source).ok()).as_ref()
    }
}

/// A foreign key seen from one of its ends.
#[derive(Debug)]
pub struct Relationship {
    /// The constraint's name, usable as a hint.
    pub constraint: &'static str,
    /// Many-to-one (this table holds the key), one-to-many, one-to-one, or many-to-many through a junction.
    pub cardinality: Cardinality,
    /// This side's columns.
    pub columns: &'static [&'static str],
    /// The other relation.
    pub target: &'static str,
    /// The other side's columns.
    pub target_columns: &'static [&'static str],
    /// The junction table of a many-to-many relationship, else empty.
    pub junction: &'static str,
}

/// How many rows are at the ends of a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cardinality {
    /// This table holds the foreign key: an object is embedded.
    ManyToOne,
    /// The other table holds the foreign key: an array is embedded.
    OneToMany,
    /// The other table holds a unique foreign key: an object is embedded.
    OneToOne,
    /// Through a junction table: an array is embedded.
    ManyToMany,
}

/// A constraint's name, columns and human message.
#[derive(Debug)]
pub struct Constraint {
    /// As Postgres names it in its messages.
    pub name: &'static str,
    /// What it is.
    pub kind: ConstraintKind,
    /// The columns it looks at.
    pub columns: &'static [&'static str],
    /// Its comment: the sentence a client reads.
    pub message: &'static str,
}

/// What kind of constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// CHECK
    Check,
    /// PRIMARY KEY or UNIQUE, also a unique index
    Unique,
    /// FOREIGN KEY
    ForeignKey,
    /// EXCLUDE
    Exclusion,
}

/// A function exposed as RPC.
#[expect(clippy::struct_excessive_bools, reason = "four independent facts of the catalogue")]
#[derive(Debug)]
pub struct Function {
    /// Its name, also its path segment.
    pub name: &'static str,
    /// Its comment in the database; empty in the Worker.
    pub comment: &'static str,
    /// In order; `has_default` says which may be left out.
    pub arguments: &'static [Column],
    /// What it returns.
    pub returns: Returns,
    /// Whether it only reads (stable or immutable) and so may be called by GET.
    pub read_only: bool,
    /// For the edge alone (its comment starts with `internal:`).
    pub internal: bool,
    /// Whether `anon` may execute it.
    pub anon: bool,
    /// Whether its use goes to `access_log` (its comment ends with `Its use is logged.`).
    pub logged: bool,
}

/// What a function returns.
#[derive(Debug)]
pub enum Returns {
    /// One value.
    Scalar(Type),
    /// One row or many of a table that clients may address; the flag: many.
    Table(&'static str, bool),
    /// One row or many of these columns; the flag: many.
    Rows(&'static [Column], bool),
}

/// The whole database, as one value that tests can replace.
#[derive(Debug)]
pub struct Schema {
    /// Every relation that clients may address.
    pub tables: &'static [Table],
    /// Every function of the schema `public` that `authenticated` or `anon` may execute.
    pub functions: &'static [Function],
}

impl Schema {
    /// The relation of that name.
    pub fn table(&self, name: &str) -> Option<&'static Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The function of that name, unless it is for the edge alone.
    pub fn function(&self, name: &str) -> Option<&'static Function> {
        self.functions.iter().find(|function| function.name == name && !function.internal)
    }

    /// The constraint of that name, with its table.
    pub fn constraint(&self, name: &str) -> Option<(&'static Table, &'static Constraint)> {
        self.tables.iter().find_map(|table| {
            table.constraints.iter().find(|constraint| constraint.name == name).map(|found| (table, found))
        })
    }
}
