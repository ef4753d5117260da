//! What waits for JavaScript to come back, each under a number of its own.
//!
//! JavaScript holds the number alone: an object of its own for each request, which would tell when nobody holds it any more, costs
//! as much as the reading of the request. So whatever a client that went away has left here is found by its age.

/// How long something waits at most, in milliseconds: the longest wait is for the body of a slow client.
const LONGEST_MS: u64 = 15 * 60_000;
/// How many may wait before the patience is shorter.
const CROWD: usize = 1024;
/// How long something waits then: longer than any upstream is given.
const LONGEST_IN_CROWD_MS: u64 = 60_000;
/// How often it is looked for what waits too long.
const SWEEP_MS: u64 = 30_000;

/// How many bits of a number say where its thing waits; the others tell it from those that waited there before.
const PLACE_BITS: u32 = 20;

/// Things that go on and wait by turns, from beginning to end under one number.
#[derive(Debug)]
pub struct Turns<T> {
    count: u64,
    swept_at: u64,
    places: Vec<Place<T>>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Place<T> {
    /// Whose it is; 0 when it is free.
    number: u64,
    since_ms: u64,
    waiting: Option<T>,
}

impl<T> Turns<T> {
    /// There is none. `seed` is random: a number of another program's must not be one of ours.
    pub const fn new(seed: u64) -> Self {
        // Numbers in JavaScript are whole up to 2^53; this leaves room to count some thousand million more.
        Self { count: seed >> 32, swept_at: 0, places: Vec::new(), free: Vec::new() }
    }

    /// The number of one that begins now.
    pub fn begin(&mut self, now_ms: u64) -> u64 {
        self.count += 1;
        let at = self.free.pop().unwrap_or(self.places.len());
        let number = ((self.count << PLACE_BITS) % (1 << 53)) | at as u64;
        let place = Place { number, since_ms: now_ms, waiting: None };
        match self.places.get_mut(at) {
            Some(free) => *free = place,
            None => self.places.push(place),
        }
        number
    }

    /// It waits.
    pub fn wait(&mut self, number: u64, what: T) {
        if let Some(place) = self.place(number) {
            place.waiting = Some(what);
        }
    }

    /// It goes on.
    pub fn go_on(&mut self, number: u64) -> Option<T> {
        self.place(number)?.waiting.take()
    }

    /// It has come to its end.
    pub fn end(&mut self, number: u64) {
        if let Some(place) = self.place(number) {
            place.number = 0;
            self.free.push(at(number));
        }
    }

    fn place(&mut self, number: u64) -> Option<&mut Place<T>> {
        self.places.get_mut(at(number)).filter(|place| place.number == number)
    }

    /// Gives up what waits too long, if it was not looked for a moment ago.
    pub fn sweep(&mut self, now_ms: u64) -> Vec<T> {
        if now_ms < self.swept_at + SWEEP_MS {
            return Vec::new();
        }
        self.swept_at = now_ms;
        let is_crowd = self.places.len() - self.free.len() > CROWD;
        let longest = if is_crowd { LONGEST_IN_CROWD_MS } else { LONGEST_MS };
        let mut given_up = Vec::new();
        for (at, place) in self.places.iter_mut().enumerate() {
            if place.number != 0 && place.since_ms + longest <= now_ms {
                place.number = 0;
                self.free.push(at);
                given_up.extend(place.waiting.take());
            }
        }
        given_up
    }
}

/// Where the thing of a number has its place.
#[allow(clippy::cast_possible_truncation, reason = "so few bits fit an address of Wasm")]
const fn at(number: u64) -> usize {
    (number % (1 << PLACE_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_goes_on_under_its_own_number_until_it_ends(seed: u64, ends in proptest::collection::vec(any::<proptest::sample::Index>(), 0..200)) {
            let mut turns = Turns::new(seed);
            let (mut waiting, mut ended) = (Vec::new(), Vec::new());
            for (what, index) in ends.iter().enumerate() {
                let number = turns.begin(5);
                prop_assert!(number < 1 << 53);
                turns.wait(number, what);
                waiting.push((number, what));
                for (number, what) in &waiting {
                    prop_assert_eq!(turns.go_on(*number), Some(*what));
                    prop_assert_eq!(turns.go_on(*number), None);
                    turns.wait(*number, *what);
                }
                // Some more come than go, in any order.
                if what % 3 > 0 {
                    let (number, what) = waiting.swap_remove(index.index(waiting.len()));
                    prop_assert_eq!(turns.go_on(number), Some(what));
                    turns.end(number);
                    ended.push(number);
                }
                for number in &ended {
                    turns.wait(*number, what);
                    prop_assert_eq!(turns.go_on(*number), None);
                }
            }
        }
    }

    fn waiting(turns: &mut Turns<&'static str>, now_ms: u64, what: &'static str) -> u64 {
        let number = turns.begin(now_ms);
        turns.wait(number, what);
        number
    }

    #[test]
    fn what_nobody_comes_back_for_is_given_up() {
        let mut turns = Turns::new(u64::MAX);
        let left = waiting(&mut turns, 1_000_000, "left");
        let slow = waiting(&mut turns, 1_000_001, "slow");
        assert!(turns.sweep(1_000_000 + LONGEST_MS - SWEEP_MS).is_empty());
        assert_eq!(turns.sweep(1_000_000 + LONGEST_MS), ["left"]);
        assert!(turns.sweep(1_000_000 + LONGEST_MS + SWEEP_MS - 1).is_empty(), "not at every request");
        let next = waiting(&mut turns, 1_000_002, "next");
        assert_eq!(turns.go_on(left), None, "another waits in its place");
        assert_eq!((turns.go_on(slow), turns.go_on(next)), (Some("slow"), Some("next")));
    }

    #[test]
    fn in_a_crowd_patience_is_shorter() {
        let mut turns = Turns::new(7);
        for _ in 0..=CROWD {
            waiting(&mut turns, 1_000_000, "left");
        }
        assert_eq!(turns.sweep(1_000_000 + LONGEST_IN_CROWD_MS).len(), CROWD + 1);
    }
}
