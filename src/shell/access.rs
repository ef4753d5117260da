//! The object that keeps readings of medical records until they are in the database. A shell around
//! [`crate::access::queue`]: it restores the machine from SQLite, hands it one event at a time and performs its effects
//! in order.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use serde_json::json;
use worker::{
    DurableObject, Env, Error, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage,
    console_error, durable_object,
};

use super::env;
use super::object::{self, now_ms, random};
use super::platform::EdgePlatform;
use super::store::Store;
use crate::access::Reading;
use crate::access::queue::{Effect, Event, Queue, Sender};
use crate::config::{Config, Secret};
use crate::http::{Call, Method, Platform};

const TIMEOUT_MS: u32 = 10_000;

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
    // `None` after a failed effect: the machine is made anew from what is stored.
    machine: RefCell<Option<Queue>>,
}

impl DurableObject for AccessQueue {
    fn new(state: State, env: Env) -> Self {
        let config = env::config(&env).ok();
        Self {
            inner: Rc::new(Inner { state, env, config, store: OnceCell::new(), machine: RefCell::new(None) }),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        let body = request.text().await?;
        let event = match path.as_str() {
            "/note" => Event::Note(serde_json::from_str(&body)?),
            "/settle" => Event::Settle(serde_json::from_str(&body)?),
            _ => return Response::error("not found", 404),
        };
        // The answer is held back until what was written is durable.
        if self.inner.dispatch(event)? { Response::empty() } else { Response::error("full", 503) }
    }

    async fn alarm(&self) -> Result<Response> {
        self.inner.dispatch(Event::Alarm)?;
        Response::empty()
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

impl Inner {
    /// Hands the machine an event and performs what it asks for; `false`: it does not take the event.
    fn dispatch(self: &Rc<Self>, event: Event) -> Result<bool> {
        let store = Store::opened(&self.store, &self.state)?;
        let effects = {
            let mut slot = self.machine.borrow_mut();
            let machine = if let Some(machine) = slot.take() {
                machine
            } else {
                Queue::restore(&store.values()?, self.service_key().is_some())
            };
            slot.insert(machine).handle(now_ms(), random(), event)
        };
        let mut taken = true;
        for effect in effects {
            taken &= effect != Effect::Refuse;
            if let Err(error) = self.perform(store, effect) {
                console_error!("access: an effect failed: {error}");
                *self.machine.borrow_mut() = None;
                return Err(error);
            }
        }
        Ok(taken)
    }

    fn perform(self: &Rc<Self>, store: &Store, effect: Effect) -> Result<()> {
        match effect {
            Effect::Save { key, value } => store.put(&key, &value)?,
            Effect::Forget { key } => store.delete(&key)?,
            Effect::SetAlarm(at) => object::set_alarm(&self.state, Some(at)),
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
        Ok(())
    }

    /// The status that the database answered with, if it did.
    async fn deliver(&self, sender: &Sender, readings: &[Reading]) -> Option<u16> {
        let config = self.config.as_ref()?;
        let mut headers = vec![("content-type".into(), "application/json".to_owned())];
        match sender {
            Sender::Reader(token) => {
                let public_key = config.anon_key.as_ref().or(config.publishable_key.as_ref())?;
                headers.push(("apikey".into(), public_key.expose().to_owned()));
                headers.push(("authorization".into(), format!("Bearer {token}")));
            }
            Sender::Service => {
                let key = self.service_key()?.expose();
                headers.push(("apikey".into(), key.to_owned()));
                // A secret key is no JWT: as a bearer PostgREST would refuse it.
                if !key.starts_with("sb_") {
                    headers.push(("authorization".into(), format!("Bearer {key}")));
                }
            }
        }
        let url = format!("{}/rest/v1/rpc/log_access", config.supabase_url);
        let body = json!({ "entries": readings }).to_string().into_bytes();
        let call = Call { method: Method::Post, url, headers, body: Some(body), reads: &[] };
        EdgePlatform::new(self.env.clone()).send(call, TIMEOUT_MS).await.ok().map(|reply| reply.status)
    }

    fn service_key(&self) -> Option<&Secret> {
        self.config.as_ref()?.service_key.as_ref()
    }
}
