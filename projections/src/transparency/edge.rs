//! The right edge of a tree: what is needed to add entries, and the tiles that adding them changes.

use std::collections::BTreeMap;

use domain::{
    digest::Sha256,
    merkle::{Accumulator, TILE_HASHES_MAX, Tile},
    recorded::Position,
};

/// A tree that grows.
#[derive(Debug, Clone, Default)]
pub(super) struct Edge {
    tree: Accumulator,
    /// The last tile of each level, never full: a full one begins the next.
    last: Vec<Vec<Sha256>>,
    /// Of the entries in the last tile of level 0.
    positions: Vec<Position>,
}

/// A tile to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) hashes: Vec<Sha256>,
    /// Of the entries, for level 0.
    pub(super) positions: Vec<Position>,
}

impl Edge {
    /// The tree whose last tiles these are, from level 0 up, full ones left out.
    pub(super) fn load(last: Vec<Vec<Sha256>>, positions: Vec<Position>) -> Self {
        Self { tree: Accumulator::of_edge(&last), last, positions }
    }

    pub(super) fn size(&self) -> u64 {
        self.tree.size()
    }

    pub(super) fn root(&self) -> Sha256 {
        self.tree.root()
    }

    /// Adds an entry. Tiles that it fills go to `written`.
    pub(super) fn push(&mut self, leaf: Sha256, position: Position, written: &mut BTreeMap<Tile, Written>) {
        let mut index = self.tree.size();
        self.tree.push(leaf);
        self.positions.push(position);
        let mut hash = leaf;
        for level in 0.. {
            if self.last.len() <= level {
                self.last.push(Vec::new());
            }
            let last = &mut self.last[level];
            last.push(hash);
            if (last.len() as u64) < TILE_HASHES_MAX {
                return;
            }
            let hashes = std::mem::take(last);
            hash = root(&hashes);
            let positions = if level == 0 { std::mem::take(&mut self.positions) } else { vec![] };
            index /= TILE_HASHES_MAX;
            written.insert(Tile { level: level_number(level), index }, Written { hashes, positions });
        }
    }

    /// The tiles at the end, as far as they are begun.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = (Tile, Written)> {
        let begun = self.last.iter().enumerate().filter(|(_, hashes)| !hashes.is_empty());
        begun.map(|(level, hashes)| {
            let index = self.size() >> (8 * (level + 1));
            let positions = if level == 0 { self.positions.clone() } else { vec![] };
            (Tile { level: level_number(level), index }, Written { hashes: hashes.clone(), positions })
        })
    }
}

fn level_number(level: usize) -> u32 {
    u32::try_from(level).unwrap_or(u32::MAX)
}

fn root(hashes: &[Sha256]) -> Sha256 {
    let mut tree = Accumulator::default();
    for hash in hashes {
        tree.push(*hash);
    }
    tree.root()
}
