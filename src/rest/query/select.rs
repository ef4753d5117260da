//! `select`: columns, aliases, casts, JSON, embedded resources.

use super::scan::{Fault, Parsed, Scan, is_identifier};
use super::tree::{Embed, Field, Join, SelectItem};

/// How deep resources may be embedded.
pub(super) const MAX_DEPTH: usize = 4;

const AGGREGATES: [&str; 5] = ["count", "sum", "avg", "max", "min"];

/// The whole parameter.
pub(super) fn select(text: &str) -> Parsed<Vec<SelectItem>> {
    let mut scan = Scan::new(text);
    if scan.is_done() {
        // Versions of PostgREST differ on whether this means all columns or none.
        return Err(Fault::new("empty", "select names no column; leave it out, or write \"*\""));
    }
    let items = items(&mut scan, 0)?;
    scan.skip_spaces();
    scan.expect_end()?;
    Ok(items)
}

fn items(scan: &mut Scan, depth: usize) -> Parsed<Vec<SelectItem>> {
    let mut items = vec![item(scan, depth)?];
    loop {
        let mut ahead = *scan;
        ahead.skip_spaces();
        if !ahead.eat(",") {
            return Ok(items);
        }
        *scan = ahead;
        items.push(item(scan, depth)?);
    }
}

fn item(scan: &mut Scan, depth: usize) -> Parsed<SelectItem> {
    scan.skip_spaces();
    if scan.eat("...") {
        let target = scan.name()?;
        return embed(scan, true, None, target, depth);
    }
    if scan.eat("*") {
        return end_of_item(*scan).map(|()| SelectItem::Star);
    }
    let mut name = scan.name()?;
    let mut alias = None;
    if !scan.sees("::") && scan.eat(":") {
        scan.skip_spaces();
        alias = Some(std::mem::replace(&mut name, scan.name()?));
    }
    if scan.sees("(") || scan.sees("!") {
        return embed(scan, false, alias, name, depth);
    }
    column(scan, alias, name)
}

fn column(scan: &mut Scan, alias: Option<String>, name: String) -> Parsed<SelectItem> {
    let field = Field { name, json: scan.arrows()? };
    scan.skip_spaces();
    let cast = if scan.eat("::") { Some(cast(scan)?) } else { None };
    if sees_aggregate(*scan) {
        return Err(aggregate());
    }
    end_of_item(*scan)?;
    Ok(SelectItem::Column { alias, field, cast })
}

fn sees_aggregate(mut scan: Scan) -> bool {
    scan.eat(".") && AGGREGATES.contains(&scan.take_while(|c| c.is_ascii_lowercase())) && scan.sees("()")
}

fn cast(scan: &mut Scan) -> Parsed<String> {
    let name = scan.take_while(is_identifier).trim();
    if name.is_empty() { Err(scan.expected("a type")) } else { Ok(name.to_owned()) }
}

fn end_of_item(scan: Scan) -> Parsed<()> {
    match scan.peek() {
        None | Some(',' | ')') => Ok(()),
        Some(_) => Err(scan.expected("\",\", \"(\", \"::\", \"->\" or the end")),
    }
}

fn aggregate() -> Fault {
    Fault::new("aggregate-refused", "aggregate functions are switched off; count with Prefer: count=exact")
}

fn embed(
    scan: &mut Scan,
    spread: bool,
    alias: Option<String>,
    target: String,
    depth: usize,
) -> Parsed<SelectItem> {
    if target == "count" && scan.sees("(") {
        return Err(aggregate());
    }
    let (hint, join) = embed_params(scan)?;
    scan.expect("(")?;
    if depth >= MAX_DEPTH {
        return Err(Fault::new(
            "too-deep",
            format!("at most {MAX_DEPTH} resources may be embedded in each other"),
        ));
    }
    let items = if scan.sees(")") { Vec::new() } else { items(scan, depth + 1)? };
    scan.expect(")")?;
    Ok(SelectItem::Embed(Embed { spread, alias, target, hint, join, items }))
}

/// `!hint` and `!inner` or `!left`, each at most once, in any order.
fn embed_params(scan: &mut Scan) -> Parsed<(Option<String>, Option<Join>)> {
    let (mut hint, mut join) = (None, None);
    while scan.sees("!") {
        let start = *scan;
        scan.eat("!");
        let quoted = scan.sees("\"");
        let word = scan.name()?;
        let taken = match word.as_str() {
            "inner" if !quoted => join.replace(Join::Inner).is_some(),
            "left" if !quoted => join.replace(Join::Left).is_some(),
            _ => hint.replace(word).is_some(),
        };
        if taken {
            return Err(start.expected("at most one hint and one of !inner and !left"));
        }
    }
    Ok((hint, join))
}
