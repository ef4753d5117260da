//! The form of the chatbot's settings.

use super::{Checked, Secret, Url};

/// One of some words, as `choices` lists them; what is wrong names them all.
pub fn one_of(value: &str, choices: &'static str) -> Checked<String> {
    let value = value.trim();
    let is_known = choices.split([',', ' ']).any(|choice| choice == value && choice != "or");
    if is_known && !value.is_empty() {
        return Ok(value.to_owned());
    }
    Err(match choices {
        "pinecone or chroma" => "must be pinecone or chroma",
        "openai or workers-ai" => "must be openai or workers-ai",
        "openai, workers-ai or pinecone" => "must be openai, workers-ai or pinecone",
        _ => "must be none, workers-ai or pinecone",
    })
}

/// `true` or `false`.
pub fn yes_or_no(value: &str) -> Checked<bool> {
    value.trim().parse().map_err(|_| "must be true or false")
}

/// A provider's key or token: visible ASCII.
pub fn key(value: &str) -> Checked<Secret> {
    let fits = value.len() <= 4096 && value.bytes().all(|b| b.is_ascii_graphic());
    if fits { Ok(Secret::new(value)) } else { Err("must be visible ASCII without white space") }
}

/// `http(s)://host[:port][/path]`; one trailing slash is dropped.
pub fn endpoint(value: &str) -> Checked<String> {
    let value = value.trim();
    let value = value.strip_suffix('/').unwrap_or(value);
    let url = Url::split(value).ok_or("is not a URL of the form https://host[:port]/path")?;
    if !(url.path.is_empty() || url.path.starts_with('/')) || url.path.contains(['?', '#', '\\']) {
        return Err("must have no query and no fragment");
    }
    url.require_http().map(|()| value.to_owned())
}

/// A host as Pinecone gives it, or a URL of one.
pub fn host(value: &str) -> Checked<String> {
    let value = value.trim();
    if value.contains("://") { super::base_url(value) } else { super::base_url(&format!("https://{value}")) }
}

/// An index, a namespace, a collection: what each of the stores takes as a name.
pub fn index_name(value: &str) -> Checked<String> {
    let is_end = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = value.as_bytes();
    let fits = (3..=100).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && is_end(bytes.first())
        && is_end(bytes.last());
    if fits {
        Ok(value.to_owned())
    } else {
        Err("must be 3 to 100 letters, digits, dots, underscores and hyphens")
    }
}

/// A part of a path that needs no encoding.
pub fn path_part(value: &str) -> Checked<String> {
    let fits = (1..=128).contains(&value.len())
        && !value.starts_with('.')
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if fits { Ok(value.to_owned()) } else { Err("must be letters, digits, dots, underscores and hyphens") }
}

/// `2026-04`
pub fn api_version(value: &str) -> Checked<String> {
    let parts = value.split_once('-').map(|(year, month)| (year.len(), month.len()));
    let fits = parts == Some((4, 2)) && value.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if fits { Ok(value.to_owned()) } else { Err("must be a version of the form 2026-04") }
}

/// 1 to 20000, as Pinecone has it.
pub fn dimension(value: &str) -> Checked<usize> {
    let value = value.trim().parse().ok().filter(|dimension| (1..=20_000).contains(dimension));
    value.ok_or("must be a whole number from 1 to 20000")
}

/// Some words before a text.
pub fn prefix(value: &str) -> Checked<String> {
    let fits = value.chars().count() <= 1000 && !value.chars().any(|c| c.is_control() && c != '\n');
    if fits { Ok(value.to_owned()) } else { Err("must be at most 1000 characters of text") }
}

/// Four numbers, as `scripts/eval` prints them.
pub fn gate(value: &str) -> Checked<[f64; 4]> {
    let numbers: Option<Vec<f64>> = value
        .split([',', ' '])
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().ok().filter(|number: &f64| number.is_finite()))
        .collect();
    numbers
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or("must be four numbers: bias, dense, strength, threshold")
}
