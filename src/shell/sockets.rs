//! Client sockets: which there are, what is kept with them, and sending to many.

use std::collections::BTreeMap;

use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};
use worker::js_sys::{Array, Uint8Array};
use worker::{Result, WebSocket, web_sys};

use crate::live::phoenix::Frame;
use crate::live::room::{Attachment, ClientId, each_of};

// The loop over the sockets is JavaScript's own: one call out of Wasm for each frame, not one for each socket.
#[wasm_bindgen(inline_js = "
export function sendToAll(sockets, places, frame) {
  for (let at = 0; at < places.length; at++) {
    try {
      sockets[places[at]].send(frame);
    } catch {
      // Gone: its own close says so.
    }
  }
}
")]
extern "C" {
    #[wasm_bindgen(js_name = sendToAll)]
    fn send_to_all(sockets: &Array, places: &[u32], frame: &JsValue);
}

/// The sockets of an object: in an array of JavaScript's, each with its place in it.
#[derive(Default)]
pub struct Sockets {
    array: Array,
    places: BTreeMap<ClientId, u32>,
    /// The highest number so far.
    last: ClientId,
    /// Places of sockets that are gone.
    free: Vec<u32>,
}

impl Sockets {
    /// Those that the object had when it fell asleep.
    pub fn restore(sockets: Vec<WebSocket>) -> Self {
        let mut restored = Self::default();
        for socket in sockets {
            if let Some(Attachment { client, .. }) = attachment(&socket) {
                restored.insert(client, &socket);
            }
        }
        restored
    }

    /// Another one.
    pub fn insert(&mut self, client: ClientId, socket: &WebSocket) {
        let socket: &JsValue = AsRef::<web_sys::WebSocket>::as_ref(socket).as_ref();
        let place = self.free.pop().unwrap_or(self.array.length());
        self.array.set(place, socket.clone());
        self.places.insert(client, place);
        self.last = self.last.max(client);
    }

    /// A number for a socket that comes now: in the order of coming, and not that of one before.
    pub fn next_number(&self, now_ms: u64) -> ClientId {
        self.last.wrapping_add(1).max(now_ms << 8)
    }

    /// One of them.
    pub fn get(&self, client: ClientId) -> Option<WebSocket> {
        let socket = self.array.get(*self.places.get(&client)?);
        Some(socket.unchecked_into::<web_sys::WebSocket>().into())
    }

    /// What is kept with each.
    pub fn attachments(&self) -> Vec<Attachment> {
        self.places.keys().filter_map(|client| attachment(&self.get(*client)?)).collect()
    }

    /// One less.
    pub fn remove(&mut self, client: ClientId) -> Option<WebSocket> {
        let socket = self.get(client)?;
        let place = self.places.remove(&client)?;
        self.array.set(place, JsValue::UNDEFINED);
        self.free.push(place);
        Some(socket)
    }

    /// Sends a frame to these, in rising order. It is copied into JavaScript once and not for each socket.
    pub fn send(&mut self, to: &[ClientId], frame: &Frame) {
        let frame: JsValue = match frame {
            Frame::Text(text) => JsValue::from_str(text),
            Frame::Binary(bytes) => Uint8Array::from(bytes.as_ref()).buffer().into(),
        };
        let mut places = Vec::with_capacity(to.len());
        each_of(&mut self.places, to, |_, place| places.push(*place));
        send_to_all(&self.array, &places, &frame);
    }
}

/// Kept as JSON: the runtime's own form has no numbers of 64 bits.
pub fn attachment(socket: &WebSocket) -> Option<Attachment> {
    let text: String = socket.deserialize_attachment().ok()??;
    serde_json::from_str(&text).ok()
}

/// Keeps something with a socket, which outlives the object's sleep.
pub fn attach(socket: &WebSocket, attachment: &Attachment) -> Result<()> {
    socket.serialize_attachment(serde_json::to_string(attachment)?)
}
