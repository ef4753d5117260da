//! The body of a write: one JSON object or an array of them, read once and forwarded as it came.
//!
//! Values stay the text that the client sent, so that no number loses a digit; a member that comes twice is refused,
//! since two readers may take different ones.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::problem::{Kind, Problem, Violation};

/// The longest body, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// How deep a body may nest, itself included.
pub const MAX_DEPTH: usize = 16;
/// The most rows in one body.
pub const MAX_ROWS: usize = 1000;

/// One object: its members in order, values as they were sent.
#[derive(Debug)]
pub struct Object<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name.0, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A member's name, borrowed where it holds no escape.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a member's name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A body, parsed.
#[derive(Debug)]
pub struct Rows<'a> {
    /// Whether it was an array; row `i` then has the pointer `/i`.
    pub bulk: bool,
    /// The rows.
    pub rows: Vec<Object<'a>>,
}

impl Rows<'_> {
    /// The pointer of a row.
    pub fn pointer(&self, at: usize) -> String {
        if self.bulk { format!("/{at}") } else { String::new() }
    }
}

/// The body as text.
///
/// # Errors
/// 400 when it is not UTF-8, with the position.
pub fn text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        invalid("", "utf-8", format!("The body is not UTF-8 (at byte {at})."))
    })
}

/// Parses a body.
///
/// # Errors
/// 400 with a pointer when it is no JSON, no object or array of objects, or holds a member twice; 413 when it has too
/// many rows.
pub fn parse(text: &str) -> Result<Rows<'_>, Problem> {
    let start = text.trim_start_matches([' ', '\t', '\r', '\n']).as_bytes().first();
    let rows = match start {
        None => return Err(invalid("", "empty", "A JSON body is required.".to_owned())),
        Some(b'[') => Rows { bulk: true, rows: elements(text)? },
        Some(b'{') => Rows { bulk: false, rows: vec![object(text, "")?] },
        Some(_) => {
            // Tell "not JSON" from "JSON, but no object".
            check_syntax(text)?;
            return Err(invalid("", "type", "The body must be an object or an array of objects.".to_owned()));
        }
    };
    Ok(rows)
}

fn elements(text: &str) -> Result<Vec<Object<'_>>, Problem> {
    let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    // Before any row is read: a megabyte of `{}` would be some hundred megabytes of rows.
    if elements.len() > MAX_ROWS {
        let most = format!("at most {MAX_ROWS} rows at once");
        return Err(Problem::new(Kind::TooLarge, format!("The body has more than {MAX_ROWS} rows."))
            .errors(vec![Violation::body("", "too-many-rows", most)]));
    }
    elements
        .iter()
        .enumerate()
        .map(|(at, element)| {
            let pointer = format!("/{at}");
            if element.get().starts_with('{') {
                object(element.get(), &pointer)
            } else {
                Err(invalid(&pointer, "type", "Each element of the array must be an object.".to_owned()))
            }
        })
        .collect()
}

fn object<'a>(text: &'a str, at: &str) -> Result<Object<'a>, Problem> {
    let object: Object<'a> = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    let mut names: Vec<&str> = object.0.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(invalid(at, "duplicate-member", "The object holds a member twice.".to_owned()));
    }
    Ok(object)
}

fn check_syntax(text: &str) -> Result<(), Problem> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(|_| ()).map_err(|error| syntax(&error))
}

/// The parser's own message may quote the body; the position is enough.
fn syntax(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let reason = if error.is_eof() { "ends too early" } else { "is not JSON" };
    invalid("", "syntax", format!("The body {reason} (line {line}, column {column})."))
}

fn invalid(pointer: &str, code: &'static str, detail: String) -> Problem {
    Problem::violations(Kind::InvalidBody, vec![Violation::body(pointer, code, detail)])
}

/// Refuses a body that nests too deep, before any parser recurses into it.
///
/// # Errors
/// 400 at the body as a whole.
pub fn check_depth(text: &str) -> Result<(), Problem> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (in_string, byte) {
            (true, b'\\') => {
                bytes.next();
            }
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(invalid("", "depth", format!("The body is nested deeper than {MAX_DEPTH} levels.")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> (u16, String, &'static str) {
        let problem = check_depth(text).and_then(|()| parse(text).map(|_| ())).unwrap_err();
        (problem.status, problem.errors[0].pointer.clone(), problem.errors[0].code)
    }

    #[test]
    fn objects_and_arrays_of_objects_are_rows() {
        assert!(!parse(r#" {"a":1} "#).unwrap().bulk);
        let rows = parse(r#"[{"a":1.50},{"a":"x","b":null}]"#).unwrap();
        assert!(rows.bulk && rows.rows.len() == 2);
        assert_eq!(rows.rows[0].0[0].1.get(), "1.50");
        assert_eq!(rows.pointer(1), "/1");
        assert!(parse("[]").unwrap().rows.is_empty());
    }

    #[test]
    fn refusals_point_at_what_is_wrong() {
        let cases = [
            ("", "", "empty"),
            ("nonsense", "", "syntax"),
            (r#"{"a":1"#, "", "syntax"),
            (r#"{"a":1}{"#, "", "syntax"),
            ("7", "", "type"),
            ("\"x\"", "", "type"),
            (r#"[{"a":1},3]"#, "/1", "type"),
            (r#"[{"a":1,"a":2}]"#, "/0", "duplicate-member"),
            (r#"{"a":1,"\u0061":2}"#, "", "duplicate-member"),
        ];
        for (text, pointer, code) in cases {
            assert_eq!(refusal(text), (400, pointer.to_owned(), code), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
        assert_eq!(refusal(&deep), (400, String::new(), "depth"));
        let many = format!("[{}{{}}]", "{},".repeat(MAX_ROWS));
        assert_eq!(refusal(&many), (413, String::new(), "too-many-rows"));
        let a_megabyte = format!("[{}{{}}]", "{},".repeat(340_000));
        assert_eq!(refusal(&a_megabyte), (413, String::new(), "too-many-rows"));
    }

    #[test]
    fn brackets_in_texts_do_not_nest() {
        assert!(check_depth(&format!("{{\"a\":\"{}\\\"{}\"}}", "[".repeat(40), "{".repeat(40))).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(text) = text(&bytes) {
                let _ = check_depth(text).and_then(|()| parse(text).map(|_| ()));
            }
        }
    }
}
