//! `order`.

use super::scan::{Parsed, Scan};
use super::tree::{Direction, Nulls, OrderTerm};

/// The whole parameter.
pub(super) fn order(text: &str) -> Parsed<Vec<OrderTerm>> {
    let mut scan = Scan::new(text);
    let mut terms = vec![term(&mut scan)?];
    while scan.eat(",") {
        terms.push(term(&mut scan)?);
    }
    scan.expect_end()?;
    Ok(terms)
}

fn term(scan: &mut Scan) -> Parsed<OrderTerm> {
    scan.skip_spaces();
    let relation = relation(scan);
    let field = scan.field()?;
    if relation.is_some() {
        scan.expect(")")?;
    }
    let direction = Direction::ALL.iter().copied().find(|word| suffix(scan, word.word()));
    let nulls = Nulls::ALL.iter().copied().find(|word| suffix(scan, word.word()));
    if !scan.is_done() && !scan.sees(",") {
        return Err(scan.expected("\".asc\", \".desc\", \".nullsfirst\", \".nullslast\", \",\" or the end"));
    }
    Ok(OrderTerm { relation, field, direction, nulls })
}

fn relation(scan: &mut Scan) -> Option<String> {
    let mut ahead = *scan;
    let name = ahead.name().ok()?;
    if !ahead.eat("(") {
        return None;
    }
    *scan = ahead;
    Some(name)
}

fn suffix(scan: &mut Scan, word: &str) -> bool {
    let mut ahead = *scan;
    let is_there = ahead.eat(".") && ahead.eat(word);
    if is_there {
        *scan = ahead;
    }
    is_there
}
