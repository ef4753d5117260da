//! Sets, maps and order for little Wasm: a sort is some 7 KiB of it for each type of element.

use std::cmp::Ordering;

/// Collects into a set or a map, one by one. `collect` sorts first; where there are few elements, or they come in order,
/// that gains nothing.
pub fn gathered<T, C: Default + Extend<T>>(items: impl IntoIterator<Item = T>) -> C {
    let mut all = C::default();
    all.extend(items);
    all
}

/// Sorts, equals as they stood. For lists that are short: what is sorted is their places, by one sort for all types.
pub fn order<T>(items: &mut Vec<T>, mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut places: Vec<usize> = (0..items.len()).collect();
    arrange(&mut places, &mut |a, b| compare(&items[a], &items[b]));
    let mut old: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(places.into_iter().filter_map(|at| old[at].take()));
}

fn arrange(places: &mut [usize], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    places.sort_by(|a, b| compare(*a, *b));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_a_stable_sort() {
        let mut found: Vec<(u32, String)> = (0..200).map(|n| (n * 7919 % 13, n.to_string())).collect();
        let mut wanted = found.clone();
        wanted.sort_by_key(|(key, _)| *key);
        order(&mut found, |a, b| a.0.cmp(&b.0));
        assert_eq!(found, wanted);
    }
}
