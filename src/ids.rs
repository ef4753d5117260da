//! Ids as text.

use uuid::Uuid;

/// A UUID as PostgreSQL prints it, without the formatter's detour: every request prints two.
pub fn text_of(id: Uuid) -> String {
    id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}
