//! Tokens whose signature was found right a moment ago, so that it is not computed again for each request.
//!
//! Only what was verified counts, for at most a minute and never past the token's end; a token that was refused is looked at
//! anew each time. A token is found by its digest under this isolate's own random key: who does not know the key finds no other
//! token with that digest. `SipHash` is made for that; SHA-256 was half of what a known token cost. Where the platform gave the
//! credentials of a request a number, they are found by that, and their text is not even looked at: that and the token itself are
//! kept until another is verified after their end.

use std::collections::HashMap;
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};
use uuid::Uuid;

use super::caller::{Caller, Role};

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
#[derive(Default)]
pub struct Verified {
    key: Option<[u8; 16]>,
    holders: HashMap<u128, (Holder, u64)>,
    numbered: HashMap<u64, (Caller, u64)>,
}

impl Verified {
    /// None is known. `key` is random and nobody else's; without one, none is ever kept.
    pub fn new(key: Option<[u8; 16]>) -> Self {
        Self { key, ..Self::default() }
    }

    /// Whose the token is, if it was verified a moment ago. `now` is in Unix seconds.
    pub fn find(&self, token: &str, now: u64) -> Option<Holder> {
        let (holder, until) = self.holders.get(&self.digest(token)?)?;
        (now < *until).then_some(*holder)
    }

    /// Keeps what was found out about a token.
    pub fn keep(&mut self, token: &str, holder: Holder, now: u64) {
        let Some(digest) = self.digest(token) else { return };
        let until = holder.expires_at.min(now + LIFETIME);
        make_room(&mut self.holders, now);
        self.holders.insert(digest, (holder, until));
    }

    /// How long a caller's token is known, in Unix seconds; `None` if it is not.
    pub fn until(&self, caller: &Caller) -> Option<u64> {
        let (_, until) = self.holders.get(&self.digest(caller.token()?)?)?;
        Some(*until)
    }

    /// Until then the caller is known by the number of the request's credentials too. What has ended is dropped.
    pub fn number(&mut self, number: u64, caller: &Caller, until: u64, now: u64) {
        self.numbered.retain(|_, (_, until)| now < *until);
        make_room(&mut self.numbered, now);
        self.numbered.insert(number, (caller.known_as(number), until));
    }

    /// Who calls with the credentials of this number, if they were verified a moment ago.
    pub fn numbered(&self, number: u64, now: u64) -> Option<Caller> {
        let (caller, until) = self.numbered.get(&number)?;
        (now < *until).then(|| caller.clone())
    }

    fn digest(&self, token: &str) -> Option<u128> {
        let mut hasher = SipHasher24::new_with_key(self.key.as_ref()?);
        hasher.write(token.as_bytes());
        Some(hasher.finish128().as_u128())
    }
}

/// Room for one more, if need be by forgetting all: of those that come again soon each is verified once more.
fn make_room<K, V>(known: &mut HashMap<K, (V, u64)>, now: u64) {
    if known.len() >= MOST {
        known.retain(|_, (_, until)| now < *until);
    }
    if known.len() >= MOST {
        known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLDER: Holder = Holder { id: Uuid::from_u128(1), role: Role::Patient, expires_at: 1_000 };

    #[test]
    fn a_token_is_known_for_a_minute_and_never_past_its_end() {
        let mut verified = Verified::new(Some([7; 16]));
        verified.keep("one", HOLDER, 900);
        assert_eq!(verified.find("one", 959), Some(HOLDER));
        assert_eq!(verified.find("one", 960), None);
        assert_eq!(verified.find("other", 900), None);
        verified.keep("late", HOLDER, 990);
        assert_eq!(verified.find("late", 999), Some(HOLDER));
        assert_eq!(verified.find("late", 1_000), None);
    }

    #[test]
    fn without_a_key_none_is_known() {
        let mut verified = Verified::new(None);
        verified.keep("one", HOLDER, 900);
        assert_eq!(verified.find("one", 901), None);
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let mut verified = Verified::new(Some([7; 16]));
        for n in 0..3 * MOST {
            verified.keep(&n.to_string(), Holder { expires_at: 10_000, ..HOLDER }, n as u64 / 40);
            assert!(verified.holders.len() <= MOST);
        }
        assert!(verified.find(&(3 * MOST - 1).to_string(), 77).is_some());
    }

    #[test]
    fn numbers_end_with_their_time_and_there_are_never_more_than_so_many() {
        let mut verified = Verified::new(Some([7; 16]));
        let caller = Caller::holding(HOLDER, "one");
        for number in 0..3 * MOST as u64 {
            verified.number(number, &caller, 100, 40);
            assert!(verified.numbered.len() <= MOST);
        }
        let last = 3 * MOST as u64 - 1;
        assert_eq!(verified.numbered(last, 99), Some(caller.known_as(last)));
        assert_eq!(verified.numbered(last, 100), None);
        verified.number(0, &caller, 160, 100);
        assert_eq!(verified.numbered.len(), 1);
    }

    #[test]
    fn only_a_verified_token_has_a_time() {
        let mut verified = Verified::new(Some([7; 16]));
        verified.keep("one", HOLDER, 900);
        assert_eq!(verified.until(&Caller::holding(HOLDER, "one")), Some(960));
        assert_eq!(verified.until(&Caller::holding(HOLDER, "other")), None);
        assert_eq!(verified.until(&Caller::anon()), None);
    }
}
