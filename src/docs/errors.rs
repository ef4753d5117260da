//! Problems in the reference: their schema, the answers that carry them, and a page for each kind.

use serde_json::{Map, Value, json};

use crate::problem::{Kind, TYPE_BASE};

/// What anybody can be answered, whatever was asked.
const EVERYWHERE: [u16; 10] = [401, 403, 404, 405, 414, 429, 500, 502, 503, 504];

/// The answers of an operation that tell of a problem: these statuses, and those that can come anywhere.
pub fn problems(own: &[u16]) -> Map<String, Value> {
    let one = |status: &u16| {
        (status.to_string(), json!({ "$ref": format!("#/components/responses/problem-{status}") }))
    };
    statuses(own).iter().map(one).collect()
}

/// These statuses, and those that can come anywhere.
pub fn statuses(own: &[u16]) -> Vec<u16> {
    own.iter().chain(&EVERYWHERE).copied().collect()
}

/// One shared answer a status.
pub fn responses() -> Value {
    let mut statuses: Vec<u16> = Kind::ALL.iter().map(|kind| kind.status()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let one = |status: u16| (format!("problem-{status}"), response(status));
    Value::Object(statuses.into_iter().map(one).collect())
}

fn response(status: u16) -> Value {
    let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| kind.status() == status).collect();
    let list: Vec<String> =
        kinds.iter().map(|kind| format!("[{}](/errors/{})", kind.name(), kind.name())).collect();
    let mut response = json!({
        "description": format!("{}: {}", kinds.first().map_or("", |kind| kind.title()), list.join(", ")),
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    if let (429 | 503, Some(members)) = (status, response.as_object_mut()) {
        let header = json!({ "Retry-After": { "$ref": "#/components/headers/Retry-After" } });
        members.insert("headers".to_owned(), header);
    }
    response
}

/// The schema of a problem.
pub fn schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let maybe = |description: &str| json!({ "type": ["string", "null"], "description": description });
    json!({
        "type": "object",
        "description": "RFC 9457, with PostgREST's members beside it, so that supabase-js's `error` is filled.",
        "required": ["type", "title", "status", "detail", "instance", "code", "message", "details", "hint", "errors"],
        "properties": {
            "type": { "type": "string", "format": "uri", "description": "Which kind.", "enum": Kind::ALL.iter().map(|kind| format!("{TYPE_BASE}{}", kind.name())).collect::<Vec<_>>() },
            "title": text("The same sentence for every occurrence."),
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": text("What happened this time."),
            "instance": text("`urn:uuid:` and the request's id."),
            "code": text("PostgreSQL's or PostgREST's code where the error is theirs, else the end of `type`."),
            "message": text("As `detail`."),
            "details": maybe("PostgREST's, where clients read it."),
            "hint": maybe("What to do about it."),
            "errors": { "type": "array", "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": text("Where: a JSON pointer into the body, `?name` of the query, `header:name`."),
                    "code": text("What, in stable kebab-case."),
                    "detail": text("What, in a sentence."),
                },
            } },
            "alternatives": { "type": "array", "description": "Free slots near one that was taken." },
            "alerts": { "type": "array", "description": "The patient's alerts that a treatment waits for, as visit_alerts tells them." },
        },
    })
}

/// Every kind with its page, for `/errors/{name}`.
pub fn pages() -> Value {
    let one = |kind: &Kind| {
        let Page { cause, cure } = page(*kind);
        json!({ "name": kind.name(), "status": kind.status(), "title": kind.title(), "cause": cause, "cure": cure })
    };
    Value::Array(Kind::ALL.iter().map(one).collect())
}

/// An error's page: what it means and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How it comes about.
    pub cause: &'static str,
    /// What to do.
    pub cure: &'static str,
}

const SIGN_IN: &str =
    "Sign in again, or refresh the session with its refresh token, and send the new access token.";
const PROJECT: &str = "Use an access token of this clinic's project, as its sign-in gave it, unchanged.";
const LATER: &str = "Try again after the seconds in Retry-After, with the same Idempotency-Key where something is written. \
If it lasts, the runbook lists what an operator looks at.";

/// The page of a kind.
#[expect(clippy::too_many_lines, reason = "one line a kind")]
pub const fn page(kind: Kind) -> Page {
    let (cause, cure) = match kind {
        Kind::InvalidQuery => (
            "A parameter of the query string does not parse, names a column or relation that is not there, or compares it with what is no value of its type.",
            "Each entry of `errors` points at a parameter (`?name`). Values with commas, dots or brackets go in double quotes; `+` in a time is written %2B.",
        ),
        Kind::InvalidHeader => (
            "A header (Prefer, Range, If-Match, Idempotency-Key and their like) has a value that cannot be understood or is not supported.",
            "Each entry of `errors` points at a header (`header:name`) and says what it wants.",
        ),
        Kind::InvalidBody => (
            "The body is no JSON, or no object (or list of objects) of at most 1,000 rows and a depth of 16.",
            "`errors` says where reading stopped. Send UTF-8 JSON: one object, or for an insert a list of them.",
        ),
        Kind::Validation => (
            "The body can be read, but some values do not fit the table: unknown or read-only members, wrong types, lengths, patterns, ranges, or a rule of the database.",
            "`errors` lists all that is wrong at once, each with a JSON pointer into the body. Show each at its field.",
        ),
        Kind::MissingFilter => (
            "PATCH and DELETE change every row that the query names; without a filter that would be the whole table.",
            "Say which rows you mean, such as `?id=eq.…`. PUT wants the whole primary key by `eq`.",
        ),
        Kind::Unsupported => (
            "Something of PostgREST that is switched off here on purpose: aggregates, query plans, other schemas, CSV bodies and the like.",
            "The README's known limits list what is off and why; most of it can be asked for in another way.",
        ),
        Kind::TokenMalformed => ("The bearer token is no JSON Web Token.", PROJECT),
        Kind::TokenAlgorithm => {
            ("The token's header names an algorithm that its key does not allow, `none` among them.", PROJECT)
        }
        Kind::TokenUnknownKey => (
            "The token was signed by a key that is not in the project's key set.",
            "If keys were just rotated, sign in again. Otherwise the token is another project's.",
        ),
        Kind::TokenSignature => {
            ("The token's signature is wrong: it was changed, or signed with another secret.", PROJECT)
        }
        Kind::TokenExpired => ("The token's time is over.", SIGN_IN),
        Kind::TokenNotYetValid => {
            ("The token is valid only from a later time on.", "Check the clock of whoever issued it.")
        }
        Kind::TokenIssuer => ("The token was issued by somebody else than this project's Auth.", PROJECT),
        Kind::TokenAudience => ("The token is meant for another audience.", PROJECT),
        Kind::TokenClaims => {
            ("A claim that is needed (`sub`, `role`, `exp`) is missing or has the wrong type.", PROJECT)
        }
        Kind::ApiKeyUnknown => (
            "The `apikey` is none of the project's public keys.",
            "Send the anon or publishable key of the project, as the deployment's settings have it.",
        ),
        Kind::Unauthorized => ("This is only for people who are signed in.", SIGN_IN),
        Kind::ServiceKeyRefused => (
            "A service-role key was sent. It passes over row level security, so it is never accepted from a client.",
            "Send the public key and the user's own token. Revoke a service key that reached a client.",
        ),
        Kind::Forbidden => (
            "Row level security or a grant says that this caller may not do this, or the caller's role in the token is no longer the one in the database.",
            "Check who is signed in. After a change of role, refresh the session.",
        ),
        Kind::OriginRefused => (
            "The browser's origin is not on the deployment's list.",
            "An operator adds the origin, exactly as the browser writes it, to ALLOWED_ORIGINS.",
        ),
        Kind::NotFound => (
            "No such path, table, function or document; or there is one that this caller may not know of.",
            "Compare the path with the reference.",
        ),
        Kind::MethodNotAllowed => {
            ("The path is there, but not this method.", "The header Allow lists the methods.")
        }
        Kind::NotAcceptable => (
            "None of the media types in Accept is served, or one object was asked for and there is not exactly one row.",
            "Ask for application/json; ask for one object (`single()`) only where the filter names one row, else use `maybeSingle()`.",
        ),
        Kind::Conflict => (
            "Another row, or the state of this one, stands in the way: an appointment that is completed already, an invoice that is issued, alerts of a patient that the dentist has not acknowledged (`alerts`).",
            "Read the row again and decide anew; `detail` says what stands in the way.",
        ),
        Kind::AlreadyExists => (
            "A value that must be unique is taken.",
            "`errors` points at it. Change it, or upsert with `Prefer: resolution=merge-duplicates`.",
        ),
        Kind::StillReferenced => ("Other rows refer to this one.", "Change or delete those first."),
        Kind::SlotTaken => (
            "Somebody else has the slot, or the dentist, the patient or the room is busy then.",
            "`alternatives` holds up to five free slots; offer them, or ask `available_slots` again.",
        ),
        Kind::PreconditionFailed => (
            "The row has changed since its ETag was read.",
            "Read it again, merge, and send the new ETag in If-Match.",
        ),
        Kind::TooLarge => {
            ("The body is over the limit of 1 MiB (64 KiB under /auth/v1).", "Send fewer rows at once.")
        }
        Kind::UriTooLong => (
            "The query string is over its limit.",
            "Ask for fewer values at once, or call a function by POST.",
        ),
        Kind::UnsupportedMediaType => (
            "The body is no application/json in UTF-8, or it is compressed.",
            "Send `Content-Type: application/json`, uncompressed.",
        ),
        Kind::RangeNotSatisfiable => {
            ("The range starts after the last row.", "Content-Range says how many rows there are.")
        }
        Kind::IdempotencyKeyReused => (
            "The same Idempotency-Key came with another body. It may be an old key, or the request was changed between retries.",
            "Use a new key for each thing that is to happen once, and repeat a request unchanged.",
        ),
        Kind::UpgradeRequired => (
            "This path is a WebSocket's.",
            "Connect with a Supabase Realtime client, or send the headers of an upgrade.",
        ),
        Kind::RateLimited => (
            "Too many requests from this caller or address.",
            "Wait for the seconds in Retry-After. RateLimit-Policy tells the budget.",
        ),
        Kind::Internal => (
            "A bug of ours. The request may or may not have been carried out.",
            "Repeat it with the same Idempotency-Key, and report `instance`.",
        ),
        Kind::BadUpstream => ("The database's gateway answered something that cannot be passed on.", LATER),
        Kind::Unavailable => ("An upstream cannot be reached, or refuses work for the moment.", LATER),
        Kind::Misconfigured => (
            "The deployment's settings are incomplete or malformed.",
            "An operator sets what `detail` names; the log says what is wrong with each.",
        ),
        Kind::UpstreamTimeout => {
            ("The database did not answer in time. What was written may have been written.", LATER)
        }
    };
    Page { cause, cure }
}
