//! Which parameter is what: reserved words by their last segment, as PostgREST tells them apart; the rest are
//! filters or, in a function called by GET, arguments.

use super::filter::{self, Place};
use super::scan::{Fault, Parsed, Scan};
use super::tree::{Condition, Field, Filter, Path, Query};
use super::{MAX_BYTES, Mode, TOO_LONG, decode, logic, order, select};
use crate::problem::Violation;

/// How many filters a query may have, those in groups included.
const MAX_FILTERS: usize = 200;

pub(super) fn parse(raw: &str, mode: Mode) -> Result<Query, Vec<Violation>> {
    if raw.len() > MAX_BYTES {
        let detail = format!("the query string is longer than {MAX_BYTES} bytes");
        return Err(vec![Violation::query("", TOO_LONG, detail)]);
    }
    let mut errors = Vec::new();
    let mut query = Query::default();
    if mode == Mode::Arguments {
        query.arguments = Some(Vec::new());
    }
    for param in decode::params(raw, &mut errors) {
        if let Err(fault) = add(&mut query, &param.name, &param.value) {
            errors.push(Violation::query(&param.name, fault.code, fault.detail));
        }
    }
    let filters: usize = query.conditions.iter().map(|(_, condition)| logic::count(condition)).sum();
    if filters > MAX_FILTERS {
        let detail = format!("a query may have at most {MAX_FILTERS} filters");
        errors.push(Violation::query("", "too-many-filters", detail));
    }
    if errors.is_empty() { Ok(query) } else { Err(errors) }
}

fn add(query: &mut Query, name: &str, value: &str) -> Parsed<()> {
    match name {
        "select" => once(&mut query.select, || select::select(value)),
        "columns" => once(&mut query.columns, || Scan::new(value).name_list()),
        "on_conflict" => once(&mut query.on_conflict, || Scan::new(value).name_list()),
        _ => match name.rsplit('.').next() {
            Some("order") => at_path(&mut query.order, name, || order::order(value)),
            Some("limit") => at_path(&mut query.limit, name, || whole_number(value)),
            Some("offset") => at_path(&mut query.offset, name, || whole_number(value)),
            Some("and") => group(query, name, value, false),
            Some("or") => group(query, name, value, true),
            _ => filter_or_argument(query, name, value),
        },
    }
}

fn once<T>(slot: &mut Option<T>, read: impl FnOnce() -> Parsed<T>) -> Parsed<()> {
    let value = read()?;
    if slot.replace(value).is_some() { Err(duplicate()) } else { Ok(()) }
}

fn at_path<T>(list: &mut Vec<(Path, T)>, name: &str, read: impl FnOnce() -> Parsed<T>) -> Parsed<()> {
    let path = path(name)?;
    let value = read()?;
    if list.iter().any(|(other, _)| *other == path) {
        return Err(duplicate());
    }
    list.push((path, value));
    Ok(())
}

fn duplicate() -> Fault {
    Fault::new("duplicate", "this parameter may be given once")
}

/// The names before the reserved word.
fn path(name: &str) -> Parsed<Path> {
    let mut scan = Scan::new(name);
    let mut path = in_name(scan.names())?;
    in_name(scan.expect_end())?;
    path.pop();
    Ok(path)
}

/// Positions in a parameter's name are told apart from those in its value.
fn in_name<T>(parsed: Parsed<T>) -> Parsed<T> {
    parsed.map_err(|fault| Fault::new(fault.code, format!("{} of the parameter's name", fault.detail)))
}

fn whole_number(value: &str) -> Parsed<u64> {
    let digits = value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok()).flatten();
    digits.ok_or_else(|| Fault::new("not-a-number", "expected a whole number from 0 upwards"))
}

/// `rel.or`, `rel.not.or`, `not.rel.or`: PostgREST takes `not` anywhere in the path.
fn group(query: &mut Query, name: &str, value: &str, any: bool) -> Parsed<()> {
    let mut path = path(name)?;
    let length = path.len();
    path.retain(|segment| segment != "not");
    let not = match length - path.len() {
        0 => false,
        1 => true,
        _ => return Err(Fault::new("syntax", "\"not\" may stand once in the parameter's name")),
    };
    query.conditions.push((path, logic::group(value, not, any)?));
    Ok(())
}

fn filter_or_argument(query: &mut Query, name: &str, value: &str) -> Parsed<()> {
    if let Some(arguments) = &mut query.arguments
        && !filter::is_filter(value)
    {
        if !is_argument_name(name) {
            return Err(Fault::new("unknown-argument", "expected an argument's plain name"));
        }
        if arguments.iter().any(|(other, _)| other == name) {
            return Err(duplicate());
        }
        arguments.push((name.to_owned(), value.to_owned()));
        return Ok(());
    }
    let (path, field) = in_name(path_and_field(name))?;
    let mut scan = Scan::new(value);
    let (not, test) = filter::test(&mut scan, Place::Parameter)?;
    scan.expect_end()?;
    query.conditions.push((path, Condition::Filter(Filter { field, not, test })));
    Ok(())
}

/// `a.b.column->json`
fn path_and_field(name: &str) -> Parsed<(Path, Field)> {
    let mut scan = Scan::new(name);
    let (mut path, mut name) = (Path::new(), scan.name()?);
    while scan.eat(".") {
        path.push(std::mem::replace(&mut name, scan.name()?));
    }
    let json = scan.arrows()?;
    scan.expect_end()?;
    Ok((path, Field { name, json }))
}

fn is_argument_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
