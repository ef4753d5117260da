//! SQL's LIKE: `%` for any text, `_` for one character, `\` before one that is meant literally.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Exactly(char),
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Like {
    parts: Vec<Part>,
    any_case: bool,
}

impl Like {
    pub fn new(pattern: &str, any_case: bool) -> Self {
        let pattern = fold(pattern, any_case);
        let mut characters = pattern.chars();
        let mut parts = Vec::new();
        while let Some(character) = characters.next() {
            match character {
                '%' if parts.last() == Some(&Part::Any) => {}
                '%' => parts.push(Part::Any),
                '_' => parts.push(Part::One),
                '\\' => parts.push(Part::Exactly(characters.next().unwrap_or('\\'))),
                plain => parts.push(Part::Exactly(plain)),
            }
        }
        Self { parts, any_case }
    }

    /// Goes back only to the last `%`, so the time is bounded by the product of both lengths.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = fold(text, self.any_case).chars().collect();
        let (mut at, mut part, mut last_any) = (0, 0, None);
        while at < text.len() {
            match self.parts.get(part) {
                Some(Part::Any) => {
                    last_any = Some((part, at));
                    part += 1;
                }
                Some(Part::One) => (at, part) = (at + 1, part + 1),
                Some(Part::Exactly(wanted)) if *wanted == text[at] => (at, part) = (at + 1, part + 1),
                _ => {
                    let Some((any, from)) = last_any else { return false };
                    last_any = Some((any, from + 1));
                    (at, part) = (from + 1, any + 1);
                }
            }
        }
        self.parts[part..].iter().all(|rest| *rest == Part::Any)
    }
}

fn fold(text: &str, any_case: bool) -> String {
    if any_case { text.to_lowercase() } else { text.to_owned() }
}
