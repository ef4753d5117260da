//! `POST /v1/chat/completions`: a question answered from the clinic's documents, in `OpenAI`'s dialect.
//!
//! The order of a turn: triage, redaction, rewriting of follow-ups, retrieval, abstention, the model, the check of what it
//! writes. The reply's head is sent when its first sentence has passed: until then a failure is an error like any other.

mod clinic;
mod feedback;
mod reply;
mod request;
mod turn;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{V1, json as json_answer};
use crate::http::{Answer, Method, Payload, Platform, Request};
use crate::problem::{Kind, Problem};
use crate::rag::answer::{Answering, Ended, Step};
use crate::rag::chat::{Finish, Usage};
use crate::rag::citations::Sentence;
use crate::rag::prompt::Source;
use crate::rag::sse::event;
use reply::{About, Chunks, MODEL, Outcome, Written};
use turn::Turned;

/// The longest body: 40 messages of 4,000 characters, each escaped.
const MAX_BODY: usize = 1024 * 1024;

/// `GET /v1/models` and `GET /v1/models/chairside`, which clients ask for before they chat.
pub(super) fn models<S>(method: Method, id: Option<&str>) -> Result<Answer<S>, Problem> {
    if !method.is_read() {
        return Err(
            Problem::new(Kind::MethodNotAllowed, "Only GET and HEAD are allowed here.").hint("GET, HEAD")
        );
    }
    let model = json!({"id": MODEL, "object": "model", "created": 0, "owned_by": "clinic"});
    match id {
        None => Ok(json_answer(200, &json!({"object": "list", "data": [model]}))),
        Some(MODEL) => Ok(json_answer(200, &model)),
        Some(_) => Err(Problem::new(Kind::NotFound, "There is no such model.")),
    }
}

fn require_post(method: Method) -> Result<(), Problem> {
    if method == Method::Post {
        return Ok(());
    }
    Err(Problem::new(Kind::MethodNotAllowed, "Only POST is allowed here.").hint("POST"))
}

impl<P: Platform, R: Request> V1<'_, P, R> {
    /// Answers a question.
    pub(super) async fn chat(&self) -> Result<Answer<P::Stream>, Problem> {
        require_post(self.request.method())?;
        self.require_welcome()?;
        let asked = request::read(&self.body(MAX_BODY).await?)?;
        let (about, speech) = match self.turn(&asked).await? {
            Turned::Fixed { about, text } => (about, Speech::fixed(text)),
            Turned::Answering { about, answering, spent } => (about, Speech::of_model(*answering, spent)),
        };
        let (about, speech) = self.begun(about, speech).await?;
        let outcome = about.outcome.name();
        let retrieval = about.retrieval;
        let answer = if asked.stream {
            streamed(Chunks::new(about, asked.include_usage), speech)
        } else {
            json_answer(200, &whole(about, speech).await?)
        };
        let answer = answer.header("x-chairside-outcome", outcome);
        Ok(match retrieval {
            Some(retrieval) => answer.header("x-chairside-retrieval", retrieval),
            None => answer,
        })
    }

    /// Waits for the first sentence. A model that has nothing to say is quoted over by the documents, one that gives up is
    /// an abstention.
    async fn begun(&self, mut about: About, mut speech: Speech) -> Result<(About, Speech), Problem> {
        let mut step = speech.next().await;
        while let Some(Step::Withheld) = step {
            step = speech.next().await;
        }
        match step {
            Some(Step::Say(sentence)) => speech.ready.push(sentence),
            Some(Step::Failed(fault)) => return Err(turn::failed(&fault)),
            Some(Step::End(ended)) => {
                let quotation = if ended == Ended::NoAnswer { Vec::new() } else { speech.quotation() };
                if quotation.is_empty() {
                    about.outcome = Outcome::Abstained;
                    return Ok((
                        about,
                        Speech { usage: speech.usage(), ..Speech::fixed(self.unknown().await) },
                    ));
                }
                speech.say_instead(quotation);
            }
            Some(Step::Withheld) | None => {}
        }
        Ok((about, speech))
    }
}

/// What is said: sentences that are ready, then the model's.
struct Speech {
    ready: Vec<Sentence>,
    model: Option<Answering>,
    sources: Vec<Source>,
    usage: Usage,
    finish: Finish,
}

impl Speech {
    fn fixed(text: String) -> Self {
        let ready = vec![Sentence { text, cites: Vec::new(), begins_line: false }];
        Self { ready, model: None, sources: Vec::new(), usage: Usage::default(), finish: Finish::Stop }
    }

    fn of_model(answering: Answering, spent: Usage) -> Self {
        let sources = answering.sources().to_vec();
        Self { ready: Vec::new(), model: Some(answering), sources, usage: spent, finish: Finish::Stop }
    }

    fn quotation(&self) -> Vec<Sentence> {
        self.model.as_ref().map(Answering::quotation).unwrap_or_default()
    }

    fn say_instead(&mut self, sentences: Vec<Sentence>) {
        self.usage = self.usage();
        self.ready = sentences;
        self.model = None;
    }

    fn usage(&self) -> Usage {
        self.model.as_ref().map_or(self.usage, |model| self.usage.plus(model.usage()))
    }

    async fn next(&mut self) -> Option<Step> {
        if !self.ready.is_empty() {
            return Some(Step::Say(self.ready.remove(0)));
        }
        let step = self.model.as_mut()?.next().await;
        if let Some(Step::End(Ended::Short(finish))) = step {
            self.finish = finish;
        }
        step
    }
}

async fn whole(about: About, mut speech: Speech) -> Result<Value, Problem> {
    let mut written = Written::default();
    while let Some(step) = speech.next().await {
        match step {
            Step::Say(sentence) => {
                written.add(&sentence, &speech.sources);
            }
            Step::Failed(fault) => return Err(turn::failed(&fault)),
            Step::Withheld | Step::End(_) => {}
        }
    }
    Ok(reply::whole(&about, &written, &speech.sources, speech.finish, speech.usage()))
}

/// What is left of a stream: nothing once it has ended or failed.
type Rest = Option<(Chunks, Speech, Written)>;

// Dropped with the reply's body when the client goes away, and with it the model's stream.
fn streamed<S>(chunks: Chunks, speech: Speech) -> Answer<S> {
    let state: Rest = Some((chunks, speech, Written::default()));
    let pieces = stream::unfold(state, |state| async move {
        let (mut chunks, mut speech, mut written) = state?;
        Some(match speech.next().await {
            Some(Step::Say(sentence)) => {
                let (text, annotations) = written.add(&sentence, &speech.sources);
                (chunks.sentence(&text, &annotations), Some((chunks, speech, written)))
            }
            // A comment, which clients pass over: only by writing is it noticed that nobody reads any more.
            Some(Step::Withheld) => (b":\n\n".to_vec(), Some((chunks, speech, written))),
            Some(Step::Failed(fault)) => {
                // No `[DONE]`: half an answer must not look whole.
                let body = super::errors::body(&turn::failed(&fault));
                (event(&String::from_utf8_lossy(&body)), None)
            }
            Some(Step::End(_)) | None => {
                (chunks.end(&written, &speech.sources, speech.finish, speech.usage()), None)
            }
        })
    });
    let answer = Answer::empty(200).header("content-type", "text/event-stream; charset=utf-8");
    Answer { body: Payload::Made(pieces.boxed_local()), ..answer }
}
