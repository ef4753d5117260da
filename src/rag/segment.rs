//! Cuts a model's answer into sentences while it is being written. A sentence is complete once the next one begins:
//! until then its citations may still follow it.

use super::chunk::sentence::{TAIL, ends};

/// A sentence longer than this, in bytes, is cut off: nobody would read it, and it must not fill the memory.
const LONGEST: usize = 2_000;

/// A complete sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its text, citations included.
    pub text: String,
    /// Whether it begins a line.
    pub begins_line: bool,
    /// Whether something ends it; the last one of an answer that was cut off has no end.
    pub ended: bool,
}

/// What has come of an answer and is not given out yet.
#[derive(Debug)]
pub struct Segmenter {
    rest: String,
    begins_line: bool,
}

impl Default for Segmenter {
    fn default() -> Self {
        Self { rest: String::new(), begins_line: true }
    }
}

impl Segmenter {
    /// Takes in more text and gives the sentences that it completes.
    pub fn feed(&mut self, text: &str) -> Vec<Segment> {
        self.rest.push_str(text);
        let mut found = Vec::new();
        while let Some(end) = boundary(&self.rest) {
            found.extend(self.cut(end, true));
        }
        if self.rest.len() > LONGEST {
            let end = self.rest.len();
            found.extend(self.cut(end, false));
        }
        found
    }

    /// The last sentence.
    pub fn finish(&mut self) -> Option<Segment> {
        let ended = self
            .rest
            .trim_end()
            .trim_end_matches(|c: char| TAIL.contains(c) || c.is_ascii_digit() || c == '[');
        let ended = ended.len() < self.rest.trim_end().len();
        let end = self.rest.len();
        self.cut(end, ended)
    }

    fn cut(&mut self, end: usize, ended: bool) -> Option<Segment> {
        let after = self.rest.split_off(end);
        let text = std::mem::replace(&mut self.rest, after.trim_start().to_owned());
        let begins_line = self.begins_line;
        self.begins_line = text.ends_with('\n') || after.trim_start_matches(' ').starts_with('\n');
        let text = text.trim().to_owned();
        if text.is_empty() {
            self.begins_line |= begins_line;
            return None;
        }
        Some(Segment { text, begins_line, ended })
    }
}

// Where the first sentence ends, once that is sure.
fn boundary(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, mark)) = chars.next() {
        if mark == '\n' {
            return Some(at + 1);
        }
        if !matches!(mark, '.' | '!' | '?' | '…' | '。' | '！' | '？') {
            continue;
        }
        while chars.next_if(|(_, next)| TAIL.contains(*next)).is_some() {}
        let end = chars.peek().map_or(text.len(), |(next, _)| *next);
        let end = after_citations(text, end)?;
        let rest = text.get(end..)?;
        // The next sentence has to have begun.
        let begun = rest.trim_start_matches(' ').chars().next()?;
        if begun == '\n' || matches!(mark, '。' | '！' | '？') {
            return Some(end);
        }
        if rest.starts_with(char::is_whitespace) && ends(text, 0, at, end, mark) {
            return Some(end);
        }
    }
    None
}

// Citations after a sentence's end belong to it. `None` while one may still be coming.
fn after_citations(text: &str, from: usize) -> Option<usize> {
    let mut end = from;
    loop {
        let rest = text.get(end..)?;
        let blank = rest.len() - rest.trim_start_matches(' ').len();
        let Some(inside) = rest[blank..].strip_prefix('[') else {
            return if rest[blank..].is_empty() { None } else { Some(end) };
        };
        match inside.find(|c: char| !(c.is_ascii_digit() || c == ',' || c == ' ')) {
            Some(length) if length > 0 && inside[length..].starts_with(']') => end += blank + length + 2,
            Some(_) => return Some(end),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &str) -> Vec<String> {
        let mut segmenter = Segmenter::default();
        let mut found = segmenter.feed(text);
        found.extend(segmenter.finish());
        found.into_iter().map(|segment| segment.text).collect()
    }

    #[test]
    fn citations_before_and_after_the_end_stay_with_their_sentence() {
        let text = "Bite on gauze for 30 minutes [1]. Do not rinse. [1][2] See Dr. Ames at 8 a.m. tomorrow [2, 3]. Rest.[1] Eat.";
        assert_eq!(
            whole(text),
            [
                "Bite on gauze for 30 minutes [1].",
                "Do not rinse. [1][2]",
                "See Dr. Ames at 8 a.m. tomorrow [2, 3].",
                "Rest.[1]",
                "Eat."
            ]
        );
    }

    #[test]
    fn lines_and_lists_are_cut_too() {
        let mut segmenter = Segmenter::default();
        let mut found = segmenter.feed("Do this:\n- Rinse [1]\n- Rest. [2]\n\nIt costs $1.50 [1]. Sure");
        found.extend(segmenter.finish());
        let seen: Vec<(&str, bool, bool)> =
            found.iter().map(|one| (one.text.as_str(), one.begins_line, one.ended)).collect();
        assert_eq!(
            seen,
            [
                ("Do this:", true, true),
                ("- Rinse [1]", true, true),
                ("- Rest. [2]", true, true),
                ("It costs $1.50 [1].", true, true),
                ("Sure", false, false),
            ]
        );
    }

    #[test]
    fn a_sentence_without_end_is_cut_off() {
        let mut segmenter = Segmenter::default();
        assert_eq!(segmenter.feed(&"x".repeat(3000)).len(), 1);
        assert_eq!(segmenter.finish(), None);
    }

    proptest! {
        #[test]
        fn however_it_comes_the_sentences_are_the_same(text in "[A-C ]{0,6}(\\.|\\?|\\. \\[1\\]|\\.\\[2, 3\\]|\n| é|Dr\\. ){0,3}[A-C \\.\n\\[\\]1]{0,20}", size in 1usize..5) {
            let chars: Vec<char> = text.chars().collect();
            let mut segmenter = Segmenter::default();
            let mut found = Vec::new();
            for piece in chars.chunks(size) {
                found.extend(segmenter.feed(&piece.iter().collect::<String>()));
            }
            found.extend(segmenter.finish());
            let found: Vec<String> = found.into_iter().map(|segment| segment.text).collect();
            prop_assert_eq!(found, whole(&text));
        }
    }
}
