//! Personal data out of what leaves the clinic, before any third party (an embedding model, a vector store, a language
//! model) sees it. Placeholders stand in their places and are never turned back.
//!
//! By patterns, English: what a person tells of themselves in the usual ways. Doses, prices, times and codes of
//! procedures stay: the answer depends on them.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use regex_lite::{Captures, Regex};

use crate::gathered::gathered;

mod names;

/// What is known of a conversation's people: a name given once is recognised everywhere in it.
#[derive(Debug, Default)]
pub struct Redactor {
    names: BTreeSet<String>,
}

impl Redactor {
    /// Looks for the names that these messages give.
    pub fn of<'a>(messages: impl Iterator<Item = &'a str>) -> Self {
        Self { names: gathered(messages.flat_map(names::given)) }
    }

    /// The text with placeholders for personal data.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (pattern, replacement) in patterns() {
            text = match replacement {
                Replacement::By(placeholder) => pattern.replace_all(&text, *placeholder).into_owned(),
                Replacement::Labelled => pattern.replace_all(&text, labelled).into_owned(),
                Replacement::Telephone => pattern.replace_all(&text, telephone).into_owned(),
            };
        }
        names::replace(&text, &self.names)
    }
}

/// The text without placeholders: what is searched for.
pub fn without_placeholders(text: &str) -> String {
    let kept = PLACEHOLDERS.iter().fold(text.to_owned(), |text, placeholder| text.replace(placeholder, " "));
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

const PLACEHOLDERS: &[&str] = &["[name]", "[date]", "[phone]", "[email]", "[link]", "[number]", "[address]"];

enum Replacement {
    By(&'static str),
    Labelled,
    Telephone,
}

fn patterns() -> &'static [(Regex, Replacement)] {
    static PATTERNS: OnceLock<Vec<(Regex, Replacement)>> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let made = SOURCES.iter().filter_map(|(pattern, replacement)| {
            let replacement = match *replacement {
                "labelled" => Replacement::Labelled,
                "telephone" => Replacement::Telephone,
                placeholder => Replacement::By(placeholder),
            };
            Some((Regex::new(pattern).ok()?, replacement))
        });
        made.collect()
    })
}

/// In this order: what an earlier one took away a later one does not see.
const SOURCES: &[(&str, &str)] = &[
    (r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+", "[email]"),
    (r"(?i)\b(?:https?://|www\.)\S+", "[link]"),
    (r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "[number]"),
    // A label and what it labels: `member ID: ABC-123`, `chart no. 5521`.
    (
        r"(?i)\b(mrn|chart|record|patient|member|membership|policy|insurance|subscriber|group|account|ssn|social security|nhs|passport|licen[cs]e|medicare|medicaid|case|claim|file|card|invoice|booking|reference|ref|confirmation)\b((?:\s*(?:no|number|num|nr|id|code|is|was|my|the|it)\b\.?|\s*[#:=.,-])*\s*)([a-z0-9][a-z0-9/-]*(?:[ -][a-z]?[0-9][a-z0-9-]*)*)",
        "labelled",
    ),
    (r"\b\d{3}-\d{2}-\d{4}\b", "[number]"),
    (r"\b(?:\d[ -]?){13,19}\b", "[number]"),
    // Dates that name a day of a year, and birthdays by month and day.
    (r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b", "[date]"),
    (r"\b\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})\b", "[date]"),
    (
        r"(?i)\b\d{1,2}(?:st|nd|rd|th)?(?:\s+of)?\s+(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?(?:,?\s+\d{2,4}\b)?",
        "[date]",
    ),
    (
        r"(?i)\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?\s+\d{1,2}(?:st|nd|rd|th)?\b(?:,?\s+\d{4}\b)?",
        "[date]",
    ),
    (r"(?i)\b(?:born (?:in|on)|dob|date of birth|birthday(?: is)?)\s*[:#]?\s*[\d/.-]{2,10}", "[date]"),
    // Addresses.
    (
        r"(?i)\b\d{1,5}[a-z]?\s+(?:[a-z][\w'.-]*\s+){1,3}(?:street|avenue|ave|road|rd|lane|ln|boulevard|blvd|terrace|crescent|highway|hwy|alley|parkway|pkwy)\b\.?(?:,?\s*(?:apt|apartment|unit|suite|flat|#)\.?\s*#?\w+)?",
        "[address]",
    ),
    (
        r"\b\d{1,5}[A-Za-z]?\s+(?:[A-Z][\w'.-]*\s+){1,3}(?:St|Drive|Dr|Court|Ct|Way|Place|Pl|Square|Sq|Close|Circle)\b\.?",
        "[address]",
    ),
    (r"(?i)\bp\.?\s?o\.? box \d+", "[address]"),
    (r"\b[A-Z]{2}\s+\d{5}(?:-\d{4})?\b", "[address]"),
    (r"(?i)\b(?:zip|post) ?code(?: is)?:? *[a-z0-9]{2,5}(?: ?[a-z0-9]{3})?\b", "[address]"),
    (r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b", "[address]"),
    (r"\bI live (?:in|at|on|near) (?:the )?[A-Z][\w'-]*(?:,? [A-Z][\w'-]*)*", "I live in [address]"),
    // Telephone numbers: seven digits and more, and what parts them.
    (r"\+?\(?\d[\d\s().\u{a0}/-]{5,}\d", "telephone"),
    // Codes that mix letters and digits, and long runs of digits.
    (r"\b[A-Za-z]{1,5}-?\d{5,}[A-Za-z0-9]*\b", "[number]"),
    (r"\b\d{6,}[A-Za-z]?\b", "[number]"),
];

// The label stays, so that the question still makes sense.
fn labelled(found: &Captures<'_>) -> String {
    let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
    let value = part(3);
    let label = part(1).to_lowercase();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    // "Insurance 50%" and "case 2" are no record numbers.
    let enough = if part(2).trim().is_empty() { 4 } else { 3 };
    if digits < enough || matches!(label.as_str(), "case" | "file" | "card") && digits < 4 {
        return part(0).to_owned();
    }
    format!("{}{}[number]", part(1), part(2))
}

fn telephone(found: &Captures<'_>) -> String {
    let text = found.get(0).map_or("", |part| part.as_str());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    // Times and ranges such as "8.30 - 12.30" have fewer, or a dot or slash and no run of three.
    let run = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    if (7..=15).contains(&digits) && run >= 3 { "[phone]".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
