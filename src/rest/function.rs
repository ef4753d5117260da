//! A function's call: by POST with its arguments in the body, or, where it only reads, by GET with them in the query.

use crate::access;
use crate::apart::apart;
use crate::http::{Answer, Method, Platform, Request};
use crate::problem::{Kind, Problem, Violation};
use crate::rest::body;
use crate::rest::forward::Spec;
use crate::rest::query::{Checked, Mode, Op, Target};
use crate::rest::reply::{self, Outcome};
use crate::rest::wants::{Media, Wants};
use crate::rest::{Rest, idempotency, method_not_allowed, slots};
use crate::schema::{Function, Type, validate, value};

/// Serves one call.
pub async fn serve<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    function: &'static Function,
) -> Result<Answer<P::Stream>, Problem> {
    let method = rest.request.method();
    match method {
        Method::Post => {}
        Method::Get | Method::Head if function.read_only => {}
        _ => return Err(method_not_allowed(if function.read_only { "GET, HEAD, POST" } else { "POST" })),
    }
    let wants = Wants::read(rest.request)?;
    if wants.if_match.is_some() {
        return Err(Problem::new(Kind::InvalidHeader, "If-Match is for rows; a function's call has none."));
    }
    let mode = if method == Method::Post { Mode::Filters } else { Mode::Arguments };
    let query = rest.query(Target::Function(function), mode, Op::Call)?;
    let target = format!("rpc/{}", function.name);
    rest.expect_reading(&target, &query, access::tells(function));
    if method == Method::Post {
        call(rest, function, &target, &wants, &query).await
    } else {
        check_arguments(function, &query)?;
        let spec = Spec { method, ..spec(&target, &wants, &query) };
        rest.send(spec).await?.or_problem(rest.schema, method).map(reply::pass)
    }
}

fn spec<'a>(target: &'a str, wants: &Wants, query: &Checked) -> Spec<'a> {
    Spec {
        accept: wants.media.name(),
        prefer: wants.prefer.print(),
        range: wants.range,
        ..Spec::get(target, query.text().to_owned())
    }
}

async fn call<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    function: &'static Function,
    target: &str,
    wants: &Wants,
    query: &Checked,
) -> Result<Answer<P::Stream>, Problem> {
    let bytes = arguments_body(rest, function).await?;
    let claim = claim(function, wants, query, &bytes)?;
    let spec = Spec {
        method: Method::Post,
        headers: claim.iter().flat_map(idempotency::Claim::headers).collect(),
        body: Some(bytes.clone()),
        ..spec(target, wants, query)
    };
    let outcome = rest.send(spec).await?;
    match (outcome, claim) {
        (outcome, Some(claim)) if idempotency::is_conflict(&outcome) => {
            apart(idempotency::replay_result(rest, &format!("/{target}"), wants, &claim)).await
        }
        (Outcome::Refused(status, error), _) => {
            Err(apart(slots::explain(rest, target, None, &bytes, status, &error)).await)
        }
        (outcome, _) => outcome.or_problem(rest.schema, Method::Post).map(reply::pass),
    }
}

/// A call without a body has no arguments.
async fn arguments_body<P: Platform, R: Request>(
    rest: &Rest<'_, P, R>,
    function: &'static Function,
) -> Result<Vec<u8>, Problem> {
    let mut bytes = rest.body().await?;
    if bytes.is_empty() {
        bytes.extend_from_slice(b"{}");
    }
    let text = body::text(&bytes)?;
    body::check_depth(text)?;
    let rows = body::parse(text)?;
    let ([row], false) = (rows.rows.as_slice(), rows.bulk) else {
        return Err(Problem::violations(
            Kind::InvalidBody,
            vec![Violation::body("", "type", "The arguments must be one object.")],
        ));
    };
    let mut errors = Vec::new();
    validate::arguments(function, &row.0, &mut errors);
    if errors.is_empty() { Ok(bytes) } else { Err(Problem::violations(Kind::Validation, errors)) }
}

/// What is kept under a key is the whole result, so a call that wants a part of it cannot be repeated by key.
fn claim(
    function: &Function,
    wants: &Wants,
    query: &Checked,
    body: &[u8],
) -> Result<Option<idempotency::Claim>, Problem> {
    if wants.idempotency_key.is_none() || function.read_only {
        return Ok(None);
    }
    if !query.text().is_empty() {
        return Err(Problem::new(
            Kind::InvalidQuery,
            "A call with an Idempotency-Key cannot also select, filter or order its result.",
        ));
    }
    if !matches!(wants.media, Media::Json | Media::Object) {
        return Err(Problem::new(
            Kind::NotAcceptable,
            "A call with an Idempotency-Key is answered as JSON or as one object.",
        ));
    }
    Ok(idempotency::Claim::of(wants, query, body))
}

/// Arguments in the query are text: each must be a value of its argument's type, and none that is required may miss.
fn check_arguments(function: &Function, query: &Checked) -> Result<(), Problem> {
    let mut errors = Vec::new();
    for (name, text) in query.arguments() {
        match function.arguments.iter().find(|argument| argument.name == name) {
            None => errors.push(Violation::query(
                name,
                "unknown-argument",
                format!("`{}` has no such argument", function.name),
            )),
            Some(argument) if argument.ty != Type::Text(0) => errors.extend(
                value::check_text(&argument.ty, text)
                    .err()
                    .map(|detail| Violation::query(name, "type", format!("{name} {detail}"))),
            ),
            Some(_) => {}
        }
    }
    for argument in function.arguments.iter().filter(|argument| !argument.has_default) {
        if !query.arguments().iter().any(|(name, _)| name == argument.name) {
            errors.push(Violation::query(
                argument.name,
                "required",
                format!("{} is required", argument.name),
            ));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::violations(Kind::InvalidQuery, errors)) }
}
