//! Estimates the memory that states take, to bound a cache of them.
//!
//! Only lengths are asked for, so that it costs nothing to weigh a state after each event.

/// What a text of a few words takes outside of the value that holds it: names, versions, tags.
pub(crate) const TEXT_BYTES: usize = 32;

/// What `count` entries of a map take, with `texts` short texts in each. Nodes of a B-tree are two thirds full.
pub(crate) fn of_entries<K, V>(count: usize, texts: usize) -> usize {
    count * ((size_of::<K>() + size_of::<V>()) * 3 / 2 + texts * TEXT_BYTES)
}
