//! The Room object: one shard of a clinic's client sockets, which hibernate. A shell around [`crate::live::room`]: it
//! restores the machine from SQLite and the sockets' attachments, hands it one event at a time and performs its effects
//! in order.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use serde_json::json;
use worker::{
    DurableObject, Env, Error, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage,
    WebSocketPair, console_error, console_log, durable_object,
};

use super::env;
use super::object::{self, now_ms, random};
use super::platform::EdgePlatform;
use super::sockets::{attach, attachment, send};
use super::store::Store;
use crate::app::App;
use crate::live::feed::Cursor;
use crate::live::phoenix::Vsn;
use crate::live::room::{
    Attachment, ClientId, Limits, Refusal, Room as Machine, RoomEffect, RoomEvent, Shard, StoredRoom,
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
    sockets: RefCell<HashMap<ClientId, WebSocket>>,
    /// Calls to the Feed, which reach it one after the other.
    calls: RefCell<VecDeque<RoomEffect>>,
    calling: Cell<bool>,
}

impl DurableObject for Room {
    fn new(state: State, env: Env) -> Self {
        let app = env::config(&env).ok().map(|config| App::new(config, &SCHEMA));
        let sockets = state.get_websockets().into_iter();
        let sockets = sockets.filter_map(|socket| Some((attachment(&socket)?.client, socket))).collect();
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
            }),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        match request.path().as_str() {
            "/socket" => self.inner.accept(&request),
            "/batch" => {
                // Parsed by serde_json: rows are kept as the text they are.
                let batch = serde_json::from_str(&request.text().await?)?;
                match self.inner.dispatch(RoomEvent::Batch(batch))? {
                    Some(cursor) => Response::from_json(&cursor),
                    None => Response::error("not acknowledged", 503),
                }
            }
            "/relay" => {
                let message = serde_json::from_str(&request.text().await?)?;
                self.inner.dispatch(RoomEvent::Relayed(message))?;
                Response::empty()
            }
            _ => Response::error("not found", 404),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.inner.dispatch(RoomEvent::Alarm)?;
        Response::empty()
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let Some(Attachment { client, .. }) = attachment(&socket) else { return Ok(()) };
        let event = match message {
            WebSocketIncomingMessage::String(text) => RoomEvent::Text { client, text },
            WebSocketIncomingMessage::Binary(bytes) => RoomEvent::Binary { client, bytes },
        };
        self.inner.dispatch(event).map(|_| ())
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
        let url = request.url()?;
        let vsn =
            url.query_pairs().find(|(name, _)| name == "vsn").and_then(|(_, vsn)| Vsn::parse(Some(&vsn)));
        let (Some(vsn), Some(_)) = (vsn, &self.app) else { return Response::error("not configured", 503) };
        let store = Store::opened(&self.store, &self.state)?;
        if self.with_machine(store, |machine| machine.is_full())? {
            return Response::error("Too many connected users", 429);
        }
        let WebSocketPair { client: theirs, server: ours } = WebSocketPair::new()?;
        self.state.accept_web_socket(&ours);
        // In the order of coming, and never one that is taken.
        let sockets = || self.sockets.borrow();
        let mut ids = std::iter::repeat_with(|| (now_ms() << 8) | (random() & 0xff));
        let client = ids.find(|id| !sockets().contains_key(id)).unwrap_or(0);
        attach(&ours, &Attachment { client, vsn: vsn.as_str().to_owned(), seen_ms: now_ms() })?;
        self.sockets.borrow_mut().insert(client, ours);
        self.dispatch(RoomEvent::Opened { client, vsn })?;
        Response::from_websocket(theirs)
    }

    fn gone(self: &Rc<Self>, socket: &WebSocket) -> Result<()> {
        let Some(Attachment { client, .. }) = attachment(socket) else { return Ok(()) };
        self.sockets.borrow_mut().remove(&client);
        self.dispatch(RoomEvent::Closed { client }).map(|_| ())
    }

    /// Hands the machine an event and performs what it asks for; gives the cursor that a push is answered with.
    fn dispatch(self: &Rc<Self>, event: RoomEvent) -> Result<Option<Cursor>> {
        let store = Store::opened(&self.store, &self.state)?;
        let effects = self.with_machine(store, |machine| machine.handle(now_ms(), random(), event))?;
        let mut acknowledged = None;
        for effect in effects {
            match effect {
                RoomEffect::Ack(cursor) => acknowledged = Some(cursor),
                effect => {
                    if let Err(error) = self.perform(store, effect) {
                        console_error!("room: an effect failed: {error}");
                        *self.machine.borrow_mut() = None;
                        return Err(error);
                    }
                }
            }
        }
        Ok(acknowledged)
    }

    fn with_machine<T>(&self, store: &Store, use_it: impl FnOnce(&mut Machine) -> T) -> Result<T> {
        let mut slot = self.machine.borrow_mut();
        let machine = if let Some(machine) = slot.take() {
            machine
        } else {
            let sockets = self.sockets.borrow().values().filter_map(attachment).collect();
            let stored = StoredRoom { values: store.values()?, sockets };
            Machine::restore(now_ms(), stored, self.shard(), Limits::default())
        };
        Ok(use_it(slot.insert(machine)))
    }

    fn perform(self: &Rc<Self>, store: &Store, effect: RoomEffect) -> Result<()> {
        match effect {
            RoomEffect::Send { to, frame } => {
                let sockets = self.sockets.borrow();
                send(to.iter().filter_map(|client| sockets.get(client)), &frame);
            }
            RoomEffect::Close { client, code, reason } => {
                if let Some(socket) = self.sockets.borrow_mut().remove(&client) {
                    let _ = socket.close(Some(code), Some(reason));
                }
            }
            RoomEffect::Attach(attachment) => {
                if let Some(socket) = self.sockets.borrow().get(&attachment.client) {
                    attach(socket, &attachment)?;
                }
            }
            RoomEffect::Save { key, value } => store.put(&key, &value)?,
            RoomEffect::Forget { key } => store.delete(&key)?,
            RoomEffect::SetAlarm(at) => object::set_alarm(&self.state, Some(at)),
            RoomEffect::ClearAlarm => object::set_alarm(&self.state, None),
            RoomEffect::Log(notice) => console_log!("room: {notice:?}"),
            RoomEffect::Authorise { request, token } => {
                let inner = Rc::clone(self);
                self.state.wait_until(async move {
                    let platform = EdgePlatform::new(inner.env.clone());
                    let result = match &inner.app {
                        Some(app) => realtime::grant(app, token.expose(), &platform).await,
                        None => Err(Refusal::Unavailable),
                    };
                    let _ = inner.dispatch(RoomEvent::Authorised { request, result });
                });
            }
            // Handled by the caller.
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
