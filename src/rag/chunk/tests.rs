use proptest::prelude::*;

use super::pack::{self, size};
use super::{OVERLAP_WORDS, PIECE_WORDS, Piece, blocks, chunk, sentence};

fn contents(markdown: &str) -> Vec<(String, String)> {
    chunk("doc", "Title", markdown).into_iter().map(|piece| (piece.heading, piece.content)).collect()
}

fn pair(heading: &str, content: &str) -> (String, String) {
    (heading.to_owned(), content.to_owned())
}

#[test]
fn pieces_end_at_headings_and_carry_their_path() {
    let markdown = "# Title\n\nIntro.\n\n## Before\n\nEat lightly.\n\n### Children\n\nCome early.\n\nAfter\n-----\n\nRest.";
    let expected = [
        pair("", "Intro."),
        pair("Before", "Eat lightly."),
        pair("Before › Children", "Come early."),
        pair("After", "Rest."),
    ];
    assert_eq!(contents(markdown), expected);
}

#[test]
fn a_faqs_question_heads_every_piece_of_its_answer() {
    let long = "One two three four five six seven eight nine ten. ".repeat(30);
    for question in ["## How long?", "**How long?**", "Q: How long?", "**Q: How long?**"] {
        let found = contents(&format!("{question}\n\n{long}\n\n**And then?**\n\nYes."));
        assert!(found.len() > 3);
        let (last, first) = found.split_last().unwrap();
        assert!(first.iter().all(|(heading, _)| heading == "How long?"), "{question}: {first:?}");
        assert!(last.0.ends_with("And then?") && last.1 == "Yes.");
    }
}

#[test]
fn lists_and_tables_keep_their_lines() {
    let found = contents(
        "Bring:\n\n- your card\n- a list of\n  medicines\n1. first\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    );
    assert_eq!(
        found,
        [pair(
            "",
            "Bring:\n\n- your card\n- a list of medicines\n1. first\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        )]
    );
}

#[test]
fn fenced_code_is_no_heading() {
    assert_eq!(contents("```\n# not a heading\n```\nText."), [pair("", "```\n# not a heading\n```\nText.")]);
}

#[test]
fn a_heading_without_text_is_text() {
    assert_eq!(
        contents("## Closed on Sundays\n## Hours\n### Monday\nOpen."),
        [pair("", "Closed on Sundays"), pair("Hours › Monday", "Open.")]
    );
    assert_eq!(contents("Open.\n## Closed on Sundays"), [pair("", "Open."), pair("", "Closed on Sundays")]);
}

#[test]
fn sentences_end_where_they_end() {
    for (text, expected) in [
        ("See Dr. Marlow at 9 a.m. Then rest. Yes!", vec!["See Dr. Marlow at 9 a.m. Then rest.", "Yes!"]),
        ("It costs $1.50. Or less?! (Maybe.) Ask.", vec!["It costs $1.50.", "Or less?!", "(Maybe.)", "Ask."]),
        ("J. Wick said so. fine. Next", vec!["J. Wick said so. fine.", "Next"]),
        ("歯が痛い。すぐ来て！はい", vec!["歯が痛い。", "すぐ来て！", "はい"]),
        ("1. Rinse. Spit.", vec!["1. Rinse.", "Spit."]),
        ("", vec![]),
    ] {
        assert_eq!(sentence::sentences(text), expected);
    }
}

#[test]
fn ids_format_unchanged() {
    let pieces =
        chunk("hours", "Opening hours", "We open at 8.\n\n## Sundays\n\nClosed.\n\n## Sundays\n\nClosed.");
    let ids: Vec<&str> = pieces.iter().map(|piece| piece.id.as_str()).collect();
    assert_eq!(ids, ["hours#65a03d480387f881", "hours#9eda5b90dcbe34d2", "hours#9eda5b90dcbe34d2-2"]);
}

#[test]
fn what_is_inserted_before_leaves_other_ids_alone() {
    let before = chunk("d", "T", "## A\n\nAlpha.\n\n## B\n\nBeta.");
    let after = chunk("d", "T", "## New\n\nNew.\n\n## A\n\nAlpha.\n\n## B\n\nBeta.");
    assert_eq!(after[1].id, before[0].id);
    assert_eq!(after[2].id, before[1].id);
    assert_ne!(
        chunk("d", "Another title", "## A\n\nAlpha.")[0].id,
        before[0].id,
        "the title is embedded too"
    );
}

#[test]
fn what_is_embedded_has_no_markup() {
    let piece = Piece {
        id: String::new(),
        ordinal: 0,
        heading: "Costs".into(),
        content: "**Call** [us](tel:+1) at `x_y` [now]".into(),
    };
    assert_eq!(piece.embedded_text("Fees"), "Fees\nCosts\nCall us at x_y [now]");
    assert_eq!(blocks::plain("a * b_ _c_"), "a  b c");
}

#[test]
fn a_family_emoji_or_an_accent_is_not_torn() {
    let unit = "👩\u{200d}👩\u{200d}👧";
    for piece in chunk("d", "T", &unit.repeat(900)) {
        assert!(!piece.content.starts_with('\u{200d}') && !piece.content.ends_with('\u{200d}'));
    }
    for piece in chunk("d", "T", &format!("x{}", "e\u{301}".repeat(3000))) {
        assert!(!piece.content.starts_with('\u{301}'));
    }
}

// The words of a text, headings' marks, list marks and all, as they must come out again.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn text_block() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Zäéß ]{0,60}[.!?]",
        "([a-z]{1,12} ){0,200}[a-z]{1,5}\\.",
        "- [a-z ]{1,40}",
        "[a-z]{1,3000}",
        "[ぁ-ん。]{1,1500}",
        "\\PC{0,80}",
    ]
}

fn document() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![4 => text_block(), 1 => "#{1,6} [a-zA-Z]{1,20}( [a-z]{1,9}){0,4}\\??", 1 => "\\*\\*[A-Z][a-z ]{0,30}[a-z]\\?\\*\\*"],
        0..14,
    )
    .prop_map(|blocks| blocks.join("\n\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    // Each piece without what it repeats of the one before, put together, is the section.
    #[test]
    fn nothing_is_lost_and_nothing_is_added(markdown in document()) {
        for section in blocks::sections("T", &markdown) {
            let units: Vec<_> = section.blocks.iter().flat_map(pack::units).collect();
            let text: Vec<&str> = section.blocks.iter().map(|block| block.text.as_str()).collect();
            let (whole, text) = (pack::join(&units), text.join("\n"));
            prop_assert_eq!(words(&whole), words(&text));
            let mut done = 0;
            for range in pack::pack(&units) {
                prop_assert!(range.start <= done && range.end > done);
                done = range.end;
            }
            prop_assert_eq!(done, units.len());
        }
    }

    #[test]
    fn every_word_of_the_document_is_in_some_piece(markdown in document()) {
        let pieces = chunk("d", "T", &markdown);
        let found: Vec<&str> = pieces.iter().flat_map(|piece| [piece.heading.as_str(), piece.content.as_str()]).collect();
        let found = found.join(" ");
        let squeezed: String = found.split_whitespace().collect();
        for word in markdown.split_whitespace() {
            let word = word.trim_matches(['#', '*']);
            let halves: Vec<char> = word.chars().collect();
            // A word that is too long for a piece is in two, and where sentences end without a space it is several.
            if halves.len() < 500 && !word.contains('。') && !word.starts_with("Q:") && !word.chars().all(|c| matches!(c, '=' | '-' | '›')) {
                prop_assert!(squeezed.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn sizes_are_within_bounds(markdown in document()) {
        for piece in chunk("d", "T", &markdown) {
            prop_assert!(size(&piece.content) <= PIECE_WORDS + 8, "{}", size(&piece.content));
            prop_assert!(!piece.content.trim().is_empty() && piece.content.chars().count() <= 8000);
            prop_assert!(piece.id.is_ascii() && piece.id.len() <= 512);
        }
        for section in blocks::sections("T", &markdown) {
            let units: Vec<_> = section.blocks.iter().flat_map(pack::units).collect();
            for pair in pack::pack(&units).windows(2) {
                let repeated: usize = units[pair[1].start..pair[0].end].iter().map(|unit| unit.size).sum();
                prop_assert!(repeated <= OVERLAP_WORDS);
            }
        }
    }

    #[test]
    fn ids_are_stable_and_unlike(markdown in document()) {
        let once = chunk("d", "T", &markdown);
        prop_assert_eq!(&once, &chunk("d", "T", &markdown));
        let ids: std::collections::HashSet<&str> = once.iter().map(|piece| piece.id.as_str()).collect();
        prop_assert_eq!(ids.len(), once.len());
        for (n, piece) in once.iter().enumerate() {
            prop_assert_eq!(piece.ordinal, n);
        }
    }
}
