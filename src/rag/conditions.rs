//! A filter as the JSON that vector stores read: one condition an object, several joined by `$and`. Both stores take the
//! same words and differ in single conditions alone.

use serde_json::{Value, json};

use super::store::{Clause, Filter, Op};

/// The JSON of a filter; none when it lets everything through. `field` writes a single condition.
pub fn written(filter: &Filter, field: fn(&str, Op, &Value) -> Value) -> Option<Value> {
    let conditions: Vec<Value> =
        filter.clauses().iter().filter_map(|clause| condition(clause, field)).collect();
    joined("$and", conditions)
}

fn condition(clause: &Clause, field: fn(&str, Op, &Value) -> Value) -> Option<Value> {
    let part = |part| written(part, field);
    match clause {
        Clause::Field { name, op, value } => Some(field(name, *op, value)),
        Clause::And(parts) => joined("$and", parts.iter().filter_map(part).collect()),
        // One that lets everything through makes the whole of them do so.
        Clause::Or(parts) => joined("$or", parts.iter().map(part).collect::<Option<_>>()?),
    }
}

/// A condition as it is in both languages.
pub fn plain(name: &str, op: Op, value: &Value) -> Value {
    json!({name: {op.name(): value}})
}

/// Conditions joined by `$and` or `$or`, which take at least two.
pub fn joined(name: &str, mut conditions: Vec<Value>) -> Option<Value> {
    match conditions.len() {
        0 => None,
        1 => conditions.pop(),
        _ => Some(json!({name: conditions})),
    }
}
