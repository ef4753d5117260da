//! Where reminders are posted to. Optional; an address without a secret would take unsigned words for ours, so both are
//! set or neither.

use base64ct::{Base64, Encoding};

use super::{Reader, Secret, form};

/// What a secret of Standard Webhooks begins with.
const PREFIX: &str = "whsec_";

/// A receiver of webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: String,
    /// `whsec_` and the key in base64.
    pub secret: Secret,
}

impl Webhook {
    pub(super) fn read<F: Fn(&str) -> Option<String>>(read: &mut Reader<F>) -> Option<Self> {
        let before = read.errors.len();
        let url = read.optional("REMINDER_WEBHOOK_URL", form::jwks_url);
        let secret = read.optional("REMINDER_WEBHOOK_SECRET", secret);
        match (url, secret) {
            (Some(url), Some(secret)) => return Some(Self { url, secret }),
            (Some(_), None) if read.errors.len() == before => {
                read.report("REMINDER_WEBHOOK_SECRET", "is missing, although REMINDER_WEBHOOK_URL is set");
            }
            (None, Some(_)) if read.errors.len() == before => {
                read.report("REMINDER_WEBHOOK_URL", "is missing, although REMINDER_WEBHOOK_SECRET is set");
            }
            _ => {}
        }
        None
    }

    /// The key's bytes.
    pub fn key(&self) -> Vec<u8> {
        key(self.secret.expose()).unwrap_or_default()
    }
}

fn key(secret: &str) -> Option<Vec<u8>> {
    let bytes = Base64::decode_vec(secret.strip_prefix(PREFIX)?).ok()?;
    (24..=64).contains(&bytes.len()).then_some(bytes)
}

fn secret(value: &str) -> Result<Secret, &'static str> {
    let value = value.trim();
    if key(value).is_none() {
        return Err("is not whsec_ and 24 to 64 bytes in base64");
    }
    Ok(Secret::new(value))
}
