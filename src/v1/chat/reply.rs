//! Completions in `OpenAI`'s shape, whole and in chunks, with what is ours beside it: the cited passages as annotations
//! and as `sources`, and `chairside`, which says how the answer came about.

use serde_json::{Map, Value, json};

use crate::rag::chat::{Finish, Usage};
use crate::rag::citations::Sentence;
use crate::rag::prompt::Source;
use crate::rag::sse::event;

/// The one model there is.
pub const MODEL: &str = "chairside";

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// From the documents.
    Answered,
    /// They do not answer.
    Abstained,
    /// A red flag.
    Triage,
}

impl Outcome {
    /// The value of `X-Chairside-Outcome`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Abstained => "abstained",
            Self::Triage => "triage",
        }
    }
}

/// How an answer came about.
#[derive(Clone, Debug)]
pub struct About {
    /// `chatcmpl-…`, which feedback refers to.
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    /// What it is.
    pub outcome: Outcome,
    /// `hybrid` or `full-text`; none where nothing was searched.
    pub retrieval: Option<&'static str>,
    /// Why fewer searches were made than are configured.
    pub degraded: Option<&'static str>,
    /// The question that was searched for, where it was made of a follow-up.
    pub question: Option<String>,
}

/// Text with the place of its citations in all of the answer.
#[derive(Clone, Debug, Default)]
pub struct Written {
    text: String,
    chars: usize,
    annotations: Vec<Value>,
    cited: Vec<usize>,
}

impl Written {
    /// Adds a sentence; gives the text and the annotations that are new.
    pub fn add(&mut self, sentence: &Sentence, sources: &[Source]) -> (String, Vec<Value>) {
        let glue = match (self.text.is_empty(), sentence.begins_line) {
            (true, _) => "",
            (_, true) => "\n",
            _ => " ",
        };
        let start = self.chars + glue.len();
        let end = start + sentence.text.chars().count();
        let cited = sources.iter().filter(|source| sentence.cites.contains(&source.number));
        let annotations: Vec<Value> = cited.map(|source| annotation(source, start, end)).collect();
        for number in &sentence.cites {
            if !self.cited.contains(number) {
                self.cited.push(*number);
            }
        }
        let text = format!("{glue}{}", sentence.text);
        self.text.push_str(&text);
        self.chars = end;
        self.annotations.extend(annotations.iter().cloned());
        (text, annotations)
    }

    /// The passages that were cited, by number.
    fn sources(&self, sources: &[Source]) -> Vec<Value> {
        let cited = sources.iter().filter(|source| self.cited.contains(&source.number));
        cited.map(|source| json!({
            "number": source.number, "chunk": source.id, "document": source.document, "title": source.title, "heading": source.heading,
            "text": source.text(),
        })).collect()
    }
}

// `OpenAI`'s kind of annotation; start and end count characters (Unicode code points) of the content.
fn annotation(source: &Source, start: usize, end: usize) -> Value {
    json!({
        "type": "url_citation",
        "url_citation": {
            "start_index": start, "end_index": end, "title": source.title,
            "url": format!("/v1/knowledge/documents/{}", source.document),
        },
        "number": source.number, "chunk": source.id,
    })
}

/// `finish_reason`
pub const fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Filter => "content_filter",
    }
}

fn about(about: &About) -> Value {
    let mut ours = Map::new();
    ours.insert("outcome".into(), json!(about.outcome.name()));
    let members = [
        ("retrieval", about.retrieval.map(str::to_owned)),
        ("degraded", about.degraded.map(str::to_owned)),
        ("question", about.question.clone()),
    ];
    ours.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
    Value::Object(ours)
}

fn usage(usage: Usage) -> Value {
    let Usage { prompt_tokens, completion_tokens } = usage;
    let total = prompt_tokens.saturating_add(completion_tokens);
    json!({"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": total})
}

/// A whole completion.
pub fn whole(about_it: &About, written: &Written, sources: &[Source], finish: Finish, used: Usage) -> Value {
    json!({
        "id": about_it.id, "object": "chat.completion", "created": about_it.created, "model": MODEL,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": written.text, "refusal": null, "annotations": written.annotations},
            "logprobs": null,
            "finish_reason": reason(finish),
        }],
        "usage": usage(used),
        "sources": written.sources(sources),
        "chairside": about(about_it),
    })
}

/// Chunks of one completion.
#[derive(Debug)]
pub struct Chunks {
    about: About,
    include_usage: bool,
    begun: bool,
}

impl Chunks {
    /// Of this completion.
    pub const fn new(about: About, include_usage: bool) -> Self {
        Self { about, include_usage, begun: false }
    }

    fn chunk(&self, delta: &Value, finish: Option<Finish>) -> Value {
        let mut chunk = json!({
            "id": self.about.id, "object": "chat.completion.chunk", "created": self.about.created, "model": MODEL,
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish.map(reason)}],
        });
        if self.include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    /// A sentence's chunk; the first one says whose it is.
    pub fn sentence(&mut self, text: &str, annotations: &[Value]) -> Vec<u8> {
        let mut delta = json!({"content": text});
        if !annotations.is_empty() {
            delta["annotations"] = json!(annotations);
        }
        if !self.begun {
            self.begun = true;
            delta["role"] = json!("assistant");
        }
        event(&self.chunk(&delta, None).to_string())
    }

    /// What ends a completion: the reason with the sources, the usage if it was asked for, `[DONE]`.
    pub fn end(&mut self, written: &Written, sources: &[Source], finish: Finish, used: Usage) -> Vec<u8> {
        let mut last = self.chunk(&json!({}), Some(finish));
        last["sources"] = json!(written.sources(sources));
        last["chairside"] = about(&self.about);
        let mut bytes = event(&last.to_string());
        if self.include_usage {
            let mut chunk = self.chunk(&json!({}), None);
            chunk["choices"] = json!([]);
            chunk["usage"] = usage(used);
            bytes.extend(event(&chunk.to_string()));
        }
        bytes.extend(event("[DONE]"));
        bytes
    }
}
