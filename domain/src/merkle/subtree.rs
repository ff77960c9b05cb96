//! Proofs that an entry is in a tree, and that one tree continues another. Source: RFC 6962, sections 2.1.1 and 2.1.2.
//!
//! A proof is a list of subtrees' roots. Which subtrees these are follows from numbers alone; their hashes come from
//! wherever the tree is stored, as nodes over whole powers of two.

use super::{Sha256, node_hash};

/// A node over `1 << level` entries, the `index`-th of its level from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// 0 for a leaf.
    pub level: u32,
    /// From 0.
    pub index: u64,
}

/// The tree over the entries from `start` up to, and without, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    start: u64,
    end: u64,
}

/// The nodes' hashes are not all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Merkle tree lacks node {} of level {}", .0.index, .0.level)]
pub struct MissingNode(pub Node);

impl Subtree {
    /// The whole tree of that size.
    #[must_use]
    pub fn whole(size: u64) -> Self {
        Self { start: 0, end: size }
    }

    /// The nodes over whole powers of two that it consists of, from left to right: at most 64.
    #[must_use]
    pub fn nodes(self) -> Vec<Node> {
        let mut nodes = Vec::new();
        let Self { mut start, end } = self;
        while start < end {
            // The largest that begins here and does not reach beyond the end.
            let level = (end - start).ilog2().min(if start == 0 { 63 } else { start.trailing_zeros() });
            nodes.push(Node { level, index: start >> level });
            start += 1 << level;
        }
        nodes
    }

    /// Its root, of an empty one the hash of nothing.
    ///
    /// # Errors
    /// `hash_of` does not have one of [`Self::nodes`].
    pub fn root(self, hash_of: impl Fn(Node) -> Option<Sha256>) -> Result<Sha256, MissingNode> {
        let nodes = self.nodes().into_iter().map(|node| hash_of(node).ok_or(MissingNode(node)));
        let hashes = nodes.collect::<Result<Vec<_>, _>>()?;
        let mut from_right = hashes.into_iter().rev();
        let Some(last) = from_right.next() else { return Ok(Sha256::of(&[])) };
        Ok(from_right.fold(last, |right, left| node_hash(&left, &right)))
    }
}

/// The largest power of two below `size`, which is at least 2: where a tree parts.
fn parting(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The subtrees whose roots prove that the entry `index` is in the tree of `size` entries, from the leaf up; none if it is
/// not.
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Subtree>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + parting(end - start);
        if index < middle {
            path.push(Subtree { start: middle, end });
            end = middle;
        } else {
            path.push(Subtree { start, end: middle });
            start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The subtrees whose roots prove that the tree of `new` entries continues the one of `old` entries; none if it is smaller.
/// Nothing has to be proved when `old` is 0 or `new`.
#[must_use]
pub fn consistency(old: u64, new: u64) -> Option<Vec<Subtree>> {
    if old > new {
        return None;
    }
    let mut path = Vec::new();
    if old == 0 || old == new {
        return Some(path);
    }
    let (mut start, mut end) = (0, new);
    while old != end {
        let middle = start + parting(end - start);
        if old <= middle {
            path.push(Subtree { start: middle, end });
            end = middle;
        } else {
            path.push(Subtree { start, end: middle });
            start = middle;
        }
    }
    // The old tree itself needs no proof for a verifier that has its root.
    if start != 0 {
        path.push(Subtree { start, end });
    }
    path.reverse();
    Some(path)
}

/// Whether `proof` shows that an entry with hash `leaf` is the `index`-th of the tree of `size` entries with that `root`.
/// Source: RFC 9162, section 2.1.3.2.
#[must_use]
pub fn proves_inclusion(leaf: Sha256, index: u64, size: u64, proof: &[Sha256], root: &Sha256) -> bool {
    if index >= size {
        return false;
    }
    let (mut index, mut last, mut hash) = (index, size - 1, leaf);
    for step in proof {
        if last == 0 {
            return false;
        }
        if index & 1 == 1 || index == last {
            hash = node_hash(step, &hash);
            while index & 1 == 0 && index != 0 {
                (index, last) = (index >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, step);
        }
        (index, last) = (index >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether `proof` shows that the tree of `new` entries continues the one of `old` entries.
/// Source: RFC 9162, section 2.1.4.2.
#[must_use]
pub fn proves_consistency(old: (u64, Sha256), new: (u64, Sha256), proof: &[Sha256]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size || (old_size == new_size || old_size == 0) && !proof.is_empty() {
        return false;
    }
    if old_size == new_size {
        return old_root == new_root;
    }
    if old_size == 0 {
        return old_root == Sha256::of(&[]);
    }
    let mut steps = proof.iter();
    let first = if old_size.is_power_of_two() { Some(&old_root) } else { steps.next() };
    let Some(first) = first else { return false };
    let (mut index, mut last) = (old_size - 1, new_size - 1);
    while index & 1 == 1 {
        (index, last) = (index >> 1, last >> 1);
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if index & 1 == 1 || index == last {
            old_hash = node_hash(step, &old_hash);
            new_hash = node_hash(step, &new_hash);
            while index & 1 == 0 && index != 0 {
                (index, last) = (index >> 1, last >> 1);
            }
        } else {
            new_hash = node_hash(&new_hash, step);
        }
        (index, last) = (index >> 1, last >> 1);
    }
    last == 0 && old_hash == old_root && new_hash == new_root
}
