//! Limits concurrent requests of replicas, in total and for each token, so that the replicas of one organisation cannot lock out those
//! of another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::ids::TokenId;

/// Counts requests by token. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimits {
    max: usize,
    per_token_max: usize,
    taken: Arc<Mutex<HashMap<TokenId, usize>>>,
}

/// A permit for one request, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    of: ConcurrencyLimits,
    token: TokenId,
}

impl ConcurrencyLimits {
    /// Allows at most `max` requests in total, and `per_token_max` with each token.
    #[must_use]
    pub fn new(max: usize, per_token_max: usize) -> Self {
        Self { max, per_token_max, taken: Arc::default() }
    }

    /// Takes a permit for a request with `token`. `None` if there are too many requests, with this token or in total.
    #[must_use]
    pub fn take(&self, token: TokenId) -> Option<Permit> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.get(&token).copied().unwrap_or_default();
        if all >= self.max || own >= self.per_token_max {
            return None;
        }
        taken.insert(token, own + 1);
        Some(Permit { of: self.clone(), token })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.token) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.token)),
        }
    }
}

#[cfg(test)]
mod tests {
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
}
