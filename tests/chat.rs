//! `/v1/chat/completions` against a script: what a turn asks of whom, what the client sees, and what happens when a part
//! of it is down.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use chairside::http::{Method, SendError};
use serde_json::{Value, json};
use support::{BREAKS_OFF, FALLS_SILENT, Scripted, Seen, app_with, ok_json, reply, request, run_on, script};

const CHAT: &[(&str, &str)] = &[
    ("CHAT", "openai"),
    ("CHAT_URL", "https://model.test/v1"),
    ("CHAT_MODEL", "small"),
    ("CHAT_ANON", "true"),
];

fn passage(id: &str, title: &str, content: &str) -> Value {
    json!({
        "id": id, "document_slug": "aftercare", "title": title, "heading": "", "content": content, "category": "general",
        "language": "en", "audience": "public", "updated_at": "2026-01-01T00:00:00+00:00", "score": 9.0, "strength": 0.9,
    })
}

fn found() -> Scripted {
    let first = passage(
        "aftercare#1",
        "After an extraction",
        "Bite on the gauze for 30 minutes. Do not rinse on the first day.",
    );
    ok_json(
        &json!([first, passage("aftercare#2", "Food after an extraction", "Eat soft food for two days.")])
            .to_string(),
    )
}

fn nothing_found() -> Scripted {
    ok_json("[]")
}

fn clinic() -> Scripted {
    let row = json!({"phone": "+12125550100", "emergency_number": "911", "emergency_text": "Do not wait.", "urgent_text": "Come today."});
    ok_json(&json!([row]).to_string())
}

fn events(texts: &[&str]) -> String {
    let event = |text: &&str| format!("data: {}\n\n", json!({"choices": [{"delta": {"content": text}}]}));
    texts.iter().map(event).collect::<Vec<_>>().concat()
}

fn end(reason: &str) -> String {
    let last = json!({"choices": [{"delta": {}, "finish_reason": reason}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20}});
    format!("data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
}

fn model(stream: &str) -> Scripted {
    reply(200, &[("content-type", "text/event-stream")], stream)
}

fn says(texts: &[&str]) -> Scripted {
    model(&format!("{}{}", events(texts), end("stop")))
}

fn post(body: &Value, replies: Vec<Scripted>) -> Seen {
    run_on(
        &app_with(CHAT),
        &request(Method::Post, "/v1/chat/completions").json(&body.to_string()),
        &script(replies),
    )
}

fn asking(question: &str) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": question}]})
}

fn streaming(question: &str) -> Value {
    json!({"model": "x", "stream": true, "stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": question}]})
}

const RINSE: &str = "When may I rinse after an extraction?";

fn chunks(seen: &Seen) -> Vec<Value> {
    let text = String::from_utf8(seen.body.clone()).unwrap();
    text.split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data)))
        .collect()
}

fn content(seen: &Seen) -> String {
    seen.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
}

fn sent(seen: &Seen, call: usize) -> String {
    String::from_utf8(seen.calls[call].body.clone().unwrap_or_default()).unwrap()
}

#[test]
fn a_question_is_answered_with_citations() {
    let seen = post(
        &asking(RINSE),
        vec![found(), says(&["Do not rinse on the fi", "rst day [1]. Eat soft food for two days. [2] Bye!"])],
    );
    assert_eq!(
        (seen.status, seen.header("x-chairside-outcome")),
        (200, Some("answered")),
        "{:?}",
        seen.json()
    );
    assert_eq!(seen.header("x-chairside-retrieval"), Some("full-text"));
    let body = seen.json();
    let text = "Do not rinse on the first day [1]. Eat soft food for two days [2].";
    assert_eq!(body["choices"][0]["message"]["content"], text);
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!((&body["object"], &body["model"]), (&json!("chat.completion"), &json!("chairside")));
    assert_eq!(body["usage"], json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}));
    let annotations = body["choices"][0]["message"]["annotations"].as_array().unwrap().clone();
    let place = |n: usize| {
        let part = &annotations[n]["url_citation"];
        let at = |name: &str| usize::try_from(part[name].as_u64().unwrap()).unwrap();
        text[at("start_index")..at("end_index")].to_owned()
    };
    assert_eq!(
        (place(0).as_str(), place(1).as_str()),
        ("Do not rinse on the first day [1].", "Eat soft food for two days [2].")
    );
    let cited: Vec<&Value> =
        body["sources"].as_array().unwrap().iter().map(|source| &source["chunk"]).collect();
    assert_eq!(cited, [&json!("aftercare#1"), &json!("aftercare#2")]);
    assert!(seen.calls[0].url.ends_with("/rest/v1/rpc/search_knowledge"));
    assert_eq!(seen.calls[1].url, "https://model.test/v1/chat/completions");
}

#[test]
fn a_stream_gives_each_sentence_when_it_has_passed() {
    let seen = post(
        &streaming(RINSE),
        vec![
            found(),
            says(&["Do not rinse on the first day [1]. I made this up [1]. Eat soft food for two days [2]."]),
        ],
    );
    assert_eq!((seen.status, seen.header("content-type")), (200, Some("text/event-stream; charset=utf-8")));
    let chunks = chunks(&seen);
    let texts: Vec<&str> =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(texts, ["Do not rinse on the first day [1].", " Eat soft food for two days [2]."]);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[2]["sources"].as_array().map(Vec::len), Some(2));
    assert_eq!(chunks[3]["usage"]["total_tokens"], 120);
    assert_eq!((&chunks[4], chunks.len()), (&json!("[DONE]"), 5));
}

#[test]
fn an_emergency_is_met_before_anything_is_searched() {
    let seen = post(&asking("My mouth won't stop bleeding"), vec![clinic()]);
    assert_eq!(seen.header("x-chairside-outcome"), Some("triage"));
    assert_eq!(content(&seen), "This may be an emergency. Call 911 now. Do not wait.");
    assert_eq!(seen.calls.len(), 1);
    let down = Err(SendError::Unreachable("x".into()));
    let seen = post(&streaming("I can't breathe"), vec![down]);
    let chunks = chunks(&seen);
    assert!(chunks[0]["choices"][0]["delta"]["content"].as_str().unwrap().contains("emergency number"));
    assert_eq!(chunks.last(), Some(&json!("[DONE]")));
}

#[test]
fn an_emergency_is_met_without_a_model_too() {
    let app = app_with(&[("CHAT_ANON", "true")]);
    let ask = |question: &str, replies| {
        let request = request(Method::Post, "/v1/chat/completions").json(&asking(question).to_string());
        run_on(&app, &request, &script(replies))
    };
    assert_eq!(ask("I can't breathe", vec![clinic()]).status, 200);
    let seen = ask(RINSE, vec![]);
    assert_eq!((seen.status, seen.json()["error"]["code"].clone()), (503, json!("misconfigured")));
    assert!(seen.json()["error"]["message"].as_str().unwrap().contains("CHAT_URL"));
}

#[test]
fn what_the_documents_do_not_answer_is_admitted() {
    for replies in [vec![nothing_found(), clinic()], vec![found(), says(&["NO ANSWER"]), clinic()]] {
        let seen = post(&asking("Who won the world cup?"), replies);
        assert_eq!((seen.status, seen.header("x-chairside-outcome")), (200, Some("abstained")));
        assert!(
            content(&seen).starts_with("I don't know") && content(&seen).contains("+12125550100"),
            "{}",
            content(&seen)
        );
    }
}

#[test]
fn a_model_with_nothing_to_say_is_quoted_over() {
    let seen = post(&asking(RINSE), vec![found(), says(&["As an AI, I love rinsing. Ask me anything!"])]);
    assert_eq!(seen.header("x-chairside-outcome"), Some("answered"));
    assert_eq!(content(&seen), "Bite on the gauze for 30 minutes [1]. Do not rinse on the first day [1].");
}

#[test]
fn personal_data_reaches_no_third_party() {
    let body = json!({"messages": [
        {"role": "user", "content": "I'm Priyanka Raman, +1 212 555 7788. How much is a filling?"},
        {"role": "assistant", "content": "Hello Priyanka!"},
        {"role": "user", "content": "And for my son Kofi, born 2019-03-04?"},
    ]});
    let seen = post(&body, vec![says(&["nothing of use"]), found(), says(&["NO ANSWER"]), clinic()]);
    for call in [0, 1, 2] {
        let text = sent(&seen, call);
        for private in ["Priyanka", "Raman", "555", "Kofi", "2019"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
    }
    assert!(!sent(&seen, 1).contains("[name]"));
    assert!(!seen.log.contains("filling") && !seen.log.contains("Kofi"));
}

#[test]
fn a_follow_up_is_made_to_stand_alone() {
    let body = |question: &str| {
        json!({"messages": [
            {"role": "user", "content": "How long should I bite on the gauze after an extraction?"},
            {"role": "assistant", "content": "Bite on the gauze for 30 minutes [1]."},
            {"role": "user", "content": question},
        ]})
    };
    let seen = post(
        &body("And after a second extraction?"),
        vec![
            says(&["How long should I bite on the gauze after a second extraction?"]),
            found(),
            says(&["Bite on the gauze for 30 minutes [1]."]),
        ],
    );
    assert_eq!(
        seen.json()["chairside"]["question"],
        "How long should I bite on the gauze after a second extraction?"
    );
    assert_eq!(seen.json()["usage"]["total_tokens"], 240);
    // A model that drifts, or is away, is done without.
    let joined = "How long should I bite on the gauze after an extraction? And then?";
    for rewriting in [says(&["What is the capital of France?"]), reply(400, &[], "{}")] {
        let seen = post(
            &body("And then?"),
            vec![rewriting, found(), says(&["Bite on the gauze for 30 minutes [1]."])],
        );
        assert_eq!((seen.status, &seen.json()["chairside"]["question"]), (200, &json!(joined)));
    }
}

#[test]
fn what_fails_before_the_first_sentence_is_an_error() {
    let breaking = |text: &str, byte: u8| model(&format!("{}{}", events(&[text]), char::from(byte)));
    for (replies, status, kind) in [
        (vec![found(), reply(400, &[], "{\"error\":{}}")], 502, "bad-upstream"),
        (vec![found(), reply(429, &[("retry-after", "7")], "")], 503, "unavailable"),
        (vec![found(), reply(500, &[], ""), reply(500, &[], "")], 503, "unavailable"),
        (vec![found(), Err(SendError::Timeout)], 504, "upstream-timeout"),
        (vec![found(), model("<html>hello</html>")], 502, "bad-upstream"),
        (vec![found(), model("data: {\"error\":{\"message\":\"secret\"}}\n\n")], 502, "bad-upstream"),
        (vec![found(), breaking("Do not", BREAKS_OFF)], 503, "unavailable"),
        (vec![found(), breaking("Do not", FALLS_SILENT)], 504, "upstream-timeout"),
        (vec![found(), model("")], 502, "bad-upstream"),
    ] {
        for body in [asking(RINSE), streaming(RINSE)] {
            let seen = post(&body, replies.clone());
            assert_eq!(
                (seen.status, &seen.json()["error"]["code"]),
                (status, &json!(kind)),
                "{:?}",
                seen.json()
            );
            assert_eq!(seen.json()["error"]["type"], "server_error");
            assert!(!seen.log.contains("secret"));
        }
    }
}

#[test]
fn half_an_answer_never_looks_whole() {
    let half = "Do not rinse on the first day [1]. Eat soft food for two days [2]. And then";
    for byte in [BREAKS_OFF, FALLS_SILENT] {
        let replies = || vec![found(), model(&format!("{}{}", events(&[half]), char::from(byte)))];
        assert!(post(&asking(RINSE), replies()).status >= 500);
        let chunks = chunks(&post(&streaming(RINSE), replies()));
        assert_eq!(chunks[0]["choices"][0]["delta"]["content"], "Do not rinse on the first day [1].");
        let last = chunks.last().unwrap();
        assert_eq!(last["error"]["type"], "server_error", "{last}");
        assert!(!chunks.contains(&json!("[DONE]")));
    }
    let cut = || vec![found(), model(&format!("{}{}", events(&[half]), end("length")))];
    assert_eq!(post(&asking(RINSE), cut()).json()["choices"][0]["finish_reason"], "length");
    assert!(!content(&post(&asking(RINSE), cut())).contains("And then"));
}

#[test]
fn the_strict_budget_counts_turns_by_caller() {
    let script = script(vec![clinic()]);
    let request = request(Method::Post, "/v1/chat/completions")
        .by_patient()
        .json(&asking("I can't breathe").to_string());
    let seen = run_on(&app_with(CHAT), &request, &script);
    assert!(seen.header("ratelimit-policy").unwrap().starts_with("\"auth\""));
    let keys: Vec<String> = script.admitted.borrow().iter().map(|(_, key)| key.clone()).collect();
    assert_eq!(keys, [support::PATIENT.to_owned(), format!("chat:{}", support::PATIENT)]);
}

#[test]
fn strangers_are_welcome_only_where_the_clinic_says_so() {
    let app = app_with(&CHAT[..3]);
    let ask = |request: support::TestRequest| {
        run_on(&app, &request.json(&asking("I can't breathe").to_string()), &script(vec![clinic()]))
    };
    let seen = ask(request(Method::Post, "/v1/chat/completions"));
    assert_eq!((seen.status, seen.json()["error"]["type"].clone()), (401, json!("authentication_error")));
    assert_eq!(ask(request(Method::Post, "/v1/chat/completions").by_patient()).status, 200);
}

#[test]
fn models_are_listed_and_feedback_is_kept() {
    let get = |path: &str| run_on(&app_with(CHAT), &support::get(path), &script(vec![]));
    assert_eq!(get("/v1/models").json()["data"][0]["id"], "chairside");
    assert_eq!(get("/v1/models/chairside").json()["object"], "model");
    assert_eq!(get("/v1/models/gpt-4o").status, 404);
    let rating = json!({"completion_id": "chatcmpl-22222222-2222-4222-8222-222222222222", "rating": "down", "comment": "no"});
    let rate = |replies| {
        run_on(
            &app_with(CHAT),
            &request(Method::Post, "/v1/chat/feedback").json(&rating.to_string()),
            &script(replies),
        )
    };
    let seen = rate(vec![reply(204, &[], "")]);
    assert_eq!((seen.status, seen.calls[0].url.ends_with("/rpc/rate_answer")), (204, true));
    assert_eq!(
        rate(vec![support::pg_error(409, "PT409", "This answer was rated by somebody else.")]).status,
        409
    );
}

#[test]
fn other_methods_are_refused() {
    for (method, path) in [
        (Method::Get, "/v1/chat/completions"),
        (Method::Put, "/v1/chat/feedback"),
        (Method::Post, "/v1/models"),
    ] {
        let seen = run_on(&app_with(CHAT), &request(method, path), &script(vec![]));
        assert_eq!(seen.status, 405, "{path}");
    }
}
