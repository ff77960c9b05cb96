//! Merkle trees over a log's entries. Source: RFC 6962, section 2.1; RFC 9162 has the same hashes.

mod subtree;
#[cfg(test)]
mod tests;
mod tile;

pub use self::{
    subtree::{MissingNode, Node, Subtree, consistency, inclusion, proves_consistency, proves_inclusion},
    tile::{InvalidTilePath, TILE_HASHES_MAX, Tile, TilePath, hash_in_tile},
};
use crate::digest::Sha256;

/// The hash of the entry `bytes`.
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Sha256 {
    Sha256::of_parts(&[&[0], bytes])
}

/// The hash of a node over two others.
#[must_use]
pub(crate) fn node_hash(left: &Sha256, right: &Sha256) -> Sha256 {
    Sha256::of_parts(&[&[1], &left.0, &right.0])
}

/// A tree that only grows, in as much memory as it has levels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accumulator {
    size: u64,
    /// The roots of the largest full subtrees from left to right: one for each bit of `size`.
    full: Vec<Sha256>,
}

impl Accumulator {
    /// Adds an entry by its leaf hash.
    pub fn push(&mut self, leaf: Sha256) {
        let mut root = leaf;
        for _ in 0..self.size.trailing_ones() {
            // As many full subtrees end here as there are ones: each bit of `size` has its root.
            if let Some(left) = self.full.pop() {
                root = node_hash(&left, &root);
            }
        }
        self.full.push(root);
        self.size += 1;
    }

    /// The tree whose right edge consists of these tiles, from level 0 up, each of them less than full: what a tree
    /// that is stored in tiles needs to continue.
    #[must_use]
    pub fn of_edge(last_tiles: &[Vec<Sha256>]) -> Self {
        let mut whole = Self::default();
        for (level, hashes) in last_tiles.iter().enumerate().rev() {
            let mut tile = Self::default();
            hashes.iter().for_each(|hash| tile.push(*hash));
            whole.size += tile.size << (8 * level);
            whole.full.extend(tile.full);
        }
        whole
    }

    /// The tree of `size` entries whose largest full subtrees have these roots, from left to right; none if there
    /// cannot be so many of them.
    #[must_use]
    pub fn of_parts(size: u64, full: Vec<Sha256>) -> Option<Self> {
        (full.len() == size.count_ones() as usize).then_some(Self { size, full })
    }

    /// The roots of the largest full subtrees, from left to right: together with the size, all that is needed to append
    /// to the tree.
    #[must_use]
    pub fn full(&self) -> &[Sha256] {
        &self.full
    }

    /// How many entries it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root; of an empty tree, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Sha256 {
        let mut from_right = self.full.iter().rev();
        let Some(last) = from_right.next() else { return Sha256::of(&[]) };
        from_right.fold(*last, |right, left| node_hash(left, &right))
    }
}
