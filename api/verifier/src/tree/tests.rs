use super::*;

/// MTH and PROOF as RFC 6962 defines them.
fn mth(entries: &[Hash]) -> Hash {
    match entries {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        _ => {
            let (left, right) = entries.split_at(split(entries.len() as u64) as usize);
            node(mth(left), mth(right))
        }
    }
}

fn path(index: usize, entries: &[Hash]) -> Vec<Hash> {
    if entries.len() == 1 {
        return vec![];
    }
    let k = split(entries.len() as u64) as usize;
    let (left, right) = entries.split_at(k);
    let (mut below, other) =
        if index < k { (path(index, left), mth(right)) } else { (path(index - k, right), mth(left)) };
    below.push(other);
    below
}

fn proof(old: usize, entries: &[Hash], is_whole: bool) -> Vec<Hash> {
    if old == entries.len() {
        return if is_whole { vec![] } else { vec![mth(entries)] };
    }
    let k = split(entries.len() as u64) as usize;
    let (left, right) = entries.split_at(k);
    let (mut below, other) =
        if old <= k { (proof(old, left, is_whole), mth(right)) } else { (proof(old - k, right, false), mth(left)) };
    below.push(other);
    below
}

#[test]
fn the_standards_own_proofs_are_accepted_and_no_other() {
    let entries: Vec<Hash> = (0_u8..40).map(|n| leaf(&[n])).collect();
    let mut growing = Growing::default();
    for size in 1..=entries.len() {
        let now = &entries[..size];
        growing.add(now[size - 1]);
        assert_eq!((growing.size(), growing.root()), (size as u64, mth(now)));
        for index in 0..size {
            let path = path(index, now);
            assert!(is_included(now[index], index as u64, size as u64, &path, mth(now)));
            assert!(!is_included(leaf(b"other"), index as u64, size as u64, &path, mth(now)));
            assert!(!is_included(now[index], index as u64 + 1, size as u64, &path, mth(now)));
        }
        for old in 1..=size {
            let before = (old as u64, mth(&entries[..old]));
            let path = proof(old, now, true);
            let (after, other) = ((size as u64, mth(now)), leaf(b"other"));
            assert_eq!(growth(before, after, &path), Growth::Continued);
            // A proof leaves a full subtree's root out: another one leads to another newer root.
            let is_left_out = old.is_power_of_two() && old != size;
            let expected = if is_left_out { Growth::Unproven } else { Growth::Forked };
            assert_eq!(growth((old as u64, other), after, &path), expected);
            let expected = if old == size { Growth::Forked } else { Growth::Unproven };
            assert_eq!(growth(before, (size as u64, other), &path), expected);
        }
    }
}
