//! One exchange with an upstream of the chatbot: send, read the whole reply, try again where that may help.

use std::fmt;

use crate::http::{Call, Collected, Platform, Reply, SendError};

/// The part of [`Platform`] that talking to upstreams needs; every platform has it.
pub trait Upstream {
    /// A body that has not been read.
    type Body;
    /// Sends a call and waits for the reply's head.
    fn fetch(
        &self,
        call: Call,
        timeout_ms: u32,
    ) -> impl Future<Output = Result<Reply<Self::Body>, SendError>>;
    /// Runs a model of the Workers AI binding; see [`Platform::run_ai`].
    fn run_ai(
        &self,
        model: &str,
        input: &str,
        timeout_ms: u32,
    ) -> impl Future<Output = Result<Reply<Self::Body>, SendError>>;
    /// Reads a body up to a limit.
    fn read(
        &self,
        body: Self::Body,
        limit: usize,
    ) -> impl Future<Output = Result<Collected<Self::Body>, SendError>>;
    /// Waits.
    fn pause(&self, ms: u32) -> impl Future<Output = ()>;
    /// Some text that is different each time.
    fn chance(&self) -> String;
}

impl<P: Platform> Upstream for P {
    type Body = P::Stream;

    async fn fetch(&self, call: Call, timeout_ms: u32) -> Result<Reply<Self::Body>, SendError> {
        self.send(&call, timeout_ms).await
    }

    fn run_ai(
        &self,
        model: &str,
        input: &str,
        timeout_ms: u32,
    ) -> impl Future<Output = Result<Reply<Self::Body>, SendError>> {
        Platform::run_ai(self, model, input, timeout_ms)
    }

    fn read(
        &self,
        body: Self::Body,
        limit: usize,
    ) -> impl Future<Output = Result<Collected<Self::Body>, SendError>> {
        self.collect(body, limit)
    }

    fn pause(&self, ms: u32) -> impl Future<Output = ()> {
        self.sleep(ms)
    }

    fn chance(&self) -> String {
        self.new_id()
    }
}

/// What an upstream is asked, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Over HTTP.
    Http(Call),
    /// Through the Workers AI binding.
    Ai {
        /// The model.
        model: String,
        /// What it is given, as JSON.
        input: String,
    },
}

impl From<Call> for Ask {
    fn from(call: Call) -> Self {
        Self::Http(call)
    }
}

/// Asks and waits for the reply's head: for whoever reads the body as it comes.
pub async fn ask<U: Upstream>(upstream: &U, ask: Ask, timeout_ms: u32) -> Result<Reply<U::Body>, SendError> {
    match ask {
        Ask::Http(call) => upstream.fetch(call, timeout_ms).await,
        Ask::Ai { model, input } => upstream.run_ai(&model, &input, timeout_ms).await,
    }
}

/// A reply that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The headers that the call asked for.
    pub headers: crate::http::Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// Why an upstream did not do what it was asked. The texts are for the log: they may name hosts, never a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No reply.
    Unreachable(String),
    /// No reply in time.
    Timeout,
    /// 429 or a server's error; in how many seconds it wants to be asked again.
    Busy(u16, Option<u32>),
    /// It refused: status and its own words.
    Refused(u16, String),
    /// A reply that cannot be read.
    Garbled(&'static str),
    /// The settings do not fit what was found, in our own words.
    Unfit(String),
}

impl fmt::Display for Fault {
    /// For the log: an upstream's own words about a refusal are left out, since they may repeat what it was asked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "unreachable: {why}"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Busy(status, _) => write!(f, "answered {status}"),
            Self::Refused(status, _) => write!(f, "refused with {status}"),
            Self::Garbled(what) => f.write_str(what),
            Self::Unfit(what) => f.write_str(what),
        }
    }
}

impl Fault {
    /// Whether the same call may succeed a moment later.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Timeout | Self::Busy(..))
    }
}

/// How patient to be with an upstream.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Milliseconds for a reply's head.
    pub timeout_ms: u32,
    /// The longest body that is read, in bytes.
    pub limit: usize,
    /// How often a retryable fault is tried again.
    pub retries: u32,
}

impl Patience {
    /// For a turn of the chat, where somebody waits.
    pub const TURN: Self = Self { timeout_ms: 10_000, limit: 8 << 20, retries: 1 };
    /// For a write, which is not repeated: whether it happened may be unknown.
    pub const WRITE: Self = Self { timeout_ms: 20_000, limit: 8 << 20, retries: 0 };
    /// For many texts at once, which take a model its time, while somebody waits.
    pub const BULK: Self = Self { timeout_ms: 30_000, limit: 32 << 20, retries: 1 };
    /// For the upkeep of the knowledge base.
    pub const UPKEEP: Self = Self { timeout_ms: 30_000, limit: 32 << 20, retries: 4 };
}

const FIRST_WAIT_MS: u32 = 200;
/// The longest that a try waits for the next.
pub const LONGEST_WAIT_MS: u32 = 8_000;

/// Asks until the answer is neither 429 nor 5xx, or patience ends. An upstream that wants to be left alone for longer
/// than [`LONGEST_WAIT_MS`] is: its wish is in the fault.
pub async fn exchange<U: Upstream>(
    upstream: &U,
    asked: impl Into<Ask>,
    patience: Patience,
) -> Result<Answered, Fault> {
    let asked = asked.into();
    let mut attempt = 0;
    loop {
        let fault = match once(upstream, asked.clone(), patience).await {
            Ok(answered) => return Ok(answered),
            Err(fault) => fault,
        };
        let wait = wait_ms(attempt, &fault, &upstream.chance());
        match wait {
            Some(wait) if attempt < patience.retries && fault.retryable() => upstream.pause(wait).await,
            _ => return Err(fault),
        }
        attempt += 1;
    }
}

async fn once<U: Upstream>(upstream: &U, asked: Ask, patience: Patience) -> Result<Answered, Fault> {
    let reply = ask(upstream, asked, patience.timeout_ms).await.map_err(unsent)?;
    if reply.status == 429 || reply.status >= 500 && reply.status != 501 {
        let after = reply.header("retry-after").and_then(|value| value.trim().parse().ok());
        return Err(Fault::Busy(reply.status, after));
    }
    match upstream.read(reply.body, patience.limit).await.map_err(unsent)? {
        Collected::Whole(body) => Ok(Answered { status: reply.status, headers: reply.headers, body }),
        Collected::Longer(_) => Err(Fault::Garbled("the reply is too long")),
    }
}

fn unsent(error: SendError) -> Fault {
    match error {
        SendError::Unreachable(why) => Fault::Unreachable(why),
        SendError::Timeout => Fault::Timeout,
    }
}

// Twice as long each time, half of it by chance (of which a new id has plenty); what the upstream asks for goes first.
fn wait_ms(attempt: u32, fault: &Fault, chance: &str) -> Option<u32> {
    if let Fault::Busy(_, Some(seconds)) = fault {
        return Some(seconds.saturating_mul(1000)).filter(|wait| *wait <= LONGEST_WAIT_MS);
    }
    let most = FIRST_WAIT_MS.saturating_mul(1 << attempt.min(10)).min(LONGEST_WAIT_MS);
    let dice = chance.bytes().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    Some(most / 2 + dice % (most / 2 + 1))
}

/// An answer of 2xx as JSON; otherwise what `words` finds in its body.
pub fn json<T: serde::de::DeserializeOwned>(
    answered: &Answered,
    words: impl Fn(&[u8]) -> String,
) -> Result<T, Fault> {
    if !(200..300).contains(&answered.status) {
        return Err(Fault::Refused(answered.status, words(&answered.body)));
    }
    serde_json::from_slice(&answered.body).map_err(|_| Fault::Garbled("the reply is not what was asked for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_vary_and_end() {
        let waits: Vec<u32> = (0..8).filter_map(|attempt| wait_ms(attempt, &Fault::Timeout, "a")).collect();
        assert_eq!(waits.len(), 8);
        for (attempt, wait) in waits.iter().enumerate() {
            let most = (200 << attempt).min(8_000);
            assert!((most / 2..=most).contains(wait), "{waits:?}");
        }
        assert_ne!(wait_ms(5, &Fault::Timeout, "a"), wait_ms(5, &Fault::Timeout, "b"));
        assert_eq!(wait_ms(0, &Fault::Busy(429, Some(3)), ""), Some(3_000));
        assert_eq!(wait_ms(0, &Fault::Busy(503, Some(u32::MAX)), ""), None, "it wants to be left alone");
    }

    #[test]
    fn refusals_are_not_tried_again() {
        assert!(Fault::Timeout.retryable() && Fault::Busy(503, None).retryable());
        assert!(!Fault::Refused(400, String::new()).retryable() && !Fault::Garbled("").retryable());
    }
}
