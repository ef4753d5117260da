//! Language models: what the chatbot wants of one, whoever serves it, and any endpoint that speaks `OpenAI`'s
//! `POST /chat/completions`.
//!
//! A model is always asked to stream: what it writes is checked while it comes, and a caller who goes away stops it.

use std::collections::VecDeque;

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::sse::Parser;
use super::upstream::Fault;
use crate::config::Secret;
use crate::http::{Call, Collected, Method, Pieces, Platform, Reply, SendError, header};

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The rules.
    System,
    /// The question and the documents.
    User,
    /// The model itself.
    Assistant,
}

/// A message to a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Who says it.
    pub role: Speaker,
    /// What.
    pub content: String,
}

/// What is asked of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The conversation.
    pub messages: Vec<Message>,
    /// The most it may write.
    pub max_tokens: u32,
    /// How freely; the model's own when none.
    pub temperature: Option<f64>,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Stop,
    /// It had written as much as it may.
    Length,
    /// Its own filter.
    Filter,
}

/// What was read and written, in tokens of the model.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Usage {
    /// Read.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// Written.
    #[serde(default)]
    pub completion_tokens: u64,
}

impl Usage {
    /// Both of two exchanges.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(other.completion_tokens),
        }
    }
}

/// What one event of a model's stream adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Text.
    pub text: String,
    /// Said once, when it stops.
    pub finish: Option<Finish>,
    /// Said at most once.
    pub usage: Option<Usage>,
}

/// Reads the data of one event (`[DONE]` never comes here).
pub type ReadEvent = fn(&str) -> Result<Delta, Fault>;

/// A model that streams by server-sent events.
pub trait Chat {
    /// Asks for a streamed answer and waits for its head.
    fn open<P: Platform>(
        &self,
        platform: &P,
        ask: &Ask,
    ) -> impl Future<Output = Result<Reply<P::Stream>, SendError>>;
    /// How its events are read.
    fn reader(&self) -> ReadEvent;
    /// Milliseconds for the reply's head, and between one piece of it and the next.
    fn timeout_ms(&self) -> u32;
}

/// An endpoint that speaks `OpenAI`'s dialect.
#[derive(Clone, Debug)]
pub struct OpenAiChat {
    /// Up to and with `/v1`.
    pub url: String,
    /// The model's name.
    pub model: String,
    /// Sent as a bearer token.
    pub api_key: Option<Secret>,
    /// Milliseconds for the reply's head, and between one piece of it and the next.
    pub timeout_ms: u32,
}

impl OpenAiChat {
    /// The request for a streamed answer.
    pub fn call(&self, ask: &Ask) -> Call {
        let mut body = json!({
            "model": self.model, "messages": ask.messages, "max_tokens": ask.max_tokens,
            "stream": true, "stream_options": {"include_usage": true},
        });
        if let Some(temperature) = ask.temperature {
            body["temperature"] = json!(temperature);
        }
        let mut headers =
            vec![header("content-type", "application/json"), header("accept", "text/event-stream")];
        if let Some(key) = &self.api_key {
            headers.push(header("authorization", format!("Bearer {}", key.expose())));
        }
        let url = format!("{}/chat/completions", self.url);
        Call {
            reads: &["retry-after"],
            ..Call::new(Method::Post, url, headers, Some(body.to_string().into_bytes()))
        }
    }
}

impl Chat for OpenAiChat {
    async fn open<P: Platform>(&self, platform: &P, ask: &Ask) -> Result<Reply<P::Stream>, SendError> {
        platform.send(&self.call(ask), self.timeout_ms).await
    }

    fn reader(&self) -> ReadEvent {
        read_event
    }

    fn timeout_ms(&self) -> u32 {
        self.timeout_ms
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Content,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Content {
    #[serde(default)]
    content: Option<String>,
}

/// One `chat.completion.chunk`. An error that comes as an event is one; its words stay there, since they may quote.
///
/// # Errors
/// When it cannot be read.
pub fn read_event(data: &str) -> Result<Delta, Fault> {
    let event: Event =
        serde_json::from_str(data).map_err(|_| Fault::Garbled("an event of the model's stream"))?;
    if event.error.is_some() {
        return Err(Fault::Garbled("the model's stream said that it failed"));
    }
    let mut delta = Delta { usage: event.usage, ..Delta::default() };
    if let Some(choice) = event.choices.into_iter().next() {
        delta.text = choice.delta.content.unwrap_or_default();
        delta.finish = choice.finish_reason.as_deref().map(finish);
    }
    Ok(delta)
}

/// A reason that is not known counts as being done with what was written only if it says so.
pub(super) fn finish(reason: &str) -> Finish {
    match reason {
        "stop" | "eos" | "end_turn" => Finish::Stop,
        "content_filter" => Finish::Filter,
        _ => Finish::Length,
    }
}

/// A model's answer as it comes.
pub struct Deltas {
    pieces: Pieces,
    parser: Parser,
    read: ReadEvent,
    ready: VecDeque<Result<Delta, Fault>>,
    finished: bool,
    ended: bool,
}

/// Asks a model. A fault before the first byte of the answer is tried again once where that may help.
///
/// # Errors
/// When it cannot be reached, or refuses.
pub async fn ask<P: Platform, C: Chat>(platform: &P, chat: &C, ask: &Ask) -> Result<Deltas, Fault> {
    match once(platform, chat, ask).await {
        Err(Fault::Busy(_, None | Some(0..=1)) | Fault::Unreachable(_)) => {
            platform.sleep(RETRY_MS).await;
            once(platform, chat, ask).await
        }
        outcome => outcome,
    }
}

const RETRY_MS: u32 = 300;
const ERROR_LIMIT: usize = 64 * 1024;

async fn once<P: Platform, C: Chat>(platform: &P, chat: &C, ask: &Ask) -> Result<Deltas, Fault> {
    let timeout = chat.timeout_ms();
    let reply = chat.open(platform, ask).await.map_err(unsent)?;
    match reply.status {
        200 => Ok(Deltas::new(platform.pieces(reply.body, timeout), chat.reader())),
        status @ (429 | 500..) => {
            Err(Fault::Busy(status, reply.header("retry-after").and_then(|value| value.trim().parse().ok())))
        }
        status => {
            // Read to its end, so that the connection can be used again; its words may quote what was sent.
            let read = platform.collect(reply.body, ERROR_LIMIT).await;
            let length = read
                .map_or(0, |read| if let Collected::Whole(body) = read { body.len() } else { ERROR_LIMIT });
            Err(Fault::Refused(status, format!("{length} bytes")))
        }
    }
}

fn unsent(error: SendError) -> Fault {
    match error {
        SendError::Unreachable(why) => Fault::Unreachable(why),
        SendError::Timeout => Fault::Timeout,
    }
}

impl Deltas {
    /// Reads a stream of events.
    pub fn new(pieces: Pieces, read: ReadEvent) -> Self {
        let (parser, ready) = (Parser::default(), VecDeque::new());
        Self { pieces, parser, read, ready, finished: false, ended: false }
    }

    /// The next delta; `None` once the answer has ended as it should. An answer that ends without having said that it
    /// is finished is a fault.
    pub async fn next(&mut self) -> Option<Result<Delta, Fault>> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                self.ended |= delta.is_err();
                return Some(delta);
            }
            if self.ended {
                return None;
            }
            match self.pieces.next().await {
                Some(Ok(piece)) => self.take_in(&piece),
                Some(Err(error)) => self.ready.push_back(Err(unsent(error))),
                None if self.finished => self.ended = true,
                None => self.ready.push_back(Err(Fault::Garbled("the model's stream broke off"))),
            }
        }
    }

    fn take_in(&mut self, piece: &[u8]) {
        let events = match self.parser.feed(piece) {
            Ok(events) => events,
            Err(fault) => return self.ready.push_back(Err(fault)),
        };
        for data in events {
            if data.trim() == "[DONE]" {
                self.finished = true;
                self.ended = true;
                return;
            }
            let delta = (self.read)(&data);
            self.finished |= delta.as_ref().is_ok_and(|delta| delta.finish.is_some());
            self.ready.push_back(delta);
        }
    }
}

/// All of a short answer, up to so many bytes.
///
/// # Errors
/// The first fault.
pub async fn whole(mut deltas: Deltas, limit: usize) -> Result<(String, Usage), Fault> {
    let (mut text, mut usage) = (String::new(), Usage::default());
    while let Some(delta) = deltas.next().await {
        let delta = delta?;
        text.push_str(&delta.text);
        usage = usage.plus(delta.usage.unwrap_or_default());
        if text.len() > limit {
            break;
        }
    }
    Ok((text, usage))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::stream;

    use super::*;

    fn deltas(bytes: &str, fault: Option<SendError>) -> Deltas {
        let pieces = bytes.bytes().map(|byte| Ok(vec![byte])).chain(fault.map(Err)).collect::<Vec<_>>();
        Deltas::new(stream::iter(pieces).boxed_local(), read_event)
    }

    fn read(bytes: &str, fault: Option<SendError>) -> Result<(String, Usage), Fault> {
        block_on(whole(deltas(bytes, fault), 1000))
    }

    const HI: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

    #[test]
    fn an_answer_with_usage() {
        let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n";
        let stream = format!("{HI}{STOP}{usage}data: [DONE]\n\n");
        assert_eq!(read(&stream, None), Ok(("Hi".into(), Usage { prompt_tokens: 3, completion_tokens: 1 })));
    }

    #[test]
    fn done_or_a_reason_ends_it_anything_else_breaks_it_off() {
        assert!(read(&format!("{HI}data: [DONE]\n\n"), None).is_ok());
        assert!(read(&format!("{HI}{STOP}"), None).is_ok());
        assert!(matches!(read(HI, None), Err(Fault::Garbled(_))));
        assert!(matches!(read("", None), Err(Fault::Garbled(_))));
        assert_eq!(read(HI, Some(SendError::Timeout)), Err(Fault::Timeout));
        assert!(matches!(read("<html>busy</html>\n\n", None), Err(Fault::Garbled(_))));
        assert!(matches!(read("data: no json\n\n", None), Err(Fault::Garbled(_))));
        assert!(matches!(read("data: {\"error\":{\"message\":\"x\"}}\n\n", None), Err(Fault::Garbled(_))));
    }

    #[test]
    fn a_call_streams_and_carries_its_key() {
        let chat = OpenAiChat {
            url: "http://m.test/v1".into(),
            model: "m".into(),
            api_key: Some(Secret::new("key")),
            timeout_ms: 1000,
        };
        let message = Message { role: Speaker::User, content: "Hi".into() };
        let call = chat.call(&Ask { messages: vec![message], max_tokens: 5, temperature: Some(0.5) });
        let body: serde_json::Value =
            serde_json::from_slice(&call.body.unwrap_or_default()).unwrap_or_default();
        let wanted = json!({
            "model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "temperature": 0.5,
            "stream": true, "stream_options": {"include_usage": true},
        });
        assert_eq!((call.url.as_str(), body), ("http://m.test/v1/chat/completions", wanted));
        assert!(call.headers.contains(&header("authorization", "Bearer key")));
    }

    #[test]
    fn an_unknown_reason_never_looks_whole() {
        assert_eq!(
            [finish("stop"), finish("length"), finish("banana")],
            [Finish::Stop, Finish::Length, Finish::Length]
        );
    }
}
