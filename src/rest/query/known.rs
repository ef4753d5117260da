//! Queries that were found right before, so that the same text is not read, checked and written again: programs ask the same
//! few over and over, which databases meet with prepared statements.
//!
//! What a query is found to be depends on its text, its target and the operation alone and never on who asks, so that it holds
//! for everybody as long as the schema does, which is as long as this program. One that was refused is looked at anew each time.
//! They hold what was asked for, names of patients too: they are in memory alone, and nothing prints them.

use std::num::NonZeroUsize;
use std::rc::Rc;

use lru::LruCache;

use super::{Checked, Mode, Op, Target};

/// How many are kept, the latest.
const MOST: NonZeroUsize = NonZeroUsize::new(128).unwrap();
/// The longest text that is kept, in bytes: what is longer is hardly asked twice.
const LONGEST: usize = 1024;

/// The queries that one isolate knows.
pub struct Known(LruCache<Box<str>, Rc<Checked>>);

impl Default for Known {
    fn default() -> Self {
        Self(LruCache::new(MOST))
    }
}

impl Known {
    /// What a raw text was found to be.
    pub fn find(&mut self, raw: &str, mode: Mode, target: Target, op: Op) -> Option<Rc<Checked>> {
        if raw.len() > LONGEST {
            return None;
        }
        self.0.get(key(raw, mode, target, op).as_str()).cloned()
    }

    /// Keeps what a raw text was found to be.
    pub fn keep(&mut self, raw: &str, mode: Mode, target: Target, op: Op, query: Rc<Checked>) {
        if raw.len() <= LONGEST {
            self.0.put(key(raw, mode, target, op).into(), query);
        }
    }
}

/// All that decides what a text means. No table's or function's name holds a space or a question mark.
fn key(raw: &str, mode: Mode, target: Target, op: Op) -> String {
    let mode = match mode {
        Mode::Filters => " filters ",
        Mode::Arguments => " arguments ",
    };
    let (kind, name) = match target {
        Target::Table(table) => ("", table.name),
        Target::Function(function) => ("rpc/", function.name),
    };
    [op.word(), mode, kind, name, "?", raw].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::SCHEMA;
    use super::*;

    const OPS: [Op; 6] = [Op::Read, Op::Insert, Op::Upsert, Op::Replace, Op::Update, Op::Delete];
    const TEXTS: [&str; 6] = ["", "select=id", "id=eq.1", "limit=5", "select=id&limit=5", "columns=id"];

    const MODES: [Mode; 2] = [Mode::Filters, Mode::Arguments];

    fn checked(raw: &str, mode: Mode, target: Target, op: Op) -> Option<Checked> {
        super::super::check(super::super::parse(raw, mode).ok()?, target, &SCHEMA, op).ok()
    }

    /// The tables, then the functions.
    fn targets() -> Vec<Target> {
        let functions = SCHEMA.functions.iter().map(Target::Function);
        SCHEMA.tables.iter().map(Target::Table).chain(functions).collect()
    }

    proptest! {
        #[test]
        fn what_is_known_is_what_a_fresh_check_finds(asked in proptest::collection::vec((0..TEXTS.len(), 0..MODES.len(), 0..OPS.len(), 0..targets().len()), 0..300)) {
            let mut known = Known::default();
            for (text, mode, op, target) in asked {
                let (raw, mode, op, target) = (TEXTS[text], MODES[mode], OPS[op], targets()[target]);
                let fresh = checked(raw, mode, target, op);
                if let Some(found) = known.find(raw, mode, target, op) {
                    prop_assert_eq!(Some(format!("{found:?}")), fresh.as_ref().map(|fresh| format!("{fresh:?}")));
                }
                if let Some(fresh) = fresh {
                    known.keep(raw, mode, target, op, Rc::new(fresh));
                    prop_assert!(known.find(raw, mode, target, op).is_some());
                }
            }
        }
    }

    #[test]
    fn the_latest_are_kept_and_none_that_is_long() {
        let target = Target::Table(&SCHEMA.tables[0]);
        let query = Rc::new(checked("", Mode::Filters, target, Op::Read).unwrap());
        let mut known = Known::default();
        let is_known =
            |known: &mut Known, raw: &str| known.find(raw, Mode::Filters, target, Op::Read).is_some();
        for n in 0..=MOST.get() {
            known.keep(&format!("limit={n}"), Mode::Filters, target, Op::Read, Rc::clone(&query));
        }
        assert!(!is_known(&mut known, "limit=0") && is_known(&mut known, "limit=1"));
        let long = "x".repeat(LONGEST + 1);
        known.keep(&long, Mode::Filters, target, Op::Read, query);
        assert!(!is_known(&mut known, &long));
    }
}
