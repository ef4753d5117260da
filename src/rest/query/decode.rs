//! From the raw query string to decoded names and values, strictly: what a server would guess at is refused.

use std::borrow::Cow;

use super::scan::Fault;
use crate::problem::Violation;

/// One parameter, decoded.
pub(super) struct Param<'a> {
    pub name: Cow<'a, str>,
    pub value: Cow<'a, str>,
}

/// Splits and decodes; a parameter that cannot be decoded becomes a violation.
pub(super) fn params<'a>(raw: &'a str, errors: &mut Vec<Violation>) -> Vec<Param<'a>> {
    let mut params = Vec::new();
    for piece in raw.split('&').filter(|piece| !piece.is_empty()) {
        let (name, value) = piece.split_once('=').map_or((piece, None), |(name, value)| (name, Some(value)));
        match decode_pair(name, value) {
            Ok(param) => params.push(param),
            Err(fault) => errors.push(Violation::query(&label(name), fault.code, fault.detail)),
        }
    }
    params
}

fn decode_pair<'a>(name: &'a str, value: Option<&'a str>) -> Result<Param<'a>, Fault> {
    let Some(value) = value else {
        return Err(Fault::new("missing-value", "a parameter needs \"=\" and a value"));
    };
    Ok(Param { name: decode(name)?, value: decode(value)? })
}

fn decode(text: &str) -> Result<Cow<'_, str>, Fault> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'%' | b'+' | b';')) {
        return Ok(Cow::Borrowed(text));
    }
    if text.contains(';') {
        // Some servers, PostgREST among them, split parameters there.
        return Err(Fault::new("bad-encoding", "a semicolon must be written %3B"));
    }
    if let Some(at) = bad_escape(text) {
        return Err(Fault::new("bad-encoding", format!("\"%\" needs two hex digits at character {at}")));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .map_err(|_| Fault::new("bad-encoding", "the parameter is not UTF-8"))?;
    if decoded.chars().any(char::is_control) {
        return Err(Fault::new("control-character", "control characters are not allowed"));
    }
    Ok(Cow::Owned(decoded.into_owned()))
}

/// The character number of the first `%` without two hex digits.
fn bad_escape(text: &str) -> Option<usize> {
    let mut pieces = text.split('%');
    let mut at = pieces.next()?.chars().count() + 1;
    for piece in pieces {
        let mut digits = piece.bytes();
        if !(0..2).all(|_| digits.next().is_some_and(|b| b.is_ascii_hexdigit())) {
            return Some(at);
        }
        at += 1 + piece.chars().count();
    }
    None
}

/// A name that could not be decoded, for a pointer: short and printable.
fn label(name: &str) -> Cow<'_, str> {
    let clean = |c: &char| c.is_ascii_graphic();
    if name.len() <= 64 && name.chars().all(|c| clean(&c)) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.chars().filter(clean).take(64).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(raw: &str) -> Vec<(String, &'static str)> {
        let mut errors = Vec::new();
        params(raw, &mut errors);
        errors.into_iter().map(|error| (error.pointer, error.code)).collect()
    }

    #[test]
    fn decodes_plus_and_escapes_in_names_and_values() {
        let mut errors = Vec::new();
        let params = params("a%20b=c+d%2Be&&x=%C3%A9=", &mut errors);
        let pairs: Vec<_> = params.iter().map(|p| (p.name.as_ref(), p.value.as_ref())).collect();
        assert_eq!(pairs, [("a b", "c d+e"), ("x", "é=")]);
        assert!(errors.is_empty());
    }

    #[test]
    fn refuses_what_servers_guess_at() {
        assert_eq!(codes("a=%4"), [("?a".to_owned(), "bad-encoding")]);
        assert_eq!(codes("a=%zz"), [("?a".to_owned(), "bad-encoding")]);
        assert_eq!(codes("a=%FF"), [("?a".to_owned(), "bad-encoding")]);
        assert_eq!(codes("a=%00"), [("?a".to_owned(), "control-character")]);
        assert_eq!(codes("a=1;b=2"), [("?a".to_owned(), "bad-encoding")]);
        assert_eq!(codes("a"), [("?a".to_owned(), "missing-value")]);
    }
}
