//! A reminder as a webhook, signed as Standard Webhooks has it: HMAC-SHA256 over id, time and body.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::Due;
use crate::config::Webhook;
use crate::http::{Call, Method, header};

/// The call that tells of one.
pub fn call(webhook: &Webhook, due: &Due, now_ms: u64) -> Call {
    let body = body(due);
    let (id, at) = (id(due), now_ms / 1000);
    let signature = sign(&webhook.key(), &id, at, &body);
    let headers = vec![
        header("content-type", "application/json"),
        header("webhook-id", id),
        header("webhook-timestamp", at.to_string()),
        header("webhook-signature", signature),
    ];
    Call::new(Method::Post, webhook.url.clone(), headers, Some(body))
}

/// The same for the same appointment at the same time, however often it is sent; another when the appointment moves.
pub fn id(due: &Due) -> String {
    let time: String = due.starts_at.chars().filter(char::is_ascii_digit).take(14).collect();
    format!("reminder_{}_{time}", due.appointment_id)
}

/// The same bytes each time, too: no time of sending is in them.
fn body(due: &Due) -> Vec<u8> {
    let body = json!({
        "type": "appointment.reminder",
        "data": {
            "appointment_id": due.appointment_id,
            "patient_id": due.patient_id,
            "dentist_id": due.dentist_id,
            "starts_at": due.starts_at,
            "time_zone": due.time_zone,
        },
    });
    body.to_string().into_bytes()
}

/// `v1,` and the signature in base64.
pub fn sign(key: &[u8], id: &str, at: u64, body: &[u8]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn due(starts_at: &str) -> Due {
        Due {
            appointment_id: "a1".into(),
            patient_id: "p1".into(),
            dentist_id: "d1".into(),
            starts_at: starts_at.into(),
            time_zone: "Europe/London".into(),
            claim_id: "c1".into(),
        }
    }

    /// The specification's own example.
    #[test]
    fn signed_as_the_specification_signs() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let webhook = Webhook { url: String::new(), secret };
        let signature =
            sign(&webhook.key(), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_appointment_at_its_time_has_one_id_and_one_body() {
        let one = due("2026-11-25T14:00:00+00:00");
        assert_eq!(id(&one), "reminder_a1_20261125140000");
        assert_ne!(id(&one), id(&due("2026-11-25T15:00:00+00:00")));
        assert_eq!(
            String::from_utf8(body(&one)).unwrap(),
            r#"{"data":{"appointment_id":"a1","dentist_id":"d1","patient_id":"p1","starts_at":"2026-11-25T14:00:00+00:00","time_zone":"Europe/London"},"type":"appointment.reminder"}"#
        );
    }
}
