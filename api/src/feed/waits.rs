//! How many replicas may wait for something new at the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::ids::TokenId;

/// Most requests that wait, of all replicas: each holds a connection.
pub const WAITING_MAX: usize = 500;
/// Most requests that wait with one token: a replica needs one, and one more when it starts anew.
pub const WAITING_PER_TOKEN_MAX: usize = 4;

/// Counts who waits. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<Mutex<HashMap<TokenId, usize>>>);

/// A place among those who wait; it is free again when this is dropped.
#[derive(Debug)]
pub struct Waiting {
    waits: Waits,
    token: TokenId,
}

impl Waits {
    /// Takes a place; none if too many wait, with this token or at all.
    #[must_use]
    pub fn take(&self, token: TokenId) -> Option<Waiting> {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = waits.values().sum();
        let own = waits.get(&token).copied().unwrap_or_default();
        if all >= WAITING_MAX || own >= WAITING_PER_TOKEN_MAX {
            return None;
        }
        waits.insert(token, own + 1);
        Some(Waiting { waits: self.clone(), token })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waits = self.waits.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waits.get_mut(&self.token) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(waits.remove(&self.token)),
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
    fn so_many_wait_with_one_token_and_no_more() {
        let waits = Waits::default();
        let mut held: Vec<_> = (0..WAITING_PER_TOKEN_MAX).map(|_| waits.take(token(1)).expect("a place")).collect();
        assert!(waits.take(token(1)).is_none());
        assert!(waits.take(token(2)).is_some(), "another's places are its own");
        held.pop();
        assert!(waits.take(token(1)).is_some(), "who has waited makes place");
    }

    #[test]
    fn so_many_wait_at_all_and_no_more() {
        let waits = Waits::default();
        let held: Vec<_> = (0..WAITING_MAX).map(|number| waits.take(token(number)).expect("a place")).collect();
        assert!(waits.take(token(WAITING_MAX)).is_none());
        drop(held);
        assert!(waits.take(token(WAITING_MAX)).is_some());
        assert!(waits.0.lock().expect("no panic").is_empty(), "nobody is remembered who does not wait");
    }
}
