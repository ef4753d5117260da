//! Words of a message as the rules see them, and the small language that the rules' patterns are written in.

use std::collections::HashMap;
use std::sync::OnceLock;

/// A message's words, lower-case, with contractions taken apart; `|` stands where a clause ends.
#[derive(Clone, Debug, Default)]
pub struct Words(Vec<String>);

/// Where a clause ends: what is said of one does not hold for the next.
const CLAUSE: &str = "|";
/// The most words that `..` may stand for.
const GAP: usize = 3;
/// The most words that `~` may stand for, each of them from the list `fillers`.
const FILLER_GAP: usize = 5;

impl Words {
    /// Takes a message apart into its sentences.
    pub fn sentences(text: &str) -> Vec<Self> {
        text.split(['.', '?', '!', '\n', ';', '…'])
            .map(Self::read)
            .filter(|words| !words.0.is_empty())
            .collect()
    }

    fn read(sentence: &str) -> Self {
        let plain = sentence.to_lowercase().replace(['’', '‘', '`', '´'], "'");
        let mut words = Vec::new();
        for token in plain.split(|c: char| c.is_whitespace() || "/-–—()\"“”*_".contains(c)) {
            let end = token.ends_with([',', ':']);
            let word = token.trim_matches(|c: char| !c.is_alphanumeric());
            expand(word, &mut words);
            if end {
                words.push(CLAUSE.to_owned());
            }
        }
        Self(words)
    }

    /// Several sentences as one.
    pub fn joined(sentences: Vec<Self>) -> Self {
        let mut all = Vec::new();
        for sentence in sentences {
            all.extend(sentence.0);
            all.push(CLAUSE.to_owned());
        }
        Self(all)
    }

    /// Whether one of the patterns of that name is there and not denied.
    pub fn has(&self, name: &str) -> bool {
        let there = |pattern: &Vec<Part>| {
            (0..self.0.len()).any(|at| matched(pattern, &self.0[at..]) && !self.is_denied(at))
        };
        named(name).iter().any(there)
    }

    /// Whether one of them is there at all.
    pub fn mentions(&self, name: &str) -> bool {
        let there = |pattern: &Vec<Part>| (0..self.0.len()).any(|at| matched(pattern, &self.0[at..]));
        named(name).iter().any(there)
    }

    /// Whether it begins with one of them, greetings and the like left out.
    pub fn begins(&self, name: &str) -> bool {
        let start = self.0.iter().position(|word| !is_one_of("courtesies", word)).unwrap_or(0);
        named(name).iter().any(|pattern| matched(pattern, &self.0[start..]))
    }

    // Only what is surely a denial counts: a word of another kind in between, and it is none.
    fn is_denied(&self, at: usize) -> bool {
        let mut before = at;
        while before > 0 && at - before < 8 {
            before -= 1;
            let word = self.0[before].as_str();
            match word {
                "no" | "without" | "never" | "denies" | "neither" => return true,
                "not" => return before > 0 && DENYING.contains(&self.0[before - 1].as_str()),
                word if is_one_of("fillers", word) || is_one_of("symptoms", word) => {}
                _ => return false,
            }
        }
        false
    }
}

/// "I do not have trouble breathing" denies; "it will not stop, trouble breathing" does not.
const DENYING: &[&str] =
    &["do", "does", "did", "is", "are", "am", "was", "were", "have", "has", "had", "there"];

fn expand(word: &str, into: &mut Vec<String>) {
    let expanded: &[&str] = match word {
        "" => return,
        "can't" | "cant" | "cannot" | "canot" => &["can", "not"],
        "won't" | "wont" => &["will", "not"],
        "couldn't" | "couldnt" => &["could", "not"],
        "isn't" | "isnt" => &["is", "not"],
        "aren't" | "arent" => &["are", "not"],
        "wasn't" | "wasnt" => &["was", "not"],
        "don't" | "dont" => &["do", "not"],
        "doesn't" | "doesnt" => &["does", "not"],
        "didn't" | "didnt" => &["did", "not"],
        "hasn't" | "hasnt" => &["has", "not"],
        "haven't" | "havent" => &["have", "not"],
        "hes" => &["he", "is"],
        "shes" => &["she", "is"],
        "i'm" | "im" => &["i", "am"],
        "i've" | "ive" => &["i", "have"],
        "i'd" => &["i", "would"],
        "but" | "however" | "although" | "and" | "then" | "because" => &[CLAUSE],
        _ => {
            let (stem, end) = word.split_once('\'').unwrap_or((word, ""));
            into.push(stem.to_owned());
            match end {
                "s" => into.push("is".to_owned()),
                "re" => into.push("are".to_owned()),
                "ll" => into.push("will".to_owned()),
                _ => {}
            }
            return;
        }
    };
    into.extend(expanded.iter().map(|&word| word.to_owned()));
}

/// One pattern.
type Pattern = [Part];

#[derive(Debug)]
enum Part {
    /// One of these words; `true` for all that begin so.
    Word(Vec<(&'static str, bool)>),
    Gap,
    Filler,
}

/// The patterns of that name; a test sees to it that every name in use is there.
fn named(name: &str) -> &'static [Vec<Part>] {
    static ALL: OnceLock<HashMap<&'static str, Vec<Vec<Part>>>> = OnceLock::new();
    ALL.get_or_init(read_patterns).get(name).map_or(&[], Vec::as_slice)
}

fn read_patterns() -> HashMap<&'static str, Vec<Vec<Part>>> {
    let mut all: HashMap<_, Vec<_>> = HashMap::new();
    let mut name = "";
    for line in include_str!("patterns.txt").lines().filter(|line| !line.starts_with('#')) {
        if let Some(begun) = line.strip_prefix('[') {
            name = begun.trim_end_matches(']');
        } else {
            let patterns = line.split(';').map(str::trim).filter(|pattern| !pattern.is_empty());
            all.entry(name)
                .or_default()
                .extend(patterns.map(|pattern| pattern.split(' ').map(part).collect::<Vec<_>>()));
        }
    }
    all
}

fn part(word: &'static str) -> Part {
    let choice = |one: &'static str| one.strip_suffix('*').map_or((one, false), |start| (start, true));
    match word {
        ".." => Part::Gap,
        "~" => Part::Filler,
        word => Part::Word(word.split('/').map(choice).collect()),
    }
}

fn is_one_of(name: &str, word: &str) -> bool {
    named(name).iter().any(|pattern| matches!(pattern.as_slice(), [Part::Word(choice)] if fits(choice, word)))
}

fn matched(pattern: &Pattern, words: &[String]) -> bool {
    match pattern {
        [] => true,
        [Part::Word(choice), rest @ ..] => match words.first() {
            Some(word) if fits(choice, word) => matched(rest, &words[1..]),
            _ => false,
        },
        [Part::Gap, rest @ ..] => skipping(rest, words, GAP, |word| word != CLAUSE),
        [Part::Filler, rest @ ..] => skipping(rest, words, FILLER_GAP, |word| is_one_of("fillers", word)),
    }
}

fn skipping(rest: &Pattern, words: &[String], most: usize, may: impl Fn(&str) -> bool) -> bool {
    for skipped in 0..=most {
        let Some(left) = words.get(skipped..) else { return false };
        if matched(rest, left) {
            return true;
        }
        if !left.first().is_some_and(|word| may(word)) {
            return false;
        }
    }
    false
}

fn fits(choice: &[(&str, bool)], word: &str) -> bool {
    choice.iter().any(|(known, begins)| if *begins { word.starts_with(known) } else { word == *known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_rules_has_patterns() {
        let names = include_str!("rules.rs").split('"').skip(1).step_by(2);
        let names: Vec<&str> = names.collect();
        assert!(names.len() > 50);
        for name in names.into_iter().chain(["fillers", "symptoms", "courtesies"]) {
            assert!(!named(name).is_empty(), "{name}");
        }
    }
}
