//! Everything together: one Feed, Rooms, clients, and what is on its way between them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Bound::{Excluded, Included};

use chairside::live::feed::{
    Batch, Cursor, Entry, Feed, FeedEffect, FeedEvent, LogEnds, LogPage, META_KEY, PagePlan, StoredFeed,
};
use chairside::live::phoenix::{Frame, Vsn};
use chairside::live::room::{
    Attachment, Grant, Limits, Refusal, Room, RoomEffect, RoomEvent, Shard, StoredRoom,
};

use super::Random;
use super::client::{Claim, Client};
use super::postgres::{Postgres, viewer};
use super::realtime::{Answer, Realtime};

const START: u64 = 1_700_000_000_000;

#[derive(Debug)]
enum Message {
    Feed(FeedEvent, u64),
    Room(usize, RoomEvent, u64),
    Push(usize, Batch),
    Page(usize, u64, Cursor),
    Upstream(u64, Answer),
    ReadPostgres(Read),
}

#[derive(Clone, Copy, Debug)]
enum Read {
    Rows { request: u64, after: u64, limit: u64 },
    Newest { request: u64 },
}

/// What goes wrong at the moment.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub lose_pushes: bool,
    pub lose_acks: bool,
    pub refuse_reads: bool,
    pub refuse_authorisation: bool,
}

/// An object's store, and when it dies.
#[derive(Debug, Default)]
struct Host {
    values: BTreeMap<String, String>,
    alarm: Option<u64>,
    /// Dies after so many more effects.
    dies_in: Option<u64>,
    /// Answers to an instance that died still come in.
    life: u64,
}

impl Host {
    /// Whether the next effect is not done any more.
    fn dies(&mut self) -> bool {
        match &mut self.dies_in {
            Some(0) => {
                self.dies_in = None;
                self.life += 1;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn set(&mut self, key: String, value: String) {
        self.values.insert(key, value);
    }

    fn pairs(&self) -> Vec<(String, String)> {
        self.values.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

struct RoomHost {
    host: Host,
    room: Option<Room>,
    sockets: BTreeMap<u64, Option<Attachment>>,
    ack: Option<Cursor>,
    /// Calls to the Feed arrive in their order.
    to_feed_at: u64,
}

pub struct World {
    pub now: u64,
    pub random: Random,
    pub postgres: Postgres,
    pub realtime: Realtime,
    pub faults: Faults,
    pub clients: Vec<Client>,
    feed: Option<Feed>,
    feed_host: Host,
    log: BTreeMap<u64, Entry>,
    /// Every entry that was ever appended, by epoch and offset.
    history: BTreeMap<(String, u64), u64>,
    rooms: Vec<RoomHost>,
    queue: BinaryHeap<(Reverse<(u64, u64)>, usize)>,
    messages: BTreeMap<usize, Message>,
    next_message: usize,
    next_socket: u64,
    poll_at: u64,
    pub crashes: u64,
    pub upstream_connects: u64,
    pub backfills: u64,
}

impl World {
    pub fn new(seed: u64, rooms: usize) -> Self {
        let room = |_| RoomHost {
            host: Host::default(),
            room: None,
            sockets: BTreeMap::new(),
            ack: None,
            to_feed_at: 0,
        };
        Self {
            now: START,
            random: Random(seed),
            postgres: Postgres::new(),
            realtime: Realtime::default(),
            faults: Faults::default(),
            clients: Vec::new(),
            feed: None,
            feed_host: Host::default(),
            log: BTreeMap::new(),
            history: BTreeMap::new(),
            rooms: (0..rooms).map(room).collect(),
            queue: BinaryHeap::new(),
            messages: BTreeMap::new(),
            next_message: 0,
            next_socket: 1,
            poll_at: START,
            crashes: 0,
            upstream_connects: 0,
            backfills: 0,
        }
    }

    pub fn add(&mut self, client: Client) -> usize {
        self.clients.push(client);
        self.clients.len() - 1
    }

    pub fn feed_dies_in(&mut self, effects: u64) {
        self.feed_host.dies_in = Some(effects);
    }

    pub fn room_dies_in(&mut self, room: usize, effects: u64) {
        let rooms = self.rooms.len();
        self.rooms[room % rooms].host.dies_in = Some(effects);
    }

    /// The whole runtime restarts: every object is made anew and every socket is gone.
    pub fn restart(&mut self) {
        self.feed = None;
        self.feed_host.life += 1;
        self.realtime.close();
        for room in 0..self.rooms.len() {
            self.rooms[room].room = None;
            self.rooms[room].host.life += 1;
            self.rooms[room].sockets.clear();
        }
        for client in &mut self.clients {
            if client.socket.is_some() {
                client.closed(self.now);
            }
        }
    }

    /// The log loses its older part.
    pub fn trim(&mut self, keep: usize) {
        while self.log.len() > keep.max(1) {
            self.log.pop_first();
        }
        if let Some(first) = self.log.keys().next().copied() {
            self.feed_event(FeedEvent::Trimmed { first });
        }
    }

    pub fn nudge(&mut self) {
        let life = self.feed_host.life;
        self.later(1, Message::Feed(FeedEvent::Nudge, life));
    }

    /// The socket to Realtime breaks.
    pub fn drop_upstream(&mut self) {
        if let Some(connection) = self.realtime.connection {
            self.realtime.close();
            let life = self.feed_host.life;
            self.later(1, Message::Feed(FeedEvent::UpstreamClosed { connection, code: Some(1012) }, life));
        }
    }

    pub fn unsolicited_ready(&mut self) {
        if let Some(connection) = self.realtime.connection.filter(|_| self.realtime.is_subscribed()) {
            let frame = self.realtime.system_ok();
            self.later(1, Message::Upstream(connection, Answer::Frame(frame)));
        }
    }

    /// A client's network goes away.
    pub fn cut(&mut self, client: usize) {
        let client = client % self.clients.len();
        if let Some(socket) = self.clients[client].socket {
            let room = self.clients[client].room;
            let now = self.now;
            self.clients[client].closed(now);
            self.rooms[room].sockets.remove(&socket);
            let life = self.rooms[room].host.life;
            self.later(1, Message::Room(room, RoomEvent::Closed { client: socket }, life));
        }
    }

    fn later(&mut self, delay: u64, message: Message) {
        let number = self.next_message;
        self.next_message += 1;
        self.messages.insert(number, message);
        self.queue.push((Reverse((self.now + delay, number as u64)), number));
    }

    fn soon(&mut self, message: Message) {
        let delay = self.random.within(1, 40);
        self.later(delay, message);
    }

    /// Lets time pass.
    pub fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let message = self.queue.peek().map(|(Reverse((at, _)), _)| *at);
            let alarms = self.rooms.iter().map(|room| room.host.alarm).chain([self.feed_host.alarm]);
            let clients = self.clients.iter().map(|client| match client.socket {
                Some(_) => client.heartbeat_at,
                None => client.connect_at,
            });
            let next = alarms.chain([message, Some(self.poll_at)]).flatten().chain(clients).min();
            let next = next.unwrap_or(end).max(self.now);
            if next > end {
                break;
            }
            self.now = next;
            self.step();
        }
        self.now = end;
    }

    fn step(&mut self) {
        if self.feed_host.alarm.is_some_and(|at| at <= self.now) {
            self.feed_host.alarm = None;
            self.feed_event(FeedEvent::Alarm);
        }
        for room in 0..self.rooms.len() {
            if self.rooms[room].host.alarm.is_some_and(|at| at <= self.now) {
                self.rooms[room].host.alarm = None;
                self.room_event(room, RoomEvent::Alarm);
            }
        }
        if self.poll_at <= self.now {
            self.poll_at = self.now + self.random.within(100, 500);
            for frame in self.realtime.poll(&self.postgres, &mut self.random) {
                if let Some(connection) = self.realtime.connection {
                    self.later(1, Message::Upstream(connection, Answer::Frame(frame)));
                }
            }
        }
        while let Some((Reverse((at, _)), number)) = self.queue.peek().copied() {
            if at > self.now {
                break;
            }
            self.queue.pop();
            if let Some(message) = self.messages.remove(&number) {
                self.deliver(message);
            }
        }
        for client in 0..self.clients.len() {
            self.client_tick(client);
        }
    }

    fn client_tick(&mut self, at: usize) {
        let now = self.now;
        if self.clients[at].socket.is_none() && now >= self.clients[at].connect_at {
            let (room, socket) = (at % self.rooms.len(), self.next_socket);
            self.next_socket += 1;
            self.clients[at].room = room;
            self.clients[at].opened(now, socket);
            self.rooms[room].sockets.insert(socket, None);
            let vsn = self.clients[at].vsn;
            self.room_event(room, RoomEvent::Opened { client: socket, vsn });
        }
        for text in self.clients[at].tick(now) {
            let (room, socket) = (self.clients[at].room, self.clients[at].socket);
            if let Some(client) = socket {
                self.room_event(room, RoomEvent::Text { client, text });
            }
        }
    }

    fn deliver(&mut self, message: Message) {
        match message {
            // Half the answers to an instance that died still find the next one.
            Message::Feed(event, life) if life == self.feed_host.life || self.random.one_in(2) => {
                self.feed_event(event);
            }
            Message::Room(room, event, life)
                if life == self.rooms[room].host.life || self.random.one_in(2) =>
            {
                self.room_event(room, event);
            }
            Message::Feed(..) | Message::Room(..) => {}
            Message::Push(room, batch) => self.push(room, batch),
            Message::Page(room, request, cursor) => self.page(room, request, &cursor),
            Message::Upstream(connection, answer) => self.upstream(connection, answer),
            Message::ReadPostgres(read) => self.read_postgres(read),
        }
    }

    fn upstream(&mut self, connection: u64, answer: Answer) {
        if self.realtime.connection != Some(connection) {
            return;
        }
        let frame = match answer {
            Answer::Frame(frame) => Some(frame),
            Answer::Ready(join_ref) => self.realtime.ready(join_ref.as_deref(), &self.postgres),
        };
        if let Some(frame) = frame {
            self.feed_event(FeedEvent::UpstreamFrames { connection, texts: vec![frame.to_string()] });
        }
    }

    fn read_postgres(&mut self, read: Read) {
        let fails = self.postgres.is_down || self.faults.refuse_reads;
        let event = match read {
            Read::Rows { request, .. } if fails => FeedEvent::BackfillFailed { request, status: Some(503) },
            Read::Rows { request, after, limit } => {
                self.backfills += 1;
                FeedEvent::Backfilled { request, body: self.postgres.after(after, limit) }
            }
            Read::Newest { request } if fails => FeedEvent::NewestFailed { request },
            Read::Newest { request } => FeedEvent::Newest { request, newest: self.postgres.newest() },
        };
        let life = self.feed_host.life;
        self.soon(Message::Feed(event, life));
    }

    // The Feed's object.

    fn feed(&mut self) -> &mut Feed {
        if self.feed.is_none() {
            let ends = |(first, (last, entry)): (&u64, (&u64, &Entry))| LogEnds {
                first: *first,
                last: *last,
                last_seq: entry.seq,
            };
            let log = self.log.keys().next().zip(self.log.iter().next_back()).map(ends);
            let stored = StoredFeed { values: self.feed_host.pairs(), log };
            self.feed = Some(Feed::restore(&stored, None));
        }
        self.feed.as_mut().expect("it was just made")
    }

    fn feed_event(&mut self, event: FeedEvent) {
        let (now, random) = (self.now, self.random.next());
        let effects = self.feed().handle(now, random, event);
        for effect in effects {
            if self.feed_host.dies() {
                self.crashes += 1;
                self.feed = None;
                return;
            }
            self.feed_effect(effect);
        }
    }

    fn feed_effect(&mut self, effect: FeedEffect) {
        let life = self.feed_host.life;
        match effect {
            FeedEffect::Connect { connection } => {
                self.upstream_connects += 1;
                self.realtime.close();
                if self.realtime.is_down {
                    self.soon(Message::Feed(FeedEvent::UpstreamClosed { connection, code: None }, life));
                } else {
                    self.realtime.connection = Some(connection);
                    self.soon(Message::Feed(FeedEvent::UpstreamOpened { connection }, life));
                }
            }
            FeedEffect::SendUpstream(text) => {
                if let Some(connection) = self.realtime.connection {
                    for (delay, answer) in self.realtime.received(&text, &mut self.random) {
                        self.later(delay, Message::Upstream(connection, answer));
                    }
                }
            }
            FeedEffect::CloseUpstream => self.realtime.close(),
            FeedEffect::Backfill { request, after, limit } => {
                self.soon(Message::ReadPostgres(Read::Rows { request, after, limit }));
            }
            FeedEffect::AskNewest { request } => self.soon(Message::ReadPostgres(Read::Newest { request })),
            FeedEffect::ResetLog { key, value } => {
                self.log.clear();
                self.feed_host.set(key, value);
            }
            FeedEffect::Append(entries) => self.append(entries),
            FeedEffect::Trim { below, before_ms } => {
                let newest = self.log.keys().next_back().copied().unwrap_or(0);
                self.log.retain(|offset, entry| {
                    *offset == newest || (*offset >= below && entry.at_ms >= before_ms)
                });
                if let Some(first) = self.log.keys().next().copied() {
                    self.later(0, Message::Feed(FeedEvent::Trimmed { first }, life));
                }
            }
            FeedEffect::Save { key, value } => self.feed_host.set(key, value),
            FeedEffect::Forget { key } => {
                self.feed_host.values.remove(&key);
            }
            FeedEffect::Push { room, batch } => {
                let room: usize = room.parse().expect("rooms are numbered");
                let entries: Vec<(u64, String)> = self
                    .log
                    .range((Excluded(batch.from), Included(batch.upto.max(batch.from))))
                    .map(|(offset, entry)| (*offset, entry.change.clone()))
                    .collect();
                let batch = batch.fill(entries);
                // As it goes over the wire.
                let batch = serde_json::from_str(&serde_json::to_string(&batch).expect("a batch is JSON"));
                if self.faults.lose_pushes && self.random.one_in(2) {
                    let delay = self.random.within(1, 5_000);
                    self.later(delay, Message::Feed(FeedEvent::PushFailed { room: room.to_string() }, life));
                } else {
                    self.soon(Message::Push(room, batch.expect("a batch reads as it was written")));
                }
            }
            FeedEffect::SetAlarm(at) => self.feed_host.alarm = Some(at),
            FeedEffect::ClearAlarm => self.feed_host.alarm = None,
            FeedEffect::Log(_) => {}
        }
    }

    fn epoch(&self) -> String {
        let meta: serde_json::Value =
            serde_json::from_str(&self.feed_host.values[META_KEY]).expect("the meta value is JSON");
        meta["epoch"].as_str().expect("it has an epoch").to_owned()
    }

    /// The log takes every entry once, in order, and leaves none out.
    fn append(&mut self, entries: Vec<Entry>) {
        let meta: serde_json::Value =
            serde_json::from_str(&self.feed_host.values[META_KEY]).expect("the meta value is JSON");
        let epoch = self.epoch();
        for entry in entries {
            let (last, seq) = self.log.iter().next_back().map_or_else(
                || (0, meta["base_seq"].as_u64().expect("it has a base")),
                |(last, entry)| (*last, entry.seq),
            );
            assert_eq!(entry.offset, last + 1, "offsets are dense");
            let next = self.postgres.log.iter().find(|(of, _)| *of > seq).map(|(of, _)| *of);
            assert_eq!(Some(entry.seq), next, "the log takes the next change that was committed");
            self.history.insert((epoch.clone(), entry.offset), entry.seq);
            self.log.insert(entry.offset, entry);
        }
    }

    // The Rooms' objects.

    fn room(&mut self, at: usize) -> &mut Room {
        if self.rooms[at].room.is_none() {
            let host = &self.rooms[at];
            let sockets = host.sockets.values().flatten().cloned().collect();
            let stored = StoredRoom { values: host.host.pairs(), sockets };
            let room = Room::restore(self.now, stored, Shard { index: 0, count: 1 }, Limits::default());
            self.rooms[at].room = Some(room);
        }
        self.rooms[at].room.as_mut().expect("it was just made")
    }

    /// False when the object died on the way.
    fn room_event(&mut self, at: usize, event: RoomEvent) -> bool {
        let (now, random) = (self.now, self.random.next());
        let effects = self.room(at).handle(now, random, event);
        for effect in effects {
            if self.rooms[at].host.dies() {
                self.crashes += 1;
                self.rooms[at].room = None;
                return false;
            }
            self.room_effect(at, effect);
        }
        true
    }

    fn room_effect(&mut self, at: usize, effect: RoomEffect) {
        let life = self.rooms[at].host.life;
        match effect {
            RoomEffect::Send { to, frame } => {
                for socket in to {
                    self.client_receives(at, socket, &frame);
                }
            }
            RoomEffect::Close { client, .. } => {
                self.rooms[at].sockets.remove(&client);
                let now = self.now;
                if let Some(client) = self.owner(at, client) {
                    self.clients[client].closed(now);
                }
            }
            RoomEffect::Attach(attachment) => {
                if let Some(socket) = self.rooms[at].sockets.get_mut(&attachment.client) {
                    *socket = Some(attachment);
                }
            }
            RoomEffect::Authorise { request, token, .. } => {
                let result = if self.faults.refuse_authorisation {
                    Err(Refusal::Unavailable)
                } else {
                    Ok(Grant { viewer: viewer(token.expose()), expires_at: None })
                };
                self.soon(Message::Room(at, RoomEvent::Authorised { request, result }, life));
            }
            RoomEffect::ReadLog { request, cursor } => self.soon(Message::Page(at, request, cursor)),
            RoomEffect::Listen { cursor } => {
                let event = FeedEvent::Listen { room: at.to_string(), cursor };
                self.call_feed(at, event);
            }
            RoomEffect::Leave => self.call_feed(at, FeedEvent::Leave { room: at.to_string() }),
            RoomEffect::Ack(cursor) => self.rooms[at].ack = Some(cursor),
            RoomEffect::Save { key, value } => self.rooms[at].host.set(key, value),
            RoomEffect::Forget { key } => {
                self.rooms[at].host.values.remove(&key);
            }
            RoomEffect::SetAlarm(due) => self.rooms[at].host.alarm = Some(due),
            RoomEffect::ClearAlarm => self.rooms[at].host.alarm = None,
            RoomEffect::Relay { .. } | RoomEffect::Log(_) => {}
        }
    }

    fn call_feed(&mut self, at: usize, event: FeedEvent) {
        let arrives = (self.now + self.random.within(1, 20)).max(self.rooms[at].to_feed_at);
        self.rooms[at].to_feed_at = arrives;
        let life = self.feed_host.life;
        self.later(arrives - self.now, Message::Feed(event, life));
    }

    fn push(&mut self, at: usize, batch: Batch) {
        self.rooms[at].ack = None;
        self.room_event(at, RoomEvent::Batch(batch));
        let room = at.to_string();
        let event = match self.rooms[at].ack.take() {
            Some(cursor) if !(self.faults.lose_acks && self.random.one_in(2)) => {
                FeedEvent::Acked { room, cursor }
            }
            _ => FeedEvent::PushFailed { room },
        };
        let life = self.feed_host.life;
        self.soon(Message::Feed(event, life));
    }

    fn page(&mut self, at: usize, request: u64, cursor: &Cursor) {
        let plan = self.feed().page(cursor);
        let entries: Vec<(u64, String)> = match &plan {
            PagePlan::Read { from, upto, .. } => self
                .log
                .range((Excluded(*from), Included((*upto).max(*from))))
                .map(|(offset, entry)| (*offset, entry.change.clone()))
                .collect(),
            PagePlan::NotReady | PagePlan::Gone(_) => Vec::new(),
        };
        let page: Option<LogPage> =
            plan.fill(entries).filter(|_| !(self.faults.lose_pushes && self.random.one_in(2)));
        let event =
            page.map_or(RoomEvent::LogFailed { request }, |page| RoomEvent::LogPage { request, page });
        let life = self.rooms[at].host.life;
        self.soon(Message::Room(at, event, life));
    }

    // The clients.

    fn owner(&self, room: usize, socket: u64) -> Option<usize> {
        self.clients.iter().position(|client| client.room == room && client.socket == Some(socket))
    }

    fn client_receives(&mut self, room: usize, socket: u64, frame: &Frame) {
        let Some(at) = self.owner(room, socket) else { return };
        let before = self.clients[at].seen.clone();
        let start = self.clients[at].start.clone();
        let cursor = self.clients[at].cursor.clone();
        let resyncs = self.clients[at].resyncs;
        let claim = self.clients[at].received(self.now, frame);
        if self.clients[at].resyncs > resyncs {
            self.check(at, start, cursor, &before);
        }
        if claim == Some(Claim::Complete) {
            let client = &self.clients[at];
            self.check(at, client.start.clone(), client.cursor.clone(), &client.seen);
        }
    }

    /// What a client saw from `start` up to its cursor is all that it could see, in order, once.
    fn check(&self, at: usize, start: Option<(String, u64)>, cursor: Option<(String, u64)>, seen: &[u64]) {
        let (Some((epoch, from)), Some((_, upto))) = (start, cursor) else { return };
        let seq = |offset: u64| self.history.get(&(epoch.clone(), offset)).copied();
        let upto = (from + 1..=upto).filter_map(seq).max();
        let first = (from + 1..).next().and_then(seq);
        let seen: Vec<u64> = seen.iter().filter_map(|offset| seq(*offset)).collect();
        let (Some(first), Some(upto)) = (first, upto) else {
            assert!(seen.is_empty(), "client {at} saw changes where there are none");
            return;
        };
        let client = &self.clients[at];
        let visible = self.postgres.visible_to(&viewer(client.token), first - 1, upto);
        assert_eq!(
            seen, visible,
            "client {at} ({}, resumes: {}) after offset {from} of {epoch}",
            client.token, client.resumes
        );
    }

    /// After all faults have ended: everybody has everything.
    pub fn check_all(&self) {
        let newest = self.postgres.newest();
        for (at, client) in self.clients.iter().enumerate() {
            assert_eq!(client.trouble, None, "client {at}");
            assert!(client.is_live(), "client {at} has joined");
            let (epoch, offset) = client.cursor.clone().expect("a client has a cursor");
            let head = self.log.iter().next_back().map(|(offset, entry)| (*offset, Some(entry.seq)));
            let (head, seq) = head.unwrap_or((0, newest));
            assert_eq!((epoch, offset), (self.epoch(), head), "client {at} ends at the head");
            assert!(
                seq == newest || newest.is_none(),
                "the log ends where change_log ends: {seq:?} {newest:?}"
            );
            self.check(at, client.start.clone(), client.cursor.clone(), &client.seen);
        }
    }

    /// Heals everything and lets it settle.
    pub fn settle(&mut self) {
        self.faults = Faults::default();
        self.postgres.is_down = false;
        self.feed_host.dies_in = None;
        for room in &mut self.rooms {
            room.host.dies_in = None;
        }
        self.realtime.heal();
        self.run(150_000);
    }
}

/// A helper's client of the newest protocol.
pub fn helper(token: &'static str) -> Client {
    Client::new(token, true, Vsn::V2, "clinic")
}

/// A client that knows nothing of us, and speaks the older protocol.
pub fn unmodified(token: &'static str) -> Client {
    Client::new(token, false, Vsn::V1, "clinic")
}
