//! What clients send, from the frame to what is wanted. Whatever it is, it is answered or the socket is closed.

use std::sync::Arc;

use super::Room;
use super::event::ClientId;
use super::limits::close;
use super::subscription::{PendingJoin, Topic};
use crate::live::phoenix::{ClientEvent, ClientMessage, DecodeError, Server};

impl Room {
    pub(super) fn text(&mut self, now: u64, client: ClientId, text: &str) {
        let Some(vsn) = self.admit(now, client, text.len()) else { return };
        self.decoded(now, client, ClientMessage::decode(vsn, text));
    }

    pub(super) fn binary(&mut self, now: u64, client: ClientId, bytes: &[u8]) {
        if self.admit(now, client, bytes.len()).is_some() {
            self.decoded(now, client, ClientMessage::decode_binary(bytes));
        }
    }

    fn admit(&mut self, now: u64, client: ClientId, bytes: usize) -> Option<crate::live::phoenix::Vsn> {
        if !self.clients.heard(now, client) {
            self.clients.close(client, close::RESTART, "This socket is not known: connect again");
            return None;
        }
        if bytes > self.clients.limits().frame_bytes {
            self.closed(client);
            self.clients.close(client, close::TOO_LONG, "A frame has at most 64 KiB");
            return None;
        }
        self.clients.get(client).map(|known| known.vsn)
    }

    fn decoded(&mut self, now: u64, client: ClientId, decoded: Result<ClientMessage, DecodeError>) {
        match decoded {
            Ok(message) => self.message(now, client, message),
            Err(DecodeError::Payload { join_ref, reference, topic, reason }) => {
                if let Some(vsn) = self.clients.get(client).map(|known| known.vsn) {
                    let server = Server::new(vsn, &topic, join_ref.as_deref());
                    self.clients.send(client, server.reply_error(reference.as_deref(), &reason));
                }
            }
            Err(DecodeError::NotJson) => {
                self.closed(client);
                self.clients.close(client, close::NOT_A_MESSAGE, "The frame is not JSON");
            }
            Err(DecodeError::NotAMessage(reason)) => {
                self.closed(client);
                self.clients.close(client, close::NOT_A_MESSAGE, reason);
            }
        }
    }

    fn message(&mut self, now: u64, client: ClientId, message: ClientMessage) {
        let ClientMessage { join_ref, reference, topic, event } = message;
        let topic: Topic = topic.into();
        let Some(vsn) = self.clients.get(client).map(|known| known.vsn) else { return };
        match event {
            ClientEvent::Heartbeat => self.clients.send(client, Server::heartbeat(vsn, reference.as_deref())),
            ClientEvent::Join(join) => {
                // 1.0.0 clients may leave out the join's ref, which is the ref of the message.
                let join_ref = join_ref.or_else(|| reference.clone());
                self.join(now, PendingJoin { client, topic, join_ref, reference, join: *join });
            }
            event if self.is_joined(client, &topic, join_ref.as_deref()) => {
                self.channel_message(now, client, &topic, reference.as_deref(), event);
            }
            ClientEvent::Leave => {
                // A join that is not answered yet, or one that is gone: left is left.
                self.forget_pending(client, &topic);
                let server = Server::new(vsn, &topic, join_ref.as_deref());
                self.clients.send(client, server.reply_ok(reference.as_deref(), None));
            }
            _ => self.clients.send(client, Server::unmatched_topic(vsn, &topic, reference.as_deref())),
        }
    }

    /// Whether the topic is joined, by that join if the message names one.
    fn is_joined(&self, client: ClientId, topic: &str, join_ref: Option<&str>) -> bool {
        let joined = self.subscriptions.get(client, topic);
        joined.is_some_and(|joined| join_ref.is_none() || joined.join_ref.as_deref() == join_ref)
    }

    fn channel_message(
        &mut self,
        now: u64,
        client: ClientId,
        topic: &Topic,
        reference: Option<&str>,
        event: ClientEvent,
    ) {
        match event {
            ClientEvent::Leave => {
                self.forget_pending(client, topic);
                self.leave(client, topic, reference);
            }
            ClientEvent::AccessToken(token) => self.refresh(now, client, &Arc::clone(topic), token),
            ClientEvent::Broadcast(_) | ClientEvent::Presence(_) if !self.admit_message(now, client) => {
                self.end(client, topic, "Too many messages per second");
            }
            ClientEvent::Broadcast(sent) => self.broadcast(client, topic, reference, &sent),
            ClientEvent::Presence(said) => self.presence(client, topic, reference, &said),
            ClientEvent::Unknown(_) => {
                if let Some(one) = self.subscriptions.get(client, topic) {
                    self.clients.send(client, one.server().reply_error(reference, "unknown event"));
                }
            }
            ClientEvent::Join(_) | ClientEvent::Heartbeat => {}
        }
    }

    fn admit_message(&mut self, now: u64, client: ClientId) -> bool {
        let limit = self.clients.limits().messages_per_second;
        self.clients.get_mut(client).is_some_and(|one| one.messages.admit(now, limit))
    }
}
