//! The public catalogue (`service`, read by anon), kept at the edge.
//!
//! A kept answer is filed under the place in the change log up to which the catalogue is known, so that a change drops
//! all of them at once: the next reader asks under a new name. While nobody follows the log (no live room is open, or
//! the Feed is behind) nothing is kept and nothing kept is used.

use crate::auth::Role;
use crate::http::{Answer, Call, Method, Platform, Reply, Request, set_header};
use crate::problem::Problem;
use crate::rest::forward::Spec;
use crate::rest::prefer::Prefer;
use crate::rest::wants::{Media, Wants};
use crate::rest::{Rest, reply};
use crate::schema::Table;

/// The table that everybody may read.
const TABLE: &str = "service";
/// How long an answer is kept at most, in seconds; it is dropped by name long before.
const MAX_AGE: u32 = 3600;
/// RFC 9211.
const STATUS: &str = "cache-status";

/// Whether the answer would be the same for everybody.
pub fn is_public<P, R: Request>(rest: &Rest<'_, P, R>, table: &Table, wants: &Wants) -> bool {
    table.name == TABLE
        && rest.caller.role == Role::Anon
        && rest.request.method() == Method::Get
        && wants.media == Media::Json
        && wants.range.is_none()
        && wants.prefer == Prefer::default()
}

/// Reads by way of the cache.
pub async fn read<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    spec: Spec<'_>,
) -> Result<Answer<P::Stream>, Problem> {
    let call = &rest.call(spec);
    let Some(version) = rest.platform.catalogue_version(&rest.config.clinic_id).await else {
        return pass(rest, call).await.map(|reply| answer(reply, "chairside; fwd=bypass"));
    };
    let query = call.url.split_once('?').map_or("", |(_, query)| query);
    let key = format!("https://catalogue.chairside.dev/{}/{version}?{query}", rest.config.clinic_id);
    if let Some(kept) = rest.platform.recall(&key, reply::HEADERS).await {
        return Ok(answer(kept, "chairside; hit"));
    }
    let reply = pass(rest, call).await?;
    let reply = if reply.status == 200 { rest.platform.keep(&key, reply, MAX_AGE).await } else { reply };
    Ok(answer(reply, "chairside; fwd=miss"))
}

async fn pass<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    call: &Call,
) -> Result<Reply<P::Stream>, Problem> {
    rest.once(call).await?.or_problem(rest.schema, Method::Get)
}

/// Browsers may keep it too, but ask each time: nobody can tell them that it has changed.
fn answer<S>(reply: Reply<S>, status: &str) -> Answer<S> {
    let mut answer = reply::pass(reply);
    set_header(&mut answer.headers, "cache-control", "public, no-cache".to_owned());
    set_header(&mut answer.headers, STATUS, status.to_owned());
    answer
}
