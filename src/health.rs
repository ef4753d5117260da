//! Whether the Worker runs (`/health`), and whether its upstreams answer (`/ready`).

use futures::future::{join_all, join3};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::config::knowledge::{ChatProvider, EmbeddingsProvider, Knowledge, Store};
use crate::config::{Config, Secret};
use crate::http::{Answer, Call, Collected, Method, Payload, Platform, header};
use crate::problem::{Kind, Problem};

/// The longest document that is fetched for our own use.
const MAX_BYTES: usize = 256 * 1024;
/// How long an upstream may take to say that it is there.
const TIMEOUT_MS: u32 = 3_000;
/// How long the chatbot's Worker may take to ask all of its own.
const CHATBOT_TIMEOUT_MS: u32 = TIMEOUT_MS + 1_000;

/// `/.well-known/chairside`: says what this is, and what a client needs to begin: the paths and a public key.
pub fn home<S>(config: &Config, method: Method) -> Result<Answer<S>, Problem> {
    let key = config.publishable_key.as_ref().or(config.anon_key.as_ref());
    let body = json!({
        "name": "Chairside",
        "clinic": config.clinic_id,
        "rest": "/rest/v1",
        "auth": "/auth/v1",
        "realtime": "/realtime/v1",
        "key": key.map(Secret::expose),
    });
    json_answer(method, 200, &body)
}

/// `/health`
pub fn live<S>(method: Method) -> Result<Answer<S>, Problem> {
    json_answer(method, 200, &json!({ "status": "ok" }))
}

/// `/ready`: 503 unless both `PostgREST` and Auth answer. The chatbot and its upstreams are told of too and make nothing
/// unready: without them documents are searched by words alone, or the chat says what is missing.
pub async fn ready<P: Platform>(
    app: &App,
    method: Method,
    platform: &P,
) -> Result<Answer<P::Stream>, Problem> {
    check_method(method)?;
    let base = &app.config.supabase_url;
    let rest = is_up(app, platform, format!("{base}/rest/v1/clinic_settings?select=time_zone&limit=1"));
    let auth = is_up(app, platform, format!("{base}/auth/v1/health"));
    let (rest, auth, others) = join3(rest, auth, others(app, platform)).await;
    let mut upstreams = Map::new();
    upstreams.insert("rest".to_owned(), state(rest));
    upstreams.insert("auth".to_owned(), state(auth));
    for (name, of_it) in others {
        upstreams.entry(name).or_insert(of_it);
    }
    let status = if rest && auth { 200 } else { 503 };
    let body = json!({
        "status": if status == 200 { "ready" } else { "not-ready" },
        "upstreams": upstreams,
    });
    json_answer(method, status, &body)
}

fn state(up: bool) -> Value {
    json!(if up { "up" } else { "down" })
}

/// The upstreams that make nothing unready.
async fn others<P: Platform>(app: &App, platform: &P) -> Map<String, Value> {
    if cfg!(feature = "chatbot") {
        let states = chatbot(&app.config.knowledge)
            .into_iter()
            .map(|(name, url)| async move { (name.to_owned(), state(answers(platform, url).await)) });
        return join_all(states).await.into_iter().collect();
    }
    let said = platform.chatbot_ready(CHATBOT_TIMEOUT_MS).await;
    let its = said.and_then(|said| serde_json::from_slice::<Ready>(&said).ok());
    let chatbot = state(its.is_some());
    let mut upstreams = its.map(|its| its.upstreams).unwrap_or_default();
    upstreams.insert("chatbot".to_owned(), chatbot);
    upstreams
}

/// What the chatbot's Worker answers to `/ready`.
#[derive(Deserialize)]
struct Ready {
    upstreams: Map<String, Value>,
}

/// Where those of the chatbot's upstreams answer that are reached by HTTP.
fn chatbot(settings: &Knowledge) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    match &settings.store {
        Some(Store::Chroma(chroma)) => found.push(("vectors", format!("{}/api/v2/heartbeat", chroma.url))),
        Some(Store::Pinecone(pinecone)) => {
            found.push(("vectors", format!("{}/indexes", pinecone.account.control_url)));
        }
        None => {}
    }
    if let Some(EmbeddingsProvider::OpenAi(endpoint)) = settings.embeddings.as_ref().map(|it| &it.provider) {
        found.push(("embeddings", format!("{}/models", endpoint.url)));
    }
    if let Some(ChatProvider::OpenAi(endpoint)) = settings.chat.as_ref().map(|it| &it.provider) {
        found.push(("chat", format!("{}/models", endpoint.url)));
    }
    found
}

/// Whether anything but a server's error comes back. No key goes along: a refusal is an answer.
async fn answers<P: Platform>(platform: &P, url: String) -> bool {
    let call = Call::new(Method::Get, url, Vec::new(), None);
    platform.send(&call, TIMEOUT_MS).await.is_ok_and(|reply| reply.status < 500)
}

fn check_method(method: Method) -> Result<(), Problem> {
    if method.is_read() {
        return Ok(());
    }
    Err(Problem::new(Kind::MethodNotAllowed, "Only GET and HEAD are allowed here.").hint("GET, HEAD"))
}

fn json_answer<S>(method: Method, status: u16, body: &serde_json::Value) -> Result<Answer<S>, Problem> {
    check_method(method)?;
    let answer = Answer::empty(status).header("content-type", "application/json");
    Ok(match method {
        Method::Head => answer,
        _ => Answer { body: Payload::Bytes(body.to_string().into_bytes()), ..answer },
    })
}

async fn is_up<P: Platform>(app: &App, platform: &P, url: String) -> bool {
    let public_key = app.config.anon_key.as_ref().or(app.config.publishable_key.as_ref());
    let headers = public_key.map(|key| header("apikey", key.expose().to_owned())).into_iter().collect();
    let call = Call::new(Method::Get, url, headers, None);
    platform.send(&call, TIMEOUT_MS).await.is_ok_and(|reply| reply.status == 200)
}

/// Fetches a public document; `None` when it cannot be had.
pub(crate) async fn fetch<P: Platform>(platform: &P, url: &str, timeout_ms: u32) -> Option<Vec<u8>> {
    let call = Call::new(Method::Get, url.to_owned(), Vec::new(), None);
    let reply = platform.send(&call, timeout_ms).await.ok().filter(|reply| reply.status == 200)?;
    match platform.collect(reply.body, MAX_BYTES).await.ok()? {
        Collected::Whole(bytes) => Some(bytes),
        Collected::Longer(_) => None,
    }
}
