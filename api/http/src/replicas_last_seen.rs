//! When each replica was last seen, and how many entries it had: shows whether a key roll has reached it.
//!
//! In memory: after a restart of the server, a replica is seen again within a minute.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::ids::TokenId;
use moka::sync::Cache;

/// How many feed tokens are remembered. A forgotten one is added again at its next request.
const REPLICAS_MAX: u64 = 10_000;

/// The last request of a replica. Two replicas with the same token count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSeen {
    /// The time.
    pub at: DateTime<Utc>,
    /// The number of entries that it had.
    pub entries: u64,
}

/// Remembers replicas by their feed tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ReplicasLastSeen(Cache<TokenId, LastSeen>);

impl Default for ReplicasLastSeen {
    fn default() -> Self {
        Self(Cache::new(REPLICAS_MAX))
    }
}

impl ReplicasLastSeen {
    /// The replica that holds `token`.
    #[must_use]
    pub fn of(&self, token: TokenId) -> Option<LastSeen> {
        self.0.get(&token)
    }

    /// Records a request of the replica that holds `token`.
    pub fn note(&self, token: TokenId, last_seen: LastSeen) {
        self.0.insert(token, last_seen);
    }
}
