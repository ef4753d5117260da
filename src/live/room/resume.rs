//! Bringing those who were away up to date, from the Feed's log.
//!
//! What happens meanwhile is not kept for them: the log is read on until they are where the Room is. One page is read
//! at a time, from the one who is furthest behind, and serves everybody on its way; so many who come back at once
//! cost little more than one. Who does not read what was sent is not sent more.

use super::Room;
use super::delivery::Parcel;
use super::event::RoomEffect;
use super::subscription::Place;
use super::subscriptions::Key;
use crate::live::change::Change;
use crate::live::feed::retry::delay_ms;
use crate::live::feed::{Cursor, LogPage};

const ANSWER_MS: u64 = 15_000;

#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Number, offset asked from, and when.
    asked: Option<(u64, u64, u64)>,
    failures: u32,
    retry_at: u64,
}

impl Room {
    /// Asks for the next page.
    pub(super) fn reading_tick(&mut self, now: u64, random: u64) {
        if self.reading.asked.is_some_and(|(.., at)| now >= at + ANSWER_MS) {
            self.page_failed(now, random);
        }
        if self.reading.asked.is_some() || now < self.reading.retry_at {
            return;
        }
        let Some(epoch) = self.link.cursor.as_ref().map(|cursor| cursor.epoch.clone()) else { return };
        if let Some(offset) = self.next_reader() {
            let request = self.number();
            self.reading.asked = Some((request, offset, now));
            self.clients.out.push(RoomEffect::ReadLog { request, cursor: Cursor { epoch, offset } });
        }
    }

    /// Where the one is who is furthest behind, of those who read what they are sent.
    fn next_reader(&self) -> Option<u64> {
        let ready = self.subscriptions.behind().find(|(_, (client, _))| self.clients.has_room(*client));
        ready.map(|(offset, _)| offset)
    }

    pub(super) fn reading_due_at(&self) -> Option<u64> {
        match self.reading.asked {
            Some((.., at)) => Some(at + ANSWER_MS),
            None => self.next_reader().map(|_| self.reading.retry_at),
        }
    }

    fn is_asked(&self, request: u64) -> bool {
        self.reading.asked.is_some_and(|(number, ..)| number == request)
    }

    pub(super) fn log_failed(&mut self, now: u64, random: u64, request: u64) {
        if self.is_asked(request) {
            self.page_failed(now, random);
        }
    }

    fn page_failed(&mut self, now: u64, random: u64) {
        self.reading.asked = None;
        self.reading.failures = self.reading.failures.saturating_add(1);
        self.reading.retry_at = now + delay_ms(self.reading.failures, random);
    }

    pub(super) fn log_page(&mut self, now: u64, random: u64, request: u64, page: &LogPage) {
        let Some((number, from, _)) = self.reading.asked else { return };
        if number != request {
            return;
        }
        let Some(cursor) = self.link.cursor.clone() else { return self.page_failed(now, random) };
        let is_empty = page.entries.is_empty() && page.from < page.head;
        if page.epoch != cursor.epoch || (!page.gone && (page.from != from || is_empty)) {
            // The Feed has begun anew, of which its next batch will tell, or has no answer.
            return self.page_failed(now, random);
        }
        (self.reading.asked, self.reading.failures, self.reading.retry_at) = (None, 0, now);
        if page.gone {
            self.lost_until(from, &cursor);
        } else {
            self.read_page(page, &cursor);
        }
    }

    /// The log does not hold what these need.
    fn lost_until(&mut self, from: u64, cursor: &Cursor) {
        let lost: Vec<Key> =
            self.subscriptions.behind().take_while(|(at, _)| *at <= from).map(|(_, key)| key).collect();
        for (client, topic) in lost {
            self.resync(client, &topic, cursor);
            self.mark(client, &topic);
        }
    }

    fn read_page(&mut self, page: &LogPage, cursor: &Cursor) {
        let end = page.from + page.entries.len() as u64;
        let readers: Vec<(u64, Key)> = self
            .subscriptions
            .behind()
            .skip_while(|(at, _)| *at < page.from)
            .take_while(|(at, _)| *at <= end)
            .filter(|(_, (client, _))| self.clients.has_room(*client))
            .collect();
        for entry in &page.entries {
            // What cannot be read was passed over when it was new, too.
            let Ok(change) = Change::parse(entry.change.get()) else { continue };
            let mut parcel = Parcel::new(&change, &page.epoch, entry.offset);
            for (_, (client, topic)) in readers.iter().filter(|(at, _)| *at < entry.offset) {
                let Some(one) = self.subscriptions.get(*client, topic) else { continue };
                for frame in parcel.frames(parcel.visible(&one.viewer), &one.set, topic, one.vsn) {
                    self.clients.send(*client, frame);
                }
            }
        }
        for (at, (client, topic)) in readers {
            self.advance(client, &topic, at, end, cursor);
        }
    }

    /// A reader has everything up to `end`.
    fn advance(&mut self, client: u64, topic: &str, at: u64, end: u64, cursor: &Cursor) {
        let place = match end {
            end if end == cursor.offset => Place::Live,
            end if end > cursor.offset => Place::Ahead(end),
            end => Place::Behind(end),
        };
        if place == Place::Behind(at) {
            return;
        }
        self.subscriptions.change(client, topic, |one| one.place = place);
        self.save_subscription(client, topic);
        if let Place::Ahead(offset) = place {
            let at = Cursor { epoch: cursor.epoch.clone(), offset };
            if let Some(one) = self.subscriptions.get(client, topic) {
                self.clients.send(client, one.server().system(&super::link::watermark(&at)));
            }
        }
        self.mark(client, topic);
    }
}
