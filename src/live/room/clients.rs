//! The sockets, and the one way to them: every byte that is sent is counted against the reader.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Attachment, ClientId, RoomEffect, RoomNotice};
use super::limits::{Limits, Window, close};
use crate::gathered::gathered;
use crate::live::phoenix::{Frame, Vsn};

/// A client's last frame is noted with its socket this often: more seldom than its heartbeat.
const TOUCH_MS: u64 = 20_000;

#[derive(Debug)]
pub(super) struct Client {
    pub vsn: Vsn,
    pub joins: Window,
    pub messages: Window,
    pub questions: Window,
    seen_ms: u64,
    touched_ms: u64,
    unread: usize,
}

/// The sockets and what is to be done for them.
#[derive(Debug)]
pub(super) struct Clients {
    all: BTreeMap<ClientId, Client>,
    limits: Limits,
    /// Those who do not read and are to be closed.
    slow: BTreeSet<ClientId>,
    pub(super) out: Vec<RoomEffect>,
}

impl Clients {
    pub(super) fn restore(sockets: &[Attachment], limits: Limits, now: u64) -> Self {
        let client = |socket: &Attachment| {
            let vsn = Vsn::parse(Some(&socket.vsn))?;
            Some((socket.client, Client::new(vsn, socket.seen_ms.min(now))))
        };
        let all = gathered(sockets.iter().filter_map(client));
        Self { all, limits, slow: BTreeSet::new(), out: Vec::new() }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, client: ClientId) -> Option<&Client> {
        self.all.get(&client)
    }

    pub(super) fn get_mut(&mut self, client: ClientId) -> Option<&mut Client> {
        self.all.get_mut(&client)
    }

    pub(super) fn open(&mut self, now: u64, client: ClientId, vsn: Vsn) {
        if self.all.len() >= self.limits.clients {
            self.close(client, close::FULL, "This room is full: try again later");
            return;
        }
        self.all.insert(client, Client::new(vsn, now));
        self.attach(client);
    }

    fn attach(&mut self, client: ClientId) {
        if let Some(known) = self.all.get_mut(&client) {
            known.touched_ms = known.seen_ms;
            let (vsn, seen_ms) = (known.vsn.as_str().to_owned(), known.seen_ms);
            self.out.push(RoomEffect::Attach(Attachment { client, vsn, seen_ms }));
        }
    }

    /// A frame came: the client lives and reads. False when the client is not known.
    pub(super) fn heard(&mut self, now: u64, client: ClientId) -> bool {
        let Some(known) = self.all.get_mut(&client) else { return false };
        (known.seen_ms, known.unread) = (now, 0);
        if now >= known.touched_ms + TOUCH_MS {
            self.attach(client);
        }
        true
    }

    pub(super) fn remove(&mut self, client: ClientId) {
        self.all.remove(&client);
        self.slow.remove(&client);
    }

    pub(super) fn close(&mut self, client: ClientId, code: u16, reason: &'static str) {
        self.remove(client);
        self.out.push(RoomEffect::Close { client, code, reason });
        self.out.push(RoomEffect::Log(RoomNotice::Closed(code)));
    }

    pub(super) fn send(&mut self, client: ClientId, frame: Frame) {
        self.send_all([client], frame);
    }

    /// Sends to all of these that are known, in the order of coming: in it they also lie in memory, and any other costs
    /// several percent more.
    pub(super) fn send_all(&mut self, to: impl IntoIterator<Item = ClientId>, frame: Frame) {
        let mut to: Vec<ClientId> = to.into_iter().collect();
        to.sort_unstable();
        let mut known = Vec::with_capacity(to.len());
        each_of(&mut self.all, &to, |client, one| {
            known.push(client);
            one.unread = one.unread.saturating_add(frame.len());
            if one.unread > self.limits.unread_bytes {
                self.slow.insert(client);
            }
        });
        if !known.is_empty() {
            self.out.push(RoomEffect::Send { to: known, frame });
        }
    }

    /// Whether the client has read enough to be sent old changes: they wait, new ones do not.
    pub(super) fn has_room(&self, client: ClientId) -> bool {
        self.all.get(&client).is_some_and(|known| known.unread < self.limits.unread_bytes / 2)
    }

    /// Those to be closed now, with code and reason.
    pub(super) fn overdue(&mut self, now: u64) -> Vec<(ClientId, u16, &'static str)> {
        let slow = std::mem::take(&mut self.slow).into_iter();
        let mut overdue: Vec<_> =
            slow.map(|client| (client, close::SLOW, "Too much sent and not read")).collect();
        let silence = self.limits.silence_ms;
        for (client, known) in &self.all {
            let is_silent = now >= known.seen_ms.saturating_add(silence);
            if is_silent && !overdue.iter().any(|(other, ..)| other == client) {
                overdue.push((*client, close::SILENT, "No heartbeat"));
            }
        }
        overdue
    }

    pub(super) fn any_slow(&self) -> bool {
        !self.slow.is_empty()
    }
}

/// Gives what is kept under each of these keys, which are in rising order. Where they are many, a walk beside them costs
/// much less than to look each up.
pub fn each_of<T>(
    map: &mut BTreeMap<ClientId, T>,
    wanted: &[ClientId],
    mut found: impl FnMut(ClientId, &mut T),
) {
    if wanted.len() < map.len() / 8 {
        for client in wanted {
            map.get_mut(client).into_iter().for_each(|value| found(*client, value));
        }
        return;
    }
    let mut wanted = wanted.iter().peekable();
    for (client, value) in map {
        while wanted.next_if(|next| *next < client).is_some() {}
        match wanted.peek() {
            Some(next) if *next == client => found(*client, value),
            Some(_) => {}
            None => break,
        }
    }
}

impl Client {
    fn new(vsn: Vsn, seen_ms: u64) -> Self {
        let (joins, messages, questions) = Default::default();
        Self { vsn, joins, messages, questions, seen_ms, touched_ms: seen_ms, unread: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_are_found_alike() {
        let mut map: BTreeMap<ClientId, u64> = (0..100).map(|n| (n * 2, n)).collect();
        let every_third: Vec<ClientId> = (0..300).step_by(3).collect();
        for wanted in [&[][..], &[8, 9, 14], &[0, 198, 199], &every_third] {
            let mut found = Vec::new();
            each_of(&mut map, wanted, |client, value| found.push((client, *value)));
            let known = wanted.iter().filter(|client| **client < 200 && **client % 2 == 0);
            assert_eq!(found, known.map(|client| (*client, client / 2)).collect::<Vec<_>>());
        }
    }
}
