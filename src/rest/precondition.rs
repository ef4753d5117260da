//! `ETag` and `If-Match`: a row's `version` is its entity tag.

use serde::Deserialize;

use crate::http::{Answer, Collected, Headers, Method, Payload, Platform, Reply, Request, set_header};
use crate::problem::{Kind, Problem};
use crate::rest::forward::Spec;
use crate::rest::query::{Checked, text};
use crate::rest::wants::Wants;
use crate::rest::{Rest, reply, unreachable};
use crate::schema::Table;

/// The longest single object that is read for its version.
const MAX_BYTES: usize = 256 * 1024;

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// How much of a reply is read before it is passed on: a single object that shows its `version`, for its `ETag`.
pub fn whole(table: &Table, query: &Checked, wants: &Wants) -> usize {
    if shows_version(table, query, wants) { MAX_BYTES } else { 0 }
}

fn shows_version(table: &Table, query: &Checked, wants: &Wants) -> bool {
    wants.media.is_object() && table.column("version").is_some() && query.selects_column("version")
}

/// Passes the reply to an insert on. Versions count updates, so that a new row's is known without reading it.
pub fn pass_new<S>(table: &Table, query: &Checked, wants: &Wants, reply: Reply<S>) -> Answer<S> {
    let answer = reply::pass(reply);
    match answer.body {
        Payload::Stream(_) if shows_version(table, query, wants) => answer.header("etag", "\"1\""),
        _ => answer,
    }
}

/// Passes a reply on; a single object that shows its `version` is read and gets its `ETag`.
pub async fn pass_with_etag<P: Platform>(
    platform: &P,
    table: &Table,
    query: &Checked,
    wants: &Wants,
    reply: Reply<P::Stream>,
) -> Result<Answer<P::Stream>, Problem> {
    let mut answer = reply::pass(reply);
    let limit = whole(table, query, wants);
    if limit == 0 {
        return Ok(answer);
    }
    if let Payload::Stream(stream) = answer.body {
        if let Some(bytes) = platform.taken(&stream) {
            add_etag(&mut answer.headers, &bytes);
            return Ok(Answer { body: Payload::Stream(stream), ..answer });
        }
        answer.body = match platform.collect(stream, limit).await {
            Ok(Collected::Whole(bytes)) => {
                add_etag(&mut answer.headers, &bytes);
                Payload::Bytes(bytes)
            }
            Ok(Collected::Longer(stream)) => Payload::Stream(stream),
            Err(error) => return Err(unreachable(error, "database")),
        };
    }
    Ok(answer)
}

fn add_etag(headers: &mut Headers, bytes: &[u8]) {
    if let Ok(Versioned { version }) = serde_json::from_slice(bytes) {
        set_header(headers, "etag", format!("\"{version}\""));
    }
}

/// Refuses an `If-Match` that is not about exactly one row, and one on PUT, in which PostgREST allows no filter beside
/// the key.
pub fn check_one_row(method: Method, wants: &Wants, query: &Checked) -> Result<(), Problem> {
    if wants.if_match.is_some() && method == Method::Put {
        return Err(Problem::new(Kind::InvalidHeader, "If-Match is not supported for PUT.")
            .hint("Change the row by PATCH."));
    }
    if wants.if_match.is_some() && query.pinned_key().is_none() {
        return Err(Problem::new(Kind::InvalidHeader, "If-Match needs a request for one row.")
            .hint("Filter by eq on the whole primary key, such as id=eq.…"));
    }
    Ok(())
}

/// A write under `If-Match` changed no row: 412 when the row is there in another version, else 404.
pub async fn explain_no_rows<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &Table,
    query: &Checked,
) -> Problem {
    let mut version = query.filters_only().text().to_owned();
    text::push(&mut version, "select", "version");
    let outcome = match rest.send(Spec::get(table.name, version)).await {
        Ok(outcome) => outcome,
        Err(problem) => return problem,
    };
    match outcome.or_problem(rest.schema, Method::Get) {
        Err(problem) => problem,
        Ok(reply) if reply.header("content-range").is_some_and(|range| range.starts_with('*')) => {
            Problem::new(Kind::NotFound, "There is no such row, or you may not see it.")
        }
        Ok(_) => Problem::new(
            Kind::PreconditionFailed,
            "The row has changed since you read it, or may not be changed by you.",
        )
        .hint("Read it again and decide anew."),
    }
}
