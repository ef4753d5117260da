//! The Workers AI binding. `worker`'s own wrapper hides the reply's status; the raw response is asked for instead, so
//! that a busy model is told from a wrong question.

use worker::js_sys::{Function, JSON, Object, Promise, Reflect};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::Response;
use worker::{AbortSignal, Env, Error, Result};

/// The binding's name in wrangler.chatbot.toml.
pub const BINDING: &str = "AI";

/// Whether there is one.
pub fn is_bound(env: &Env) -> bool {
    binding(env).is_ok()
}

/// Runs a model. The input is parsed by JavaScript, so that it arrives there as plain objects.
pub async fn run(env: &Env, model: &str, input: &str, signal: AbortSignal) -> Result<Response> {
    let binding = binding(env)?;
    let run: Function = Reflect::get(&binding, &"run".into())?.dyn_into()?;
    let options = Object::new();
    Reflect::set(&options, &"returnRawResponse".into(), &JsValue::TRUE)?;
    Reflect::set(&options, &"signal".into(), signal.as_ref())?;
    let running: Promise = run.call3(&binding, &model.into(), &JSON::parse(input)?, &options)?.dyn_into()?;
    Ok(JsFuture::from(running).await?.dyn_into()?)
}

fn binding(env: &Env) -> Result<JsValue> {
    let binding = Reflect::get(env.as_ref(), &BINDING.into())?;
    if binding.is_object() {
        return Ok(binding);
    }
    Err(Error::RustError(format!("there is no binding {BINDING}; see [ai] in wrangler.chatbot.toml")))
}
