//! The filter language as Chroma's `where`: one condition an object, several joined by `$and`.

use serde_json::{Value, json};

use crate::rag::store::{Clause, Filter};

/// The `where` of a filter; none when it lets everything through.
pub fn to_where(filter: &Filter) -> Option<Value> {
    let conditions: Vec<Value> = filter.clauses().iter().filter_map(condition).collect();
    joined("$and", conditions)
}

fn condition(clause: &Clause) -> Option<Value> {
    match clause {
        Clause::Field { name, op, value } => Some(json!({name: {op.name(): value}})),
        Clause::And(parts) => joined("$and", parts.iter().filter_map(to_where).collect()),
        // One that lets everything through makes the whole of them do so.
        Clause::Or(parts) => joined("$or", parts.iter().map(to_where).collect::<Option<_>>()?),
    }
}

// `$and` and `$or` take at least two.
fn joined(name: &str, mut conditions: Vec<Value>) -> Option<Value> {
    match conditions.len() {
        0 => None,
        1 => conditions.pop(),
        _ => Some(json!({name: conditions})),
    }
}
