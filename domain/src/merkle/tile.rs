//! Tiles: the tree in pieces of 256 hashes, which never change once they are full. Source: C2SP tlog-tiles.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use super::{Accumulator, Sha256, subtree::Node};

/// A tile's height: how many levels of the tree it covers.
const HEIGHT: u32 = 8;
/// Most hashes in a tile.
pub const TILE_HASHES_MAX: u64 = 1 << HEIGHT;

/// A tile: the hashes of the tree's level `8 * level`, from `index * 256` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// 0 for a tile of leaves; at most 7.
    pub level: u32,
    /// From 0.
    pub index: u64,
}

impl Tile {
    /// The tile that a node's hash is in, or follows from.
    #[must_use]
    pub fn of(node: Node) -> Self {
        let level = node.level / HEIGHT;
        // The first of the tile's own hashes that are below the node.
        let first = node.index << (node.level % HEIGHT);
        Self { level, index: first / TILE_HASHES_MAX }
    }
}

/// The hash of `node`, from the `hashes` of its tile; none if they are too few.
#[must_use]
pub fn hash_in_tile(node: Node, hashes: &[Sha256]) -> Option<Sha256> {
    let below = node.level % HEIGHT;
    let first = usize::try_from((node.index << below) % TILE_HASHES_MAX).ok()?;
    let mut tree = Accumulator::default();
    for hash in hashes.get(first..first + (1 << below))? {
        tree.push(*hash);
    }
    Some(tree.root())
}

/// A tile, or the entries below a tile of leaves, as a client asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TilePath {
    /// None for the entries themselves.
    pub level: Option<u32>,
    /// Which of its level.
    pub index: u64,
    /// How many of its 256 hashes or entries.
    pub width: u64,
}

/// The text is not the path of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the path of a tile of a transparency log: expected <level>/<index>[.p/<width>] or entries/<index>[.p/<width>], the index in groups of three digits as in x001/234"
)]
pub struct InvalidTilePath;

impl FromStr for TilePath {
    type Err = InvalidTilePath;

    /// Only the one way of writing it is read: `0/x001/234.p/17`.
    fn from_str(text: &str) -> Result<Self, InvalidTilePath> {
        let (level, rest) = text.split_once('/').ok_or(InvalidTilePath)?;
        let (index, width) = rest.split_once(".p/").map_or((rest, None), |(index, width)| (index, Some(width)));
        let level = if level == "entries" { None } else { Some(level.parse().map_err(|_| InvalidTilePath)?) };
        let digits: String = index.split('/').map(|group| group.trim_start_matches('x')).collect();
        let path = Self {
            level,
            index: digits.parse().map_err(|_| InvalidTilePath)?,
            width: width.map_or(Ok(TILE_HASHES_MAX), str::parse).map_err(|_| InvalidTilePath)?,
        };
        let is_sound = path.level.is_none_or(|level| level < u64::BITS / HEIGHT)
            && (1..=TILE_HASHES_MAX).contains(&path.width)
            && path.to_string() == text;
        if is_sound { Ok(path) } else { Err(InvalidTilePath) }
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "{level}/")?,
            None => f.write_str("entries/")?,
        }
        let digits = self.index.to_string();
        let groups = digits.len().div_ceil(3);
        let digits = format!("{:0>width$}", digits, width = 3 * groups);
        for group in 0..groups {
            let is_last = group + 1 == groups;
            let separator = if is_last { "" } else { "/" };
            let mark = if is_last { "" } else { "x" };
            write!(f, "{mark}{}{separator}", &digits[3 * group..3 * group + 3])?;
        }
        if self.width < TILE_HASHES_MAX { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}
