use super::*;

const PHRASINGS: &str = include_str!("phrasings.txt");

fn phrasings() -> Vec<(Option<Flag>, &'static str)> {
    let lines = PHRASINGS.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &'static str| {
        let (what, words) = line.split_once("  ").unwrap_or_default();
        let flag = match what {
            "emergency" => Some(Flag::Emergency),
            "urgent" => Some(Flag::Urgent),
            _ => None,
        };
        (flag, words)
    };
    lines.map(read).collect()
}

/// Prints every phrasing that is judged otherwise, and counts: no emergency may be missed, and of the harmless few may
/// raise an alarm.
#[test]
fn the_table_of_phrasings() {
    let all = phrasings();
    assert!(all.len() >= 120, "{}", all.len());
    let (mut missed, mut lowered, mut alarms) = (Vec::new(), Vec::new(), Vec::new());
    for (wanted, words) in &all {
        let found = triage(words, None);
        match (wanted, found) {
            (Some(Flag::Emergency), Some(Flag::Emergency)) | (Some(Flag::Urgent), Some(_)) | (None, None) => {
            }
            (Some(Flag::Emergency), _) => missed.push(*words),
            (Some(Flag::Urgent), None) => lowered.push(*words),
            (None, Some(_)) => alarms.push(*words),
        }
        if *wanted == Some(Flag::Urgent) && found == Some(Flag::Emergency) {
            alarms.push(words);
        }
    }
    println!(
        "{} phrasings: {} emergencies missed, {} urgent missed, {} false alarms",
        all.len(),
        missed.len(),
        lowered.len(),
        alarms.len()
    );
    println!("missed: {missed:#?}\nlowered: {lowered:#?}\nalarms: {alarms:#?}");
    assert!(missed.is_empty(), "emergencies missed");
    assert!(lowered.is_empty(), "urgent missed");
    assert!(alarms.len() * 50 <= all.len(), "more than 2% false alarms");
}

#[test]
fn a_flag_may_be_spread_over_two_messages() {
    assert_eq!(triage("now I can't breathe", Some("My cheek is swollen")), Some(Flag::Emergency));
    assert_eq!(
        triage("it has spread to my neck", Some("I have a swelling from a tooth")),
        Some(Flag::Emergency)
    );
    assert_eq!(triage("and it won't stop", Some("My mouth is bleeding")), Some(Flag::Emergency));
}

#[test]
fn what_was_answered_already_is_not_answered_again() {
    assert_eq!(triage("What are your opening hours?", Some("My mouth won't stop bleeding")), None);
    assert_eq!(triage("Thanks. How much is a filling?", Some("unbearable toothache")), None);
}

#[test]
fn capitals_marks_and_curly_quotes_make_no_difference() {
    for words in ["I CAN’T BREATHE!!!", "i cant   breathe", "…I can't—breathe", "I *can't* breathe 😱"]
    {
        assert_eq!(triage(words, None), Some(Flag::Emergency), "{words}");
    }
}

#[test]
fn long_and_strange_messages_end() {
    assert_eq!(triage(&"not ".repeat(1000), None), None);
    assert_eq!(triage(&"my . , ' - ".repeat(400), Some("\u{0}\u{feff}")), None);
    assert_eq!(triage("", None), None);
}
