//! The object that keeps readings of medical records until they are in the database. A shell around
//! [`crate::access::queue`]: it restores the machine from SQLite, hands it one event at a time and performs its effects.
//!
//! Readers wait until the object has their note, not until it is on disk, which would take longer than the reading: what
//! is to be stored gathers for [`STORE_MS`] and is stored together. A Worker that dies takes nothing with it; a machine
//! that dies with this object on it takes what it was told in that time.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use worker::wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::{
    Delay, DurableObject, Env, Error, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage,
    console_error, durable_object,
};

use super::env;
use super::object::{self, now_ms, random};
use super::platform::EdgePlatform;
use super::store::Store;
use crate::access::queue::{Effect, Event, Queue, Sender};
use crate::access::{Outcome, Reading};
use crate::config::{Config, Secret};
use crate::http::{Call, Method, Platform, header};

const TIMEOUT_MS: u32 = 10_000;
/// How long what is to be stored gathers.
const STORE_MS: u64 = 50;
/// How long until storing is tried again.
const STORE_AGAIN_MS: u64 = 1_000;

/// The object.
#[durable_object]
pub struct AccessQueue {
    inner: Rc<Inner>,
}

struct Inner {
    state: State,
    env: Env,
    config: Option<Config>,
    store: OnceCell<Store>,
    machine: RefCell<Option<Queue>>,
    /// What is to be stored, or deleted.
    writes: RefCell<BTreeMap<String, Option<String>>>,
    alarm: Cell<Option<u64>>,
    storing: Cell<bool>,
}

impl DurableObject for AccessQueue {
    fn new(state: State, env: Env) -> Self {
        let config = env::config(&env).ok();
        Self {
            inner: Rc::new(Inner {
                state,
                env,
                config,
                store: OnceCell::new(),
                machine: RefCell::new(None),
                writes: RefCell::default(),
                alarm: Cell::new(None),
                storing: Cell::new(false),
            }),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let (path, body) = (request.path(), request.text().await?);
        if self.inner.told(&path, &body)? { Ok(object::done()) } else { Response::error("not taken", 503) }
    }

    async fn alarm(&self) -> Result<Response> {
        self.inner.dispatch(Event::Alarm)?;
        Ok(object::done())
    }

    // It has no sockets; the defaults of these hooks would panic.
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
impl AccessQueue {
    /// What is short enough for a header.
    pub fn told(&self, url: &str, text: &str) -> std::result::Result<u16, JsValue> {
        let is_taken = self.inner.told(object::path(url), text)?;
        Ok(if is_taken { object::TAKEN } else { object::NOT_TAKEN })
    }
}

impl Inner {
    fn told(self: &Rc<Self>, path: &str, text: &str) -> Result<bool> {
        match path {
            "/note" => self.dispatch(Event::Note(serde_json::from_str(text)?)),
            "/settle" => {
                for outcome in serde_json::from_str::<Vec<Outcome>>(text)? {
                    self.dispatch(Event::Settle(outcome))?;
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Hands the machine an event and performs what it asks for; `false`: it does not take the event.
    fn dispatch(self: &Rc<Self>, event: Event) -> Result<bool> {
        let effects = {
            let mut slot = self.machine.borrow_mut();
            let machine = if let Some(machine) = slot.take() {
                machine
            } else {
                let store = Store::opened(&self.store, &self.state)?;
                Queue::restore(&store.values()?, self.service_key().is_some())
            };
            slot.insert(machine).handle(now_ms(), random(), event)
        };
        let mut taken = true;
        for effect in effects {
            taken &= effect != Effect::Refuse;
            self.perform(effect);
        }
        Ok(taken)
    }

    fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Save { key, value } => self.write(key, Some(value)),
            Effect::Forget { key } => self.write(key, None),
            Effect::SetAlarm(at) => {
                self.alarm.set(Some(at));
                self.store_soon(STORE_MS);
            }
            Effect::Deliver { batch, sender, readings } => {
                let inner = Rc::clone(self);
                self.state.wait_until(async move {
                    let event = match inner.deliver(&sender, &readings).await {
                        Some(200 | 204) => Event::Delivered { batch },
                        status => {
                            let unauthorized = matches!(status, Some(401 | 403));
                            Event::Failed { batch, unauthorized }
                        }
                    };
                    // Logged where it failed.
                    let _ = inner.dispatch(event);
                });
            }
            Effect::Refuse => {}
            Effect::Waiting { entries, failures, stuck } => console_error!(
                "access: {entries} readings wait to be logged, {failures} failures{}",
                if stuck { "; some need SUPABASE_SERVICE_ROLE_KEY, their tokens have ended" } else { "" }
            ),
        }
    }

    fn write(self: &Rc<Self>, key: String, value: Option<String>) {
        self.writes.borrow_mut().insert(key, value);
        self.store_soon(STORE_MS);
    }

    fn store_soon(self: &Rc<Self>, ms: u64) {
        if self.storing.replace(true) {
            return;
        }
        let inner = Rc::clone(self);
        self.state.wait_until(async move {
            Delay::from(Duration::from_millis(ms)).await;
            inner.storing.set(false);
            if let Err(error) = inner.store_all() {
                console_error!("access: what was read is not stored yet: {error}");
                inner.store_soon(STORE_AGAIN_MS);
            }
        });
    }

    /// Stores all that has gathered, in one transaction: without a wait in between the runtime makes it one. What fails
    /// is stored another time.
    fn store_all(&self) -> Result<()> {
        Store::opened(&self.store, &self.state)?.write(&self.writes.borrow())?;
        self.writes.borrow_mut().clear();
        if let Some(at) = self.alarm.take() {
            object::set_alarm(&self.state, Some(at));
        }
        Ok(())
    }

    /// The status that the database answered with, if it did.
    async fn deliver(&self, sender: &Sender, readings: &[Reading]) -> Option<u16> {
        let config = self.config.as_ref()?;
        let mut headers = vec![header("content-type", "application/json")];
        match sender {
            Sender::Reader(token) => {
                let public_key = config.anon_key.as_ref().or(config.publishable_key.as_ref())?;
                headers.push(header("apikey", public_key.expose().to_owned()));
                headers.push(header("authorization", format!("Bearer {token}")));
            }
            Sender::Service => {
                let key = self.service_key()?.expose();
                headers.push(header("apikey", key.to_owned()));
                // A secret key is no JWT: as a bearer PostgREST would refuse it.
                if !key.starts_with("sb_") {
                    headers.push(header("authorization", format!("Bearer {key}")));
                }
            }
        }
        let url = format!("{}/rest/v1/rpc/log_access", config.supabase_url);
        let body = json!({ "entries": readings }).to_string().into_bytes();
        let call = Call::new(Method::Post, url, headers, Some(body));
        EdgePlatform::new(self.env.clone()).send(&call, TIMEOUT_MS).await.ok().map(|reply| reply.status)
    }

    fn service_key(&self) -> Option<&Secret> {
        self.config.as_ref()?.service_key.as_ref()
    }
}
