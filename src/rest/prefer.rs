//! `Prefer` (RFC 7240), as far as PostgREST knows it and it is allowed here.

use crate::problem::Violation;

/// `Prefer: return`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// No body.
    Minimal,
    /// No body, but `Location`.
    HeadersOnly,
    /// The rows.
    Representation,
}

/// `Prefer: resolution`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A row that exists is updated.
    Merge,
    /// A row that exists is left alone.
    Ignore,
}

/// `Prefer`, as far as it is supported here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    /// `return`
    pub returns: Option<Return>,
    /// `resolution`
    pub resolution: Option<Resolution>,
    /// `count`: exact, planned or estimated.
    pub count: Option<&'static str>,
    /// `missing=default`; `Some(false)` is `missing=null`.
    pub missing_default: Option<bool>,
    /// `handling=strict`; `Some(false)` is `lenient`.
    pub strict: Option<bool>,
    /// `max-affected`, which counts only under `handling=strict`.
    pub max_affected: Option<u64>,
}

impl Prefer {
    /// Reads the header; of two values for one preference the first counts (RFC 7240), as in PostgREST.
    ///
    /// # Errors
    /// A refused preference, or an unknown one under `handling=strict`.
    pub fn parse(header: &str) -> Result<Self, Vec<Violation>> {
        let mut prefer = Self::default();
        let mut unknown = Vec::new();
        let mut errors = Vec::new();
        for item in header.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match prefer.take(item) {
                Taken::Known => {}
                Taken::Unknown => unknown.push(prefer_violation(
                    "unknown-preference",
                    "a preference is not one of return, resolution, count, missing, handling, max-affected \
                     with a value of theirs, and handling=strict was asked for",
                )),
                Taken::Refused(name) => errors.push(prefer_violation(
                    "refused-preference",
                    format!("`{name}` cannot be set by clients"),
                )),
            }
        }
        if prefer.strict == Some(true) {
            errors.append(&mut unknown);
        }
        if errors.is_empty() { Ok(prefer) } else { Err(errors) }
    }

    fn take(&mut self, item: &str) -> Taken {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        match (name.trim(), value.trim()) {
            ("return", "minimal") => first(&mut self.returns, Return::Minimal),
            ("return", "headers-only") => first(&mut self.returns, Return::HeadersOnly),
            ("return", "representation") => first(&mut self.returns, Return::Representation),
            ("resolution", "merge-duplicates") => first(&mut self.resolution, Resolution::Merge),
            ("resolution", "ignore-duplicates") => first(&mut self.resolution, Resolution::Ignore),
            ("count", "exact") => first(&mut self.count, "exact"),
            ("count", "planned") => first(&mut self.count, "planned"),
            ("count", "estimated") => first(&mut self.count, "estimated"),
            ("missing", "default") => first(&mut self.missing_default, true),
            ("missing", "null") => first(&mut self.missing_default, false),
            ("handling", "strict") => first(&mut self.strict, true),
            ("handling", "lenient") => first(&mut self.strict, false),
            ("max-affected", number) => match number.parse() {
                Ok(number) => first(&mut self.max_affected, number),
                Err(_) => Taken::Unknown,
            },
            ("tx", _) => Taken::Refused("tx"),
            ("timezone", _) => Taken::Refused("timezone"),
            _ => Taken::Unknown,
        }
    }

    /// The header as it goes to PostgREST, if there is anything to say; `max-affected` stays at the edge, since
    /// versions before 13 do not know it.
    pub fn print(&self) -> Option<String> {
        let parts = [
            self.returns.map(|returns| match returns {
                Return::Minimal => "return=minimal",
                Return::HeadersOnly => "return=headers-only",
                Return::Representation => "return=representation",
            }),
            self.resolution.map(|resolution| match resolution {
                Resolution::Merge => "resolution=merge-duplicates",
                Resolution::Ignore => "resolution=ignore-duplicates",
            }),
            self.count.map(|count| match count {
                "exact" => "count=exact",
                "planned" => "count=planned",
                _ => "count=estimated",
            }),
            self.missing_default.map(|default| if default { "missing=default" } else { "missing=null" }),
            self.strict.map(|strict| if strict { "handling=strict" } else { "handling=lenient" }),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(","))
    }
}

enum Taken {
    Known,
    Unknown,
    Refused(&'static str),
}

fn first<T>(slot: &mut Option<T>, value: T) -> Taken {
    slot.get_or_insert(value);
    Taken::Known
}

fn prefer_violation(code: &'static str, detail: impl Into<String>) -> Violation {
    Violation::header("prefer", code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefer_is_printed_in_one_order() {
        let prefer =
            Prefer::parse("count=exact, return=minimal,return=representation, max-affected=3").unwrap();
        assert_eq!(prefer.print().as_deref(), Some("return=minimal,count=exact"));
        assert_eq!(prefer.max_affected, Some(3));
        assert_eq!(Prefer::parse("").unwrap().print(), None);
    }

    #[test]
    fn unknown_preferences_are_refused_only_under_strict() {
        assert!(Prefer::parse("wait=10").is_ok());
        assert!(Prefer::parse("handling=lenient, wait=10").is_ok());
        let errors = Prefer::parse("wait=10, return=none, handling=strict").unwrap_err();
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[0].pointer, "header:prefer");
    }

    #[test]
    fn tx_and_timezone_are_refused_always() {
        for header in ["tx=rollback", "timezone=Europe/Paris", "handling=lenient,tx=commit"] {
            assert_eq!(Prefer::parse(header).unwrap_err()[0].code, "refused-preference", "{header}");
        }
    }
}
