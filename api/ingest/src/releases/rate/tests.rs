use super::*;

#[test]
fn a_caller_may_ask_so_often_at_once_and_then_waits_alone() {
    let (rates, one, other) = (RequestRates::new(), Uuid::from_u128(1), Uuid::from_u128(2));
    for _ in 0..REQUESTS_AT_ONCE_MAX.get() {
        assert_eq!(rates.count(one), Ok(()));
    }
    assert!(matches!(rates.count(one), Err(1..=60)));
    assert_eq!(rates.count(other), Ok(()));
}
