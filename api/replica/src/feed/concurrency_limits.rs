//! Limits concurrent requests of replicas, in total and for each token, so that the replicas of one organisation cannot lock out those
//! of another.

#[cfg(test)]
mod tests;

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
