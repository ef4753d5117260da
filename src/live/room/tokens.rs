//! A newer token for a joined topic: `access_token`. The subscription goes on, as somebody else perhaps.

use super::Room;
use super::event::{ClientId, Grant, Refusal};
use super::joins::{EXPIRED, SUBSCRIBED, is_over};
use super::members::Channel;
use super::subscription::{Place, Topic};
use crate::auth::Role;

impl Room {
    /// The token was looked at.
    pub(super) fn refresh_authorised(
        &mut self,
        now: u64,
        client: ClientId,
        topic: &Topic,
        result: &Result<Grant, Refusal>,
    ) {
        let Some(one) = self.subscriptions.get(client, topic) else { return };
        let (was_member, entries, private) = (one.is_member(), one.entries.len(), one.private);
        match result {
            Err(Refusal::Token(reason)) => self.end(client, topic, reason),
            Ok(grant) if is_over(grant, now) => self.end(client, topic, EXPIRED),
            Ok(grant) if grant.viewer.role == Role::Anon && (private || entries == 0) => {
                self.end(client, topic, "You no longer have permission to be in this channel: sign in");
            }
            Ok(grant) => {
                if was_member && grant.viewer.role == Role::Anon {
                    self.subscriptions.change(client, topic, |one| one.grant(grant));
                    self.member_left(client, topic);
                } else {
                    self.subscriptions.change(client, topic, |one| one.grant(grant));
                }
                self.save_subscription(client, topic);
                let one = self.subscriptions.get(client, topic).filter(|one| one.place != Place::None);
                if let Some(one) = one {
                    self.clients.send(client, one.server().system(&SUBSCRIBED));
                }
                if !was_member {
                    self.presence_joined(client, topic);
                }
            }
            // It goes on with the token it has; the new one is looked at again.
            Err(Refusal::Unavailable) => {}
        }
    }

    /// Somebody signed out and stays for the changes.
    fn member_left(&mut self, client: ClientId, topic: &str) {
        let mut tracked = None;
        self.subscriptions.change(client, topic, |one| tracked = one.tracked.take());
        if let Some(one) = self.subscriptions.get(client, topic) {
            let (channel, key) = (Channel::of(one), one.presence_key.clone());
            self.presence_gone(&channel, &key, tracked.as_ref());
        }
    }
}
