//! When each replica was last seen and what it had: for people who want to know whether a roll has reached it.
//!
//! In memory: after a restart of the server, a replica is seen again within a minute.

use chrono::{DateTime, Utc};
use domain::ids::TokenId;
use moka::sync::Cache;

/// How many feed tokens are remembered. Who is forgotten is seen again.
const SIGHTS_MAX: u64 = 10_000;

/// A replica, as it was last seen. Two with one token are seen as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// When.
    pub at: DateTime<Utc>,
    /// How many entries of the log it had.
    pub entries: u64,
}

/// Remembers replicas by their feed tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sights(Cache<TokenId, Sight>);

impl Default for Sights {
    fn default() -> Self {
        Self(Cache::new(SIGHTS_MAX))
    }
}

impl Sights {
    /// The replica that holds `token`.
    #[must_use]
    pub fn of(&self, token: TokenId) -> Option<Sight> {
        self.0.get(&token)
    }

    pub(super) fn note(&self, token: TokenId, sight: Sight) {
        self.0.insert(token, sight);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn so_many_replicas_are_remembered_and_no_more() {
        let sights = Sights::default();
        let sight = Sight { at: DateTime::UNIX_EPOCH, entries: 7 };
        for number in 0..SIGHTS_MAX * 2 {
            sights.note(TokenId(Uuid::from_u128(number.into())), sight);
        }
        sights.0.run_pending_tasks();
        assert_eq!(sights.0.entry_count(), SIGHTS_MAX);
    }
}
