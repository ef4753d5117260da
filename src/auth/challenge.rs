//! `WWW-Authenticate` for a 401: RFC 6750 section 3.

use crate::problem::{Kind, Problem};

const BARE: &str = "Bearer realm=\"chairside\"";

/// The header's value, for problems with status 401; `None` for the others.
///
/// The bare challenge where no token was sent (or an `apikey` is at fault), else with error and description.
pub fn challenge(problem: &Problem) -> Option<String> {
    if problem.status != 401 {
        return None;
    }
    if matches!(problem.kind, Kind::Unauthorized | Kind::ApiKeyUnknown) {
        return Some(BARE.to_owned());
    }
    let description: String = problem.detail.chars().filter(|c| may_describe(*c)).collect();
    Some(format!("{BARE}, error=\"invalid_token\", error_description=\"{description}\""))
}

/// The characters of an `error_description`: printable ASCII without the quote and the backslash.
fn may_describe(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\')
}
