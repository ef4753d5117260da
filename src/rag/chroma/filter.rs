//! The filter language as Chroma's `where`.

use serde_json::Value;

use crate::rag::conditions::{plain, written};
use crate::rag::store::Filter;

/// The `where` of a filter; none when it lets everything through.
pub fn to_where(filter: &Filter) -> Option<Value> {
    written(filter, plain)
}
