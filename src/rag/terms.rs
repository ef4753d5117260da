//! Words, numbers and names as the check of an answer compares them with its sources.

use std::collections::HashSet;

/// Words that say nothing by themselves.
const EMPTY: &[&str] = &[
    "a",
    "about",
    "after",
    "all",
    "also",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "before",
    "being",
    "both",
    "but",
    "by",
    "can",
    "could",
    "did",
    "do",
    "does",
    "each",
    "for",
    "from",
    "get",
    "gets",
    "had",
    "has",
    "have",
    "he",
    "her",
    "here",
    "his",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "just",
    "like",
    "may",
    "me",
    "might",
    "more",
    "most",
    "much",
    "must",
    "my",
    "need",
    "no",
    "not",
    "of",
    "on",
    "once",
    "one",
    "only",
    "or",
    "other",
    "our",
    "out",
    "over",
    "please",
    "she",
    "should",
    "so",
    "some",
    "such",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "through",
    "to",
    "too",
    "until",
    "up",
    "us",
    "very",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "who",
    "will",
    "with",
    "would",
    "yes",
    "you",
    "your",
    "it's",
    "you're",
    "we're",
    "don't",
    "can't",
    "cannot",
    "make",
    "sure",
    "usually",
    "often",
    "typically",
    "generally",
    "however",
    "provided",
    "document",
    "documents",
    "according",
];

/// Medicines by their common names: one that an answer names must be named by its source.
const MEDICINES: &[&str] = &[
    "acetaminophen",
    "acyclovir",
    "advil",
    "aleve",
    "alprazolam",
    "amoxicillin",
    "amoxiclav",
    "articaine",
    "aspirin",
    "ativan",
    "augmentin",
    "azithromycin",
    "benzocaine",
    "bupivacaine",
    "calpol",
    "cephalexin",
    "chlorhexidine",
    "ciprofloxacin",
    "clindamycin",
    "clopidogrel",
    "co-codamol",
    "codeine",
    "dexamethasone",
    "diazepam",
    "diclofenac",
    "doxycycline",
    "eliquis",
    "epinephrine",
    "erythromycin",
    "fentanyl",
    "fluconazole",
    "gabapentin",
    "hydrocodone",
    "ibuprofen",
    "ketamine",
    "ketorolac",
    "lidocaine",
    "lorazepam",
    "mefenamic",
    "mepivacaine",
    "metronidazole",
    "midazolam",
    "morphine",
    "motrin",
    "naproxen",
    "nurofen",
    "nystatin",
    "oxycodone",
    "panadol",
    "paracetamol",
    "penicillin",
    "percocet",
    "prednisolone",
    "prednisone",
    "prilocaine",
    "propofol",
    "rivaroxaban",
    "tetracycline",
    "tramadol",
    "triazolam",
    "tylenol",
    "valium",
    "vicodin",
    "warfarin",
    "xanax",
    "xarelto",
];
const MEDICINE_ENDINGS: &[&str] = &[
    "cillin", "mycin", "profen", "caine", "codone", "azepam", "azolam", "floxacin", "cycline", "xaban",
    "parin",
];

/// The lower-case words of a text, letters, digits and what stands inside them.
pub fn words(text: &str) -> Vec<String> {
    let plain = text.to_lowercase().replace(['’', '‘'], "'");
    let cut = plain.split(|c: char| !(c.is_alphanumeric() || "'-.,:/%$€£".contains(c)));
    let trimmed = cut.map(|word| word.trim_matches(|c: char| !(c.is_alphanumeric() || "%$€£".contains(c))));
    trimmed.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words that say something, cut to what their forms have in common.
pub fn keys(text: &str) -> HashSet<String> {
    let said = words(text).into_iter().flat_map(|word| {
        let parts = word.split(['-', '/', '.', ',', ':']).map(str::to_owned).collect::<Vec<_>>();
        parts
            .into_iter()
            .filter(|part| part.chars().any(char::is_alphabetic) && !EMPTY.contains(&part.as_str()))
    });
    said.map(|word| key(&word)).filter(|key| !key.is_empty()).collect()
}

fn key(word: &str) -> String {
    let word = word.trim_end_matches("'s").replace('\'', "");
    let mut stem = word.as_str();
    for ending in ["ing", "ies", "ed", "es", "s", "ly", "e", "y"] {
        if let Some(shorter) = stem.strip_suffix(ending).filter(|shorter| shorter.chars().count() >= 3) {
            stem = shorter;
            break;
        }
    }
    stem.chars().take(6).collect()
}

/// A number and what it counts, where a unit follows or a currency precedes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    /// Its digits, without separators of thousands.
    pub number: String,
    /// The unit's first letters, or the currency.
    pub unit: Option<String>,
}

const UNITS: &[&str] = &[
    "mg",
    "mcg",
    "µg",
    "g",
    "gram",
    "grams",
    "ml",
    "milligram",
    "milligrams",
    "tablet",
    "tablets",
    "capsule",
    "capsules",
    "pill",
    "pills",
    "drop",
    "drops",
    "hour",
    "hours",
    "minute",
    "minutes",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "time",
    "times",
    "%",
    "percent",
];

/// The numbers of a text, in digits or in words, with their units.
pub fn amounts(text: &str) -> HashSet<Amount> {
    let words: Vec<String> = words(text).into_iter().flat_map(|word| split_units(&word)).collect();
    let mut found = HashSet::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map(String::as_str);
        let counts = next.filter(|next| UNITS.contains(next)).map(unit);
        let (currency, bare) = match word.strip_prefix(['$', '€', '£']) {
            Some(bare) => (word.chars().next().map(String::from), bare),
            None => (None, word.as_str()),
        };
        for number in numbers(bare, counts.is_some()) {
            found.insert(Amount { number, unit: currency.clone().or_else(|| counts.clone()) });
        }
    }
    found
}

// `400mg` and `50%` are a number and its unit.
fn split_units(word: &str) -> Vec<String> {
    let end = word.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1);
    let (number, unit) = word.split_at(end);
    if end > 0 && !unit.is_empty() && UNITS.contains(&unit) {
        vec![number.to_owned(), unit.to_owned()]
    } else {
        vec![word.to_owned()]
    }
}

fn unit(word: &str) -> String {
    match word {
        "percent" => "%".to_owned(),
        "mcg" | "µg" => "mcg".to_owned(),
        "g" | "gram" | "grams" => "g".to_owned(),
        "milligram" | "milligrams" => "mg".to_owned(),
        word => word.trim_end_matches('s').to_owned(),
    }
}

fn numbers(word: &str, counts: bool) -> Vec<String> {
    if let Some(number) = in_words(word) {
        // "One" is also a pronoun.
        return if number == "1" && !counts { Vec::new() } else { vec![number.to_owned()] };
    }
    if !word.contains(|c: char| c.is_ascii_digit()) {
        return Vec::new();
    }
    let parts = word.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','));
    let digits =
        parts.map(|part| part.trim_matches(['.', ',']).replace(',', "")).filter(|part| !part.is_empty());
    digits.map(|digits| digits.trim_end_matches(".00").to_owned()).collect()
}

fn in_words(word: &str) -> Option<&'static str> {
    Some(match word {
        "one" => "1",
        "two" | "twice" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        "nine" => "9",
        "ten" => "10",
        "eleven" => "11",
        "twelve" | "dozen" => "12",
        "fifteen" => "15",
        "twenty" => "20",
        "thirty" => "30",
        "forty" => "40",
        "fifty" => "50",
        "sixty" => "60",
        "hundred" => "100",
        "half" => "half",
        "double" => "double",
        _ => return None,
    })
}

/// The medicines that a text names.
pub fn medicines(text: &str) -> HashSet<String> {
    let is_one = |word: &String| {
        MEDICINES.contains(&word.as_str())
            || word.len() > 7 && MEDICINE_ENDINGS.iter().any(|ending| word.ends_with(ending))
    };
    words(text).into_iter().map(|word| word.trim_end_matches('s').to_owned()).filter(is_one).collect()
}

/// Whether a sentence denies.
pub fn denies(text: &str) -> bool {
    let no = [
        "not", "no", "never", "without", "avoid", "avoided", "cannot", "neither", "nor", "nothing", "stop",
        "don't", "refrain", "skip",
    ];
    words(text).iter().any(|word| no.contains(&word.as_str()) || word.ends_with("n't"))
}

/// Addresses of mail and of the web, telephone numbers, and everything that looks like a host.
pub fn contacts(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lower = text.to_lowercase();
    for word in lower.split(|c: char| c.is_whitespace() || "()[]<>\"'“”,;!?|‹›".contains(c)) {
        let word = word.trim_matches(|c: char| ".:".contains(c));
        if word.contains('@') || word.contains("://") || word.contains("www.") || is_host(word) {
            found.push(word.to_owned());
        }
    }
    found.extend(telephones(&lower));
    found
}

fn is_host(word: &str) -> bool {
    let host = word.split(['/', ':', '?', '#']).next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    let Some((last, rest)) = labels.split_last() else { return false };
    let ordinary = ["e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "d.d.s", "m.d", "d.m.d", "ph.d"];
    !rest.is_empty()
        && !ordinary.contains(&host)
        && last.len() >= 2
        && last.chars().all(char::is_alphabetic)
        && rest
            .iter()
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'))
}

fn telephones(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut run = String::new();
    for c in text.chars().chain(['|']) {
        if c.is_ascii_digit() || " +-()./\u{a0}".contains(c) {
            run.push(c);
            continue;
        }
        let digits: String = run.chars().filter(char::is_ascii_digit).collect();
        if digits.len() >= 7 {
            found.push(digits);
        }
        run.clear();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(number: &str, unit: &str) -> Amount {
        Amount { number: number.into(), unit: (!unit.is_empty()).then(|| unit.into()) }
    }

    #[test]
    fn numbers_in_digits_and_words_with_what_they_count() {
        let found = amounts(
            "Take 400mg, at most three tablets, every 6 hours; it costs $1,200.00 (or €5), 50% of one.",
        );
        for wanted in [
            amount("400", "mg"),
            amount("3", "tablet"),
            amount("6", "hour"),
            amount("1200", "$"),
            amount("5", "€"),
            amount("50", "%"),
        ] {
            assert!(found.contains(&wanted), "{wanted:?} in {found:?}");
        }
        assert_eq!(found.len(), 6);
        assert!(amounts("one of them, 8:30").contains(&amount("30", "")));
    }

    #[test]
    fn forms_of_a_word_have_one_key() {
        for (a, b) in [
            ("bleeding", "bleeds"),
            ("extraction", "extractions"),
            ("cleaned", "cleaning"),
            ("tooth", "tooth's"),
            ("rinse", "rinsing"),
        ] {
            assert_eq!(keys(a), keys(b), "{a} {b}");
        }
        assert!(keys("you should not be the one").is_empty());
    }

    #[test]
    fn medicines_and_contacts_are_found() {
        assert_eq!(medicines("Ibuprofen, Fluxacillin or rest").len(), 2);
        assert_eq!(
            contacts("Write to a@b.example, see evil.test/x or (212) 555-0100. E.g. 3.5 mg at 9 a.m."),
            ["a@b.example", "evil.test/x", "2125550100"]
        );
    }
}
