//! All joined topics, and the orders in which they are looked up. The orders always agree: a subscription is only
//! changed by being taken out and put in again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::event::ClientId;
use super::members::Channel;
use super::subscription::{BindingSet, Place, Subscription, Topic, parse_entries};
use crate::auth::Role;
use crate::live::filter::BindingError;
use crate::live::phoenix::Vsn;

/// A socket's joined topic.
pub(super) type Key = (ClientId, Topic);

/// Subscriptions that are shown the same frames, but for people whom a change names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub role: Role,
    set: u32,
    pub topic: Topic,
    pub vsn: Vsn,
}

impl Group {
    fn of(subscription: &Subscription) -> Self {
        let (topic, vsn) = (Arc::clone(&subscription.topic), subscription.vsn);
        Self { role: subscription.viewer.role, set: subscription.set.number, topic, vsn }
    }
}

#[derive(Debug)]
pub(super) struct GroupMembers {
    pub set: Arc<BindingSet>,
    pub clients: BTreeSet<ClientId>,
    people: BTreeMap<Uuid, BTreeSet<ClientId>>,
}

impl GroupMembers {
    /// Those of the clients who are one of these people.
    pub(super) fn of_people<'a>(
        &'a self,
        ids: &'a BTreeSet<Uuid>,
    ) -> impl Iterator<Item = (Uuid, &'a BTreeSet<ClientId>)> {
        ids.iter().filter_map(|id| Some((*id, self.people.get(id)?)))
    }
}

#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    all: BTreeMap<ClientId, BTreeMap<Topic, Subscription>>,
    count: usize,
    bytes: usize,
    /// Those that are live.
    pub(super) live: BTreeMap<Group, GroupMembers>,
    /// Those that are ahead of the Room, few and not for long.
    ahead: BTreeSet<(u64, ClientId, Topic)>,
    /// Those that are behind the Room, by how far they are.
    behind: BTreeSet<(u64, ClientId, Topic)>,
    /// When tokens end.
    expiries: BTreeSet<(u64, ClientId, Topic)>,
    /// Who may broadcast and be present where.
    pub(super) members: BTreeMap<Channel, BTreeSet<ClientId>>,
    users: BTreeMap<Uuid, BTreeSet<Key>>,
    sets: BTreeMap<String, Arc<BindingSet>>,
    last_set: u32,
}

impl Subscriptions {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that are kept for all of them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that are kept for one socket.
    pub(super) fn bytes_of(&self, client: ClientId) -> usize {
        self.all.get(&client).into_iter().flat_map(BTreeMap::values).map(Subscription::weight).sum()
    }

    pub(super) fn get(&self, client: ClientId, topic: &str) -> Option<&Subscription> {
        self.all.get(&client)?.get(topic)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Subscription> {
        self.all.values().flat_map(BTreeMap::values)
    }

    /// The topics of one socket.
    pub(super) fn topics(&self, client: ClientId) -> Vec<Topic> {
        self.all.get(&client).into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    pub(super) fn insert(&mut self, subscription: Subscription) {
        self.remove(subscription.client, &subscription.topic);
        self.put(subscription);
    }

    pub(super) fn remove(&mut self, client: ClientId, topic: &str) -> Option<Subscription> {
        let subscription = self.take(client, topic)?;
        let set = &subscription.set;
        if Arc::strong_count(set) <= 2 {
            self.sets.retain(|_, kept| kept.number != set.number);
        }
        Some(subscription)
    }

    /// Changes a subscription; false when there is none.
    pub(super) fn change(
        &mut self,
        client: ClientId,
        topic: &str,
        change: impl FnOnce(&mut Subscription),
    ) -> bool {
        let Some(mut subscription) = self.take(client, topic) else { return false };
        change(&mut subscription);
        self.put(subscription);
        true
    }

    fn take(&mut self, client: ClientId, topic: &str) -> Option<Subscription> {
        let topics = self.all.get_mut(&client)?;
        let (topic, subscription) = topics.remove_entry(topic)?;
        if topics.is_empty() {
            self.all.remove(&client);
        }
        self.count -= 1;
        self.bytes -= subscription.weight();
        self.unlist(&(client, topic), &subscription);
        Some(subscription)
    }

    fn put(&mut self, subscription: Subscription) {
        let key = (subscription.client, Arc::clone(&subscription.topic));
        let at = |offset| (offset, key.0, Arc::clone(&key.1));
        match subscription.place {
            Place::None => {}
            Place::Behind(offset) => {
                self.behind.insert(at(offset));
            }
            Place::Ahead(offset) => {
                self.ahead.insert(at(offset));
            }
            Place::Live => {
                let none = || GroupMembers {
                    set: Arc::clone(&subscription.set),
                    clients: BTreeSet::new(),
                    people: BTreeMap::new(),
                };
                let members = self.live.entry(Group::of(&subscription)).or_insert_with(none);
                members.clients.insert(key.0);
                if let Some(id) = subscription.viewer.id {
                    members.people.entry(id).or_default().insert(key.0);
                }
            }
        }
        if let Some(expires) = subscription.expires_ms {
            self.expiries.insert(at(expires));
        }
        if subscription.is_member() {
            self.members.entry(Channel::of(&subscription)).or_default().insert(key.0);
        }
        if let Some(id) = subscription.viewer.id {
            self.users.entry(id).or_default().insert(key.clone());
        }
        self.count += 1;
        self.bytes += subscription.weight();
        self.all.entry(key.0).or_default().insert(key.1, subscription);
    }

    fn unlist(&mut self, key: &Key, subscription: &Subscription) {
        let at = |offset| (offset, key.0, Arc::clone(&key.1));
        match subscription.place {
            Place::None => {}
            Place::Behind(offset) => {
                self.behind.remove(&at(offset));
            }
            Place::Ahead(offset) => {
                self.ahead.remove(&at(offset));
            }
            Place::Live => {
                let group = Group::of(subscription);
                if let Some(members) = self.live.get_mut(&group) {
                    members.clients.remove(&key.0);
                    if let Some(id) = subscription.viewer.id {
                        remove_from(&mut members.people, &id, &key.0);
                    }
                    if members.clients.is_empty() {
                        self.live.remove(&group);
                    }
                }
            }
        }
        if let Some(expires) = subscription.expires_ms {
            self.expiries.remove(&at(expires));
        }
        let channel = Channel::of(subscription);
        remove_from(&mut self.members, &channel, &key.0);
        if let Some(id) = subscription.viewer.id {
            remove_from(&mut self.users, &id, key);
        }
    }

    /// The parsed form of a join's entries: one for all that are alike.
    pub(super) fn binding_set(&mut self, entries: &[Box<RawValue>]) -> Result<Arc<BindingSet>, BindingError> {
        let texts: Vec<&str> = entries.iter().map(|entry| entry.get()).collect();
        let text = texts.join("\n");
        if let Some(found) = self.sets.get(&text) {
            return Ok(Arc::clone(found));
        }
        let bindings = parse_entries(entries)?;
        self.last_set = self.last_set.wrapping_add(1);
        let set = Arc::new(BindingSet { number: self.last_set, bindings });
        self.sets.insert(text, Arc::clone(&set));
        Ok(set)
    }

    /// The next token to end, if it has ended by now.
    pub(super) fn expired(&self, now: u64) -> Option<Key> {
        let (at, client, topic) = self.expiries.first()?;
        (*at <= now).then(|| (*client, Arc::clone(topic)))
    }

    pub(super) fn next_expiry(&self) -> Option<u64> {
        self.expiries.first().map(|(at, ..)| *at)
    }

    /// The subscriptions of a user.
    pub(super) fn of_user(&self, id: Uuid) -> Vec<Key> {
        self.users.get(&id).into_iter().flatten().cloned().collect()
    }

    /// Those behind, the furthest first.
    pub(super) fn behind(&self) -> impl Iterator<Item = (u64, Key)> {
        self.behind.iter().map(|(offset, client, topic)| (*offset, (*client, Arc::clone(topic))))
    }

    /// Those ahead, the nearest first.
    pub(super) fn ahead(&self) -> impl Iterator<Item = (u64, Key)> {
        self.ahead.iter().map(|(offset, client, topic)| (*offset, (*client, Arc::clone(topic))))
    }
}

fn remove_from<K: Ord, V: Ord>(index: &mut BTreeMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(values) = index.get_mut(key) {
        values.remove(value);
        if values.is_empty() {
            index.remove(key);
        }
    }
}
