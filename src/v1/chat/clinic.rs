//! What the clinic says where no document and no model speaks: in an emergency, and when the assistant does not know.

use serde::Deserialize;

use crate::http::{Call, Method, Platform};
use crate::rag::lexical::Database;
use crate::rag::triage::Flag;
use crate::rag::upstream::{Patience, exchange, json};

/// The clinic's wording and numbers, from its settings.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Clinic {
    /// Its telephone number.
    #[serde(default)]
    phone: Option<String>,
    /// Of the emergency services.
    #[serde(default)]
    emergency_number: Option<String>,
    /// What to do in an emergency.
    #[serde(default)]
    emergency_text: Option<String>,
    /// What to do when a dentist must see it the same day.
    #[serde(default)]
    urgent_text: Option<String>,
}

/// Said when the settings cannot be had: an emergency does not wait for a database.
const EMERGENCY: &str = "Trouble breathing or swallowing, heavy bleeding that does not stop, a swelling that spreads to the eye or neck, \
a serious injury of face or head: do not wait.";
const URGENT: &str = "A dentist should see this today.";
/// Somebody waits for what is said here.
const PATIENCE: Patience = Patience { timeout_ms: 2_000, limit: 64 << 10, retries: 0 };

impl Clinic {
    /// Asks the database; what cannot be had is said in other words.
    pub async fn load<P: Platform>(platform: &P, database: &Database) -> Self {
        let url = format!(
            "{}/clinic_settings?select=phone,emergency_number,emergency_text,urgent_text&limit=1",
            database.rest_url
        );
        let call = Call::new(Method::Get, url, database.headers.clone(), None);
        let Ok(answered) = exchange(platform, call, PATIENCE).await else { return Self::default() };
        let rows: Vec<Self> = json(&answered, |_| String::new()).unwrap_or_default();
        rows.into_iter().next().unwrap_or_default()
    }

    /// What is said of a red flag.
    pub fn flagged(&self, flag: Flag) -> String {
        let number = self.emergency_number.as_deref().unwrap_or("the emergency number of your country");
        match flag {
            Flag::Emergency => {
                let text = self.emergency_text.as_deref().unwrap_or(EMERGENCY);
                format!("This may be an emergency. Call {number} now. {text}")
            }
            Flag::Urgent => {
                let text = self.urgent_text.as_deref().unwrap_or(URGENT);
                let call = self.phone.as_ref().map_or_else(
                    || "Call the clinic now.".to_owned(),
                    |phone| format!("Call us now on {phone}."),
                );
                format!(
                    "{call} {text} If breathing or swallowing becomes hard or bleeding does not stop, call {number}."
                )
            }
        }
    }

    /// What is said when the documents do not answer.
    pub fn unknown(&self) -> String {
        let whom = self.phone.as_ref().map_or_else(
            || "Please ask the clinic directly.".to_owned(),
            |phone| format!("Please call us on {phone}."),
        );
        format!("I don't know: the clinic's documents do not answer this. {whom}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clinics_own_words_and_numbers_are_said() {
        let clinic = Clinic {
            phone: Some("+1 212 555 0100".into()),
            emergency_number: Some("911".into()),
            emergency_text: Some("Go now.".into()),
            urgent_text: Some("Come today.".into()),
        };
        assert_eq!(clinic.flagged(Flag::Emergency), "This may be an emergency. Call 911 now. Go now.");
        assert!(clinic.flagged(Flag::Urgent).starts_with("Call us now on +1 212 555 0100. Come today. "));
        assert!(clinic.unknown().ends_with("Please call us on +1 212 555 0100."));
    }

    #[test]
    fn without_settings_it_is_said_all_the_same() {
        let clinic = Clinic::default();
        assert!(clinic.flagged(Flag::Emergency).contains("Call the emergency number of your country now."));
        assert!(clinic.flagged(Flag::Urgent).contains("today"));
        assert!(clinic.unknown().contains("I don't know"));
    }
}
