//! Language models of Workers AI through its binding. Their streams come in two shapes: the service's own,
//! `{"response": "…"}`, and `OpenAI`'s.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::{Platform, Reply, SendError};
use crate::rag::chat::{Ask, Chat, Delta, ReadEvent, Usage, read_event};
use crate::rag::upstream::Fault;

/// A language model.
#[derive(Clone, Debug)]
pub struct WorkersAiChat {
    /// Its name, such as `@cf/meta/llama-3.3-70b-instruct-fp8-fast`.
    pub model: String,
    /// Milliseconds for the reply's head, and between one piece of it and the next.
    pub timeout_ms: u32,
}

impl WorkersAiChat {
    fn input(ask: &Ask) -> Value {
        let mut input = json!({"messages": ask.messages, "max_tokens": ask.max_tokens, "stream": true});
        if let Some(temperature) = ask.temperature {
            input["temperature"] = json!(temperature);
        }
        input
    }
}

impl Chat for WorkersAiChat {
    async fn open<P: Platform>(&self, platform: &P, ask: &Ask) -> Result<Reply<P::Stream>, SendError> {
        platform.run_ai(&self.model, &Self::input(ask).to_string(), self.timeout_ms).await
    }

    fn reader(&self) -> ReadEvent {
        read_either
    }

    fn timeout_ms(&self) -> u32 {
        self.timeout_ms
    }
}

#[derive(Deserialize)]
struct Event {
    response: Option<Value>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    choices: Option<Value>,
}

/// An event in either shape. The service's own says the end by `[DONE]` alone, and writes what looks like a number as one.
fn read_either(data: &str) -> Result<Delta, Fault> {
    let Ok(Event { response: Some(response), usage, choices: None }) = serde_json::from_str(data) else {
        return read_event(data);
    };
    let text = match response {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => return Err(Fault::Garbled("an event of the model's stream")),
    };
    Ok(Delta { text, finish: None, usage })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rag::chat::{Finish, Message, Speaker};

    #[test]
    fn both_shapes_are_read() {
        let delta = |data: &str| read_either(data).unwrap_or_default();
        let usage = Some(Usage { prompt_tokens: 3, completion_tokens: 2 });
        for (data, text, finish, usage) in [
            (r#"{"response":"Hel","p":"abcd"}"#, "Hel", None, None),
            (r#"{"response":" 5"}"#, " 5", None, None),
            (r#"{"response":5}"#, "5", None, None),
            (
                r#"{"response":"","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
                "",
                None,
                usage,
            ),
            (r#"{"choices":[{"delta":{"content":"lo"}}]}"#, "lo", None, None),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, "", Some(Finish::Stop), None),
            (r#"{"response":"x","choices":[{"delta":{"content":"x"}}]}"#, "x", None, None),
        ] {
            assert_eq!(delta(data), Delta { text: text.to_owned(), finish, usage }, "{data}");
        }
        for garbage in [r#"{"response":{"a":1}}"#, "no json", r#"{"error":{"message":"x"}}"#] {
            assert!(matches!(read_either(garbage), Err(Fault::Garbled(_))), "{garbage}");
        }
    }

    #[test]
    fn a_model_is_asked_to_stream() {
        let message = Message { role: Speaker::User, content: "Hi".into() };
        let ask = Ask { messages: vec![message], max_tokens: 5, temperature: None };
        let input = json!({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "stream": true});
        assert_eq!(WorkersAiChat::input(&ask), input);
        let warm = WorkersAiChat::input(&Ask { temperature: Some(0.5), ..ask });
        assert_eq!(warm["temperature"], 0.5);
    }
}
