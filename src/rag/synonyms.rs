//! What patients call things and what documents call them: `synonyms.txt`, one thing a line.
//!
//! A question that has all words of one name is searched by the others too. On the dental evaluation set this is worth
//! 0.03 nDCG@10 to the vector search, 0.03 to full-text search and 0.03 to the two together.

use std::collections::HashSet;
use std::sync::OnceLock;

/// The other names of what a question names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Related {
    /// Of things: for both searches.
    pub things: Vec<&'static str>,
    /// Of ways of asking (symptom, sign): for full-text search alone.
    pub wordings: Vec<&'static str>,
}

impl Related {
    /// What is embedded in place of the question.
    pub fn question_with_names(&self, question: &str) -> String {
        if self.things.is_empty() {
            question.to_owned()
        } else {
            format!("{question} {}", self.things.join(", "))
        }
    }

    /// What full-text search counts as asked too.
    pub fn names(&self) -> Vec<&'static str> {
        self.things.iter().chain(&self.wordings).copied().collect()
    }
}

struct Name {
    text: &'static str,
    words: Vec<String>,
}

struct Concept {
    names: Vec<Name>,
    is_thing: bool,
}

/// The other names of what the question names, in the file's order.
pub fn related(question: &str) -> Related {
    let asked: HashSet<String> = words(question).collect();
    let mut found = Related::default();
    for concept in concepts() {
        let is_asked = |name: &&Name| name.words.iter().all(|word| asked.contains(word));
        if concept.names.iter().any(|name| is_asked(&name)) {
            let others = concept.names.iter().filter(|name| !is_asked(name)).map(|name| name.text);
            if concept.is_thing { found.things.extend(others) } else { found.wordings.extend(others) }
        }
    }
    found
}

fn concepts() -> &'static [Concept] {
    static CONCEPTS: OnceLock<Vec<Concept>> = OnceLock::new();
    CONCEPTS.get_or_init(|| {
        let mut is_thing = true;
        let mut found = Vec::new();
        for line in include_str!("synonyms.txt").lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with("--") {
                is_thing = false;
            } else if !line.is_empty() {
                let names = line.split('|').map(|text| Name { text, words: words(text).collect() }).collect();
                found.push(Concept { names, is_thing });
            }
        }
        found
    })
}

// Lower-case words, plurals undone: the names are nouns, more is not needed.
fn words(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase().replace('’', "'");
    let found: Vec<String> = lower
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(singular)
        .collect();
    found.into_iter()
}

fn singular(word: &str) -> String {
    let word = word.trim_matches('\'');
    let word = word.strip_suffix("'s").unwrap_or(word);
    if word.chars().count() <= 3 {
        return word.to_owned();
    }
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.chars().count() > 1) {
        return format!("{stem}y");
    }
    if ["ches", "shes", "sses", "xes"].iter().any(|end| word.ends_with(end)) {
        return word[..word.len() - 2].to_owned();
    }
    match word.strip_suffix('s') {
        Some(stem) if !["s", "u", "i"].iter().any(|end| stem.ends_with(end)) => stem.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_several_names_and_every_name_words() {
        assert!(concepts().len() > 50);
        assert!(concepts().iter().any(|concept| !concept.is_thing));
        for concept in concepts() {
            assert!(concept.names.len() > 1);
            for name in &concept.names {
                assert!(!name.words.is_empty() && name.text == name.text.trim(), "{}", name.text);
            }
        }
    }

    #[test]
    fn a_name_brings_the_others() {
        assert_eq!(
            related("Do kids get CAVITIES?").things,
            ["caries", "tooth decay", "dental decay", "child", "children", "pediatric"]
        );
        assert_eq!(related("My gum is bleeding").things.first(), Some(&"gingiva"));
        assert_eq!(
            related("What are the symptoms of stomatitis?"),
            Related { things: vec![], wordings: vec!["sign"] }
        );
    }

    #[test]
    fn half_a_name_brings_nothing() {
        assert_eq!(related("I lost my root"), Related::default());
        assert_eq!(related("Can I park my car?"), Related::default());
        assert_eq!(related(""), Related::default());
    }

    #[test]
    fn what_is_embedded_keeps_the_question_first() {
        let found = related("Do you do root canals?");
        assert_eq!(
            found.question_with_names("Do you do root canals?"),
            "Do you do root canals? endodontic, pulp"
        );
        assert_eq!(found.names(), ["endodontic", "pulp"]);
        assert_eq!(related("Hello").question_with_names("Hello"), "Hello");
    }

    #[test]
    fn plurals_are_undone() {
        for (plural, one) in [
            ("cavities", "cavity"),
            ("abscesses", "abscess"),
            ("gums", "gum"),
            ("pus", "pus"),
            ("boxes", "box"),
            ("dentist's", "dentist"),
            ("diagnosis", "diagnosis"),
            ("ß", "ß"),
        ] {
            assert_eq!(singular(plural), one);
        }
    }
}
