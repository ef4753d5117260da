//! Questions about tokens that are on their way: one for all that a socket asks with the same token at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::Room;
use super::event::{ClientId, Grant, Reads, Refusal, RoomEffect};
use super::subscription::{PendingJoin, Topic, medical, parse_entries};
use crate::config::Secret;

const ANSWER_MS: u64 = 15_000;
/// When a socket asks too much at once.
const LATER_MS: u64 = 1_000;
/// When a newer token could not be looked at.
const AGAIN_MS: u64 = 2_000;

/// What waits for an answer.
#[derive(Debug)]
pub(super) enum Waiter {
    Join(Box<PendingJoin>),
    Refresh { topic: Topic, join_ref: Option<String> },
}

impl Waiter {
    fn topic(&self) -> &Topic {
        match self {
            Self::Join(pending) => &pending.topic,
            Self::Refresh { topic, .. } => topic,
        }
    }
}

#[derive(Debug)]
struct Request {
    client: ClientId,
    token: Secret,
    /// Which medical records each of the waiters follows.
    reads: Option<Reads>,
    waiters: Vec<Waiter>,
    /// People whose row changed since it was asked: an answer about them may be of before.
    changed: Vec<Uuid>,
    asked_at: u64,
    /// Not asked yet but at `asked_at`.
    is_later: bool,
}

#[derive(Debug, Default)]
pub(super) struct Requests {
    all: BTreeMap<u64, Request>,
}

impl Requests {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn due_at(&self) -> Option<u64> {
        let due = |one: &Request| if one.is_later { one.asked_at } else { one.asked_at + ANSWER_MS };
        self.all.values().map(due).min()
    }

    fn joins(&self, client: ClientId) -> usize {
        let waiters = self.all.values().filter(|one| one.client == client).flat_map(|one| &one.waiters);
        waiters.filter(|waiter| matches!(waiter, Waiter::Join(_))).count()
    }

    /// A token that is newer still has come.
    fn forget_refresh(&mut self, client: ClientId, topic: &str) {
        let is_older =
            |waiter: &Waiter| matches!(waiter, Waiter::Refresh { topic: of, .. } if **of == *topic);
        for one in self.all.values_mut().filter(|one| one.client == client) {
            one.waiters.retain(|waiter| !is_older(waiter));
        }
        self.all.retain(|_, one| !one.waiters.is_empty());
    }

    fn forget(&mut self, client: ClientId, topic: Option<&str>) {
        for one in self.all.values_mut().filter(|one| one.client == client) {
            one.waiters.retain(|waiter| topic.is_some_and(|topic| **waiter.topic() != *topic));
        }
        self.all.retain(|_, one| !one.waiters.is_empty());
    }
}

impl Room {
    /// Asks whose token it is, unless that is being asked already.
    pub(super) fn authorise(&mut self, now: u64, client: ClientId, token: Secret, waiter: Waiter) {
        let reads = self.reads_of(client, &waiter);
        let same = |one: &&mut Request| one.client == client && one.token == token && one.reads == reads;
        if let Some(found) = self.requests.all.values_mut().find(same) {
            found.waiters.push(waiter);
            return;
        }
        let limit = self.clients.limits().joins_per_second;
        let is_later = !self.clients.get_mut(client).is_some_and(|one| one.questions.admit(now, limit));
        let asked_at = if is_later { now + LATER_MS } else { now };
        self.ask(Request {
            client,
            token,
            reads,
            waiters: vec![waiter],
            changed: Vec::new(),
            asked_at,
            is_later,
        });
    }

    /// Which medical records a waiter follows.
    fn reads_of(&self, client: ClientId, waiter: &Waiter) -> Option<Reads> {
        match waiter {
            Waiter::Join(pending) => {
                let query = medical(&parse_entries(&pending.join.postgres_changes).ok()?)?;
                Some(Reads { query, noted: None })
            }
            Waiter::Refresh { topic, .. } => {
                let one = self.subscriptions.get(client, topic)?;
                let noted = one.viewer.id.zip(one.expires_ms.map(|ms| ms / 1_000));
                Some(Reads { query: medical(&one.set.bindings)?, noted })
            }
        }
    }

    fn ask(&mut self, request: Request) {
        let number = self.number();
        if !request.is_later {
            let (token, reads) = (request.token.clone(), request.reads.clone());
            self.clients.out.push(RoomEffect::Authorise { request: number, token, reads });
        }
        self.requests.all.insert(number, request);
    }

    /// The answer to a question.
    pub(super) fn authorised(&mut self, now: u64, request: u64, result: &Result<Grant, Refusal>) {
        let Some(mut asked) = self.requests.all.remove(&request) else { return };
        let id = result.as_ref().ok().and_then(|grant| grant.viewer.id);
        if id.is_some_and(|id| asked.changed.contains(&id)) {
            (asked.changed, asked.asked_at) = (Vec::new(), now);
            return self.ask(asked);
        }
        let (client, token, reads) = (asked.client, asked.token, asked.reads);
        for waiter in asked.waiters {
            match waiter {
                Waiter::Join(pending) => self.join_authorised(now, *pending, result),
                Waiter::Refresh { topic, join_ref } => {
                    let is_joined =
                        self.subscriptions.get(client, &topic).is_some_and(|one| one.join_ref == join_ref);
                    if !is_joined {
                        continue;
                    }
                    let waiter = Waiter::Refresh { topic: Arc::clone(&topic), join_ref };
                    let still_reads = self.reads_of(client, &waiter);
                    let is_late = *result == Err(Refusal::Unavailable);
                    // Another join of the same name may have come in between: what it reads has not been noted.
                    let is_unnoted =
                        || still_reads.as_ref().is_some_and(|now| !is_noted(reads.as_ref(), now));
                    if is_late || result.is_ok() && is_unnoted() {
                        self.ask(Request {
                            client,
                            token: token.clone(),
                            reads: still_reads,
                            waiters: vec![waiter],
                            changed: Vec::new(),
                            asked_at: if is_late { now + AGAIN_MS } else { now },
                            is_later: is_late,
                        });
                    } else {
                        self.refresh_authorised(now, client, &topic, result);
                    }
                }
            }
        }
    }

    /// A newer token for a joined topic.
    pub(super) fn refresh(&mut self, now: u64, client: ClientId, topic: &Topic, token: String) {
        let join_ref = self.subscriptions.get(client, topic).and_then(|one| one.join_ref.clone());
        self.requests.forget_refresh(client, topic);
        let waiter = Waiter::Refresh { topic: topic.clone(), join_ref };
        self.authorise(now, client, Secret::new(token), waiter);
    }

    /// Joins of a socket that are not answered yet.
    pub(super) fn pending_of(&self, client: ClientId) -> usize {
        self.waiting.iter().filter(|(_, pending)| pending.client == client).count()
            + self.requests.joins(client)
    }

    /// Bytes that they will keep, of one socket and of all.
    pub(super) fn pending_bytes(&self, client: ClientId) -> (usize, usize) {
        let asked =
            self.requests.all.values().flat_map(|one| &one.waiters).filter_map(|waiter| match waiter {
                Waiter::Join(pending) => Some(pending.as_ref()),
                Waiter::Refresh { .. } => None,
            });
        let pending = self.waiting.iter().map(|(_, pending)| pending).chain(asked);
        pending.fold((0, 0), |(own, all), pending| {
            let weight = pending.weight();
            (if pending.client == client { own + weight } else { own }, all + weight)
        })
    }

    /// What was asked for a topic, or a whole socket, is of no interest any more. True when it was something.
    pub(super) fn forget_pending(&mut self, client: ClientId, topic: &str) -> bool {
        let before = self.pending_of(client);
        self.waiting.retain(|(_, pending)| pending.client != client || *pending.topic != *topic);
        self.requests.forget(client, Some(topic));
        self.pending_of(client) < before
    }

    pub(super) fn forget_all_pending(&mut self, client: ClientId) {
        self.waiting.retain(|(_, pending)| pending.client != client);
        self.requests.forget(client, None);
    }

    /// A person's row changed while questions are on their way.
    pub(super) fn note_user_change(&mut self, id: Uuid) {
        for one in self.requests.all.values_mut() {
            one.changed.push(id);
        }
    }

    /// Asks what was put off, and gives up what was not answered.
    pub(super) fn requests_tick(&mut self, now: u64) {
        let due = |one: &Request| now >= if one.is_later { one.asked_at } else { one.asked_at + ANSWER_MS };
        let due: Vec<u64> =
            self.requests.all.iter().filter(|(_, one)| due(one)).map(|(number, _)| *number).collect();
        for number in due {
            match self.requests.all.remove(&number) {
                Some(one) if one.is_later => self.ask(Request { is_later: false, asked_at: now, ..one }),
                Some(one) => {
                    self.requests.all.insert(number, one);
                    self.authorised(now, number, &Err(Refusal::Unavailable));
                }
                None => {}
            }
        }
    }
}

/// Whether a question about these also noted those.
fn is_noted(asked: Option<&Reads>, now: &Reads) -> bool {
    asked.is_some_and(|asked| asked.query == now.query)
}
