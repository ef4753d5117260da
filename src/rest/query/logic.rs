//! `and=(…)`, `or=(…)` and what is nested in them.

use super::filter::{self, Place};
use super::scan::{Fault, Parsed, Scan};
use super::tree::{Condition, Filter};

/// How deep groups may be nested.
pub(super) const MAX_DEPTH: usize = 8;

/// The value of an `and` or `or` parameter.
pub(super) fn group(text: &str, not: bool, any: bool) -> Parsed<Condition> {
    let mut scan = Scan::new(text);
    let members = members(&mut scan, 1)?;
    scan.expect_end()?;
    Ok(Condition::Group { not, any, members })
}

fn members(scan: &mut Scan, depth: usize) -> Parsed<Vec<Condition>> {
    if depth > MAX_DEPTH {
        return Err(Fault::new("too-deep", format!("and/or may be nested at most {MAX_DEPTH} deep")));
    }
    scan.skip_spaces();
    scan.expect("(")?;
    scan.skip_spaces();
    let mut members = vec![member(scan, depth)?];
    while comma(scan) {
        members.push(member(scan, depth)?);
    }
    if !scan.eat(")") {
        return Err(scan.expected("\",\" or \")\""));
    }
    scan.skip_spaces();
    Ok(members)
}

/// Spaces may stand around a comma, but not between a value and a closing bracket.
fn comma(scan: &mut Scan) -> bool {
    let mut ahead = *scan;
    ahead.skip_spaces();
    if !ahead.eat(",") {
        return false;
    }
    ahead.skip_spaces();
    *scan = ahead;
    true
}

fn member(scan: &mut Scan, depth: usize) -> Parsed<Condition> {
    if let Some((not, any)) = head(scan) {
        return Ok(Condition::Group { not, any, members: members(scan, depth + 1)? });
    }
    let field = scan.field()?;
    scan.expect(".")?;
    let (not, test) = filter::test(scan, Place::Group)?;
    Ok(Condition::Filter(Filter { field, not, test }))
}

/// `and`, `or`, `not.and` or `not.or`, when a bracket follows; else the words are a column's name.
fn head(scan: &mut Scan) -> Option<(bool, bool)> {
    let mut ahead = *scan;
    let not = ahead.eat("not.");
    let any = if ahead.eat("or") {
        true
    } else if ahead.eat("and") {
        false
    } else {
        return None;
    };
    ahead.skip_spaces();
    if !ahead.sees("(") {
        return None;
    }
    *scan = ahead;
    Some((not, any))
}

/// How many filters a condition holds.
pub(super) fn count(condition: &Condition) -> usize {
    match condition {
        Condition::Filter(_) => 1,
        Condition::Group { members, .. } => members.iter().map(count).sum(),
    }
}

/// Calls `found` with every column that a condition looks at.
pub(super) fn columns<'c>(condition: &'c Condition, found: &mut impl FnMut(&'c str)) {
    match condition {
        Condition::Filter(filter) => found(&filter.field.name),
        Condition::Group { members, .. } => {
            for member in members {
                columns(member, found);
            }
        }
    }
}
