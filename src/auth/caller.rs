//! Who calls, and what goes upstream for them.

use uuid::Uuid;

use super::verified::Holder;
use crate::config::{Config, Secret};
use crate::ids::text_of;

/// A caller's part in the clinic, as the token says. A hint for the edge: Postgres reads the role from its
/// own table and has the last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Nobody in particular.
    Anon,
    /// A patient.
    Patient,
    /// A dentist.
    Dentist,
    /// A receptionist.
    Receptionist,
    /// An administrator.
    Admin,
}

impl Role {
    /// The name, as `clinic_role` and the logs spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anon => "anon",
            Self::Patient => "patient",
            Self::Dentist => "dentist",
            Self::Receptionist => "receptionist",
            Self::Admin => "admin",
        }
    }

    /// The role of somebody signed in, from `clinic_role`.
    pub fn from_clinic_role(name: &str) -> Option<Self> {
        [Self::Patient, Self::Dentist, Self::Receptionist, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

/// Who calls. `Debug` shows no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's id (`sub`); `None` for anon.
    pub id: Option<Uuid>,
    /// The part in the clinic.
    pub role: Role,
    /// When the token ends, in Unix seconds; `None` for anon.
    pub expires_at: Option<u64>,
    token: Option<Secret>,
    known: Option<u64>,
}

impl Caller {
    /// A caller without a user's token.
    pub const fn anon() -> Self {
        Self { id: None, role: Role::Anon, expires_at: None, token: None, known: None }
    }

    /// A user whose token was verified.
    pub(super) fn user(id: Uuid, role: Role, expires_at: u64, token: &str) -> Self {
        Self {
            id: Some(id),
            role,
            expires_at: Some(expires_at),
            token: Some(Secret::new(token)),
            known: None,
        }
    }

    /// The holder of a token that was verified a moment ago.
    pub(crate) fn holding(Holder { id, role, expires_at }: Holder, token: &str) -> Self {
        Self::user(id, role, expires_at, token)
    }

    /// Whose token it is; `None` for anon.
    pub(crate) fn holder(&self) -> Option<Holder> {
        Some(Holder { id: self.id?, role: self.role, expires_at: self.expires_at? })
    }

    /// The same, known by this number.
    pub(super) fn known_as(&self, number: u64) -> Self {
        Self { known: Some(number), ..self.clone() }
    }

    /// What [`know`](crate::http::Platform::know) called the caller's credentials.
    pub const fn known(&self) -> Option<u64> {
        self.known
    }

    /// What identifies the caller in rate limits and idempotency: the user's id or `anon`.
    pub fn key(&self) -> String {
        self.id.map_or_else(|| Role::Anon.as_str().to_owned(), text_of)
    }

    /// The user's own token, in the clear.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(Secret::expose)
    }

    /// The credentials that go upstream: a user's own token, else the project's public key.
    pub fn upstream<'a>(&'a self, config: &'a Config) -> UpstreamAuth<'a> {
        let anon_key = config.anon_key.as_ref().map(Secret::expose);
        let publishable_key = config.publishable_key.as_ref().map(Secret::expose);
        UpstreamAuth {
            apikey: anon_key.or(publishable_key),
            // A publishable key is no JWT: as a bearer PostgREST would refuse it.
            bearer: self.token.as_ref().map(Secret::expose).or(anon_key),
        }
    }
}

/// Credentials on their way upstream; without `Debug`, since they are in the clear.
pub struct UpstreamAuth<'a> {
    /// The value of `apikey`.
    pub apikey: Option<&'a str>,
    /// What follows `Bearer ` in `Authorization`.
    pub bearer: Option<&'a str>,
}
