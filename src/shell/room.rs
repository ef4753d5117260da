//! The Room object: one shard of a clinic's client sockets, which hibernate. A shell around [`crate::live::room`]: it
//! restores the machine from SQLite and the sockets' attachments, hands it one event at a time and performs its effects
//! in order.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use worker::{
    Delay, DurableObject, Env, Error, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage,
    WebSocketPair, console_error, console_log, durable_object,
};

use super::env;
use super::object::{self, now_ms, random, random_key};
use super::platform::EdgePlatform;
use super::sockets::{Sockets, attach, attachment};
use super::store::Store;
use crate::app::App;
use crate::live::feed::Batch;
use crate::live::phoenix::Vsn;
use crate::live::room::{
    Attachment, Limits, Refusal, Room as Machine, RoomEffect, RoomEvent, Shard, StoredRoom,
};
use crate::realtime;
use crate::schema::SCHEMA;

/// The object.
#[durable_object]
pub struct Room {
    inner: Rc<Inner>,
}

struct Inner {
    state: State,
    env: Env,
    // `None` while the settings are wrong: no socket is accepted then.
    app: Option<App>,
    store: OnceCell<Store>,
    // `None` after a failed effect: the machine is made anew from what is stored.
    machine: RefCell<Option<Machine>>,
    sockets: RefCell<Sockets>,
    /// Calls to the Feed, which reach it one after the other.
    calls: RefCell<VecDeque<RoomEffect>>,
    calling: Cell<bool>,
    put_off: RefCell<Option<PutOff>>,
}

/// Effects of a push that wait until its frames are written. Whatever happens in between, they come first.
struct PutOff {
    effects: Vec<RoomEffect>,
    is_done: Rc<Cell<bool>>,
}

impl DurableObject for Room {
    fn new(state: State, env: Env) -> Self {
        let app = env::config(&env).ok().map(|config| App::new(config, &SCHEMA, random_key()));
        let sockets = Sockets::restore(state.get_websockets());
        Self {
            inner: Rc::new(Inner {
                state,
                env,
                app,
                store: OnceCell::new(),
                machine: RefCell::new(None),
                sockets: RefCell::new(sockets),
                calls: RefCell::default(),
                calling: Cell::new(false),
                put_off: RefCell::default(),
            }),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        match request.path().as_str() {
            "/socket" => self.inner.accept(&request),
            "/batch" => {
                // Parsed by serde_json: rows are kept as the text they are.
                let batch = serde_json::from_str(&request.text().await?)?;
                self.inner.batch(batch).await
            }
            "/relay" => {
                let message = serde_json::from_str(&request.text().await?)?;
                self.inner.dispatch(RoomEvent::Relayed(message))?;
                Ok(object::done())
            }
            _ => Response::error("not found", 404),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.inner.dispatch(RoomEvent::Alarm)?;
        Ok(object::done())
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let Some(Attachment { client, .. }) = attachment(&socket) else { return Ok(()) };
        let event = match message {
            WebSocketIncomingMessage::String(text) => RoomEvent::Text { client, text },
            WebSocketIncomingMessage::Binary(bytes) => RoomEvent::Binary { client, bytes },
        };
        self.inner.dispatch(event)
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, _: String, _: bool) -> Result<()> {
        // The closing handshake is ours to finish; 1005 and 1006 cannot be sent.
        let code = u16::try_from(code).ok().filter(|code| !matches!(code, 1005 | 1006));
        let _ = socket.close(code.or(Some(1000)), Some(""));
        self.inner.gone(&socket)
    }

    async fn websocket_error(&self, socket: WebSocket, _: Error) -> Result<()> {
        self.inner.gone(&socket)
    }
}

impl Inner {
    fn accept(self: &Rc<Self>, request: &Request) -> Result<Response> {
        // As `open_room` of the platform spells it: what has a parser for URLs in it is much larger.
        let url = request.inner().url();
        let vsn = url.split_once("?vsn=").and_then(|(_, vsn)| Vsn::parse(Some(vsn)));
        let (Some(vsn), Some(_)) = (vsn, &self.app) else { return Response::error("not configured", 503) };
        let store = Store::opened(&self.store, &self.state)?;
        if self.with_machine(store, |machine| machine.is_full())? {
            return Response::error("Too many connected users", 429);
        }
        let WebSocketPair { client: theirs, server: ours } = WebSocketPair::new()?;
        self.state.accept_web_socket(&ours);
        let client = self.sockets.borrow().next_number(now_ms());
        attach(&ours, &Attachment { client, vsn: vsn.as_str().to_owned(), seen_ms: now_ms() })?;
        self.sockets.borrow_mut().insert(client, &ours);
        self.dispatch(RoomEvent::Opened { client, vsn })?;
        Response::from_websocket(theirs)
    }

    fn gone(self: &Rc<Self>, socket: &WebSocket) -> Result<()> {
        let Some(Attachment { client, .. }) = attachment(socket) else { return Ok(()) };
        self.sockets.borrow_mut().remove(client);
        self.dispatch(RoomEvent::Closed { client })
    }

    /// The Feed's push. The frames are written before anything is stored, which holds up the whole object until it is
    /// durable.
    async fn batch(self: &Rc<Self>, batch: Batch) -> Result<Response> {
        let mut sends = self.handle(RoomEvent::Batch(batch))?;
        let others = sends.iter().position(|effect| !matches!(effect, RoomEffect::Send { .. }));
        let others = sends.split_off(others.unwrap_or(sends.len()));
        let has_sent = !sends.is_empty();
        self.perform_all(sends)?;
        let acknowledged = others.iter().find_map(|effect| match effect {
            RoomEffect::Ack(cursor) => Some(cursor.clone()),
            _ => None,
        });
        let is_done = Rc::new(Cell::new(false));
        *self.put_off.borrow_mut() = Some(PutOff { effects: others, is_done: Rc::clone(&is_done) });
        if has_sent {
            // Here the runtime writes them.
            Delay::from(Duration::ZERO).await;
        }
        self.catch_up();
        match acknowledged {
            Some(cursor) if is_done.get() => Response::from_json(&cursor),
            _ => Response::error("not acknowledged", 503),
        }
    }

    /// Does what was put off, unless that is done.
    fn catch_up(self: &Rc<Self>) {
        let put_off = self.put_off.borrow_mut().take();
        if let Some(PutOff { effects, is_done }) = put_off {
            is_done.set(self.perform_all(effects).is_ok());
        }
    }

    /// Hands the machine an event and performs what it asks for.
    fn dispatch(self: &Rc<Self>, event: RoomEvent) -> Result<()> {
        let effects = self.handle(event)?;
        self.perform_all(effects)
    }

    /// Hands the machine an event. What earlier ones ask for is done before.
    fn handle(self: &Rc<Self>, event: RoomEvent) -> Result<Vec<RoomEffect>> {
        self.catch_up();
        let store = Store::opened(&self.store, &self.state)?;
        self.with_machine(store, |machine| machine.handle(now_ms(), random(), event))
    }

    fn perform_all(self: &Rc<Self>, effects: Vec<RoomEffect>) -> Result<()> {
        let store = Store::opened(&self.store, &self.state)?;
        for effect in effects {
            if let Err(error) = self.perform(store, effect) {
                console_error!("room: an effect failed: {error}");
                *self.machine.borrow_mut() = None;
                return Err(error);
            }
        }
        Ok(())
    }

    fn with_machine<T>(&self, store: &Store, use_it: impl FnOnce(&mut Machine) -> T) -> Result<T> {
        let mut slot = self.machine.borrow_mut();
        let machine = if let Some(machine) = slot.take() {
            machine
        } else {
            let sockets = self.sockets.borrow().attachments();
            let stored = StoredRoom { values: store.values()?, sockets };
            Machine::restore(now_ms(), stored, self.shard(), Limits::default())
        };
        Ok(use_it(slot.insert(machine)))
    }

    fn perform(self: &Rc<Self>, store: &Store, effect: RoomEffect) -> Result<()> {
        match effect {
            RoomEffect::Send { to, frame } => self.sockets.borrow_mut().send(&to, &frame),
            RoomEffect::Close { client, code, reason } => {
                if let Some(socket) = self.sockets.borrow_mut().remove(client) {
                    let _ = socket.close(Some(code), Some(reason));
                }
            }
            RoomEffect::Attach(attachment) => {
                if let Some(socket) = self.sockets.borrow().get(attachment.client) {
                    attach(&socket, &attachment)?;
                }
            }
            RoomEffect::Save { key, value } => store.put(&key, &value)?,
            RoomEffect::Forget { key } => store.delete(&key)?,
            RoomEffect::SetAlarm(at) => object::set_alarm(&self.state, Some(at)),
            RoomEffect::ClearAlarm => object::set_alarm(&self.state, None),
            RoomEffect::Log(notice) => console_log!("room: {notice:?}"),
            RoomEffect::Authorise { request, token, reads } => {
                let inner = Rc::clone(self);
                self.state.wait_until(async move {
                    let platform = EdgePlatform::new(inner.env.clone());
                    let result = match &inner.app {
                        Some(app) => realtime::grant(app, token.expose(), reads, &platform).await,
                        None => Err(Refusal::Unavailable),
                    };
                    let _ = inner.dispatch(RoomEvent::Authorised { request, result });
                });
            }
            // The answer to a push.
            RoomEffect::Ack(_) => {}
            effect @ (RoomEffect::ReadLog { .. }
            | RoomEffect::Listen { .. }
            | RoomEffect::Leave
            | RoomEffect::Relay { .. }) => self.call(effect),
        }
        Ok(())
    }

    /// Queues a call to another object.
    fn call(self: &Rc<Self>, effect: RoomEffect) {
        self.calls.borrow_mut().push_back(effect);
        if self.calling.replace(true) {
            return;
        }
        let inner = Rc::clone(self);
        self.state.wait_until(async move {
            loop {
                let next = inner.calls.borrow_mut().pop_front();
                let Some(effect) = next else { break };
                if let Some(event) = inner.perform_call(effect).await {
                    let _ = inner.dispatch(event);
                }
            }
            inner.calling.set(false);
        });
    }

    async fn perform_call(&self, effect: RoomEffect) -> Option<RoomEvent> {
        match effect {
            RoomEffect::Listen { cursor } => {
                let body = json!({ "room": self.name(), "cursor": cursor }).to_string();
                self.feed("/listen", body).await.is_err().then_some(RoomEvent::FeedLost)
            }
            RoomEffect::Leave => {
                // A Feed that does not hear of it finds out by a push that nobody acknowledges.
                let _ = self.feed("/leave", json!({ "room": self.name() }).to_string()).await;
                None
            }
            RoomEffect::ReadLog { request, cursor } => {
                let body = serde_json::to_string(&cursor).ok()?;
                let page =
                    self.feed("/page", body).await.ok().and_then(|page| serde_json::from_str(&page).ok());
                Some(match page {
                    Some(page) => RoomEvent::LogPage { request, page },
                    None => RoomEvent::LogFailed { request },
                })
            }
            RoomEffect::Relay { shard, message } => {
                let config = &self.app.as_ref()?.config;
                let name = env::room_name(&config.clinic_id, shard);
                let body = serde_json::to_string(&message).ok()?;
                let _ = object::post(&env::rooms(&self.env).ok()?, &name, "/relay", body).await;
                None
            }
            _ => None,
        }
    }

    async fn feed(&self, path: &str, body: String) -> Result<String> {
        let clinic = self.app.as_ref().map(|app| app.config.clinic_id.as_str()).ok_or("not configured")?;
        object::post(&env::feeds(&self.env)?, clinic, path, body).await
    }

    fn name(&self) -> String {
        self.state.id().name().unwrap_or_default()
    }

    fn shard(&self) -> Shard {
        let count = self.app.as_ref().map_or(1, |app| app.config.room_shards);
        Shard { index: env::shard_of(&self.name()).unwrap_or(0), count }
    }
}
