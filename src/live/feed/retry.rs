//! How long to wait before another try.

/// The first wait at most, and all waits at most; milliseconds.
const FIRST_MS: u64 = 250;
const LONGEST_MS: u64 = 30_000;

/// The wait before try `failures + 1`: doubling, the upper half of it left to chance so that many do not come at once.
pub(in crate::live) fn delay_ms(failures: u32, random: u64) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    let longest = FIRST_MS.saturating_mul(1 << doublings).min(LONGEST_MS);
    let half = longest / 2;
    half + random % (longest - half + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let longest = |failures| (0..20_000).map(|random| delay_ms(failures, random)).max();
        assert_eq!(longest(1), Some(250));
        assert_eq!(longest(2), Some(500));
        assert_eq!(longest(3), Some(1_000));
        assert!((0..100_000).all(|random| (15_000..=30_000).contains(&delay_ms(60, random))));
    }
}
