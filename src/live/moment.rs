//! Instants, as Postgres, PostgREST and Realtime write them: to compare them, and to print them one way.

/// Microseconds since 1970 in UTC; Postgres's own resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// Microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// A date, or a date and time with `T` or a space between and an optional fraction and zone (`Z`, `+00`, `+0530`,
    /// `+05:30`); without a zone it is UTC. `infinity` and `-infinity` are the ends of time.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "infinity" => return Some(Self(i64::MAX)),
            "-infinity" => return Some(Self(i64::MIN)),
            _ => {}
        }
        let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00:00"));
        let (clock, zone) = split_zone(time);
        let seconds = day_number(date)?.checked_mul(86_400)?.checked_sub(zone_seconds(zone)?)?;
        seconds.checked_mul(1_000_000)?.checked_add(clock_micros(clock)?).map(Self)
    }

    /// As `commit_timestamp` has it: UTC, milliseconds, `2026-11-24T15:30:32.120Z`.
    pub fn to_millis_text(self) -> String {
        let millis = self.0.div_euclid(1_000);
        let (days, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
        let (year, month, day) = civil(days);
        let (hours, minutes, seconds) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
        format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", rest % 1_000)
    }
}

fn split_zone(time: &str) -> (&str, &str) {
    let at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    time.split_at(at)
}

fn zone_seconds(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') if zone.len() <= 1 => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return None,
    };
    let digits: String = zone[1..].split(':').collect();
    if !matches!(digits.len(), 2 | 4 | 6) || !digits.is_ascii() {
        return None;
    }
    let part = |from: usize| digits.get(from..from + 2).map_or(Some(0), |text| number(text, 2));
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    (hours < 16 && minutes < 60 && seconds < 60).then(|| sign * (hours * 3600 + minutes * 60 + seconds))
}

fn clock_micros(clock: &str) -> Option<i64> {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = whole.split(':');
    let (hours, minutes) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let seconds = parts.next().map_or(Some(0), |text| number(text, 2))?;
    let micros = if fraction.is_empty() { 0 } else { micros_of(fraction)? };
    let fits = hours <= 24 && minutes < 60 && seconds <= 60 && parts.next().is_none();
    fits.then_some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
}

/// Up to six digits of a fraction; Postgres never prints more, and what a client writes beyond is cut off.
fn micros_of(fraction: &str) -> Option<i64> {
    if fraction.len() > 18 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded = format!("{:0<6}", &fraction[..fraction.len().min(6)]);
    padded.parse().ok()
}

fn number(text: &str, length: usize) -> Option<i64> {
    let is_plain = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

/// Days since 1970 of a date in the proleptic Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn day_number(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year_text = parts.next()?;
    let year = number(year_text, year_text.len()).filter(|_| (4..=6).contains(&year_text.len()))?;
    let (month, day) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) =
        (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests;
