//! Examples: requests that are shown in the reference and run as tests against the running stack.

use serde_json::{Map, Value, json};

/// `[{ id, summary, role, method, path, query, headers, body, status }]`, run in this order.
const EXAMPLES: &str = include_str!("examples.json");

/// Puts each example into its operation: as curl, and its body among the body's examples.
pub fn add(paths: &mut Map<String, Value>) {
    // The file is ours and a test reads it; were it broken, the reference would have no examples.
    let Ok(Value::Array(examples)) = serde_json::from_str(EXAMPLES) else { return };
    for example in &examples {
        let text = |name: &str| example.get(name).and_then(Value::as_str).unwrap_or_default();
        let operation =
            paths.get_mut(text("path")).and_then(|path| path.get_mut(text("method").to_lowercase()));
        let Some(operation) = operation.and_then(Value::as_object_mut) else { continue };
        let sample = json!({ "lang": "Shell", "label": text("summary"), "source": curl(example) });
        push(operation, "x-codeSamples", sample);
        push(operation, "x-examples", example.clone());
        let content =
            operation.get_mut("requestBody").and_then(|body| body.pointer_mut("/content/application~1json"));
        if let (Some(body), Some(content)) = (example.get("body"), content.and_then(Value::as_object_mut)) {
            let named = content.entry("examples").or_insert_with(|| json!({}));
            named[text("id")] = json!({ "summary": text("summary"), "value": body });
        }
    }
}

fn push(operation: &mut Map<String, Value>, name: &str, item: Value) {
    if let Value::Array(items) = operation.entry(name).or_insert_with(|| json!([])) {
        items.push(item);
    }
}

/// As a line for the shell, with the variables that `scripts/dev` writes.
fn curl(example: &Value) -> String {
    let text = |name: &str| example.get(name).and_then(Value::as_str).unwrap_or_default();
    let query = if text("query").is_empty() { String::new() } else { format!("?{}", text("query")) };
    let mut words = vec![format!("curl \"$CHAIRSIDE_URL{}{query}\" -H \"apikey: $ANON_KEY\"", text("path"))];
    if text("method") != "GET" {
        words.push(format!("-X {}", text("method")));
    }
    if text("role") != "anon" {
        words.push(format!("-H \"Authorization: Bearer $TOKEN_{}\"", text("role").to_uppercase()));
    }
    let headers = example.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        words.push(format!("-H '{name}: {}'", value.as_str().unwrap_or_default()));
    }
    if let Some(body) = example.get("body") {
        words.push(format!("-H 'Content-Type: application/json' -d '{body}'"));
    }
    words.join(" ")
}
