//! A model's answer on its way to the patient: sentence by sentence, each only after it has passed the check.

use std::collections::HashSet;

use super::chat::{Deltas, Finish, Usage};
use super::citations::{Checker, Sentence};
use super::prompt::{NO_ANSWER, Source};
use super::segment::{Segment, Segmenter};
use super::terms::{denies, keys};
use super::upstream::Fault;
use crate::gathered::order;

/// The most sentences that are said.
const SENTENCES: usize = 12;
/// The most that a model may write, in bytes: one that goes on and on is stopped.
const LONGEST: usize = 16 * 1024;
/// How many sentences of a document are quoted where the model's own cannot be said.
const QUOTED: usize = 2;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Whole.
    Whole,
    /// The model had to stop before it was done.
    Short(Finish),
    /// The model says that the documents do not answer.
    NoAnswer,
}

/// One step of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A sentence may be said.
    Say(Sentence),
    /// Something was written that may not be said.
    Withheld,
    /// Nothing more comes.
    End(Ended),
    /// The model failed; nothing more comes.
    Failed(Fault),
}

/// An answer being written.
pub struct Answering {
    deltas: Deltas,
    segmenter: Segmenter,
    checker: Checker,
    sources: Vec<Source>,
    question: HashSet<String>,
    ready: Vec<Segment>,
    said: HashSet<String>,
    spoken: usize,
    written: String,
    usage: Usage,
    finish: Option<Finish>,
    stopped: bool,
    over: bool,
}

impl Answering {
    /// Begins with a model's stream; `question` is what was asked of it.
    pub fn new(deltas: Deltas, sources: Vec<Source>, question: &str) -> Self {
        Self {
            deltas,
            segmenter: Segmenter::default(),
            checker: Checker::new(&sources),
            question: keys(question),
            sources,
            ready: Vec::new(),
            said: HashSet::new(),
            spoken: 0,
            written: String::new(),
            usage: Usage::default(),
            finish: None,
            stopped: false,
            over: false,
        }
    }

    /// What the model read and wrote, as far as it has said.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// What the sentences are cited from.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The next step. After an end or a failure there is none.
    pub async fn next(&mut self) -> Option<Step> {
        loop {
            if !self.ready.is_empty() {
                return Some(self.checked().map_or(Step::Withheld, Step::Say));
            }
            if self.over {
                return None;
            }
            if self.stopped {
                self.finish = Some(Finish::Length);
                return Some(self.end());
            }
            match self.deltas.next().await {
                Some(Ok(delta)) => {
                    self.usage = delta.usage.unwrap_or(self.usage);
                    self.finish = delta.finish.or(self.finish);
                    self.written.push_str(&delta.text);
                    self.ready.extend(self.segmenter.feed(&delta.text));
                    self.stopped = self.spoken >= SENTENCES || self.written.len() > LONGEST;
                }
                Some(Err(fault)) => {
                    self.over = true;
                    return Some(Step::Failed(fault));
                }
                None => return Some(self.last()),
            }
        }
    }

    fn checked(&mut self) -> Option<Sentence> {
        while !self.ready.is_empty() {
            let segment = self.ready.remove(0);
            let Ok(sentence) = self.checker.check(&segment) else { continue };
            // Small models repeat themselves.
            if self.spoken < SENTENCES && self.said.insert(sentence.text.clone()) {
                self.spoken += 1;
                return Some(sentence);
            }
        }
        None
    }

    // The stream has ended: what is left of it is a sentence only if the model was done or had ended it.
    fn last(&mut self) -> Step {
        let whole = matches!(self.finish, None | Some(Finish::Stop));
        self.ready.extend(self.segmenter.finish().filter(|segment| whole || segment.ended));
        match self.checked() {
            Some(sentence) => Step::Say(sentence),
            None => self.end(),
        }
    }

    fn end(&mut self) -> Step {
        self.over = true;
        let gives_up = self.written.trim_start_matches(|c: char| !c.is_alphanumeric()).starts_with(NO_ANSWER);
        Step::End(match self.finish {
            _ if self.spoken == 0 && gives_up => Ended::NoAnswer,
            None | Some(Finish::Stop) => Ended::Whole,
            Some(finish) => Ended::Short(finish),
        })
    }

    /// What the documents themselves say, where nothing that the model wrote could be said: the sentences of the best
    /// passages that share most words with the question, each cited.
    pub fn quotation(&self) -> Vec<Sentence> {
        let mut scored: Vec<(usize, usize, &Source, &str)> = Vec::new();
        for source in self.sources.iter().take(2) {
            let heading = keys(&format!("{} {}", source.title, source.heading));
            for (at, sentence) in source.sentences.iter().enumerate().filter(|(_, one)| is_quotable(one)) {
                let shared =
                    keys(sentence).union(&heading).filter(|key| self.question.contains(*key)).count();
                scored.push((shared, at, source, sentence));
            }
        }
        // Of equals what stands first.
        order(&mut scored, |a, b| b.0.cmp(&a.0).then(a.2.number.cmp(&b.2.number)).then(a.1.cmp(&b.1)));
        scored.truncate(QUOTED);
        order(&mut scored, |a, b| (a.2.number, a.1).cmp(&(b.2.number, b.1)));
        let checked = scored.into_iter().filter_map(|(_, _, source, text)| {
            let segment =
                Segment { text: format!("{text} [{}]", source.number), begins_line: false, ended: true };
            self.checker.check(&segment).ok()
        });
        checked.collect()
    }
}

// A heading, a question or half a line says nothing when it stands alone.
fn is_quotable(sentence: &str) -> bool {
    let ends = sentence.trim_end().ends_with(['.', '!', '"', ')']);
    ends && (keys(sentence).len() >= 2 || denies(sentence))
}

#[cfg(test)]
mod tests;
