//! Cuts a Markdown document into the pieces that are searched and cited: by heading, then by paragraph and sentence,
//! with some overlap. A FAQ's question stays with its answer, whatever the length of the answer.
//!
//! Pure text in, pieces out; embedding and storing are others' work. Sizes are those that `scripts/eval` found best.

mod blocks;
mod pack;
pub(in crate::rag) mod sentence;

pub(in crate::rag) use blocks::plain;

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

/// Words in a piece, at most, its headings not counted. A word of more than eight characters on average (or a script
/// without spaces) counts by its characters.
pub const PIECE_WORDS: usize = 120;
/// Words of a piece that the next one repeats, at most: whole sentences.
pub const OVERLAP_WORDS: usize = 30;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// `slug#` and 16 hexadecimal digits of the text's hash (with `-2` and so on where a text is repeated): the same
    /// text keeps its id when something is inserted before it, so only what is new is embedded.
    pub id: String,
    /// Its place in the document, from 0.
    pub ordinal: usize,
    /// The headings it stands under, outermost first, joined by ` › `; the document's title is not repeated.
    pub heading: String,
    /// The text, in Markdown.
    pub content: String,
}

impl Piece {
    /// What is embedded: title, headings and text without mark-up.
    pub fn embedded_text(&self, title: &str) -> String {
        text_for_models(title, &self.heading, &self.content)
    }
}

/// Title, headings and text without mark-up: what models read of a piece.
pub fn text_for_models(title: &str, heading: &str, content: &str) -> String {
    let heading = if heading.is_empty() { String::new() } else { format!("{heading}\n") };
    format!("{title}\n{heading}{}", blocks::plain(content))
}

/// The pieces of a document, in order. A document without text has none.
pub fn chunk(slug: &str, title: &str, markdown: &str) -> Vec<Piece> {
    let mut seen = HashMap::new();
    let mut pieces = Vec::new();
    for section in blocks::sections(title, markdown) {
        let heading = section.path.join(" › ");
        let units = section.blocks.iter().flat_map(pack::units).collect::<Vec<_>>();
        for range in pack::pack(&units) {
            let content = pack::join(&units[range]);
            let id = identify(slug, title, &heading, &content, &mut seen);
            pieces.push(Piece { id, ordinal: pieces.len(), heading: heading.clone(), content });
        }
    }
    pieces
}

fn identify(
    slug: &str,
    title: &str,
    heading: &str,
    content: &str,
    seen: &mut HashMap<String, usize>,
) -> String {
    let digest = Sha256::digest([title, heading, content].join("\n").as_bytes());
    let hash = digest.iter().take(8).fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    let times = seen.entry(hash.clone()).and_modify(|times| *times += 1).or_insert(1);
    if *times == 1 { format!("{slug}#{hash}") } else { format!("{slug}#{hash}-{times}") }
}

#[cfg(test)]
mod tests;
