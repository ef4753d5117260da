//! Sets and maps without a sort.

/// Collects into a set or a map, one by one. `collect` sorts first, and a sort is some 7 KiB of Wasm for each type of
/// element; where there are few of them, or they come in order, it gains nothing.
pub fn gathered<T, C: Default + Extend<T>>(items: impl IntoIterator<Item = T>) -> C {
    let mut all = C::default();
    all.extend(items);
    all
}
