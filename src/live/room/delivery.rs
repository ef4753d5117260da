//! From a change to the sockets: matched once for each role, for each person whom it names and for each set of
//! bindings, encoded once for each serializer, topic and ids.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::Room;
use super::event::{ClientId, RoomEffect, RoomNotice};
use super::subscription::BindingSet;
use super::subscriptions::{Group, GroupMembers};
use crate::auth::Role;
use crate::live::audience::{Sight, Viewer, Visible};
use crate::live::change::{Change, Row};
use crate::live::feed::BatchEntry;
use crate::live::filter::shown_to;
use crate::live::phoenix::{ChangeFrames, Frame, Vsn};

pub(super) const NO_PERMISSION: &str =
    "You no longer have permission to receive these changes: your role or status has changed";

/// A change on its way: who sees it and the frames that were made of it.
pub(super) struct Parcel<'a> {
    sight: Sight<'a>,
    frames: ChangeFrames<'a>,
    shown: HashMap<(u32, Visible), Shown>,
}

/// What bindings are shown: their ids by kind.
type Shown = Vec<(Visible, Vec<u32>)>;

impl<'a> Parcel<'a> {
    pub(super) fn new(change: &'a Change, epoch: &'a str, offset: u64) -> Self {
        let frames = ChangeFrames::new(change, epoch, offset);
        Self { sight: Sight::new(change), frames, shown: HashMap::new() }
    }

    pub(super) fn visible(&self, viewer: &Viewer) -> Visible {
        self.sight.of(viewer)
    }

    /// The frames for members of a topic with these bindings who see this much of the change.
    pub(super) fn frames(&mut self, visible: Visible, set: &BindingSet, topic: &str, vsn: Vsn) -> Vec<Frame> {
        if visible == Visible::Nothing {
            return Vec::new();
        }
        let change = self.sight.change;
        let shown = self
            .shown
            .entry((set.number, visible))
            .or_insert_with(|| shown_to(&set.bindings, change, visible));
        shown.iter().filter_map(|(kind, ids)| self.frames.frame(vsn, topic, *kind, ids)).collect()
    }

    fn send_to_group(
        &mut self,
        group: &Group,
        members: &GroupMembers,
        named: &BTreeSet<Uuid>,
        sends: &mut Sends,
    ) {
        let role = group.role;
        let mut apart: BTreeSet<ClientId> = BTreeSet::new();
        for (id, clients) in members.of_people(named) {
            let visible = self.visible(&Viewer { role, id: Some(id) });
            for frame in self.frames(visible, &members.set, &group.topic, group.vsn) {
                sends.add(&frame, clients.iter().copied());
            }
            apart.extend(clients);
        }
        let visible = self.visible(&Viewer { role, id: None });
        for frame in self.frames(visible, &members.set, &group.topic, group.vsn) {
            let others = members.clients.iter().copied();
            if apart.is_empty() {
                sends.add(&frame, others);
            } else {
                sends.add(&frame, others.filter(|client| !apart.contains(client)));
            }
        }
    }
}

impl Room {
    /// An entry of the log, for all who are live and those who are ahead but not so far.
    pub(super) fn deliver(&mut self, epoch: &str, entry: &BatchEntry) {
        let Ok(change) = Change::parse(entry.change.get()) else {
            self.clients.out.push(RoomEffect::Log(RoomNotice::BadEntry(entry.offset)));
            return;
        };
        self.check_viewer(&change);
        let mut parcel = Parcel::new(&change, epoch, entry.offset);
        let mut sends = Sends::default();
        let named = parcel.sight.named();
        for (group, members) in &self.subscriptions.live {
            parcel.send_to_group(group, members, &named, &mut sends);
        }
        for (_, (client, topic)) in self.subscriptions.ahead().take_while(|(at, _)| *at < entry.offset) {
            if let Some(one) = self.subscriptions.get(client, &topic) {
                for frame in parcel.frames(parcel.visible(&one.viewer), &one.set, &topic, one.vsn) {
                    sends.add(&frame, [client]);
                }
            }
        }
        for (frame, to) in sends.0 {
            self.clients.send_all(to, frame);
        }
    }

    /// A person's role, status or deletion changed: what was authorised for another role ends now.
    fn check_viewer(&mut self, change: &Change) {
        let image = change.record.as_ref().or(change.old_record.as_ref());
        if change.table.name != "user" {
            return;
        }
        let Some(id) = change.key.uuid("id") else { return };
        self.note_user_change(id);
        let role = if change.record.is_some() { image.map_or(Role::Anon, role_of) } else { Role::Anon };
        for (client, topic) in self.subscriptions.of_user(id) {
            let holds = self.subscriptions.get(client, &topic).is_some_and(|one| one.viewer.role == role);
            if !holds {
                self.end(client, &topic, NO_PERMISSION);
            }
        }
    }
}

/// The role that a row of `user` gives, as Postgres' `app.role_of` has it.
fn role_of(row: &Row) -> Role {
    let is_live = row.is_null("deleted_at") && row.text("status").as_deref() == Some("active");
    match row.get("role_id") {
        Some("1") if is_live => Role::Patient,
        Some("2") if is_live => Role::Dentist,
        Some("3") if is_live => Role::Receptionist,
        Some("4") if is_live => Role::Admin,
        _ => Role::Anon,
    }
}

/// Frames with their sockets; the same frame of several groups goes out as one.
#[derive(Default)]
struct Sends(Vec<(Frame, Vec<ClientId>)>);

impl Sends {
    fn add(&mut self, frame: &Frame, to: impl IntoIterator<Item = ClientId>) {
        // Groups that share a frame mostly follow each other; looking further back would cost more than it saves.
        match self.0.iter_mut().rev().take(8).find(|(known, _)| is_same(known, frame)) {
            Some((_, clients)) => clients.extend(to),
            None => self.0.push((frame.clone(), to.into_iter().collect())),
        }
    }
}

fn is_same(one: &Frame, other: &Frame) -> bool {
    match (one, other) {
        (Frame::Text(one), Frame::Text(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}
