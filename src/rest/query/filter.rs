//! What follows a filter's name: `not`, an operator, its value.

use super::scan::{Fault, Parsed, Scan, is_identifier};
use super::tree::{Is, Operator, Quantifier, Search, Test};

/// How many values an `in` list may have.
pub(super) const MAX_VALUES: usize = 1000;

/// Where a filter stands, which decides where its value ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A parameter of its own: the value is the rest, and quotes are part of it.
    Parameter,
    /// Inside `and(…)` or `or(…)`: the value ends before `,` or `)`, and may be quoted.
    Group,
}

/// `not.op.value`
pub(super) fn test(scan: &mut Scan, place: Place) -> Parsed<(bool, Test)> {
    let not = scan.eat("not.");
    let start = *scan;
    let word = scan.take_while(|c| c.is_ascii_lowercase());
    let test = match word {
        "in" => {
            dot(scan, start)?;
            Test::In(list(scan)?)
        }
        "is" => {
            dot(scan, start)?;
            Test::Is(is(scan, place)?)
        }
        _ => match (Operator::from_word(word), Search::from_word(word)) {
            (Some(operator), _) => {
                let quantifier = if operator.quantifiable() { quantifier(scan) } else { None };
                dot(scan, start)?;
                Test::Compare(operator, quantifier, value(scan, place))
            }
            (None, Some(search)) => {
                let config = config(scan);
                dot(scan, start)?;
                Test::Search(search, config, value(scan, place))
            }
            (None, None) => return Err(no_operator(start)),
        },
    };
    Ok((not, test))
}

/// Whether PostgREST, in a function called by GET, would take the value for a filter rather than an argument.
pub(super) fn is_filter(value: &str) -> bool {
    let mut scan = Scan::new(value);
    if scan.eat("not.") {
        return true;
    }
    let word = scan.take_while(|c| c.is_ascii_lowercase());
    if Operator::from_word(word).is_some_and(Operator::quantifiable) {
        quantifier(&mut scan);
    } else if Search::from_word(word).is_some() {
        config(&mut scan);
    } else if Operator::from_word(word).is_none() && !matches!(word, "in" | "is") {
        return false;
    }
    scan.sees(".")
}

fn no_operator(at: Scan) -> Fault {
    let detail =
        format!("expected an operator such as \"eq.\" or \"not.eq.\" at character {}", at.position());
    Fault::new("unknown-operator", detail)
}

/// The dot after an operator; without it the word was none.
fn dot(scan: &mut Scan, start: Scan) -> Parsed<()> {
    if scan.eat(".") { Ok(()) } else { Err(no_operator(start)) }
}

fn quantifier(scan: &mut Scan) -> Option<Quantifier> {
    let mut ahead = *scan;
    let quantifier =
        if ahead.eat("(") { Quantifier::from_word(ahead.take_while(|c| c != ')')) } else { None };
    if quantifier.is_some() && ahead.eat(")") {
        *scan = ahead;
        return quantifier;
    }
    None
}

fn config(scan: &mut Scan) -> Option<String> {
    let mut ahead = *scan;
    if !ahead.eat("(") {
        return None;
    }
    let name = ahead.take_while(is_identifier).trim();
    if name.is_empty() || !ahead.eat(")") {
        return None;
    }
    *scan = ahead;
    Some(name.to_owned())
}

fn is(scan: &mut Scan, place: Place) -> Parsed<Is> {
    let start = *scan;
    let word = match place {
        Place::Parameter => scan.take_all(),
        Place::Group => scan.take_while(|c| c.is_ascii_alphabetic() || c == '_'),
    };
    Is::from_word(&word.to_ascii_lowercase())
        .ok_or_else(|| start.expected("null, true, false or unknown (and not.is.null for its opposite)"))
}

fn value(scan: &mut Scan, place: Place) -> String {
    match place {
        Place::Parameter => scan.take_all().to_owned(),
        Place::Group => quoted_element(scan)
            .or_else(|| braces(scan))
            .unwrap_or_else(|| scan.take_while(in_element).to_owned()),
    }
}

/// `{…}` without inner braces, in which commas do not end the value.
fn braces(scan: &mut Scan) -> Option<String> {
    let mut ahead = *scan;
    if !ahead.eat("{") {
        return None;
    }
    let inner = ahead.take_while(|c| !matches!(c, '{' | '}'));
    if !ahead.eat("}") {
        return None;
    }
    *scan = ahead;
    Some(format!("{{{inner}}}"))
}

/// A quoted value, if the closing quote also ends the element; else the quotes are part of the value.
fn quoted_element(scan: &mut Scan) -> Option<String> {
    let mut ahead = *scan;
    let value = ahead.quoted().ok()?;
    if ahead.peek().is_some_and(in_element) {
        return None;
    }
    *scan = ahead;
    Some(value)
}

const fn in_element(c: char) -> bool {
    !matches!(c, ',' | ')')
}

/// `(a,"b,c",…)`; spaces belong to an element unless they follow the opening bracket.
fn list(scan: &mut Scan) -> Parsed<Vec<String>> {
    scan.skip_spaces();
    scan.expect("(")?;
    scan.skip_spaces();
    let mut values = Vec::new();
    loop {
        let value = quoted_element(scan).unwrap_or_else(|| scan.take_while(in_element).to_owned());
        values.push(value);
        if values.len() > MAX_VALUES {
            let detail = format!("a list may have at most {MAX_VALUES} values");
            return Err(Fault::new("too-many-values", detail));
        }
        if !scan.eat(",") {
            break;
        }
    }
    scan.expect(")")?;
    scan.skip_spaces();
    // PostgREST takes a single empty value for an empty list.
    if values.iter().all(String::is_empty) && values.len() == 1 {
        values.clear();
    }
    Ok(values)
}
