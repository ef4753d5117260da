//! Tokens whose signature was found right a moment ago, so that it is not computed again for each request.
//!
//! Only what was verified is kept, for at most a minute and never past the token's end; a token that was refused is looked at
//! anew each time. Of the token itself nothing is kept but its SHA-256.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::caller::Role;
use uuid::Uuid;

/// How long a verification counts, in seconds.
const LIFETIME: u64 = 60;
/// How many are kept.
const MOST: usize = 1024;

/// Whose a verified token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The user's id.
    pub id: Uuid,
    /// The part in the clinic.
    pub role: Role,
    /// When the token ends, in Unix seconds.
    pub expires_at: u64,
}

/// The verified tokens of one isolate.
#[derive(Debug, Default)]
pub struct Verified {
    holders: HashMap<[u8; 32], (Holder, u64)>,
}

impl Verified {
    /// Whose the token is, if it was verified a moment ago. `now` is in Unix seconds.
    pub fn find(&self, token: &str, now: u64) -> Option<Holder> {
        let (holder, until) = self.holders.get(&digest(token))?;
        (now < *until).then_some(*holder)
    }

    /// Keeps what was found out about a token.
    pub fn keep(&mut self, token: &str, holder: Holder, now: u64) {
        let until = holder.expires_at.min(now + LIFETIME);
        if self.holders.len() >= MOST {
            self.holders.retain(|_, (_, until)| now < *until);
        }
        if self.holders.len() >= MOST {
            self.holders.clear();
        }
        self.holders.insert(digest(token), (holder, until));
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLDER: Holder = Holder { id: Uuid::from_u128(1), role: Role::Patient, expires_at: 1_000 };

    #[test]
    fn a_token_is_known_for_a_minute_and_never_past_its_end() {
        let mut verified = Verified::default();
        verified.keep("one", HOLDER, 900);
        assert_eq!(verified.find("one", 959), Some(HOLDER));
        assert_eq!(verified.find("one", 960), None);
        assert_eq!(verified.find("other", 900), None);
        verified.keep("late", HOLDER, 990);
        assert_eq!(verified.find("late", 999), Some(HOLDER));
        assert_eq!(verified.find("late", 1_000), None);
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let mut verified = Verified::default();
        for n in 0..3 * MOST {
            verified.keep(&n.to_string(), Holder { expires_at: 10_000, ..HOLDER }, n as u64 / 40);
            assert!(verified.holders.len() <= MOST);
        }
        assert!(verified.find(&(3 * MOST - 1).to_string(), 77).is_some());
    }
}
