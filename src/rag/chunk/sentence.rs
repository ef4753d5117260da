//! Where sentences end.

/// Words after whose full stop a sentence goes on.
const ABBREVIATIONS: &[&str] = &[
    "dr", "mr", "mrs", "ms", "prof", "st", "no", "vs", "etc", "approx", "e.g", "i.e", "fig", "max", "min",
    "tel", "ext", "inc", "ltd", "dept", "jr", "sr", "a.m", "p.m", "u.s",
];

/// What may still belong to a sentence after the mark that ends it.
pub(in crate::rag) const TAIL: &str = ".!?…。！？)]\"'”’»*";

/// The sentences of a text without line breaks; joined by single spaces (or nothing, in scripts without them) they give it
/// back. Never empty strings.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, mark)) = chars.next() {
        if !matches!(mark, '.' | '!' | '?' | '…' | '。' | '！' | '？') {
            continue;
        }
        while chars.next_if(|(_, next)| TAIL.contains(*next)).is_some() {}
        let end = chars.peek().map_or(text.len(), |(next, _)| *next);
        let spaceless = matches!(mark, '。' | '！' | '？');
        if ends(text, start, at, end, mark) || (spaceless && end < text.len()) {
            push(&mut found, &text[start..end]);
            start = end;
        }
    }
    push(&mut found, &text[start..]);
    found
}

fn push<'a>(found: &mut Vec<&'a str>, sentence: &'a str) {
    let sentence = sentence.trim();
    if !sentence.is_empty() {
        found.push(sentence);
    }
}

pub(in crate::rag) fn ends(text: &str, start: usize, at: usize, end: usize, mark: char) -> bool {
    let Some(after) = text[end..].strip_prefix(char::is_whitespace) else { return false };
    if after.trim_start().starts_with(char::is_lowercase) {
        return false;
    }
    if mark != '.' {
        return true;
    }
    let word = text[start..at].rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    // A single letter is an initial; a number alone is a list's.
    let initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let numbered = text[start..at].trim().chars().all(|c| c.is_ascii_digit());
    !(initial || numbered || ABBREVIATIONS.contains(&word.as_str()))
}
