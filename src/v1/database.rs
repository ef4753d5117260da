//! What the client is told when the database, asked for the chatbot, does not do what it was asked.

use crate::http::{Method, SendError};
use crate::problem::{Kind, Problem};
use crate::rag::upstream::Fault;
use crate::rest::{errors, unreachable};
use crate::schema::Schema;

/// A fault of the database as a problem.
pub fn problem(schema: &Schema, fault: Fault) -> Problem {
    match fault {
        Fault::Refused(status, words) => match errors::parse(words.as_bytes()) {
            Some(error) => errors::problem(schema, Method::Post, status, &error),
            None => errors::unreadable(status),
        },
        Fault::Unreachable(cause) => unreachable(SendError::Unreachable(cause), "database"),
        Fault::Timeout => unreachable(SendError::Timeout, "database"),
        Fault::Busy(status, after) => {
            Problem::new(Kind::Unavailable, "The database is busy or away; try again.")
                .retry_after(after.unwrap_or(5))
                .cause(format!("upstream {status}"))
        }
        Fault::Garbled(_) | Fault::Unfit(_) => {
            Problem::new(Kind::BadUpstream, "The database answered something unexpected.")
                .cause(fault.to_string())
        }
    }
}
