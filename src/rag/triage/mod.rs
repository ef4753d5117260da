//! Red flags, found by fixed rules before anything is searched or any model is asked.
//!
//! Only what a message says of the present counts, and nothing that is denied, long ago, asked in general or about an
//! animal. English only. What is said then is the clinic's own wording.

mod rules;
mod text;

use text::Words;

/// What a message calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Emergency services, now.
    Emergency,
    /// A dentist, the same day.
    Urgent,
}

/// Looks at the last message, then at it together with the one before: a flag may be spread over two.
pub fn triage(last: &str, before: Option<&str>) -> Option<Flag> {
    let alone = flag(last);
    let (Some(before), None | Some(Flag::Urgent)) = (before, alone) else { return alone };
    // What the message before said by itself has been answered already.
    let together = flag(&format!("{before}\n{last}")).filter(|found| flag(before) != Some(*found));
    match (alone, together) {
        (_, Some(Flag::Emergency)) => together,
        (None, together) => together,
        (alone, _) => alone,
    }
}

fn flag(message: &str) -> Option<Flag> {
    let sentences =
        Words::sentences(message).into_iter().filter(|sentence| !rules::is_beside_the_point(sentence));
    let words = Words::joined(sentences.collect());
    if rules::is_emergency(&words) {
        Some(Flag::Emergency)
    } else if rules::is_urgent(&words) {
        Some(Flag::Urgent)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
