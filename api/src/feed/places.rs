//! How many requests of replicas may do the same thing at the same time: so many in all, and so many with one token, so that no
//! organisation's replicas keep out another's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::ids::TokenId;

/// Counts who has a place. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Places {
    max: usize,
    per_token_max: usize,
    taken: Arc<Mutex<HashMap<TokenId, usize>>>,
}

/// A place; it is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    of: Places,
    token: TokenId,
}

impl Places {
    /// So many in all, and so many for each token. None is taken yet.
    #[must_use]
    pub fn new(max: usize, per_token_max: usize) -> Self {
        Self { max, per_token_max, taken: Arc::default() }
    }

    /// Takes a place; none if too many are taken, with this token or at all.
    #[must_use]
    pub fn take(&self, token: TokenId) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.get(&token).copied().unwrap_or_default();
        if all >= self.max || own >= self.per_token_max {
            return None;
        }
        taken.insert(token, own + 1);
        Some(Place { of: self.clone(), token })
    }
}

impl Drop for Place {
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
    fn one_token_gets_so_many_places_and_no_more() {
        let places = Places::new(10, 4);
        let mut held: Vec<_> = (0..4).map(|_| places.take(token(1)).expect("a place")).collect();
        assert!(places.take(token(1)).is_none());
        assert!(places.take(token(2)).is_some(), "another's places are its own");
        held.pop();
        assert!(places.take(token(1)).is_some(), "who is done makes place");
    }

    #[test]
    fn all_tokens_get_so_many_places_and_no_more() {
        let places = Places::new(10, 4);
        let held: Vec<_> = (0..10).map(|number| places.take(token(number)).expect("a place")).collect();
        assert!(places.take(token(10)).is_none());
        drop(held);
        assert!(places.take(token(10)).is_some());
        assert!(places.taken.lock().expect("no panic").is_empty(), "nobody is remembered who has no place");
    }
}
