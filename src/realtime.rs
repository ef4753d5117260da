//! `/realtime/v1/websocket`: who may open a socket, and whom a token speaks for once a topic is joined.
//!
//! The token is verified here and the live role is read from Postgres under that very token, so that a role that was
//! taken away an hour ago does not come back with an old token.

use std::borrow::Cow;

use serde::Deserialize;

use crate::access::{self, Intent, Reading};
use crate::app::{App, Seen, address};
use crate::auth::{Caller, Role};
use crate::http::{Answer, Budget, Call, Collected, Method, Payload, Platform, Request};
use crate::live::audience::Viewer;
use crate::live::phoenix::Vsn;
use crate::live::room::{Grant, Reads, Refusal};
use crate::problem::{Kind, Problem};
use crate::rest::forward::{Forward, Spec};

/// Opens a socket: an official client sends the public key in the query and its user's token with each join.
pub(crate) async fn open<P: Platform>(
    app: &App,
    request: &impl Request,
    platform: &P,
    seen: &mut Seen,
) -> Result<Answer<P::Stream>, Problem> {
    seen.budget = Some(Budget::Anon);
    app.spend(platform, Budget::Anon, &address(request)).await?;
    if request.method() != Method::Get {
        return Err(Problem::new(Kind::MethodNotAllowed, "Only GET is allowed here.").hint("GET"));
    }
    if !request.header("upgrade").is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
        return Err(Problem::new(Kind::UpgradeRequired, "This is a WebSocket: send Upgrade: websocket."));
    }
    // Browsers keep no cross-origin rule for WebSockets; the server has to.
    let is_foreign = |origin: &Cow<'_, str>| !app.config.allows_origin(origin) && !is_own(request, origin);
    if request.header("origin").as_ref().is_some_and(is_foreign) {
        return Err(Problem::new(Kind::OriginRefused, "This origin may not open a socket."));
    }
    let vsn = parameter(request.query(), "vsn");
    let Some(vsn) = Vsn::parse(vsn.as_deref()) else {
        return Err(Problem::new(Kind::Forbidden, "vsn is 1.0.0 or 2.0.0."));
    };
    check_key(app, request)?;
    if app.config.service_key.is_none() {
        return Err(Problem::new(
            Kind::Misconfigured,
            "Live rooms need the setting SUPABASE_SERVICE_ROLE_KEY.",
        ));
    }
    let socket = platform.open_room(&app.config.clinic_id, app.config.room_shards, vsn.as_str()).await;
    let reply = socket.map_err(|error| crate::rest::unreachable(error, "room"))?;
    match reply.status {
        101 => Ok(Answer { status: 101, headers: Vec::new(), body: Payload::Stream(reply.body) }),
        429 => Err(Problem::new(Kind::RateLimited, "Too many connected users.").retry_after(10)),
        status => Err(Problem::new(Kind::Unavailable, "The room cannot be reached; try again.")
            .retry_after(5)
            .cause(format!("room {status}"))),
    }
}

/// The page that this very Worker serves: its origin is the host that was asked.
fn is_own(request: &impl Request, origin: &str) -> bool {
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    authority.is_some_and(|authority| request.header("host").as_deref() == Some(authority))
}

/// The key is one of the project's public ones.
fn check_key(app: &App, request: &impl Request) -> Result<(), Problem> {
    let key = parameter(request.query(), "apikey").or_else(|| request.header("apikey").map(Cow::into_owned));
    match key {
        None => Err(Problem::new(Kind::ApiKeyUnknown, "API key is missing")),
        Some(key) if app.config.is_public_key(&key) => Ok(()),
        Some(key) if key.starts_with("sb_secret_") => {
            Err(Problem::new(Kind::ServiceKeyRefused, "The service key is refused here."))
        }
        Some(_) => Err(Problem::new(Kind::ApiKeyUnknown, "The apikey is none of this project's")),
    }
}

/// A parameter of the query; keys and versions need no decoding.
fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

const MAX_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Person {
    role: Option<Code>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

/// Verifies a token, which may also be one of the project's public keys, and reads the caller's role. That somebody of the staff
/// follows medical records is noted, with each join and each newer token.
///
/// # Errors
/// Why not, in Realtime's words where the token is at fault.
pub async fn grant<P: Platform>(
    app: &App,
    token: &str,
    reads: Option<Reads>,
    platform: &P,
) -> Result<Grant, Refusal> {
    let caller = app.token_caller(token, platform).await.map_err(|problem| refusal(&problem))?;
    let Some(id) = caller.id else {
        return Ok(Grant { viewer: Viewer { role: Role::Anon, id: None }, expires_at: None });
    };
    let request_id = platform.new_id();
    let forward = Forward { config: &app.config, caller: &caller, request_id: &request_id };
    let query = format!("select=role(code)&id=eq.{}", id.hyphenated());
    let call = forward.call(Spec::get("user", query));
    let role = read_role(app, call, platform).await?;
    let is_new = |reads: &Reads| reads.noted != caller.id.zip(caller.expires_at);
    if let Some(reads) = reads.filter(|reads| app.config.access_log && is_staff(role) && is_new(reads)) {
        note(app, &caller, reads.query, request_id, platform).await?;
    }
    Ok(Grant { viewer: Viewer { role, id: Some(id) }, expires_at: caller.expires_at })
}

const fn is_staff(role: Role) -> bool {
    matches!(role, Role::Dentist | Role::Receptionist | Role::Admin)
}

async fn note<P: Platform>(
    app: &App,
    caller: &Caller,
    query: String,
    request_id: String,
    platform: &P,
) -> Result<(), Refusal> {
    let intent = access::intent(caller, |actor| Reading {
        id: platform.new_id(),
        at_ms: platform.now_ms(),
        actor,
        method: "LISTEN".to_owned(),
        route: "/realtime/v1/websocket".to_owned(),
        query,
        row_count: None,
        request_id,
    });
    let Some(intent) = intent else { return Ok(()) };
    // How many rows it will be, nobody will tell.
    let intent = Intent { is_told: true, ..intent };
    let intent = serde_json::to_string(&intent).map_err(|_| Refusal::Unavailable)?;
    platform.note_access(&app.config.clinic_id, intent).await.map_err(|_| Refusal::Unavailable)
}

async fn read_role<P: Platform>(app: &App, call: Call, platform: &P) -> Result<Role, Refusal> {
    let sent = platform.send(&call, app.config.upstream_timeout_ms).await;
    let reply = sent.ok().filter(|reply| reply.status == 200).ok_or(Refusal::Unavailable)?;
    let Ok(Collected::Whole(bytes)) = platform.collect(reply.body, MAX_BYTES).await else {
        return Err(Refusal::Unavailable);
    };
    let people: Vec<Person> = serde_json::from_slice(&bytes).map_err(|_| Refusal::Unavailable)?;
    // Somebody who was deactivated or deleted does not even see the own row.
    people.first().and_then(|person| Role::from_clinic_role(&person.role.as_ref()?.code)).ok_or_else(|| {
        Refusal::Token("Unauthorized: You do not have permissions to read from this Channel topic".into())
    })
}

fn refusal(problem: &Problem) -> Refusal {
    let words = match problem.kind {
        Kind::Unavailable | Kind::UpstreamTimeout => return Refusal::Unavailable,
        Kind::TokenExpired => "InvalidJWTToken: Token has expired",
        Kind::TokenSignature | Kind::TokenUnknownKey | Kind::TokenAlgorithm => {
            "JwtSignatureError: Failed to validate JWT signature"
        }
        Kind::TokenMalformed => "MalformedJWT: The token provided is not a valid JWT",
        Kind::ServiceKeyRefused => "Unauthorized: The service key is refused here",
        _ => "InvalidJWTToken: The token's claims are not valid",
    };
    Refusal::Token(words.to_owned())
}
