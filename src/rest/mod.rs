//! PostgREST's dialect: the grammar, the checks against the schema, the calls that are made of it.

pub mod query;
