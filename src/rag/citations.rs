//! Whether a sentence of a model's answer may be said: it must cite passages that were retrieved and that say the same.
//!
//! Checked by words, numbers and names, not by understanding: what cannot be found in the cited passages is left out.

use std::collections::HashSet;

use super::prompt::{RULES, Source, speaks_to_a_model};
use super::segment::Segment;
use super::terms::{Amount, amounts, contacts, denies, keys, medicines, words};

/// The share of a sentence's words that its cited passages must have.
const SUPPORT: f64 = 0.6;
/// The share that one cited passage must have by itself to stay cited.
const SHARE: f64 = 0.3;
/// The share that a passage must have to be cited for a sentence that cites nothing.
const SELF_EVIDENT: f64 = 0.85;
/// As many words in a row of the rules are a quotation of them.
const QUOTED_WORDS: usize = 6;
/// The fewest words two sentences must share to say the same or its opposite.
const ALIKE: usize = 3;

/// A sentence that may be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its text, with its citations at its end: `Rinse gently [1][2].`
    pub text: String,
    /// The numbers it cites, in order, each once.
    pub cites: Vec<usize>,
    /// Whether it begins a line.
    pub begins_line: bool,
}

/// Why a sentence is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It cites nothing and no passage says it plainly.
    Uncited,
    /// It cites a passage that is not there.
    Foreign,
    /// The passages that it cites do not say it.
    Unsupported,
    /// It says the opposite of what it cites.
    Opposite,
    /// A number that the cited passages do not have.
    Number,
    /// A medicine that they do not name.
    Medicine,
    /// A link, or an address or telephone number that they do not have.
    Contact,
    /// It repeats the rules, or speaks as a model or to one.
    Machinery,
}

/// The passages, taken apart once for all sentences.
#[derive(Debug)]
pub struct Checker {
    sources: Vec<Known>,
    rules: HashSet<Vec<String>>,
}

#[derive(Debug)]
struct Known {
    number: usize,
    keys: HashSet<String>,
    amounts: HashSet<Amount>,
    medicines: HashSet<String>,
    contacts: HashSet<String>,
    sentences: Vec<(HashSet<String>, bool)>,
}

impl Checker {
    /// A checker for these passages.
    pub fn new(sources: &[Source]) -> Self {
        let rules = words(RULES).windows(QUOTED_WORDS).map(<[String]>::to_vec).collect();
        Self { sources: sources.iter().map(known).collect(), rules }
    }

    /// Checks a sentence.
    ///
    /// # Errors
    /// Why it is left out.
    pub fn check(&self, segment: &Segment) -> Result<Sentence, Refusal> {
        let (text, marked) = strip(&segment.text);
        if self.is_machinery(&text) {
            return Err(Refusal::Machinery);
        }
        let said = keys(&text);
        if said.is_empty() {
            return Err(Refusal::Unsupported);
        }
        let marked =
            if marked.is_empty() { vec![self.evident(&said).ok_or(Refusal::Uncited)?] } else { marked };
        let known: Option<Vec<&Known>> = marked.iter().map(|number| self.source(*number)).collect();
        let mut known = known.ok_or(Refusal::Foreign)?;
        known.retain(|source| share(&said, &source.keys) >= SHARE);
        supported(&text, &said, &known)?;
        let cites: Vec<usize> = known.iter().map(|source| source.number).collect();
        Ok(Sentence { text: cite(&text, &cites), cites, begins_line: segment.begins_line })
    }

    fn source(&self, number: usize) -> Option<&Known> {
        self.sources.iter().find(|source| source.number == number)
    }

    // The one passage that has nearly all words of a sentence that cites nothing.
    fn evident(&self, said: &HashSet<String>) -> Option<usize> {
        let shares = self.sources.iter().map(|source| (share(said, &source.keys), source.number));
        let (best, number) = shares.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?;
        (said.len() >= ALIKE && best >= SELF_EVIDENT).then_some(number)
    }

    fn is_machinery(&self, text: &str) -> bool {
        let said = words(text);
        let quotes = said.windows(QUOTED_WORDS).any(|run| self.rules.contains(run));
        let marks = ["<|", "|>", "[INST", "```", "‹", "›", "</", "### "];
        quotes || speaks_to_a_model(text) || has_tag(text) || marks.iter().any(|mark| text.contains(mark))
    }
}

// Mark-up that a page might show as what it says.
fn has_tag(text: &str) -> bool {
    text.split('<').skip(1).any(|after| after.starts_with(|c: char| c.is_alphabetic() || "/!?".contains(c)))
}

fn known(source: &Source) -> Known {
    let text = format!("{}. {}. {}", source.title, source.heading, source.text());
    let headed = [source.title.clone(), source.heading.clone()];
    let sentences = headed.iter().chain(&source.sentences).map(|one| (keys(one), denies(one))).collect();
    Known {
        number: source.number,
        keys: keys(&text),
        amounts: amounts(&text),
        medicines: medicines(&text),
        contacts: contacts(&text).into_iter().collect(),
        sentences,
    }
}

fn supported(text: &str, said: &HashSet<String>, known: &[&Known]) -> Result<(), Refusal> {
    let all: HashSet<String> = known.iter().flat_map(|source| source.keys.iter().cloned()).collect();
    if known.is_empty() || share(said, &all) < SUPPORT {
        return Err(Refusal::Unsupported);
    }
    let has = |amount: &Amount| known.iter().any(|source| has_amount(source, amount));
    if !amounts(text).iter().all(has) {
        return Err(Refusal::Number);
    }
    if !medicines(text).iter().all(|name| known.iter().any(|source| source.medicines.contains(name))) {
        return Err(Refusal::Medicine);
    }
    let is_known = |contact: &String| known.iter().any(|source| source.contacts.contains(contact));
    if contacts(text).iter().any(|contact| is_link(contact) || !is_known(contact)) {
        return Err(Refusal::Contact);
    }
    if is_opposite(text, said, known) { Err(Refusal::Opposite) } else { Ok(()) }
}

fn has_amount(source: &Known, amount: &Amount) -> bool {
    match amount.unit {
        Some(_) => source.amounts.contains(amount),
        None => source.amounts.iter().any(|known| known.number == amount.number),
    }
}

// The documents' own links are not shown to the model: any that it writes is made up.
fn is_link(contact: &str) -> bool {
    !contact.contains('@') && contact.contains(|c: char| c.is_alphabetic())
}

// Of the source sentences that say nearly as much of it as the best one does, one must deny or affirm as it does.
fn is_opposite(text: &str, said: &HashSet<String>, known: &[&Known]) -> bool {
    let denied = denies(text);
    let alike: Vec<(f64, bool)> = known
        .iter()
        .flat_map(|source| &source.sentences)
        .filter(|(keys, _)| said.intersection(keys).count() >= ALIKE.min(said.len()))
        .map(|(keys, denies)| (share(said, keys), *denies))
        .collect();
    let best = alike.iter().map(|(share, _)| *share).fold(0.0, f64::max);
    best >= SUPPORT && !alike.iter().any(|(share, denies)| *denies == denied && *share >= best - 0.2)
}

fn share(said: &HashSet<String>, known: &HashSet<String>) -> f64 {
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    if said.is_empty() { 0.0 } else { count(said.intersection(known).count()) / count(said.len()) }
}

// The text without citations and list marks, and the numbers it cites. What is in brackets and no number stays.
fn strip(text: &str) -> (String, Vec<usize>) {
    let (mut out, mut cited, mut rest) = (String::new(), Vec::new(), text);
    while let Some(at) = rest.find('[') {
        let (before, from) = rest.split_at(at);
        let inside = from[1..].split_once(']').filter(|(inside, _)| is_citation(inside));
        if let Some((inside, after)) = inside {
            out.push_str(before.trim_end());
            // A number beyond all numbers is a passage that is not there.
            let numbers = inside.split(',').map(|number| number.trim().parse().unwrap_or(usize::MAX));
            cited.extend(numbers);
            rest = after;
        } else {
            out.push_str(before);
            out.push('[');
            rest = &from[1..];
        }
    }
    out.push_str(rest);
    let mut seen = HashSet::new();
    cited.retain(|number| seen.insert(*number));
    (unmarked(out.trim()), cited)
}

fn is_citation(inside: &str) -> bool {
    let digits =
        |part: &str| !part.trim().is_empty() && part.trim().bytes().all(|byte| byte.is_ascii_digit());
    !inside.is_empty() && inside.split(',').all(digits)
}

// Without what begins a list's item and without emphasis.
fn unmarked(text: &str) -> String {
    let text = text.trim_start_matches(['-', '*', '•', '#', '>', ' ']);
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let item = if (1..=2).contains(&digits) {
        text[digits..].strip_prefix([')', '.']).filter(|rest| rest.starts_with(' '))
    } else {
        None
    };
    item.unwrap_or(text).replace("**", "").replace("__", "").replace('`', "").trim().to_owned()
}

fn cite(text: &str, cites: &[usize]) -> String {
    let marks = cites.iter().map(|number| format!("[{number}]")).collect::<Vec<_>>().concat();
    let body = text.trim_end_matches(['.', '!', '?', '…', ':', ';', ',', ' ']);
    let end = &text[body.len()..];
    let end = if end.starts_with(['!', '?', '…']) { end.trim() } else { "." };
    format!("{body} {marks}{end}")
}

#[cfg(test)]
mod tests;
