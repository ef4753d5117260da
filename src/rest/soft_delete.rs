//! DELETE on tables whose rows are only marked (`deleted_at`): PostgREST counts and returns none of them, so the count
//! comes from a header that the database sets, and a representation is read before.

use std::borrow::Cow;

use crate::apart::apart;
use crate::http::{Answer, Collected, Headers, Method, Payload, Platform, Reply, Request, set_header};
use crate::problem::{Kind, Problem};
use crate::rest::prefer::{Prefer, Return};
use crate::rest::query::{Checked, MAX_LIMIT};
use crate::rest::reply::Outcome;
use crate::rest::table::{affected, change_spec, read_spec, restore_headers};
use crate::rest::wants::{Media, Wants};
use crate::rest::{Rest, precondition, reply, unreachable};
use crate::schema::Table;

/// The longest representation of deleted rows that is held back until they are gone.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Serves one such request.
pub async fn serve<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &'static Table,
    wants: &Wants,
    query: &Checked,
) -> Result<Answer<P::Stream>, Problem> {
    let represented = wants.prefer.returns == Some(Return::Representation);
    let before = if represented { Some(read_before(rest, table, wants, query).await?) } else { None };
    let plain = Wants { prefer: Prefer { returns: None, ..wants.prefer.clone() }, ..wants.clone() };
    let plain = Wants { media: Media::Json, ..plain };
    let spec = change_spec(table.name, Method::Delete, &plain, &query.filters_only(), None);
    let reply = rest.send(spec).await?.or_problem(rest.schema, Method::Delete)?;
    let marked = reply.header(reply::SOFT_DELETED).and_then(|count| count.parse().ok()).unwrap_or(0_u64);
    if wants.if_match.is_some() && marked == 0 {
        return Err(apart(precondition::explain_no_rows(rest, table, query)).await);
    }
    let mut answer = match before {
        None => reply::pass(reply),
        Some(before) => before.answer(marked, reply)?,
    };
    let total = if wants.prefer.count.is_some() { marked.to_string() } else { "*".to_owned() };
    set_header(&mut answer.headers, "content-range", format!("*/{total}"));
    restore_headers(&mut answer, wants);
    Ok(answer)
}

/// Rows as they were before they were marked.
struct Before {
    rows: u64,
    media: String,
    bytes: Vec<u8>,
    single: bool,
}

async fn read_before<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &Table,
    wants: &Wants,
    query: &Checked,
) -> Result<Before, Problem> {
    let wants = Wants { prefer: Prefer { count: Some("exact"), ..Prefer::default() }, ..wants.clone() };
    let outcome = rest.send(read_spec(table.name, Method::Get, &wants, query)).await?;
    let reply = match outcome {
        Outcome::Refused(_, error) if wants.if_match.is_some() && error.is_not_one_row() => {
            return Err(apart(precondition::explain_no_rows(rest, table, query)).await);
        }
        outcome => outcome.or_problem(rest.schema, Method::Get)?,
    };
    let rows = affected(&reply).unwrap_or(0);
    if rows > MAX_LIMIT {
        return Err(Problem::new(
            Kind::InvalidQuery,
            format!("A representation of more than {MAX_LIMIT} deleted rows cannot be returned."),
        ));
    }
    let media = reply.header("content-type").unwrap_or("application/json; charset=utf-8").to_owned();
    let body = rest.platform.collect(reply.body, MAX_BYTES).await;
    match body.map_err(|error| unreachable(error, "database"))? {
        Collected::Whole(bytes) => Ok(Before { rows, media, bytes, single: wants.media.is_object() }),
        Collected::Longer(_) => {
            Err(Problem::new(Kind::InvalidQuery, "The representation of the deleted rows is too large."))
        }
    }
}

impl Before {
    fn answer<S>(self, marked: u64, reply: Reply<S>) -> Result<Answer<S>, Problem> {
        let headers: Headers =
            reply.headers.into_iter().filter(|(name, _)| name == "preference-applied").collect();
        let bytes = match marked {
            count if count == self.rows => self.bytes,
            0 if self.single => return Err(no_single_row()),
            0 => b"[]".to_vec(),
            _ => {
                return Err(Problem::new(
                    Kind::Conflict,
                    format!("{marked} rows were deleted, but others changed meanwhile; read them again."),
                ));
            }
        };
        let mut answer = Answer { status: 200, headers, body: Payload::Bytes(bytes) };
        set_header(&mut answer.headers, "content-type", self.media);
        let others = crate::http::find(&answer.headers, "preference-applied");
        let applied =
            [Some("return=representation"), others].into_iter().flatten().collect::<Vec<_>>().join(", ");
        set_header(&mut answer.headers, "preference-applied", applied);
        Ok(answer)
    }
}

/// What PostgREST says when one object is wanted and nothing was deleted; clients read its code and details.
fn no_single_row() -> Problem {
    let detail = "JSON object requested, multiple (or no) rows returned";
    let mut problem = Problem::new(Kind::NotAcceptable, detail);
    problem.code = Cow::Borrowed("PGRST116");
    problem.details = Some("The result contains 0 rows".to_owned());
    problem
}
