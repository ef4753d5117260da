//! A Durable Object's SQLite: a small store of keys and values, and the Feed's log.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use worker::{Result, SqlStorage, SqlStorageValue as Sql, State};

use crate::live::feed::{BATCH_BYTES, Entry, LogEnds};

/// The most that one statement is given to write: a value that SQLite is handed may have 2 MB.
const WRITE_BYTES: usize = 256 * 1024;

type Write<'a> = (&'a String, &'a Option<String>);

/// The store of one object. Statements of one turn of the event loop are durable together or not at all.
#[derive(Clone)]
pub struct Store {
    sql: SqlStorage,
}

impl Store {
    /// The store, opened when it is first needed and once only: a statement that might write, even one that finds its
    /// table there, holds back whatever is sent after it until it is durable.
    pub fn opened<'a>(kept: &'a OnceCell<Self>, state: &State) -> Result<&'a Self> {
        if let Some(store) = kept.get() {
            return Ok(store);
        }
        let store = Self::open(state)?;
        Ok(kept.get_or_init(|| store))
    }

    /// Makes the tables where they are missing.
    fn open(state: &State) -> Result<Self> {
        let sql = state.storage().sql();
        sql.exec(
            "create table if not exists kv (key text primary key, value text not null) without rowid",
            None,
        )?;
        sql.exec(
            "create table if not exists log (offset integer primary key, seq integer not null, at_ms integer not null, \
             change text not null)",
            None,
        )?;
        Ok(Self { sql })
    }

    /// All keys and values.
    pub fn values(&self) -> Result<Vec<(String, String)>> {
        self.rows("select key, value from kv order by key", Vec::new(), |row| match row {
            [Sql::String(key), Sql::String(value)] => Some((key.clone(), value.clone())),
            _ => None,
        })
    }

    /// Stores a value.
    pub fn put(&self, key: &str, value: &str) -> Result<()> {
        let bindings = vec![Sql::from(key.to_owned()), Sql::from(value.to_owned())];
        self.sql.exec(
            "insert into kv values (?, ?) on conflict (key) do update set value = excluded.value",
            bindings,
        )?;
        Ok(())
    }

    /// Deletes a value.
    pub fn delete(&self, key: &str) -> Result<()> {
        self.sql.exec("delete from kv where key = ?", vec![Sql::from(key.to_owned())])?;
        Ok(())
    }

    /// Stores values, and deletes where there is `None`: two statements for hundreds of them.
    pub fn write(&self, all: &BTreeMap<String, Option<String>>) -> Result<()> {
        let entries: Vec<_> = all.iter().collect();
        for some in entries.chunk_by(bounded(WRITE_BYTES)) {
            let (kept, gone): (Vec<_>, Vec<_>) = some.iter().partition(|(_, value)| value.is_some());
            let kept: BTreeMap<_, _> = kept.into_iter().copied().collect();
            let gone: Vec<_> = gone.into_iter().map(|(key, _)| key).collect();
            if !kept.is_empty() {
                self.sql.exec(
                    "insert into kv select key, value from json_each(?) where true \
                     on conflict (key) do update set value = excluded.value",
                    vec![Sql::from(serde_json::to_string(&kept)?)],
                )?;
            }
            if !gone.is_empty() {
                self.sql.exec(
                    "delete from kv where key in (select value from json_each(?))",
                    vec![Sql::from(serde_json::to_string(&gone)?)],
                )?;
            }
        }
        Ok(())
    }

    /// Empties the log.
    pub fn clear_log(&self) -> Result<()> {
        self.sql.exec("delete from log", None)?;
        Ok(())
    }

    /// Appends to the log.
    pub fn append(&self, entries: Vec<Entry>) -> Result<()> {
        for Entry { offset, seq, at_ms, change } in entries {
            let bindings = vec![integer(offset)?, integer(seq)?, integer(at_ms)?, Sql::from(change)];
            self.sql.exec("insert into log values (?, ?, ?, ?)", bindings)?;
        }
        Ok(())
    }

    /// Deletes what is below an offset or older than a time, but never the newest entry; gives the lowest that is left.
    pub fn trim(&self, below: u64, before_ms: u64) -> Result<Option<LogEnds>> {
        self.sql.exec(
            "delete from log where (offset < ? or at_ms < ?) and offset < (select max(offset) from log)",
            vec![integer(below)?, integer(before_ms)?],
        )?;
        self.log_ends()
    }

    /// The lowest and the highest entry.
    pub fn log_ends(&self) -> Result<Option<LogEnds>> {
        let ends = self.rows(
            "select min(offset), max(offset), (select seq from log order by offset desc limit 1) from log",
            Vec::new(),
            |row| match row {
                [first, last, last_seq] => Some(LogEnds {
                    first: natural(first)?,
                    last: natural(last)?,
                    last_seq: natural(last_seq)?,
                }),
                _ => None,
            },
        )?;
        Ok(ends.into_iter().next())
    }

    /// Entries above `from` up to `upto`, in order, as far as a batch takes them: hundreds of long ones would not fit
    /// into memory.
    pub fn entries(&self, from: u64, upto: u64) -> Result<Vec<(u64, String)>> {
        let query = "select offset, change from log where offset > ? and offset <= ? order by offset";
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for row in self.sql.exec(query, vec![integer(from)?, integer(upto)?])?.raw() {
            if let [offset, Sql::String(change)] = row?.as_slice() {
                bytes += change.len();
                entries.extend(natural(offset).map(|offset| (offset, change.clone())));
            }
            if bytes > BATCH_BYTES {
                break;
            }
        }
        Ok(entries)
    }

    fn rows<T>(&self, query: &str, bindings: Vec<Sql>, read: impl Fn(&[Sql]) -> Option<T>) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        for row in self.sql.exec(query, bindings)?.raw() {
            rows.extend(read(&row?));
        }
        Ok(rows)
    }
}

/// Says how long a run of entries may go on: as long as they have so many bytes together, or for one entry.
fn bounded(most: usize) -> impl FnMut(&Write<'_>, &Write<'_>) -> bool {
    let bytes = |(key, value): &Write<'_>| key.len() + value.as_ref().map_or(0, String::len);
    let mut sum = 0;
    move |one, next| {
        sum += bytes(one);
        let goes_on = sum + bytes(next) <= most;
        if !goes_on {
            sum = 0;
        }
        goes_on
    }
}

fn integer(value: u64) -> Result<Sql> {
    let value = i64::try_from(value).map_err(|_| worker::Error::from("a number is too large"))?;
    Sql::try_from_i64(value)
}

/// JavaScript has one type of number: SQLite's integers come as either.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 2^53 and not negative")]
fn natural(value: &Sql) -> Option<u64> {
    match value {
        Sql::Integer(value) => u64::try_from(*value).ok(),
        Sql::Float(value) if *value >= 0.0 => Some(*value as u64),
        _ => None,
    }
}
