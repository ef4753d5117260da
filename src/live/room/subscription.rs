//! One joined topic of one socket.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::event::{ClientId, Grant};
use super::stored::{StoredPresence, StoredSubscription};
use crate::access::MEDICAL;
use crate::auth::Role;
use crate::gathered::gathered;
use crate::ids::text_of;
use crate::live::audience::Viewer;
use crate::live::filter::{Binding, BindingError, assign_ids};
use crate::live::phoenix::{Join, Resume, Server, Vsn};

/// A topic's name, shared by all that speak of it.
pub(super) type Topic = Arc<str>;

/// Entries of `postgres_changes`, parsed: one for all subscriptions that ask for the same.
#[derive(Debug)]
pub(super) struct BindingSet {
    /// Distinguishes it from the others of this instance.
    pub number: u32,
    pub bindings: Vec<(u32, Binding)>,
}

/// How far a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It wants no changes, or what it wants is not valid.
    None,
    /// It has received everything up to here, which is less than the Room has delivered.
    Behind(u64),
    /// It has received everything up to here, which is more than the Room has delivered.
    Ahead(u64),
    /// It receives what the Room delivers.
    Live,
}

#[expect(clippy::struct_excessive_bools, reason = "four independent settings of a join")]
#[derive(Debug)]
pub(super) struct Subscription {
    pub client: ClientId,
    pub topic: Topic,
    pub vsn: Vsn,
    pub join_ref: Option<String>,
    pub private: bool,
    pub ack: bool,
    pub echo: bool,
    pub presence_enabled: bool,
    pub presence_key: String,
    pub tracked: Option<StoredPresence>,
    pub entries: Vec<Box<RawValue>>,
    pub set: Arc<BindingSet>,
    pub viewer: Viewer,
    pub expires_ms: Option<u64>,
    /// From where, until it is placed.
    pub resume: Option<Resume>,
    pub place: Place,
}

impl Subscription {
    /// Broadcast and presence are for people who are signed in.
    pub(super) fn is_member(&self) -> bool {
        self.viewer.role != Role::Anon
    }

    /// Bytes that are kept for it, as far as the client decides.
    pub(super) fn weight(&self) -> usize {
        let tracked = self.tracked.as_ref().map_or(0, |tracked| tracked.meta.get().len());
        weight(&self.topic, self.join_ref.as_deref(), &self.presence_key, &self.entries) + tracked
    }

    /// For messages that belong to this join.
    pub(super) fn server(&self) -> Server<'_> {
        Server::new(self.vsn, &self.topic, self.join_ref.as_deref())
    }

    pub(super) fn grant(&mut self, grant: &Grant) {
        self.viewer = grant.viewer;
        self.expires_ms = grant.expires_at.map(|seconds| seconds.saturating_mul(1_000));
    }

    pub(super) fn to_stored(&self) -> StoredSubscription {
        let (behind, ahead) = match self.place {
            Place::Behind(offset) => (Some(offset), None),
            Place::Ahead(offset) => (None, Some(offset)),
            Place::None | Place::Live => (None, None),
        };
        StoredSubscription {
            client: self.client,
            topic: self.topic.to_string(),
            join_ref: self.join_ref.clone(),
            private: self.private,
            ack: self.ack,
            echo: self.echo,
            presence_enabled: self.presence_enabled,
            presence_key: self.presence_key.clone(),
            tracked: self.tracked.clone(),
            entries: self.entries.clone(),
            role: self.viewer.role.as_str().to_owned(),
            user: self.viewer.id.map(text_of),
            expires_ms: self.expires_ms,
            behind,
            ahead,
        }
    }

    pub(super) fn from_stored(stored: StoredSubscription, vsn: Vsn, set: Arc<BindingSet>) -> Option<Self> {
        let role = if stored.role == Role::Anon.as_str() {
            Role::Anon
        } else {
            Role::from_clinic_role(&stored.role)?
        };
        let id = stored.user.as_deref().map(Uuid::try_parse).transpose().ok()?;
        let place = match (stored.behind, stored.ahead) {
            _ if set.bindings.is_empty() => Place::None,
            (Some(offset), _) => Place::Behind(offset),
            (_, Some(offset)) => Place::Ahead(offset),
            (None, None) => Place::Live,
        };
        Some(Self {
            client: stored.client,
            topic: stored.topic.into(),
            vsn,
            join_ref: stored.join_ref,
            private: stored.private,
            ack: stored.ack,
            echo: stored.echo,
            presence_enabled: stored.presence_enabled,
            presence_key: stored.presence_key,
            tracked: stored.tracked,
            entries: stored.entries,
            set,
            viewer: Viewer { role, id },
            expires_ms: stored.expires_ms,
            resume: None,
            place,
        })
    }
}

/// A join that was asked for and not yet answered.
#[derive(Debug)]
pub(super) struct PendingJoin {
    pub client: ClientId,
    pub topic: Topic,
    pub join_ref: Option<String>,
    pub reference: Option<String>,
    pub join: Join,
}

impl PendingJoin {
    /// Bytes that are kept for it once it is answered.
    pub(super) fn weight(&self) -> usize {
        let Join { presence, postgres_changes, .. } = &self.join;
        weight(&self.topic, self.join_ref.as_deref(), &presence.key, postgres_changes)
    }
}

fn weight(topic: &str, join_ref: Option<&str>, presence_key: &str, entries: &[Box<RawValue>]) -> usize {
    let entries: usize = entries.iter().map(|entry| entry.get().len()).sum();
    topic.len() + join_ref.map_or(0, str::len) + presence_key.len() + entries
}

/// The bindings of a join's entries, all or none, as Realtime has it.
pub(super) fn parse_entries(entries: &[Box<RawValue>]) -> Result<Vec<(u32, Binding)>, BindingError> {
    let bindings = entries.iter().map(|entry| Binding::parse(entry)).collect::<Result<Vec<_>, _>>()?;
    Ok(assign_ids(entries).into_iter().zip(bindings).collect())
}

/// Which medical records these ask for, with `?` for each value, the shortest first, which are those that restrict least: a log
/// has room for so much. Nothing if they ask for none.
pub(super) fn medical(bindings: &[(u32, Binding)]) -> Option<String> {
    let asked = bindings.iter().map(|(_, binding)| binding).filter(|binding| binding.asks_for(&MEDICAL));
    let sized = asked.map(|binding| {
        let shape = binding.shape();
        (shape.len(), shape)
    });
    let shapes: BTreeSet<(usize, String)> = gathered(sized);
    let shapes: Vec<&str> = shapes.iter().map(|(_, shape)| shape.as_str()).collect();
    (!shapes.is_empty()).then(|| shapes.join("; "))
}
