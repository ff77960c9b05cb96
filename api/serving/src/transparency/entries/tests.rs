use super::*;

#[test]
fn as_much_is_read_at_once_as_is_mostly_wanted() {
    let span = |positions: &[u64]| span(&positions.iter().copied().map(Position).collect::<Vec<_>>());
    assert_eq!(span(&[]), 0);
    assert_eq!(span(&[7]), 1);
    assert_eq!(span(&[7, 8, 9]), 3);
    assert_eq!(span(&[7, 10]), 4, "half of them are another's");
    assert_eq!(span(&[7, 11]), 1, "more than half of them are another's");
    assert_eq!(span(&[7, 8, 900_000]), 2, "positions may have gaps");
    assert_eq!(span(&(1..=100_000).collect::<Vec<_>>()), PAGE_EVENTS_MAX);
}
