//! Whether a text is a value of a type, as Postgres reads it on input.
//!
//! Deliberately narrower than Postgres where its input is ambiguous (`Jan 1 2027`, zone names): ISO 8601 only, plus
//! the words `now`, `today`, … that clients do use. Wider nowhere that is known; Postgres has the last word.

use std::cmp::Ordering;

use super::Type;

/// Checks that `text` (unquoted, as in a filter or the text of a JSON string) is a value of the type.
///
/// Lengths and precisions are not looked at: they limit what is stored, not what is compared with.
///
/// # Errors
/// A sentence that names the type that was wanted; it never repeats the value.
pub fn check_text(ty: &Type, text: &str) -> Result<(), String> {
    if text.contains('\0') {
        return Err("must not contain the character U+0000".to_owned());
    }
    let fits = match ty {
        Type::Bool => is_bool(text),
        Type::Int2 => text.trim().parse::<i16>().is_ok(),
        Type::Int4 => text.trim().parse::<i32>().is_ok(),
        Type::Int8 => text.trim().parse::<i64>().is_ok(),
        Type::Numeric(..) | Type::Float => is_numeric(text.trim()),
        Type::Text(_) => true,
        Type::Uuid => is_uuid(text),
        Type::Date | Type::Timestamptz => is_moment(text.trim()),
        Type::Time => is_time_of_day(text.trim()),
        Type::Interval => is_interval(text.trim()),
        Type::Json => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
        Type::Tstzrange => is_range(text, &Type::Timestamptz),
        Type::Daterange => is_range(text, &Type::Date),
        Type::Bytea => text.strip_prefix("\\x").is_some_and(is_hex_pairs),
        Type::Enum(labels) => labels.contains(&text),
        Type::Array(element) => return check_array(element, text),
        Type::Void => false,
    };
    if fits { Ok(()) } else { Err(format!("must be {}", describe(ty))) }
}

/// What a type wants, for the end of a sentence: "a UUID".
pub fn describe(ty: &Type) -> String {
    match ty {
        Type::Bool => "true or false".to_owned(),
        Type::Int2 => "a whole number from -32768 to 32767".to_owned(),
        Type::Int4 => "a whole number of 32 bits".to_owned(),
        Type::Int8 => "a whole number of 64 bits".to_owned(),
        Type::Numeric(0, _) | Type::Float => "a number".to_owned(),
        Type::Numeric(precision, scale) => {
            format!("a number of at most {precision} digits, {scale} of them decimals")
        }
        Type::Text(0) => "a text".to_owned(),
        Type::Text(longest) => format!("a text of at most {longest} characters"),
        Type::Uuid => "a UUID".to_owned(),
        Type::Date => "a date (YYYY-MM-DD)".to_owned(),
        Type::Time => "a time of day (HH:MM)".to_owned(),
        Type::Timestamptz => {
            "a date and time in ISO 8601 with its offset (in a URL, `+` is written %2B)".to_owned()
        }
        Type::Interval => "a length of time".to_owned(),
        Type::Json => "JSON".to_owned(),
        Type::Tstzrange => "a range of two times, such as [2027-01-01T09:00Z,2027-01-01T10:00Z)".to_owned(),
        Type::Daterange => "a range of two dates, such as [2027-01-01,2027-02-01)".to_owned(),
        Type::Bytea => "bytes in hexadecimal, after \\x".to_owned(),
        Type::Enum(labels) => format!("one of {}", labels.join(", ")),
        Type::Array(element) => format!("a list, each {}", describe(element)),
        Type::Void => "nothing".to_owned(),
    }
}

/// The words and unambiguous prefixes that `boolin` takes.
fn is_bool(text: &str) -> bool {
    let word = text.trim().to_ascii_lowercase();
    let is_prefix = |full: &str, least: usize| word.len() >= least && full.starts_with(&word);
    is_prefix("true", 1)
        || is_prefix("false", 1)
        || is_prefix("yes", 1)
        || is_prefix("no", 1)
        || is_prefix("on", 2)
        || is_prefix("off", 2)
        || word == "1"
        || word == "0"
}

fn is_numeric(text: &str) -> bool {
    Decimal::parse(text).is_some()
        || ["nan", "infinity", "-infinity", "+infinity", "inf", "-inf", "+inf"]
            .contains(&text.to_ascii_lowercase().as_str())
}

/// Hyphenated or plain, any case, with or without braces; no `urn:uuid:`, which Postgres does not read.
fn is_uuid(text: &str) -> bool {
    !text.starts_with("urn:") && uuid::Uuid::try_parse(text).is_ok()
}

/// A decimal number cut into its digits, to compare without rounding.
#[derive(Clone, Copy, Debug)]
pub struct Decimal<'a> {
    negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: i32,
}

impl<'a> Decimal<'a> {
    /// Parses `[+-]digits[.digits][e[+-]digits]`, the form that JSON numbers and Postgres share.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], rest[at + 1..].parse::<i16>().ok()?.into()),
            None => (rest, 0),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let some = !integer.is_empty() || !fraction.is_empty();
        (some && digits(integer) && digits(fraction)).then_some(Self {
            negative,
            integer,
            fraction,
            exponent,
        })
    }

    /// Digits needed before and after the decimal point, leading and trailing zeros left out.
    pub fn digits(&self) -> (usize, usize) {
        let significant = |mut at: i64| {
            // Walks the digits with their decimal weight: the integer part ends at weight 0.
            let mut highest = i64::MIN;
            let mut lowest = i64::MAX;
            for digit in self.integer.bytes().chain(self.fraction.bytes()) {
                at -= 1;
                if digit != b'0' {
                    highest = highest.max(at);
                    lowest = lowest.min(at);
                }
            }
            (highest, lowest)
        };
        let start = i64::try_from(self.integer.len()).unwrap_or(i64::MAX) + i64::from(self.exponent);
        let (highest, lowest) = significant(start);
        let before = if highest >= 0 { highest + 1 } else { 0 };
        let after = if lowest < 0 { -lowest } else { 0 };
        (
            usize::try_from(before).unwrap_or(usize::MAX),
            usize::try_from(if lowest == i64::MAX { 0 } else { after }).unwrap_or(usize::MAX),
        )
    }

    /// The order of two numbers, exact whatever their length.
    pub fn compare(&self, other: &Self) -> Ordering {
        let by_size = || {
            let by_weight = self.leading().cmp(&other.leading());
            by_weight.then_with(|| self.significant().cmp(other.significant()))
        };
        match (self.sign(), other.sign()) {
            (left, right) if left != right => left.cmp(&right),
            (-1, _) => by_size().reverse(),
            _ => by_size(),
        }
    }

    /// -1, 0 or 1.
    fn sign(&self) -> i8 {
        match self.leading() {
            None => 0,
            Some(_) if self.negative => -1,
            Some(_) => 1,
        }
    }

    /// The decimal weight of the first digit that is not zero; `None` for zero.
    fn leading(&self) -> Option<i64> {
        let zeros = self.all().position(|digit| digit != b'0')?;
        let count = |digits: usize| i64::try_from(digits).unwrap_or(i64::MAX);
        Some(count(self.integer.len()) + i64::from(self.exponent) - 1 - count(zeros))
    }

    /// The digits from the first to the last that is not zero.
    fn significant(&self) -> impl Iterator<Item = u8> {
        let end =
            self.all().enumerate().filter(|(_, digit)| *digit != b'0').last().map_or(0, |(at, _)| at + 1);
        self.all().take(end).skip_while(|digit| *digit == b'0')
    }

    fn all(&self) -> impl Iterator<Item = u8> {
        self.integer.bytes().chain(self.fraction.bytes())
    }

    /// The value for comparing with a bound; bounds are small, so that a double is exact enough on both sides.
    pub fn approximate(&self) -> f64 {
        let text = format!("{}.{}e{}", self.integer, self.fraction, self.exponent);
        let text = if self.integer.is_empty() { format!("0{text}") } else { text };
        let magnitude = text.parse::<f64>().unwrap_or(f64::INFINITY);
        if self.negative { -magnitude } else { magnitude }
    }
}

const MOMENT_WORDS: [&str; 7] = ["now", "today", "tomorrow", "yesterday", "epoch", "infinity", "-infinity"];

/// A date, alone or with a time and a zone; or one of Postgres's words.
fn is_moment(text: &str) -> bool {
    if MOMENT_WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        return true;
    }
    let Some((date, rest)) = split_date(text) else { return false };
    if !is_date(date) {
        return false;
    }
    match rest.strip_prefix(['T', 't', ' ']) {
        Some(time) => is_time_of_day(time),
        None => rest.is_empty(),
    }
}

/// Cuts after the third run of digits (year-month-day).
fn split_date(text: &str) -> Option<(&str, &str)> {
    let day_starts = text.match_indices('-').nth(1)?.0 + 1;
    let day_length = text[day_starts..].bytes().take_while(u8::is_ascii_digit).count();
    Some(text.split_at(day_starts + day_length))
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) =
        (number(year, 4..=6), number(month, 1..=2), number(day, 1..=2))
    else {
        return false;
    };
    (1..=294_276).contains(&year) && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day)
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn number(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<u32> {
    (lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// `HH:MM[:SS[.ffffff]]` and an optional zone: `Z`, `UTC`, `GMT`, `±HH`, `±HHMM`, `±HH:MM[:SS]`.
fn is_time_of_day(text: &str) -> bool {
    let clock_length =
        text.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.')).count();
    let (clock, zone) = text.split_at(clock_length);
    is_clock(clock) && is_zone(zone.trim_start())
}

fn is_clock(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(clock, rest)| (clock, Some(rest)));
    let fraction_fits = fraction.is_none_or(|digits| {
        (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    let parts: Vec<_> = clock.split(':').map(|part| number(part, 2..=2)).collect();
    fraction_fits
        && match parts.as_slice() {
            [Some(hour), Some(minute)] => *hour < 24 && *minute < 60 && fraction.is_none(),
            [Some(24), Some(0), Some(0)] => fraction.is_none(),
            [Some(hour), Some(minute), Some(second)] => *hour < 24 && *minute < 60 && *second <= 60,
            _ => false,
        }
}

fn is_zone(text: &str) -> bool {
    if text.is_empty() || ["z", "utc", "gmt"].contains(&text.to_ascii_lowercase().as_str()) {
        return true;
    }
    let Some(offset) = text.strip_prefix(['+', '-']) else { return false };
    let parts: Vec<_> = offset.split(':').collect();
    let in_range = |hour: &str, minute: &str| {
        number(hour, 2..=2).is_some_and(|hour| hour < 16) && number(minute, 2..=2).is_some_and(|m| m < 60)
    };
    match parts.as_slice() {
        [hours] if hours.len() == 4 && hours.is_ascii() => in_range(&hours[..2], &hours[2..]),
        [hours] => in_range(hours, "00"),
        [hours, minutes] => in_range(hours, minutes),
        [hours, minutes, seconds] => in_range(hours, minutes) && in_range("00", seconds),
        _ => false,
    }
}

/// The alphabet of ISO 8601 durations and Postgres's verbose form; Postgres parses it in full.
fn is_interval(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" .:+-".contains(&byte))
}

fn is_hex_pairs(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `empty`, or two bounds between brackets, each a value, quoted or not, or nothing.
fn is_range(text: &str, element: &Type) -> bool {
    let text = text.trim();
    if text.eq_ignore_ascii_case("empty") {
        return true;
    }
    let inner = text.strip_prefix(['[', '(']).and_then(|rest| rest.strip_suffix([']', ')']));
    let Some((lower, upper)) = inner.and_then(|inner| inner.split_once(',')) else { return false };
    [lower, upper].iter().all(|bound| {
        let bound = bound.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(bound);
        bound.is_empty() || check_text(element, bound).is_ok()
    })
}

/// `{a,"b c",NULL}`, one dimension.
fn check_array(element: &Type, text: &str) -> Result<(), String> {
    let Some(elements) = split_array(text.trim()) else {
        return Err(format!("must be {}, written {{a,b}}", describe(&Type::Array(&Type::Text(0)))));
    };
    elements.iter().try_for_each(|(value, quoted)| {
        if !quoted && value.eq_ignore_ascii_case("null") { Ok(()) } else { check_text(element, value) }
    })
}

/// The elements of an array literal and whether each was quoted; `None` when it is not one.
fn split_array(text: &str) -> Option<Vec<(String, bool)>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    let mut elements = Vec::new();
    let mut chars = inner.chars().peekable();
    loop {
        while chars.next_if(char::is_ascii_whitespace).is_some() {}
        elements.push(if chars.next_if_eq(&'"').is_some() {
            (quoted_element(&mut chars)?, true)
        } else {
            (bare_element(&mut chars)?, false)
        });
        while chars.next_if(char::is_ascii_whitespace).is_some() {}
        match chars.next() {
            None => return Some(elements),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn quoted_element(chars: &mut Chars<'_>) -> Option<String> {
    let mut value = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(value),
            '\\' => value.push(chars.next()?),
            other => value.push(other),
        }
    }
}

fn bare_element(chars: &mut Chars<'_>) -> Option<String> {
    let mut value = String::new();
    while let Some(next) = chars.next_if(|c| *c != ',') {
        match next {
            '{' | '}' | '"' => return None,
            '\\' => value.push(chars.next()?),
            other => value.push(other),
        }
    }
    let trimmed = value.trim_end();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn takes(ty: Type, texts: &[&str]) {
        for text in texts {
            assert!(check_text(&ty, text).is_ok(), "{ty:?} refuses {text:?}");
        }
    }

    fn refuses(ty: Type, texts: &[&str]) {
        for text in texts {
            assert!(check_text(&ty, text).is_err(), "{ty:?} takes {text:?}");
        }
    }

    #[test]
    fn booleans_are_postgres_words() {
        takes(Type::Bool, &["true", "T", "f", "no", "on", "of", "1", " yes "]);
        refuses(Type::Bool, &["", "o", "2", "truee", "null"]);
    }

    #[test]
    fn integers_have_their_range() {
        takes(Type::Int2, &["0", "-32768", "+7", " 5 "]);
        refuses(Type::Int2, &["32768", "1.0", "1e2", "", "0x1", "1 2"]);
        refuses(Type::Int4, &["2147483648"]);
        takes(Type::Int8, &["9223372036854775807"]);
    }

    #[test]
    fn numbers_are_decimal() {
        takes(Type::Numeric(12, 2), &["1", "-1.5", ".5", "5.", "1e3", "NaN", "99999999999999"]);
        refuses(Type::Numeric(12, 2), &["", ".", "1,5", "1e", "0x10", "1e99999999", "--1"]);
    }

    #[test]
    fn uuids_are_as_postgres_reads_them() {
        let plain = "00000000-0000-4000-8000-0000000a0001";
        takes(Type::Uuid, &[plain, &plain.to_uppercase(), &plain.replace('-', ""), &format!("{{{plain}}}")]);
        refuses(Type::Uuid, &["", "x", "urn:uuid:00000000-0000-4000-8000-0000000a0001", &plain[1..]]);
    }

    #[test]
    fn moments_are_iso_8601() {
        takes(
            Type::Timestamptz,
            &[
                "2027-03-10T09:00:00Z",
                "2027-03-10 09:00+02",
                "2027-03-10T09:00:00.123456-05:30",
                "2027-03-10",
                "2024-02-29T23:59:60z",
                "2027-03-10T24:00:00",
                "now",
                "Infinity",
                "2027-03-10T09:00:00 UTC",
                "2027-03-10T09:00:00+0200",
            ],
        );
        refuses(
            Type::Timestamptz,
            &[
                "",
                "2027-02-29",
                "2027-13-01",
                "2027-03-10T25:00Z",
                "2027-03-10T09:00:00 02:00",
                "Mar 10 2027",
                "2027-03-10T09:00:00Z; drop",
                "20270310",
                "2027-03-10T",
                "2027-03-10T09",
                "2027-03-10T09:00.5",
                "2027-1é-10",
            ],
        );
    }

    #[test]
    fn ranges_and_arrays_check_their_elements() {
        takes(Type::Tstzrange, &["[2027-01-01,2027-01-02)", "(,)", "empty", "[\"2027-01-01 09:00+00\",]"]);
        refuses(Type::Tstzrange, &["2027-01-01", "[x,y)", "[2027-01-01)"]);
        let list = Type::Array(&Type::Int4);
        takes(list, &["{}", "{1,2}", "{ 1 , NULL }", "{\"3\"}"]);
        refuses(list, &["1,2", "{1,}", "{a}", "{{1}}", "{\"1}", "{1}2}"]);
    }

    #[test]
    fn digits_ignore_zeros_that_do_not_count() {
        for (text, digits) in [
            ("0", (0, 0)),
            ("007.50", (1, 1)),
            ("1e3", (4, 0)),
            ("1.25e1", (2, 1)),
            ("1e-3", (0, 3)),
            ("123.456", (3, 3)),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().digits(), digits, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            for ty in [Type::Bool, Type::Int4, Type::Numeric(12, 2), Type::Uuid, Type::Date, Type::Timestamptz,
                Type::Time, Type::Interval, Type::Json, Type::Tstzrange, Type::Daterange, Type::Bytea,
                Type::Array(&Type::Text(0))] {
                let _ = check_text(&ty, &text);
            }
        }

        #[test]
        fn every_f64_is_a_number(value in proptest::num::f64::NORMAL) {
            let text = format!("{value:e}");
            prop_assert!(check_text(&Type::Numeric(0, 0), &text).is_ok());
            let back = Decimal::parse(&text).unwrap().approximate();
            prop_assert!((back - value).abs() <= value.abs() * 1e-12);
        }
    }
}
