//! The Merkle tree of RFC 6962, written from its definition: proofs are checked by computing both roots that they lead to.

#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};

/// A node's hash.
pub(crate) type Hash = [u8; 32];

/// The hash of an entry.
pub(crate) fn leaf(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

pub(crate) fn node(left: Hash, right: Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The largest power of two below `n`, which is at least 2. RFC 6962 calls it k.
fn split(n: u64) -> u64 {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// The root that a path leads to from the `index`-th of `size` entries. Section 2.1.1, read from the leaf's side.
fn root_from(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if size == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (last, below) = path.split_last()?;
    let k = split(size);
    if index < k {
        Some(node(root_from(leaf, index, k, below)?, *last))
    } else {
        Some(node(*last, root_from(leaf, index - k, size - k, below)?))
    }
}

/// Whether `path` shows that `leaf` is the `index`-th of the `size` entries under `root`.
pub(crate) fn is_included(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> bool {
    index < size && root_from(leaf, index, size, path) == Some(root)
}

/// The roots of the first `old` of `new` entries, and of all of them. Section 2.1.2, SUBPROOF; `old_root` stands for the old tree
/// where the proof leaves it out.
fn roots_from(old: u64, new: u64, path: &[Hash], old_root: Option<Hash>) -> Option<(Hash, Hash)> {
    if old == new {
        let root = match (old_root, path) {
            (Some(root), []) => root,
            (None, [root]) => *root,
            _ => return None,
        };
        return Some((root, root));
    }
    let (last, below) = path.split_last()?;
    let k = split(new);
    if old <= k {
        let (before, after) = roots_from(old, k, below, old_root)?;
        Some((before, node(after, *last)))
    } else {
        let (before, after) = roots_from(old - k, new - k, below, None)?;
        Some((node(*last, before), node(*last, after)))
    }
}

/// What a path shows of two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Growth {
    /// The newer one begins with the older one.
    Continued,
    /// The newer one begins with another tree of the older one's size.
    Forked,
    /// Nothing: it does not lead to the newer root.
    Unproven,
}

/// What `path` shows of the newer tree, its size and root, and the older one, which is not larger.
pub(crate) fn growth(older: (u64, Hash), newer: (u64, Hash), path: &[Hash]) -> Growth {
    if older.0 == newer.0 && older.1 != newer.1 {
        return Growth::Forked;
    }
    let roots = match older.0 {
        0 => path.is_empty().then_some((older.1, newer.1)),
        _ => roots_from(older.0, newer.0, path, Some(older.1)),
    };
    match roots {
        Some((before, after)) if after == newer.1 && before == older.1 => Growth::Continued,
        Some((_, after)) if after == newer.1 => Growth::Forked,
        _ => Growth::Unproven,
    }
}

/// A tree that entries are added to.
#[derive(Default)]
pub(crate) struct Growing {
    /// Roots of full subtrees and how many entries each has, the largest first.
    full: Vec<(u64, Hash)>,
}

impl Growing {
    pub(crate) fn add(&mut self, leaf: Hash) {
        let (mut entries, mut root) = (1, leaf);
        while let Some((before, left)) = self.full.pop_if(|(before, _)| *before == entries) {
            (entries, root) = (entries + before, node(left, root));
        }
        self.full.push((entries, root));
    }

    pub(crate) fn size(&self) -> u64 {
        self.full.iter().map(|(entries, _)| entries).sum()
    }

    pub(crate) fn root(&self) -> Hash {
        let mut from_right = self.full.iter().rev().map(|(_, root)| *root);
        match from_right.next() {
            None => Sha256::digest([]).into(),
            Some(last) => from_right.fold(last, |right, left| node(left, right)),
        }
    }
}
