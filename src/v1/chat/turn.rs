//! One turn up to the model's stream.

use super::clinic::Clinic;
use super::reply::{About, Outcome};
use super::request::Asked;
use crate::http::{Platform, Request};
use crate::problem::{Kind, Problem};
use crate::rag::answer::Answering;
use crate::rag::chat::{self, Chat, Usage};
use crate::rag::models_of::Talker;
use crate::rag::prompt;
use crate::rag::redact::{Redactor, without_placeholders};
use crate::rag::rewrite::{self, Turn};
use crate::rag::triage::triage;
use crate::rag::upstream::Fault;
use crate::v1::V1;
use crate::v1::retrieval::{Mode, WITHOUT_VECTORS};

/// What a turn leads to.
pub enum Turned {
    /// A text that needs no model.
    Fixed {
        /// How it came about.
        about: About,
        /// The text.
        text: String,
    },
    /// A model that is answering.
    Answering {
        /// How it came about.
        about: About,
        /// The answer.
        answering: Box<Answering>,
        /// What was spent before.
        spent: Usage,
    },
}

/// A model whose answer is a rewritten question may be no longer than this, in bytes.
const REWRITTEN: usize = 2_000;

impl<P: Platform, R: Request> V1<'_, P, R> {
    /// Triage, redaction, rewriting, retrieval, abstention; then the model is asked.
    pub(super) async fn turn(&self, asked: &Asked) -> Result<Turned, Problem> {
        let before = asked.history.iter().rev().find(|turn| turn.by_patient).map(|turn| turn.text.as_str());
        if let Some(flag) = triage(&asked.question, before) {
            let clinic = Clinic::load(self.platform, &self.database()).await;
            return Ok(Turned::Fixed { about: self.about(Outcome::Triage), text: clinic.flagged(flag) });
        }
        let model = self.model()?;
        let texts = asked.history.iter().map(|turn| turn.text.as_str()).chain([asked.question.as_str()]);
        let redactor = Redactor::of(texts);
        let question = redactor.redact(&asked.question);
        let is_follow_up = !asked.history.is_empty() && rewrite::leans_on_history(&question);
        let (question, spent) = if is_follow_up {
            self.standalone(&model, &redacted(&redactor, &asked.history), question).await
        } else {
            (question, Usage::default())
        };
        let retrieval = self.retrieve(&without_placeholders(&question), None, Mode::Hybrid).await?;
        let about = About {
            retrieval: Some(if retrieval.features.dense.is_some() { "hybrid" } else { "full-text" }),
            degraded: retrieval.without_vectors.as_ref().map(|_| WITHOUT_VECTORS),
            question: is_follow_up.then(|| question.clone()),
            ..self.about(Outcome::Answered)
        };
        let sources = prompt::sources(retrieval.found.iter().map(|found| &found.passage));
        if !retrieval.verdict.answerable || sources.is_empty() {
            let about = About { outcome: Outcome::Abstained, ..about };
            return Ok(Turned::Fixed { about, text: self.unknown().await });
        }
        let max_tokens = asked.max_tokens.unwrap_or(prompt::MAX_TOKENS);
        let ask = prompt::ask(&question, &sources, max_tokens, asked.temperature.or(Some(0.0)));
        let deltas = chat::ask(self.platform, &model, &ask).await.map_err(|fault| failed(&fault))?;
        Ok(Turned::Answering {
            about,
            answering: Box::new(Answering::new(deltas, sources, &question)),
            spent,
        })
    }

    /// What is said when the documents do not answer.
    pub(super) async fn unknown(&self) -> String {
        Clinic::load(self.platform, &self.database()).await.unknown()
    }

    fn about(&self, outcome: Outcome) -> About {
        About {
            id: format!("chatcmpl-{}", self.platform.new_id()),
            created: self.platform.now_ms() / 1000,
            outcome,
            retrieval: None,
            degraded: None,
            question: None,
        }
    }

    fn model(&self) -> Result<Talker, Problem> {
        let missing = || {
            Problem::new(
                Kind::Misconfigured,
                "No language model is configured: CHAT, CHAT_URL and CHAT_MODEL are not set.",
            )
        };
        let settings = self.app.config.knowledge.chat.as_ref().ok_or_else(missing)?;
        Ok(Talker::new(settings))
    }

    // The model's question where it holds, else one made by rule. A model that is slow or down costs nothing but time.
    async fn standalone<C: Chat>(&self, model: &C, history: &[Turn], question: String) -> (String, Usage) {
        let written = match chat::ask(self.platform, model, &rewrite::ask(history, &question)).await {
            Ok(deltas) => chat::whole(deltas, REWRITTEN).await,
            Err(fault) => Err(fault),
        };
        let (written, spent) = written.unwrap_or_default();
        let accepted = rewrite::accepted(history, &question, &written);
        (accepted.unwrap_or_else(|| rewrite::joined(history, &question)), spent)
    }
}

fn redacted(redactor: &Redactor, history: &[Turn]) -> Vec<Turn> {
    let turn = |turn: &Turn| Turn { by_patient: turn.by_patient, text: redactor.redact(&turn.text) };
    history.iter().map(turn).collect()
}

/// A model's or a database's fault as the client is told; its words are for the log.
pub(super) fn failed(fault: &Fault) -> Problem {
    let problem = match fault {
        Fault::Timeout => Problem::new(Kind::UpstreamTimeout, "The assistant did not answer in time."),
        Fault::Busy(429, after) => {
            let problem = Problem::new(Kind::Unavailable, "The assistant is busy.");
            problem.retry_after(after.unwrap_or(5).clamp(1, 60))
        }
        Fault::Unreachable(_) | Fault::Busy(..) => {
            Problem::new(Kind::Unavailable, "The assistant cannot be reached at the moment.").retry_after(5)
        }
        _ => Problem::new(Kind::BadUpstream, "The assistant's answer broke off or cannot be read."),
    };
    // Without an upstream's own words: they may repeat what it was asked.
    problem.cause(fault.to_string())
}
