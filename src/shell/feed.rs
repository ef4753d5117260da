//! The Feed object: one per clinic. A shell around [`crate::live::feed`]: it restores the machine from SQLite, hands it
//! one event at a time and performs its effects in order.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use serde::Deserialize;
use worker::wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::{
    Delay, DurableObject, Env, Error, EventStream, Fetch, Method, Request, Response, Result, State,
    WebSocket, WebSocketIncomingMessage, WebsocketEvent, console_error, console_log, durable_object,
};

use super::env;
use super::object::{self, now_ms, random};
use super::platform::EdgePlatform;
use super::store::Store;
use crate::config::{Config, Secret};
use crate::http::{Call, Collected, Method as HttpMethod, Platform, header};
use crate::live::feed::{BatchPlan, Cursor, Feed as Machine, FeedEffect, FeedEvent, PagePlan, StoredFeed};

/// The longest page of `change_log` that is read: an object has 128 MiB, and the page is there several times over.
const MAX_BYTES: usize = 16 * 1024 * 1024;
const TIMEOUT_MS: u32 = 10_000;

/// The object.
#[durable_object]
pub struct Feed {
    inner: Rc<Inner>,
}

struct Inner {
    state: State,
    env: Env,
    config: Option<Config>,
    store: OnceCell<Store>,
    // `None` after a failed effect: the machine is made anew from what is stored.
    machine: RefCell<Option<Machine>>,
    socket: RefCell<Option<WebSocket>>,
}

/// What a Room sends with `listen` and `leave`.
#[derive(Deserialize)]
struct FromRoom {
    room: String,
    #[serde(default)]
    cursor: Option<Cursor>,
}

impl DurableObject for Feed {
    fn new(state: State, env: Env) -> Self {
        let config = env::config(&env).ok();
        Self {
            inner: Rc::new(Inner {
                state,
                env,
                config,
                store: OnceCell::new(),
                machine: RefCell::new(None),
                socket: RefCell::new(None),
            }),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let event = match request.path().as_str() {
            "/listen" => {
                let FromRoom { room, cursor } = request.json().await?;
                FeedEvent::Listen { room, cursor }
            }
            "/leave" => FeedEvent::Leave { room: request.json::<FromRoom>().await?.room },
            "/catalogue" => return self.inner.catalogue(),
            "/page" => return self.inner.page(&request.json().await?),
            _ => return Response::error("not found", 404),
        };
        self.inner.dispatch(event)?;
        Ok(object::done())
    }

    async fn alarm(&self) -> Result<Response> {
        self.inner.dispatch(FeedEvent::Alarm)?;
        Ok(object::done())
    }

    // The Feed has no incoming sockets; the defaults of these hooks would panic.
    async fn websocket_message(&self, _: WebSocket, _: WebSocketIncomingMessage) -> Result<()> {
        Ok(())
    }

    async fn websocket_close(&self, _: WebSocket, _: usize, _: String, _: bool) -> Result<()> {
        Ok(())
    }

    async fn websocket_error(&self, _: WebSocket, _: Error) -> Result<()> {
        Ok(())
    }
}

#[wasm_bindgen]
impl Feed {
    /// That something was written: what `nudge` of `edge.js` and the scheduled event tell.
    pub fn told(&self, url: &str, _: &str) -> std::result::Result<u16, JsValue> {
        if object::path(url) != "/nudge" {
            return Ok(object::NOT_TAKEN);
        }
        self.inner.dispatch(FeedEvent::Nudge)?;
        let store = Store::opened(&self.inner.store, &self.inner.state)?;
        let is_heard = self.inner.with_machine(store, |machine| machine.is_listened_to())?;
        Ok(if is_heard { object::TAKEN } else { object::UNHEARD })
    }
}

impl Inner {
    /// Hands the machine an event and performs what it asks for. A failed effect leaves the machine behind: the next
    /// event finds one made from what is stored.
    fn dispatch(self: &Rc<Self>, event: FeedEvent) -> Result<()> {
        let store = Store::opened(&self.store, &self.state)?;
        let effects = self.with_machine(store, |machine| machine.handle(now_ms(), random(), event))?;
        for effect in effects {
            if let Err(error) = self.perform(store, effect) {
                console_error!("feed: an effect failed: {error}");
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
            let stored = StoredFeed { values: store.values()?, log: store.log_ends()? };
            Machine::restore(&stored, self.service_key().cloned())
        };
        Ok(use_it(slot.insert(machine)))
    }

    fn catalogue(self: &Rc<Self>) -> Result<Response> {
        let store = Store::opened(&self.store, &self.state)?;
        let place = self.with_machine(store, |machine| machine.catalogue(now_ms()))?;
        Response::ok(place.map_or_else(String::new, |Cursor { epoch, offset }| format!("{epoch}-{offset}")))
    }

    fn page(self: &Rc<Self>, cursor: &Cursor) -> Result<Response> {
        let store = Store::opened(&self.store, &self.state)?;
        let plan = self.with_machine(store, |machine| machine.page(cursor))?;
        let entries = match &plan {
            PagePlan::Read { from, upto, .. } => store.entries(*from, *upto)?,
            PagePlan::NotReady | PagePlan::Gone(_) => Vec::new(),
        };
        match plan.fill(entries) {
            Some(page) => Response::from_json(&page),
            None => Response::error("not ready", 503),
        }
    }

    fn perform(self: &Rc<Self>, store: &Store, effect: FeedEffect) -> Result<()> {
        match effect {
            FeedEffect::Connect { connection } => self.spawn(move |inner| inner.connect(connection)),
            FeedEffect::SendUpstream(text) => {
                // A socket that is gone says so by its own close.
                if let Some(socket) = self.socket.borrow().as_ref() {
                    let _ = socket.send_with_str(text);
                }
            }
            FeedEffect::CloseUpstream => {
                if let Some(socket) = self.socket.borrow_mut().take() {
                    let _ = socket.close(Some(1000), Some("done"));
                }
            }
            FeedEffect::Backfill { request, after, limit } => {
                self.spawn(move |inner| inner.backfill(request, after, limit));
            }
            FeedEffect::AskNewest { request } => self.spawn(move |inner| inner.ask_newest(request)),
            FeedEffect::ResetLog { key, value } => {
                store.clear_log()?;
                store.put(&key, &value)?;
            }
            FeedEffect::Append(entries) => store.append(entries)?,
            FeedEffect::Trim { below, before_ms } => {
                if let Some(ends) = store.trim(below, before_ms)? {
                    self.spawn(move |inner| async move {
                        Some((inner, FeedEvent::Trimmed { first: ends.first }))
                    });
                }
            }
            FeedEffect::Save { key, value } => store.put(&key, &value)?,
            FeedEffect::Forget { key } => store.delete(&key)?,
            FeedEffect::Push { room, batch } => {
                let entries = store.entries(batch.from, batch.upto)?;
                self.spawn(move |inner| inner.push(room, batch, entries));
            }
            FeedEffect::SetAlarm(at) => object::set_alarm(&self.state, Some(at)),
            FeedEffect::ClearAlarm => object::set_alarm(&self.state, None),
            FeedEffect::Log(notice) => console_log!("feed: {notice:?}"),
        }
        Ok(())
    }

    /// Lets something go on besides, and hands its outcome to the machine.
    fn spawn<F>(self: &Rc<Self>, work: impl FnOnce(Rc<Self>) -> F)
    where
        F: Future<Output = Option<(Rc<Self>, FeedEvent)>> + 'static,
    {
        let work = work(Rc::clone(self));
        self.state.wait_until(async move {
            if let Some((inner, event)) = work.await {
                // Logged where it failed.
                let _ = inner.dispatch(event);
            }
        });
    }

    async fn connect(self: Rc<Self>, connection: u64) -> Option<(Rc<Self>, FeedEvent)> {
        match self.open().await {
            Err(_) => Some((self, FeedEvent::UpstreamClosed { connection, code: None })),
            Ok(socket) => {
                let code = self.listen(connection, &socket).await;
                Some((self, FeedEvent::UpstreamClosed { connection, code }))
            }
        }
    }

    async fn open(&self) -> Result<WebSocket> {
        let (config, key) = self.upstream().ok_or("no service key")?;
        let url = format!("{}/realtime/v1/websocket?apikey={}&vsn=2.0.0", config.supabase_url, key.expose());
        // The same as `WebSocket::connect`, which would bring a parser for URLs. The runtime's own words would hold the key.
        let failed = |_| Error::from("Realtime cannot be reached");
        let mut request = Request::new(&url, Method::Get).map_err(failed)?;
        request.headers_mut()?.set("upgrade", "websocket")?;
        let response = Fetch::Request(request).send().await.map_err(failed)?;
        response.websocket().ok_or_else(|| "Realtime opens no socket".into())
    }

    /// Takes in frames until the socket is closed; gives the close code. Those that come at once, as Realtime sends
    /// them, are taken in at once: each time, the log is written and the Rooms are told.
    async fn listen(self: &Rc<Self>, connection: u64, socket: &WebSocket) -> Option<u16> {
        let mut events = socket.events().ok()?;
        socket.accept().ok()?;
        *self.socket.borrow_mut() = Some(socket.clone());
        let _ = self.dispatch(FeedEvent::UpstreamOpened { connection });
        loop {
            let (texts, end) = frames(&mut events).await;
            if !texts.is_empty() {
                let _ = self.dispatch(FeedEvent::UpstreamFrames { connection, texts });
            }
            if let Some(code) = end {
                return code;
            }
        }
    }

    async fn backfill(self: Rc<Self>, request: u64, after: u64, limit: u64) -> Option<(Rc<Self>, FeedEvent)> {
        let query = format!(
            "seq=gt.{after}&order=seq.asc&limit={limit}&select=seq,table_name,op,key,record,old_record,subjects,at"
        );
        let event = match self.read_log(&query).await {
            Ok(body) => FeedEvent::Backfilled { request, body },
            Err(status) => FeedEvent::BackfillFailed { request, status },
        };
        Some((self, event))
    }

    async fn ask_newest(self: Rc<Self>, request: u64) -> Option<(Rc<Self>, FeedEvent)> {
        #[derive(Deserialize)]
        struct Row {
            seq: u64,
        }
        let body = self.read_log("select=seq&order=seq.desc&limit=1").await;
        let rows = body.ok().and_then(|body| serde_json::from_str::<Vec<Row>>(&body).ok());
        let event = match rows {
            Some(rows) => FeedEvent::Newest { request, newest: rows.first().map(|row| row.seq) },
            None => FeedEvent::NewestFailed { request },
        };
        Some((self, event))
    }

    /// The body of a read of `change_log`, or the status of a refusal.
    async fn read_log(&self, query: &str) -> std::result::Result<String, Option<u16>> {
        let (config, key) = self.upstream().ok_or(None)?;
        let mut headers = vec![header("apikey", key.expose().to_owned())];
        // A secret key is no JWT: as a bearer PostgREST would refuse it.
        if !key.expose().starts_with("sb_") {
            headers.push(header("authorization", format!("Bearer {}", key.expose())));
        }
        let url = format!("{}/rest/v1/change_log?{query}", config.supabase_url);
        let call = Call::new(HttpMethod::Get, url, headers, None);
        let platform = EdgePlatform::new(self.env.clone());
        let reply = platform.send(&call, TIMEOUT_MS).await.map_err(|_| None)?;
        if !matches!(reply.status, 200 | 206) {
            return Err(Some(reply.status));
        }
        match platform.collect(reply.body, MAX_BYTES).await {
            Ok(Collected::Whole(bytes)) => String::from_utf8(bytes).map_err(|_| Some(200)),
            _ => Err(None),
        }
    }

    async fn push(
        self: Rc<Self>,
        room: String,
        batch: BatchPlan,
        entries: Vec<(u64, String)>,
    ) -> Option<(Rc<Self>, FeedEvent)> {
        let event = match self.deliver(&room, batch, entries).await {
            Ok(cursor) => FeedEvent::Acked { room, cursor },
            Err(_) => FeedEvent::PushFailed { room },
        };
        Some((self, event))
    }

    async fn deliver(&self, room: &str, batch: BatchPlan, entries: Vec<(u64, String)>) -> Result<Cursor> {
        let body = serde_json::to_string(&batch.fill(entries))?;
        let acknowledged = object::post(&env::rooms(&self.env)?, room, "/batch", body).await?;
        Ok(serde_json::from_str(&acknowledged)?)
    }

    fn service_key(&self) -> Option<&Secret> {
        self.config.as_ref()?.service_key.as_ref()
    }

    fn upstream(&self) -> Option<(&Config, &Secret)> {
        Some((self.config.as_ref()?, self.service_key()?))
    }
}

/// The frames that are there, and the close code, if it has one, once the socket is closed.
async fn frames(events: &mut EventStream<'_>) -> (Vec<String>, Option<Option<u16>>) {
    let mut texts = Vec::new();
    let mut next = events.next().await;
    loop {
        match next {
            Some(Ok(WebsocketEvent::Message(message))) => texts.extend(message.text()),
            Some(Ok(WebsocketEvent::Close(close))) => return (texts, Some(Some(close.code()))),
            Some(Err(_)) | None => return (texts, Some(None)),
        }
        if texts.len() == 1 {
            // Here the runtime reads what else has come.
            Delay::from(Duration::ZERO).await;
        }
        match events.next().now_or_never() {
            Some(event) => next = event,
            None => return (texts, None),
        }
    }
}
