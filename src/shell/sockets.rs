//! Client sockets: what is kept with them, and sending to many.

use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};
use worker::js_sys::Uint8Array;
use worker::{Result, WebSocket, web_sys};

use crate::live::phoenix::Frame;
use crate::live::room::Attachment;

#[wasm_bindgen]
extern "C" {
    /// A socket that is sent what is a value of JavaScript's already.
    type Socket;

    #[wasm_bindgen(method, catch)]
    fn send(this: &Socket, frame: &JsValue) -> std::result::Result<(), JsValue>;
}

/// Sends a frame, which is copied into JavaScript once and not for each socket. One that is gone says so by its own
/// close.
pub fn send<'a>(to: impl Iterator<Item = &'a WebSocket>, frame: &Frame) {
    let frame: JsValue = match frame {
        Frame::Text(text) => JsValue::from_str(text),
        Frame::Binary(bytes) => Uint8Array::from(bytes.as_ref()).buffer().into(),
    };
    for socket in to {
        let socket: &JsValue = AsRef::<web_sys::WebSocket>::as_ref(socket).as_ref();
        let _ = socket.unchecked_ref::<Socket>().send(&frame);
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
