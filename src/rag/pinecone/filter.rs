//! The filter language as Pinecone reads it: its own, but for lists of booleans, which `$in` and `$nin` do not take.

use serde_json::Value;

use crate::rag::conditions::{joined, plain, written};
use crate::rag::store::{Filter, Op};

/// The `filter` of a query; none when it lets everything through.
pub fn to_filter(filter: &Filter) -> Option<Value> {
    written(filter, field)
}

fn field(name: &str, op: Op, value: &Value) -> Value {
    let (each, join) = match op {
        Op::In => (Op::Eq, "$or"),
        Op::Nin => (Op::Ne, "$and"),
        _ => return plain(name, op, value),
    };
    match value.as_array() {
        Some(values) if values.iter().all(Value::is_boolean) => {
            joined(join, values.iter().map(|value| plain(name, each, value)).collect())
                .unwrap_or_else(|| plain(name, op, value))
        }
        _ => plain(name, op, value),
    }
}
