use uuid::Uuid;

use super::*;

fn token(number: usize) -> TokenId {
    TokenId(Uuid::from_u128(number as u128))
}

#[test]
fn one_token_gets_so_many_permits_and_no_more() {
    let limits = ConcurrencyLimits::new(10, 4);
    let mut held: Vec<_> = (0..4).map(|_| limits.take(token(1)).expect("a permit")).collect();
    assert!(limits.take(token(1)).is_none());
    assert!(limits.take(token(2)).is_some(), "the limit of another token is its own");
    held.pop();
    assert!(limits.take(token(1)).is_some(), "a request that has ended makes room");
}

#[test]
fn all_tokens_get_so_many_permits_and_no_more() {
    let limits = ConcurrencyLimits::new(10, 4);
    let held: Vec<_> = (0..10).map(|number| limits.take(token(number)).expect("a permit")).collect();
    assert!(limits.take(token(10)).is_none());
    drop(held);
    assert!(limits.take(token(10)).is_some());
    assert!(limits.taken.lock().expect("no panic").is_empty(), "tokens without requests are forgotten");
}
