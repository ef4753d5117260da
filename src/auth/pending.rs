//! A token between its reading and its belief: a public key is to verify it, which is the platform's work. Its claims are
//! not looked at before.

use std::fmt;

use super::caller::Caller;
use super::jwk::Key;
use super::jws::Jws;
use crate::config::Config;
use crate::problem::Problem;

/// A token whose signature is not verified yet. `Debug` shows no token.
#[derive(Clone, PartialEq, Eq)]
pub struct Pending<'t> {
    token: &'t str,
    jws: Jws<'t>,
    key: Key,
}

impl<'t> Pending<'t> {
    /// The token with the key that its header names. Refused where the two cannot fit, whatever the signature's bytes.
    pub(super) fn new(token: &'t str, jws: Jws<'t>, key: &Key) -> Result<Self, Problem> {
        if key.algorithm() != jws.algorithm {
            return Err(super::algorithm());
        }
        if jws.signature().len() != key.signature_len() {
            return Err(super::signature());
        }
        Ok(Self { token, jws, key: key.clone() })
    }

    /// The key that must have made the signature.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// What was signed.
    pub fn signed(&self) -> &[u8] {
        self.jws.signing_input().as_bytes()
    }

    /// The signature, as long as the key's are.
    pub fn signature(&self) -> &[u8] {
        self.jws.signature()
    }

    /// Whose the token is, given whether the key made the signature; an error, which is for the log, is no signature.
    /// `now` is in Unix seconds.
    pub fn verified(
        self,
        is_right: Result<bool, String>,
        config: &Config,
        now: u64,
    ) -> Result<Caller, Problem> {
        match is_right {
            Ok(true) => super::believed(&self.jws, self.token, config, now),
            Ok(false) => Err(super::signature()),
            Err(cause) => Err(super::signature().cause(cause)),
        }
    }
}

impl fmt::Debug for Pending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("key", &self.key).finish_non_exhaustive()
    }
}
