//! A table's request: read, insert, upsert, update, replace, delete.

use std::borrow::Cow;
use std::rc::Rc;

use crate::apart::apart;
use crate::http::{Answer, Method, Platform, Reply, Request, set_header};
use crate::problem::{Kind, Problem, Violation};
use crate::rest::body::{self, Rows};
use crate::rest::forward::Spec;
use crate::rest::prefer::{Prefer, Return};
use crate::rest::query::{Checked, MAX_LIMIT, Mode, Target, text};
use crate::rest::reply::Outcome;
use crate::rest::wants::Wants;
use crate::rest::{Rest, catalogue, idempotency, method_not_allowed, op, precondition, slots, soft_delete};
use crate::schema::Table;
use crate::schema::validate::{self, MAX_ERRORS, Write};

/// Serves one request.
pub async fn serve<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &'static Table,
) -> Result<Answer<P::Stream>, Problem> {
    let method = rest.request.method();
    check_method(table, method)?;
    let wants = Wants::read(rest.request)?;
    let upsert = wants.prefer.resolution.is_some();
    let op = op(method, upsert).ok_or_else(|| method_not_allowed("GET, HEAD, POST, PATCH, PUT, DELETE"))?;
    let query = rest.query(Target::Table(table), Mode::Filters, op)?;
    check_filter(method, &query)?;
    precondition::check_one_row(method, &wants, &query)?;
    if method.is_read() || wants.prefer.returns == Some(Return::Representation) {
        rest.expect_reading(table.name, &query, false);
    }
    match method {
        Method::Get | Method::Head => read(rest, table, &wants, &query).await,
        Method::Delete if table.column("deleted_at").is_some() => {
            apart(soft_delete::serve(rest, table, &wants, &query)).await
        }
        Method::Delete => apart(change(rest, table, &wants, &query, None)).await,
        Method::Post => apart(insert(rest, table, &wants, &query)).await,
        _ => {
            let bytes = rest.body().await?;
            BodyCheck::new(table, method, &query, &wants).check(&bytes)?;
            apart(change(rest, table, &wants, &query, Some(bytes))).await
        }
    }
}

fn check_method(table: &Table, method: Method) -> Result<(), Problem> {
    let allowed = match method {
        Method::Get | Method::Head => true,
        Method::Post => table.insertable(),
        Method::Patch => table.updatable(),
        Method::Put => table.insertable() && table.updatable(),
        Method::Delete => table.deletable,
        Method::Options | Method::Other => false,
    };
    if allowed { Ok(()) } else { Err(method_not_allowed(&methods(table).join(", "))) }
}

/// The methods that at least one role has on a table.
pub fn methods(table: &Table) -> Vec<&'static str> {
    let (insert, update) = (table.insertable(), table.updatable());
    [
        ("GET", true),
        ("HEAD", true),
        ("POST", insert),
        ("PATCH", update),
        ("PUT", insert && update),
        ("DELETE", table.deletable),
    ]
    .into_iter()
    .filter_map(|(name, allowed)| allowed.then_some(name))
    .collect()
}

/// A write that names no rows would touch all of them.
fn check_filter(method: Method, query: &Checked) -> Result<(), Problem> {
    match method {
        Method::Patch | Method::Delete if !query.has_filter() => {
            Err(Problem::new(Kind::MissingFilter, format!("{} needs a filter.", method.name()))
                .hint("Say which rows you mean, such as ?id=eq.…"))
        }
        Method::Put if query.pinned_key().is_none() => {
            Err(Problem::new(Kind::MissingFilter, "PUT needs the whole primary key, each column by eq.")
                .hint("Say which row you mean, such as ?id=eq.…"))
        }
        _ => Ok(()),
    }
}

async fn read<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &Table,
    wants: &Wants,
    query: &Checked,
) -> Result<Answer<P::Stream>, Problem> {
    let spec = Spec {
        whole: precondition::whole(table, query, wants),
        ..read_spec(table.name, rest.request.method(), wants, query)
    };
    if catalogue::is_public(rest, table, wants) {
        return apart(catalogue::read(rest, spec)).await;
    }
    let reply = rest.send(spec).await?;
    let reply = reply.or_problem(rest.schema, Method::Get)?;
    precondition::pass_with_etag(rest.platform, table, query, wants, reply).await
}

/// A read without a limit of its own gets the highest that is allowed, whatever the project's settings say.
pub(super) fn read_spec<'a>(target: &'a str, method: Method, wants: &Wants, query: &Checked) -> Spec<'a> {
    let mut text = query.text().to_owned();
    let bounded = query.limit().is_some() || wants.range.is_some_and(|(_, last)| last.is_some());
    if !bounded {
        text::push(&mut text, "limit", &MAX_LIMIT.to_string());
    }
    Spec {
        method,
        accept: wants.media.name(),
        prefer: wants.prefer.print(),
        range: wants.range,
        ..Spec::get(target, text)
    }
}

/// What a body of a write must be.
#[derive(Clone, Debug)]
pub struct BodyCheck {
    table: &'static Table,
    method: Method,
    query: Rc<Checked>,
    missing_default: bool,
}

impl BodyCheck {
    fn new(table: &'static Table, method: Method, query: &Rc<Checked>, wants: &Wants) -> Self {
        let missing_default = wants.prefer.missing_default == Some(true);
        Self { table, method, query: Rc::clone(query), missing_default }
    }

    /// Whether the other finds the same: one of the same table and method.
    pub fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.table, other.table)
            && self.method == other.method
            && self.missing_default == other.missing_default
            && Rc::ptr_eq(&self.query, &other.query)
    }

    /// Checks a body.
    ///
    /// # Errors
    /// What the client is told of a wrong one.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Problem> {
        let text = body::text(bytes)?;
        body::check_depth(text)?;
        let rows = body::parse(text)?;
        if rows.bulk && self.method != Method::Post {
            return Err(Problem::violations(
                Kind::InvalidBody,
                vec![Violation::body(
                    "",
                    "type",
                    format!("{} takes one object, no array.", self.method.name()),
                )],
            ));
        }
        let columns = self.query.columns();
        let write = match self.method {
            Method::Patch => Write::Update { columns },
            _ => Write::Insert { columns, missing_default: self.missing_default },
        };
        let errors = check_rows(self.table, write, &rows);
        if errors.is_empty() { Ok(()) } else { Err(Problem::violations(Kind::Validation, errors)) }
    }
}

fn check_rows(table: &Table, write: Write<'_>, rows: &Rows<'_>) -> Vec<Violation> {
    let mut errors = Vec::new();
    for (at, row) in rows.rows.iter().enumerate() {
        validate::row(table, write, &row.0, &rows.pointer(at), &mut errors);
        if errors.len() >= MAX_ERRORS {
            errors.truncate(MAX_ERRORS);
            break;
        }
    }
    if errors.is_empty() && matches!(write, Write::Insert { columns: None, .. }) {
        errors.extend(uneven(rows));
    }
    errors
}

/// Without `columns`, PostgREST takes the first row's members for all rows: the others must have the same.
fn uneven(rows: &Rows<'_>) -> Option<Violation> {
    let first = rows.rows.first()?;
    rows.rows.iter().position(|row| !has_the_same_members(first, row)).map(|at| {
        Violation::body(
            rows.pointer(at),
            "uneven-rows",
            "All rows must have the same members, unless `columns` lists them.",
        )
    })
}

fn has_the_same_members(one: &body::Object<'_>, other: &body::Object<'_>) -> bool {
    // Rows that a program makes mostly have them in the same order.
    let is_same = |(one, other): (&(Cow<'_, str>, _), &(Cow<'_, str>, _))| one.0 == other.0;
    one.0.len() == other.0.len()
        && (one.0.iter().zip(&other.0).all(is_same)
            || one.0.iter().all(|(name, _)| other.0.iter().any(|(known, _)| known == name)))
}

async fn insert<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &'static Table,
    wants: &Wants,
    query: &Rc<Checked>,
) -> Result<Answer<P::Stream>, Problem> {
    let bytes = rest.body().await?;
    let check = BodyCheck::new(table, Method::Post, query, wants);
    check.check(&bytes)?;
    let claim = idempotency::Claim::of(wants, query, &bytes);
    let is_new = wants.prefer.resolution.is_none();
    // A key of idempotency is found again by its body.
    if is_new && claim.is_none() {
        rest.body.replace(Some(check));
    }
    let spec = Spec {
        accept: wants.media.name(),
        prefer: wants.prefer.print(),
        headers: claim.iter().flat_map(idempotency::Claim::headers).collect(),
        whole: if is_new { 0 } else { precondition::whole(table, query, wants) },
        ..Spec::post(table.name, query.text().to_owned(), Some(bytes.clone()))
    };
    match (rest.send(spec).await?, claim) {
        (Outcome::Refused(_, error), Some(claim)) if error.is_idempotency_conflict() => {
            apart(idempotency::replay_rows(rest, table, wants, query, &claim)).await
        }
        (Outcome::Refused(status, error), _) => {
            Err(apart(slots::explain(rest, table.name, None, &bytes, status, &error)).await)
        }
        (outcome, _) => {
            let reply = outcome.or_problem(rest.schema, Method::Post)?;
            if is_new {
                return Ok(precondition::pass_new(table, query, wants, reply));
            }
            precondition::pass_with_etag(rest.platform, table, query, wants, reply).await
        }
    }
}

/// PATCH, PUT, and DELETE where rows really go.
async fn change<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    table: &'static Table,
    wants: &Wants,
    query: &Checked,
    bytes: Option<Vec<u8>>,
) -> Result<Answer<P::Stream>, Problem> {
    let method = rest.request.method();
    let spec = Spec {
        whole: precondition::whole(table, query, wants),
        ..change_spec(table.name, method, wants, query, bytes.clone())
    };
    let outcome = rest.send(spec).await?;
    let reply = match outcome {
        Outcome::Refused(_, error) if wants.if_match.is_some() && error.is_not_one_row() => {
            return Err(apart(precondition::explain_no_rows(rest, table, query)).await);
        }
        Outcome::Refused(status, error) => {
            let body = bytes.unwrap_or_default();
            return Err(apart(slots::explain(rest, table.name, Some(query), &body, status, &error)).await);
        }
        outcome => outcome.or_problem(rest.schema, method)?,
    };
    if wants.if_match.is_some() && affected(&reply) == Some(0) {
        return Err(apart(precondition::explain_no_rows(rest, table, query)).await);
    }
    let mut answer = precondition::pass_with_etag(rest.platform, table, query, wants, reply).await?;
    restore_headers(&mut answer, wants);
    Ok(answer)
}

pub(super) fn change_spec<'a>(
    target: &'a str,
    method: Method,
    wants: &Wants,
    query: &Checked,
    body: Option<Vec<u8>>,
) -> Spec<'a> {
    let mut text = query.text().to_owned();
    let mut prefer = wants.prefer.clone();
    if let Some(version) = wants.if_match {
        text::push(&mut text, "version", &format!("eq.{version}"));
        prefer.count = Some("exact");
    }
    Spec {
        method,
        accept: wants.media.name(),
        prefer: prefer.print(),
        headers: max_affected(&wants.prefer),
        ..Spec::post(target, text, body)
    }
}

/// PostgREST before 13 does not know `max-affected`: the database counts by itself and rolls back.
fn max_affected(prefer: &Prefer) -> Vec<(&'static str, String)> {
    match prefer {
        Prefer { strict: Some(true), max_affected: Some(most), .. } => {
            vec![("x-chairside-max-affected", most.to_string())]
        }
        _ => Vec::new(),
    }
}

/// How many rows a reply with an exact count is about.
pub(super) fn affected<S>(reply: &Reply<S>) -> Option<u64> {
    reply.header("content-range")?.rsplit_once('/')?.1.parse().ok()
}

/// Takes back what the edge asked for on its own, and says what it applied by itself.
pub(super) fn restore_headers<S>(answer: &mut Answer<S>, wants: &Wants) {
    let asked_count = wants.if_match.is_some() && wants.prefer.count.is_none();
    for (name, value) in &mut answer.headers {
        match name.as_ref() {
            "content-range" if asked_count => {
                if let Some((rows, _)) = value.rsplit_once('/') {
                    *value = format!("{rows}/*").into();
                }
            }
            "preference-applied" if asked_count => {
                let kept: Vec<_> =
                    value.split(',').map(str::trim).filter(|item| !item.starts_with("count=")).collect();
                *value = kept.join(", ").into();
            }
            _ => {}
        }
    }
    answer.headers.retain(|(name, value)| name != "preference-applied" || !value.is_empty());
    if let (Some(true), Some(most)) = (wants.prefer.strict, wants.prefer.max_affected) {
        let applied = crate::http::find(&answer.headers, "preference-applied").unwrap_or("handling=strict");
        let applied = format!("{applied}, max-affected={most}");
        set_header(&mut answer.headers, "preference-applied", applied);
    }
}
