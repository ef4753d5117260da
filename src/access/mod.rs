//! Who has read medical records: which requests are such a reading, and how it gets into `access_log` for certain.
//!
//! A reading is noted in a queue ([`queue`], a Durable Object) while the database is still busy with it, and the reply
//! waits for both: what was read is known to have been, whatever becomes of the Worker. How many rows it was is told
//! a moment afterwards. From the queue it goes to the database, under the reader's own token, until it is in; each has an id of
//! ours, by which one that is told twice is kept once. (Not the request's id: that is the client's to choose, and a
//! second reading under the same one would be none.) Who follows medical records in a live room reads whatever comes: that is noted
//! before the subscription is answered, for each token under which it goes on.

pub mod queue;

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use crate::auth::Caller;
use crate::http::{Answer, find};
use crate::ids::text_of;
use crate::schema::{Function, Returns};

/// The tables that are medical records.
pub const MEDICAL: [&str; 2] = ["patient_medical_history", "treatment_records"];

/// One reading, as `log_access` takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Made at the edge.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who: believed under the service key alone.
    pub actor: String,
    /// The request's method; `LISTEN` for a subscription in a live room.
    pub method: String,
    /// Its path, by the schema's names.
    pub route: String,
    /// Its query without values.
    pub query: String,
    /// How many rows were shown; `None` until that is known.
    pub row_count: Option<u64>,
    /// The request's id.
    pub request_id: String,
}

/// A reading with the token to tell it under.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What is read.
    pub reading: Reading,
    /// The reader's token.
    pub token: String,
    /// When that ends, in Unix seconds.
    pub expires_at: u64,
    /// Whether nothing more will be told of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_told: bool,
}

impl std::fmt::Debug for Intent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intent").field("id", &self.reading.id).finish_non_exhaustive()
    }
}

/// What became of a reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The reading's id.
    pub id: String,
    /// Whether anything was shown; a refused request has read nothing.
    pub shown: bool,
    /// How many rows, where the reply says so.
    pub row_count: Option<u64>,
}

/// Where a request keeps its reading until the call that makes it.
#[derive(Debug, Default)]
pub struct Slot {
    pending: RefCell<Option<Intent>>,
    noted: RefCell<Vec<String>>,
    closed: RefCell<Vec<Outcome>>,
}

impl Slot {
    /// Puts it there.
    pub fn expect(&self, intent: Intent) {
        *self.pending.borrow_mut() = Some(intent);
    }

    /// Takes it for the call that is made now.
    pub fn take(&self) -> Option<Intent> {
        let intent = self.pending.borrow_mut().take()?;
        self.noted.borrow_mut().push(intent.reading.id.clone());
        Some(intent)
    }

    /// What became of the last one, where the answer's head does not say it: so many rows were shown, or nothing.
    pub fn close(&self, row_count: Option<usize>) {
        let row_count = row_count.and_then(|count| u64::try_from(count).ok());
        if let Some(id) = self.noted.borrow_mut().pop() {
            self.closed.borrow_mut().push(Outcome { id, shown: row_count.is_some(), row_count });
        }
    }

    /// What became of all that were noted, by the answer.
    pub fn outcomes<S>(&self, answer: &Answer<S>) -> Vec<Outcome> {
        let shown = answer.status < 400;
        let row_count = find(&answer.headers, "content-range").and_then(rows);
        let open = self.noted.take().into_iter().map(|id| Outcome { id, shown, row_count });
        open.chain(self.closed.take()).collect()
    }
}

/// How many rows a `Content-Range` is about.
fn rows(range: &str) -> Option<u64> {
    let (shown, _) = range.split_once('/')?;
    if shown == "*" {
        return Some(0);
    }
    let (first, last) = shown.split_once('-')?;
    last.parse::<u64>().ok()?.checked_sub(first.parse().ok()?)?.checked_add(1)
}

/// Whether rows of these relations are medical records.
pub fn is_medical(relations: &[&str]) -> bool {
    relations.iter().any(|name| MEDICAL.contains(name))
}

/// Whether a function tells of medical records.
pub fn tells(function: &Function) -> bool {
    let of_table = matches!(function.returns, Returns::Table(name, _) if MEDICAL.contains(&name));
    of_table || function.logged
}

/// The reading of somebody who is signed in. Whether they are staff is for the database to say, which has the row; a
/// token may be older than a role.
pub fn intent(caller: &Caller, reading: impl FnOnce(String) -> Reading) -> Option<Intent> {
    let (id, token) = (caller.id?, caller.token()?);
    let (reading, expires_at) = (reading(text_of(id)), caller.expires_at?);
    Some(Intent { reading, token: token.to_owned(), expires_at, is_told: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SCHEMA;

    #[test]
    fn rows_are_counted_by_content_range() {
        for (range, count) in [
            ("0-4/*", Some(5)),
            ("10-10/34", Some(1)),
            ("*/0", Some(0)),
            ("*/*", Some(0)),
            ("9-4/*", None),
            ("items", None),
            ("0-x/1", None),
        ] {
            assert_eq!(rows(range), count, "{range}");
        }
    }

    #[test]
    fn an_intent_shows_no_token() {
        let reading = Reading {
            id: "r".into(),
            at_ms: 0,
            actor: String::new(),
            method: String::new(),
            route: String::new(),
            query: String::new(),
            row_count: None,
            request_id: String::new(),
        };
        let intent = Intent { reading, token: "secret".into(), expires_at: 0, is_told: false };
        assert!(!format!("{intent:?}").contains("secret"));
    }

    #[test]
    fn the_functions_that_tell_of_medical_records_are_known() {
        assert!(tells(SCHEMA.function("patients_by_lot").unwrap()));
        assert!(!tells(SCHEMA.function("available_slots").unwrap()));
        assert!(MEDICAL.iter().all(|name| SCHEMA.table(name).is_some()));
    }
}
