use proptest::prelude::*;

use super::*;

#[test]
fn every_writing_of_one_instant_is_the_same_moment() {
    let wanted = Moment::parse("2026-11-24T15:30:32.12Z");
    assert_eq!(wanted, Some(Moment(1_795_534_232_120_000)));
    for text in [
        "2026-11-24 15:30:32.12+00",
        "2026-11-24T15:30:32.120000+00:00",
        "2026-11-24T16:30:32.12+01:00",
        "2026-11-24 10:00:32.12-0530",
        "2026-11-24T15:30:32.12",
    ] {
        assert_eq!(Moment::parse(text), wanted, "{text}");
    }
    assert_eq!(Moment::parse("2024-02-29"), Moment::parse("2024-02-29T00:00:00Z"));
}

#[test]
fn what_is_no_moment_is_none() {
    let texts = [
        "",
        "now",
        "2026-11-24T",
        "2025-02-29",
        "2026-11-24T25:00:00Z",
        "2026-11-24T10:00:00+é1",
        "24.11.2026",
    ];
    for text in texts {
        assert_eq!(Moment::parse(text), None, "{text}");
    }
}

#[test]
fn the_ends_of_time_are_beyond_every_date() {
    let (first, last) = (Moment::parse("-infinity"), Moment::parse("infinity"));
    assert!(first < Moment::parse("0001-01-01") && Moment::parse("9999-12-31") < last);
}

#[test]
fn commit_timestamp_format_unchanged() {
    assert_eq!(Moment(1_795_534_232_120_999).to_millis_text(), "2026-11-24T15:30:32.120Z");
    assert_eq!(Moment(-1).to_millis_text(), "1969-12-31T23:59:59.999Z");
}

proptest! {
    #[test]
    fn printed_is_read_again(millis in -62_000_000_000_000_i64..250_000_000_000_000) {
        let moment = Moment(millis * 1_000);
        prop_assert_eq!(Moment::parse(&moment.to_millis_text()), Some(moment));
    }

    #[test]
    fn no_text_panics(text in "[-+0-9TZ:. é]{0,40}") {
        let _ = Moment::parse(&text);
    }
}
