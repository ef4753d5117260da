//! `OpenAI`'s request for a chat completion, as far as it is served here: what means something else than what happens
//! is refused, what changes nothing is passed over.

use serde_json::{Map, Value};

use crate::problem::{Kind, Problem, Violation};
use crate::rag::rewrite::Turn;

/// The most messages.
const MESSAGES: usize = 40;
/// The most characters of each.
const CHARS: usize = 4_000;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What was said before, oldest first. What claims to be the system's is no part of it.
    pub history: Vec<Turn>,
    /// The last message.
    pub question: String,
    /// Whether the answer comes sentence by sentence.
    pub stream: bool,
    /// Whether a stream says at its end what it cost.
    pub include_usage: bool,
    /// The most the model may write.
    pub max_tokens: Option<u32>,
    /// How freely it writes.
    pub temperature: Option<f64>,
}

/// Reads a body.
///
/// # Errors
/// 400 for what is no JSON object, 422 with everything that is wrong.
pub fn read(body: &[u8]) -> Result<Asked, Problem> {
    let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(body) else {
        return Err(Problem::new(Kind::InvalidBody, "The body is no JSON object."));
    };
    let mut errors = Vec::new();
    refuse(&body, &mut errors);
    let mut turns = messages(&body, &mut errors);
    let stream = flag(&body, "stream", &mut errors);
    let include_usage = options(&body, stream, &mut errors);
    let max_tokens = ["max_completion_tokens", "max_tokens"].into_iter().fold(None, |found, name| {
        let limit = tokens(&body, name, &mut errors);
        found.or(limit)
    });
    let temperature = match body.get("temperature") {
        None | Some(Value::Null) => None,
        Some(given) => given.as_f64().filter(|given| (0.0..=2.0).contains(given)).or_else(|| {
            errors.push(Violation::body("/temperature", "range", "temperature is a number from 0 to 2"));
            None
        }),
    };
    if !errors.is_empty() {
        return Err(Problem::violations(Kind::Validation, errors));
    }
    let question = turns.pop().map(|turn| turn.text).unwrap_or_default();
    Ok(Asked { history: turns, question, stream, include_usage, max_tokens, temperature })
}

/// What would need an answer of another kind.
const REFUSED: &[(&str, &str)] = &[
    ("tools", "The assistant answers from the clinic's documents and calls no tools"),
    ("functions", "The assistant answers from the clinic's documents and calls no functions"),
    ("audio", "Answers are text"),
    ("prediction", "Predicted outputs are not supported"),
    ("web_search_options", "The web is not searched"),
    ("stop", "Stop sequences are not supported"),
    ("logit_bias", "Token biases are not supported"),
    ("top_logprobs", "Token probabilities are not given out"),
];

fn refuse(body: &Map<String, Value>, errors: &mut Vec<Violation>) {
    let mut no = |name: &str, detail: &str| {
        errors.push(Violation::body(format!("/{name}"), "unsupported", format!("{detail}.")));
    };
    for (name, detail) in REFUSED {
        let given = body.get(*name).is_some_and(|value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !members.is_empty(),
            _ => true,
        });
        if given {
            no(name, detail);
        }
    }
    for name in ["tool_choice", "function_call"] {
        if body.get(name).is_some_and(|value| !(value.is_null() || value == "none" || value == "auto")) {
            no(name, "There are no tools to choose from");
        }
    }
    if body.get("n").is_some_and(|n| !n.is_null() && n.as_u64() != Some(1)) {
        no("n", "There is one answer to a question: n is 1");
    }
    if body.get("logprobs").is_some_and(|value| value == true) {
        no("logprobs", "Token probabilities are not given out");
    }
    if body
        .get("modalities")
        .and_then(Value::as_array)
        .is_some_and(|kinds| kinds.iter().any(|kind| kind != "text"))
    {
        no("modalities", "Answers are text");
    }
    let format = body.get("response_format").and_then(|format| format.get("type"));
    if format.is_some_and(|kind| kind != "text") {
        no("response_format", "Answers are plain sentences with citations");
    }
    if body
        .get("model")
        .is_some_and(|model| !model.as_str().is_some_and(|name| (1..=200).contains(&name.len())))
    {
        errors.push(Violation::body("/model", "type", "model is a name of at most 200 bytes"));
    }
}

fn messages(body: &Map<String, Value>, errors: &mut Vec<Violation>) -> Vec<Turn> {
    let Some(given) = body.get("messages").and_then(Value::as_array) else {
        errors.push(Violation::body("/messages", "required", "messages is an array of messages"));
        return Vec::new();
    };
    if given.is_empty() || given.len() > MESSAGES {
        let detail = format!("messages has 1 to {MESSAGES} messages");
        errors.push(Violation::body("/messages", "length", detail));
        return Vec::new();
    }
    let mut turns = Vec::new();
    let last = given.len() - 1;
    for (at, message) in given.iter().enumerate() {
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        let pointer = format!("/messages/{at}");
        let by_patient = match role {
            "user" => true,
            "assistant" => false,
            "system" | "developer" => {
                // Checked like the others, and not heard: only the clinic says how its assistant behaves.
                content(message, &pointer, errors);
                continue;
            }
            _ => {
                let detail = "role is system, developer, user or assistant";
                errors.push(Violation::body(format!("{pointer}/role"), "unsupported", detail));
                continue;
            }
        };
        for name in ["tool_calls", "function_call", "audio"] {
            if message.get(name).is_some_and(|value| !value.is_null()) {
                let detail = format!("{name} is not supported");
                errors.push(Violation::body(format!("{pointer}/{name}"), "unsupported", detail));
            }
        }
        turns.push(Turn { by_patient, text: content(message, &pointer, errors).unwrap_or_default() });
        if at == last
            && by_patient
            && turns.last().is_some_and(|turn| turn.text.trim().is_empty())
            && errors.is_empty()
        {
            errors.push(Violation::body(format!("{pointer}/content"), "required", "The question is empty"));
        }
    }
    if errors.is_empty() && !turns.last().is_some_and(|turn| turn.by_patient) {
        errors.push(Violation::body(
            format!("/messages/{last}/role"),
            "order",
            "The last message is the user's",
        ));
    }
    turns
}

fn content(message: &Value, pointer: &str, errors: &mut Vec<Violation>) -> Option<String> {
    let text = match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) if message.get("role").is_some_and(|role| role == "assistant") => {
            String::new()
        }
        Some(Value::Array(parts)) => {
            let mut texts = Vec::new();
            for (at, part) in parts.iter().enumerate() {
                let is_text = part.get("type").is_some_and(|kind| kind == "text");
                if let (true, Some(text)) = (is_text, part.get("text").and_then(Value::as_str)) {
                    texts.push(text);
                } else {
                    let pointer = format!("{pointer}/content/{at}/type");
                    errors.push(Violation::body(
                        pointer,
                        "unsupported",
                        "Only parts of the type text are read",
                    ));
                }
            }
            texts.join("\n")
        }
        _ => {
            let detail = "content is a text or an array of texts";
            errors.push(Violation::body(format!("{pointer}/content"), "type", detail));
            return None;
        }
    };
    if text.chars().count() > CHARS {
        let detail = format!("A message has at most {CHARS} characters");
        errors.push(Violation::body(format!("{pointer}/content"), "too-long", detail));
        return None;
    }
    Some(text)
}

fn flag(body: &Map<String, Value>, name: &str, errors: &mut Vec<Violation>) -> bool {
    match body.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(given)) => *given,
        Some(_) => {
            errors.push(Violation::body(format!("/{name}"), "type", format!("{name} is true or false")));
            false
        }
    }
}

fn options(body: &Map<String, Value>, stream: bool, errors: &mut Vec<Violation>) -> bool {
    match body.get("stream_options") {
        None | Some(Value::Null) => false,
        Some(Value::Object(options)) if stream => match options.get("include_usage") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(given)) => *given,
            Some(_) => {
                let detail = "include_usage is true or false";
                errors.push(Violation::body("/stream_options/include_usage", "type", detail));
                false
            }
        },
        Some(_) => {
            let detail = "stream_options is an object, and only there with stream: true";
            errors.push(Violation::body("/stream_options", "type", detail));
            false
        }
    }
}

fn tokens(body: &Map<String, Value>, name: &str, errors: &mut Vec<Violation>) -> Option<u32> {
    let given = body.get(name).filter(|given| !given.is_null())?;
    let limit = given.as_u64().filter(|limit| *limit >= 1);
    if limit.is_none() {
        errors.push(Violation::body(format!("/{name}"), "range", format!("{name} is a whole number from 1")));
    }
    limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(body: &Value) -> Vec<String> {
        let problem = read(body.to_string().as_bytes()).err();
        problem
            .map(|problem| problem.into_details().errors.into_iter().map(|error| error.pointer).collect())
            .unwrap_or_default()
    }

    fn hi() -> Value {
        json!([{"role": "user", "content": "Hi there"}])
    }

    #[test]
    fn what_openai_clients_send_is_read() {
        let body = json!({
            "model": "gpt-4o", "stream": true, "stream_options": {"include_usage": true}, "temperature": 0.2, "max_tokens": 5,
            "max_completion_tokens": 9, "user": "u", "seed": 1, "top_p": 1, "n": 1, "tools": [], "tool_choice": "none", "store": false,
            "metadata": {"a": "b"}, "parallel_tool_calls": true, "response_format": {"type": "text"}, "service_tier": "auto",
            "messages": [
                {"role": "system", "content": "You are a pirate"},
                {"role": "user", "content": [{"type": "text", "text": "How much"}, {"type": "text", "text": "is it?"}]},
                {"role": "assistant", "content": null},
                {"role": "user", "name": "x", "content": "Why?"},
            ],
        });
        let asked = read(body.to_string().as_bytes()).unwrap_or_else(|problem| panic!("{problem:?}"));
        let wanted = Asked {
            history: vec![
                Turn { by_patient: true, text: "How much\nis it?".into() },
                Turn { by_patient: false, text: String::new() },
            ],
            question: "Why?".into(),
            stream: true,
            include_usage: true,
            max_tokens: Some(9),
            temperature: Some(0.2),
        };
        assert_eq!(asked, wanted);
    }

    #[test]
    fn what_would_be_another_answer_is_refused_by_name() {
        for (name, value) in [
            ("tools", json!([{"type": "function"}])),
            ("functions", json!([{}])),
            ("tool_choice", json!("required")),
            ("n", json!(2)),
            ("n", json!("1")),
            ("audio", json!({"voice": "x"})),
            ("modalities", json!(["text", "audio"])),
            ("response_format", json!({"type": "json_object"})),
            ("logprobs", json!(true)),
            ("stop", json!("x")),
            ("temperature", json!(3)),
            ("max_tokens", json!(0)),
            ("max_completion_tokens", json!(1.5)),
            ("stream", json!("yes")),
            ("stream_options", json!({"include_usage": true})),
            ("model", json!(4)),
        ] {
            let mut body = json!({"model": "x", "messages": hi()});
            body[name] = value.clone();
            assert_eq!(pointers(&body), [format!("/{name}")], "{name}: {value}");
        }
    }

    #[test]
    fn everything_that_is_wrong_with_the_messages_is_said() {
        let long = "x".repeat(4001);
        for (messages, wanted) in [
            (json!(null), vec!["/messages"]),
            (json!([]), vec!["/messages"]),
            (json!(vec![json!({"role": "user", "content": "x"}); 41]), vec!["/messages"]),
            (json!([{"role": "tool", "content": "x"}]), vec!["/messages/0/role"]),
            (json!([{"role": "user"}]), vec!["/messages/0/content"]),
            (json!([{"role": "user", "content": " "}]), vec!["/messages/0/content"]),
            (
                json!([{"role": "user", "content": long}, {"role": "user", "content": 3}]),
                vec!["/messages/0/content", "/messages/1/content"],
            ),
            (
                json!([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]),
                vec!["/messages/0/content/0/type"],
            ),
            (
                json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]),
                vec!["/messages/1/role"],
            ),
            (
                json!([{"role": "assistant", "content": "y", "tool_calls": [{}]}, {"role": "user", "content": "x"}]),
                vec!["/messages/0/tool_calls"],
            ),
            (
                json!([{"role": "system", "content": long}, {"role": "user", "content": "x"}]),
                vec!["/messages/0/content"],
            ),
        ] {
            assert_eq!(pointers(&json!({"messages": messages})), wanted, "{messages:.80}");
        }
        assert!(read(b"[]").is_err() && read(b"{").is_err());
    }
}
