use proptest::prelude::*;

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

/// A tree that is stored in tiles, as the product stores it.
struct StoredTree {
    leaves: Vec<Sha256>,
}

impl StoredTree {
    fn of(size: usize) -> Self {
        Self { leaves: (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect() }
    }

    fn hash_of(&self, node: Node) -> Option<Sha256> {
        let Tile { level, index } = Tile::of(node);
        let entries = 1_usize << (8 * level);
        let from = index as usize * 256 * entries;
        let hashes: Vec<Sha256> = self.leaves.get(from..)?.chunks_exact(entries).take(256).map(root).collect();
        hash_in_tile(node, &hashes)
    }

    fn roots(&self, subtrees: Vec<Subtree>) -> Vec<Sha256> {
        subtrees.into_iter().map(|subtree| subtree.root(|node| self.hash_of(node)).expect("it is there")).collect()
    }
}

fn root(leaves: &[Sha256]) -> Sha256 {
    let mut tree = Accumulator::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree.root()
}

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

/// Source: RFC 6962, section 2.1.3, whose example tree has seven entries.
#[test]
fn paths_are_those_of_the_standards_example() {
    let nodes = |path: Option<Vec<Subtree>>| {
        let spans = path.expect("a path").into_iter().map(Subtree::nodes);
        spans.map(|nodes| nodes.iter().map(|node| (node.level, node.index)).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    assert_eq!(nodes(inclusion(0, 7)), [vec![(0, 1)], vec![(1, 1)], vec![(1, 2), (0, 6)]]);
    assert_eq!(nodes(inclusion(6, 7)), [vec![(1, 2)], vec![(2, 0)]]);
    assert_eq!(nodes(consistency(3, 7)), [vec![(0, 2)], vec![(0, 3)], vec![(1, 0)], vec![(1, 2), (0, 6)]]);
    assert_eq!(nodes(consistency(4, 7)), [vec![(1, 2), (0, 6)]]);
    assert_eq!(nodes(consistency(6, 7)), [vec![(1, 2)], vec![(0, 6)], vec![(2, 0)]]);
    assert_eq!(consistency(7, 6), None);
    assert_eq!(inclusion(7, 7), None);
}

#[test]
fn every_proof_of_every_small_tree_proves_what_it_should_and_nothing_else() {
    let tree = StoredTree::of(70);
    for size in 1..=70_u64 {
        let whole = root(&tree.leaves[..size as usize]);
        assert_eq!(Subtree::whole(size).root(|node| tree.hash_of(node)), Ok(whole));
        for index in 0..size {
            let proof = tree.roots(inclusion(index, size).expect("it is there"));
            let leaf = tree.leaves[index as usize];
            assert!(proves_inclusion(leaf, index, size, &proof, &whole), "{index} of {size}");
            assert!(!proves_inclusion(leaf, index + 1, size, &proof, &whole), "{index} of {size}");
            assert!(!proves_inclusion(whole, index, size, &proof, &leaf) || size == 1, "{index} of {size}");
        }
        for old in 0..=size {
            let before = (old, root(&tree.leaves[..old as usize]));
            let proof = tree.roots(consistency(old, size).expect("it continues"));
            assert!(proves_consistency(before, (size, whole), &proof), "{old} to {size}");
            assert!(!proves_consistency((old, leaf_hash(b"another")), (size, whole), &proof), "{old} to {size}");
            let one_more: Vec<_> = proof.iter().copied().chain([whole]).collect();
            assert!(!proves_consistency(before, (size, whole), &one_more), "{old} to {size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2))]
    #[test]
    fn proofs_that_span_tiles_hold(sizes in proptest::array::uniform2(1_u64..70_000), entry in any::<prop::sample::Index>()) {
        let tree = StoredTree::of(70_000);
        let (old, size) = (sizes[0].min(sizes[1]), sizes[0].max(sizes[1]));
        let root_of = |size: u64| root(&tree.leaves[..size as usize]);
        let index = entry.index(size as usize) as u64;
        let proof = tree.roots(inclusion(index, size).expect("it is there"));
        prop_assert!(proves_inclusion(tree.leaves[index as usize], index, size, &proof, &root_of(size)));
        let proof = tree.roots(consistency(old, size).expect("it continues"));
        prop_assert!(proves_consistency((old, root_of(old)), (size, root_of(size)), &proof));
    }
}

#[test]
fn a_tree_goes_on_from_its_size_and_its_full_subtrees() {
    let mut whole = Accumulator::default();
    for n in 0_u64..300 {
        let mut resumed = Accumulator::of_parts(whole.size(), whole.full().to_vec()).expect("the parts of a tree");
        let leaf = leaf_hash(&n.to_be_bytes());
        resumed.push(leaf);
        whole.push(leaf);
        assert_eq!(resumed.root(), whole.root());
    }
    assert_eq!(Accumulator::of_parts(3, whole.full()[..1].to_vec()), None);
}
