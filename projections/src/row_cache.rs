//! Rows that are cached in memory while events change them, and written together when the transaction is about to be
//! committed.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, hash_map},
    hash::Hash,
};

use crate::projector::ProjectionError;

/// The rows of one table, or of several that belong together, by their key.
///
/// A row that is changed by a hundred events of a batch is read once at most, and written once.
#[derive(Debug)]
pub(crate) struct RowCache<K, V> {
    rows: HashMap<K, V>,
    added: BTreeSet<K>,
    changed: BTreeSet<K>,
    max: usize,
}

impl<K: Copy + Eq + Hash + Ord + std::fmt::Display, V> RowCache<K, V> {
    /// Keeps at most `max` rows from one transaction to the next.
    pub(crate) fn new(max: usize) -> Self {
        Self { rows: HashMap::new(), added: BTreeSet::new(), changed: BTreeSet::new(), max }
    }

    /// The row, which `read` fetches from the table unless it is in memory; none if the table has none either.
    pub(crate) async fn get_or_read(
        &mut self,
        key: K,
        read: impl Future<Output = Result<Option<V>, sqlx::Error>>,
    ) -> Result<Option<&V>, sqlx::Error> {
        if !self.rows.contains_key(&key)
            && let Some(row) = read.await?
        {
            self.rows.insert(key, row);
        }
        Ok(self.rows.get(&key))
    }

    /// A row that is not in the table yet.
    ///
    /// # Errors
    /// It is in memory already. One that only the table has is found out when the rows are written.
    pub(crate) fn add(&mut self, key: K, row: V) -> Result<(), ProjectionError> {
        match self.rows.entry(key) {
            hash_map::Entry::Occupied(_) => Err(ProjectionError::Contradiction(format!("there is a {key} already"))),
            hash_map::Entry::Vacant(place) => {
                place.insert(row);
                self.added.insert(key);
                Ok(())
            }
        }
    }

    /// The row to be changed, if it is in memory.
    pub(crate) fn change(&mut self, key: K) -> Option<&mut V> {
        let row = self.rows.get_mut(&key)?;
        if !self.added.contains(&key) {
            self.changed.insert(key);
        }
        Some(row)
    }

    /// The rows that the table lacks, in the order of their keys.
    pub(crate) fn added(&self) -> Vec<(K, &V)> {
        self.of(&self.added)
    }

    /// The rows that the table has otherwise, in the order of their keys.
    pub(crate) fn changed(&self) -> Vec<(K, &V)> {
        self.of(&self.changed)
    }

    fn of(&self, keys: &BTreeSet<K>) -> Vec<(K, &V)> {
        keys.iter().filter_map(|key| Some((*key, self.rows.get(key)?))).collect()
    }

    /// Everything is in the table now.
    pub(crate) fn written(&mut self) {
        self.added.clear();
        self.changed.clear();
    }

    /// Ends the transaction: rows beyond the limit are removed from the cache.
    pub(crate) fn committed(&mut self) {
        if self.rows.len() > self.max {
            self.rows.clear();
        }
    }

    /// Forgets everything: some of it may not be in the table.
    pub(crate) fn forget(&mut self) {
        self.written();
        self.rows.clear();
    }
}
