//! A set in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv`, and `unanswerable.jsonl` where there is one.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
pub struct Passage {
    #[serde(rename = "_id")]
    pub id: String,
    pub title: String,
    pub text: String,
    #[serde(skip)]
    pub slug: String,
}

#[derive(Deserialize)]
pub struct Asked {
    #[serde(rename = "_id")]
    pub id: String,
    pub text: String,
    #[serde(default)]
    pub category: String,
}

pub struct Set {
    pub corpus: Vec<Passage>,
    pub questions: Vec<Asked>,
    pub unanswerable: Vec<Asked>,
    /// By question: passages and their grades.
    pub relevant: HashMap<String, HashMap<String, f64>>,
    by_slug: HashMap<String, String>,
}

fn lines<T: DeserializeOwned>(file: &Path) -> Vec<T> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

impl Set {
    pub fn read(folder: &Path) -> Self {
        let mut corpus: Vec<Passage> = lines(&folder.join("corpus.jsonl"));
        // The general set has some passages twice under one id: such a passage is one document.
        let mut ids = HashSet::new();
        corpus.retain(|passage| ids.insert(passage.id.clone()));
        let mut taken = HashSet::new();
        for (n, passage) in corpus.iter_mut().enumerate() {
            passage.slug = slug(&passage.id);
            // Ids may differ in punctuation alone.
            if !taken.insert(passage.slug.clone()) {
                passage.slug = format!("{}-at-{n}", passage.slug);
            }
        }
        let by_slug: HashMap<_, _> = corpus.iter().map(|p| (p.slug.clone(), p.id.clone())).collect();
        assert_eq!(by_slug.len(), corpus.len(), "every passage has a slug of its own");
        let mut relevant: HashMap<String, HashMap<String, f64>> = HashMap::new();
        let grades = fs::read_to_string(folder.join("qrels.tsv")).expect("qrels.tsv");
        for line in grades.lines().skip(1) {
            let mut parts = line.split('\t');
            let (Some(question), Some(passage), Some(grade)) = (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let grade = grade.trim().parse().expect("a grade");
            relevant.entry(question.to_owned()).or_default().insert(passage.to_owned(), grade);
        }
        let mut questions: Vec<Asked> = lines(&folder.join("queries.jsonl"));
        questions.retain(|question| relevant.contains_key(&question.id));
        let unanswerable = folder.join("unanswerable.jsonl");
        let unanswerable = if unanswerable.exists() { lines(&unanswerable) } else { Vec::new() };
        Self { corpus, questions, unanswerable, relevant, by_slug }
    }

    /// The documents of ranked pieces, each once, where its best piece is.
    pub fn documents<'a>(&'a self, slugs: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut seen = HashSet::new();
        slugs
            .filter(|slug| seen.insert(*slug))
            .filter_map(|slug| self.by_slug.get(slug).map(String::as_str))
            .collect()
    }
}

fn slug(id: &str) -> String {
    let words: Vec<&str> =
        id.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    words.join("-").to_lowercase()
}
