//! Fills pieces with sentences: as many as fit, the last few repeated at the start of the next piece.

use std::ops::Range;

use super::blocks::Block;
use super::sentence::sentences;
use super::{OVERLAP_WORDS, PIECE_WORDS};

/// Characters that count as one word where words are longer, or where there are none.
const CHARS_PER_WORD: usize = 8;

/// A sentence, or a part of one that is too long to stand in a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub text: String,
    /// What stands between it and the unit before.
    pub before: &'static str,
    pub size: usize,
}

/// How many words a text counts for.
pub fn size(text: &str) -> usize {
    let words = text.split_whitespace().count();
    words.max(text.chars().count().div_ceil(CHARS_PER_WORD))
}

/// The units of a block.
pub fn units(block: &Block) -> Vec<Unit> {
    let mut found = Vec::new();
    let mut rest = block.text.as_str();
    for sentence in sentences(&block.text) {
        let spaced = rest.starts_with(char::is_whitespace);
        rest = rest.trim_start().strip_prefix(sentence).unwrap_or_default();
        for (n, (glued, text)) in parts(sentence).into_iter().enumerate() {
            let before = match (found.is_empty(), n) {
                (true, _) if block.tight => "\n",
                (true, _) => "\n\n",
                (false, 0) if spaced => " ",
                (false, 0) => "",
                _ if glued => "",
                _ => " ",
            };
            found.push(Unit { size: size(&text), text, before });
        }
    }
    found
}

// A sentence that fits, or parts of it that do: cut between words, a word only where it alone is too long.
// The flag tells a part that continues the word before.
fn parts(sentence: &str) -> Vec<(bool, String)> {
    if size(sentence) <= PIECE_WORDS {
        return vec![(false, sentence.to_owned())];
    }
    let mut found: Vec<(bool, String)> = Vec::new();
    for word in sentence.split_whitespace() {
        for (n, part) in cut(word).into_iter().enumerate() {
            match found.last_mut() {
                Some((_, last)) if n == 0 && size(&format!("{last} {part}")) <= PIECE_WORDS => {
                    last.push(' ');
                    last.push_str(part);
                }
                _ => found.push((n > 0, part.to_owned())),
            }
        }
    }
    found
}

// Cuts a word that is too long between characters, but not before one that belongs to the character before it.
fn cut(word: &str) -> Vec<&str> {
    let most = PIECE_WORDS * CHARS_PER_WORD;
    let mut found = Vec::new();
    let mut rest = word;
    while rest.chars().count() > most {
        let ends: Vec<usize> = rest
            .char_indices()
            .take(most + 1)
            .skip(1)
            .filter(|(_, c)| !attaches(*c))
            .map(|(at, _)| at)
            .collect();
        let Some(end) = ends.last().copied() else {
            // Nothing but marks that attach: cut all the same, a piece has a bound.
            let end = rest.char_indices().nth(most).map_or(rest.len(), |(at, _)| at);
            found.push(&rest[..end]);
            rest = &rest[end..];
            continue;
        };
        let joined = rest[..end].ends_with('\u{200d}');
        let end = if joined {
            ends.iter().rev().find(|at| !rest[..**at].ends_with('\u{200d}')).copied().unwrap_or(end)
        } else {
            end
        };
        found.push(&rest[..end]);
        rest = &rest[end..];
    }
    found.push(rest);
    found
}

const fn attaches(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{93c}'..='\u{94d}' | '\u{e31}'..='\u{e3a}')
}

/// Which units stand in which piece: all of them, in order; each range begins at or before the end of the one before.
pub fn pack(units: &[Unit]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut end = 0;
    while end < units.len() {
        let mut total: usize = units[start..end].iter().map(|unit| unit.size).sum();
        while end < units.len() && (start == end || total + units[end].size <= PIECE_WORDS) {
            total += units[end].size;
            end += 1;
        }
        found.push(start..end);
        start = overlap(units, end);
    }
    found
}

// Where the next piece starts: so many whole units before `end` as are repeated, and leave room for the next one.
fn overlap(units: &[Unit], end: usize) -> usize {
    let next = units.get(end).map_or(0, |unit| unit.size);
    let room = OVERLAP_WORDS.min(PIECE_WORDS.saturating_sub(next));
    let mut total = 0;
    let mut start = end;
    while start > 0 && total + units[start - 1].size <= room {
        start -= 1;
        total += units[start].size;
    }
    // A piece that is repeated whole would add nothing.
    start
}

/// The units' text.
pub fn join(units: &[Unit]) -> String {
    let mut text = String::new();
    for (n, unit) in units.iter().enumerate() {
        if n > 0 {
            text.push_str(unit.before);
        }
        text.push_str(&unit.text);
    }
    text
}
