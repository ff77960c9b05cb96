//! Merkle trees over a log's entries. Source: RFC 6962, section 2.1; RFC 9162 has the same hashes.

use crate::digest::Sha256;

/// The hash of the entry `bytes`.
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Sha256 {
    Sha256::of_parts(&[&[0], bytes])
}

/// The hash of a node over two others.
#[must_use]
pub fn node_hash(left: &Sha256, right: &Sha256) -> Sha256 {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The entries and roots of Certificate Transparency's reference implementation.
    const ENTRIES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_are_those_of_the_reference_implementation() {
        let mut tree = Accumulator::default();
        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!((tree.size(), tree.root().to_string().as_str()), (size as u64, *root));
            if let Some(entry) = ENTRIES.get(size) {
                tree.push(leaf_hash(&hex::decode(entry).expect("hexadecimal")));
            }
        }
    }
}
