//! PostgREST's dialect: the life of a CRUD request, from its headers to the answer.
//!
//! ```text
//! headers (wants) → query (parse, check) → body (parse, validate) → call (forward) → reply (pass, map errors)
//! ```
//!
//! Nothing here knows where it runs; everything outside is reached through [`Platform`].

mod audit;
pub mod body;
mod catalogue;
pub mod errors;
pub mod forward;
mod function;
mod idempotency;
mod precondition;
pub mod prefer;
pub mod query;
mod reply;
mod slots;
mod soft_delete;
mod table;
pub mod wants;

pub use table::{BodyCheck, methods};

use std::cell::RefCell;
use std::rc::Rc;

use futures::future::join;

use crate::access::{self, Intent, Reading, Slot};
use crate::apart::apart;
use crate::auth::Caller;
use crate::config::Config;
use crate::http::{Answer, BodyError, Call, Method, Platform, Reply, Request, SendError};
use crate::problem::{Kind, Problem, Violation};
use crate::schema::Schema;
use forward::{Forward, Spec};
use query::{Checked, Known, Op, Target};

/// What every request to `/rest/v1` shares.
pub struct Rest<'a, P, R> {
    /// The settings.
    pub config: &'a Config,
    /// The database as the edge knows it.
    pub schema: &'static Schema,
    /// The port to everything outside.
    pub platform: &'a P,
    /// The request.
    pub request: &'a R,
    /// Who calls.
    pub caller: &'a Caller,
    /// The request's id.
    pub request_id: &'a str,
    /// The queries that were found right before.
    pub known: &'a RefCell<Known>,
    /// The reading of medical records that the request is, if it is one.
    pub access: &'a Slot,
    /// What the request's body had to be, where nothing else of it decides what comes of the request.
    pub body: &'a RefCell<Option<BodyCheck>>,
}

impl<P: Platform, R: Request> Rest<'_, P, R> {
    /// Serves `/rest/v1/{table}`.
    ///
    /// # Errors
    /// Whatever the client is to be told.
    pub async fn table(&self, name: &str) -> Result<Answer<P::Stream>, Problem> {
        match self.schema.table(name) {
            Some(table) => table::serve(self, table).await,
            None => Err(Problem::new(Kind::NotFound, "There is no such table.")),
        }
    }

    /// Serves `/rest/v1/rpc/{function}`.
    ///
    /// # Errors
    /// Whatever the client is to be told.
    pub async fn function(&self, name: &str) -> Result<Answer<P::Stream>, Problem> {
        match self.schema.function(name) {
            Some(function) => function::serve(self, function).await,
            None => Err(Problem::new(Kind::NotFound, "There is no such function.")),
        }
    }

    /// The checked query.
    fn query(&self, target: Target, mode: query::Mode, op: Op) -> Result<Rc<Checked>, Problem> {
        let raw = self.request.query();
        if let Some(query) = self.known.borrow_mut().find(raw, mode, target, op) {
            return Ok(query);
        }
        let query = Rc::new(self.check(raw, mode, target, op)?);
        self.known.borrow_mut().keep(raw, mode, target, op, Rc::clone(&query));
        Ok(query)
    }

    fn check(&self, raw: &str, mode: query::Mode, target: Target, op: Op) -> Result<Checked, Problem> {
        query::parse(raw, mode).and_then(|parsed| query::check(parsed, target, self.schema, op)).map_err(
            |errors| {
                let too_long = errors.iter().any(|error| error.code == query::TOO_LONG);
                Problem::violations(if too_long { Kind::UriTooLong } else { Kind::InvalidQuery }, errors)
            },
        )
    }

    /// The whole body.
    async fn body(&self) -> Result<Vec<u8>, Problem> {
        self.request.body(body::MAX_BYTES).await.map_err(|error| match error {
            BodyError::TooLarge => Problem::new(Kind::TooLarge, "The body is larger than 1 MiB.")
                .errors(vec![Violation::body("", "too-large", "at most 1 MiB")]),
            BodyError::Aborted => Problem::new(Kind::InvalidBody, "The body broke off."),
        })
    }

    /// Builds and sends; a deadlock or a serialization failure is tried once more, since the loser of one has changed nothing.
    async fn send(&self, spec: Spec<'_>) -> Result<reply::Outcome<P::Stream>, Problem> {
        let call = &self.call(spec);
        let outcome = match self.access.take() {
            None => apart(self.once(call)).await?,
            Some(intent) => apart(self.noted(call, intent)).await?,
        };
        match outcome {
            reply::Outcome::Refused(_, error) if !call.method.is_read() && error.is_transient() => {
                apart(self.once(call)).await
            }
            outcome => Ok(outcome),
        }
    }

    /// Sends a reading of medical records. It is noted besides, and there is no reply without the note; a change that shows
    /// some is noted before, so that it is not made in vain.
    async fn noted(&self, call: &Call, intent: Intent) -> Result<reply::Outcome<P::Stream>, Problem> {
        if !call.method.is_read() {
            self.note(intent).await?;
            return apart(self.once(call)).await;
        }
        // The database first: the note is written while it works.
        let (outcome, noted) = join(apart(self.once(call)), self.note(intent)).await;
        noted.and(outcome)
    }

    async fn note(&self, intent: Intent) -> Result<(), Problem> {
        let unlogged = |cause: String| {
            Problem::new(Kind::Unavailable, "The reading cannot be logged, so it is refused; try again.")
                .retry_after(5)
                .cause(cause)
        };
        let intent = serde_json::to_string(&intent).map_err(|error| unlogged(error.to_string()))?;
        self.platform.note_access(&self.config.clinic_id, intent).await.map_err(unlogged)
    }

    /// Says that the next call shows medical records, if it does.
    fn expect_reading(&self, target: &str, query: &Checked, tells: bool) {
        if tells || access::is_medical(query.relations()) {
            self.expect_reading_of(target, query.shape());
        }
    }

    fn expect_reading_of(&self, target: &str, query: String) {
        if !self.config.access_log {
            return;
        }
        let intent = access::intent(self.caller, |actor| Reading {
            id: self.platform.new_id(),
            at_ms: self.platform.now_ms(),
            actor,
            method: self.request.method().name().to_owned(),
            route: format!("/rest/v1/{target}"),
            query,
            row_count: None,
            request_id: self.request_id.to_owned(),
        });
        if let Some(intent) = intent {
            self.access.expect(intent);
        }
    }

    async fn once(&self, call: &Call) -> Result<reply::Outcome<P::Stream>, Problem> {
        let sent = self.platform.send(call, self.config.upstream_timeout_ms).await;
        let reply: Reply<P::Stream> = sent.map_err(|error| unreachable(error, "database"))?;
        reply::classify(self.platform, call.method, reply).await
    }

    /// A call of this request: when it is late, so is the answer.
    fn call(&self, spec: Spec<'_>) -> Call {
        let forward = Forward { config: self.config, caller: self.caller, request_id: self.request_id };
        Call { ends_with_request: true, ..forward.call(spec) }
    }
}

/// What the client is told when an upstream gives no reply.
pub fn unreachable(error: SendError, upstream: &str) -> Problem {
    match error {
        SendError::Timeout => Problem::new(
            Kind::UpstreamTimeout,
            format!(
                "The {upstream} did not answer in time. A write may have happened: repeat it under the same \
                     Idempotency-Key, or read before you try again."
            ),
        ),
        SendError::Unreachable(cause) => {
            Problem::new(Kind::Unavailable, format!("The {upstream} cannot be reached; try again."))
                .retry_after(5)
                .cause(cause)
        }
    }
}

/// 405, with what is allowed.
fn method_not_allowed(allowed: &str) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("Only {allowed} are allowed here.")).hint(allowed)
}

/// The operation of a method on a table.
const fn op(method: Method, upsert: bool) -> Option<Op> {
    Some(match method {
        Method::Get | Method::Head => Op::Read,
        Method::Post if upsert => Op::Upsert,
        Method::Post => Op::Insert,
        Method::Patch => Op::Update,
        Method::Put => Op::Replace,
        Method::Delete => Op::Delete,
        Method::Options | Method::Other => return None,
    })
}
