//! A string that never shows itself.

use std::fmt;
use std::rc::Rc;

use subtle::ConstantTimeEq;

/// A secret or a token: redacted in `Debug`, without `Display`, compared in constant time.
#[derive(Clone)]
pub struct Secret(Rc<str>);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<Rc<str>>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that sends it or computes with it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the other is the same. The time taken tells the length at most.
    pub fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}
