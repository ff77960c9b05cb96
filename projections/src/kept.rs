//! Rows that are kept in memory while events change them, and written together when the transaction is about to be committed.

use std::{
    collections::{BTreeSet, HashMap, hash_map},
    hash::Hash,
};

use crate::projector::ProjectionError;

/// The rows of one table, or of several that belong together, by their key.
///
/// A row that is changed by a hundred events of a batch is read once at most, and written once.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    rows: HashMap<K, V>,
    added: BTreeSet<K>,
    changed: BTreeSet<K>,
    max: usize,
}

impl<K: Copy + Eq + Hash + Ord + std::fmt::Display, V> Kept<K, V> {
    /// Keeps at most `max` rows from one transaction to the next.
    pub(crate) fn new(max: usize) -> Self {
        Self { rows: HashMap::new(), added: BTreeSet::new(), changed: BTreeSet::new(), max }
    }

    /// The row, if it is in memory.
    pub(crate) fn get(&self, key: K) -> Option<&V> {
        self.rows.get(&key)
    }

    /// Keeps a row as it is in the table.
    pub(crate) fn keep(&mut self, key: K, row: V) {
        self.rows.insert(key, row);
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

    /// The transaction is over: rows beyond the limit are forgotten.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    #[test]
    fn a_row_is_written_once_however_often_it_changed() {
        let mut rows = Kept::new(2);
        rows.keep(1, "old");
        rows.add(3, "new").unwrap();
        for value in ["a", "b"] {
            *rows.change(1).unwrap() = value;
            *rows.change(3).unwrap() = value;
        }
        assert!(rows.change(2).is_none());
        assert_eq!((rows.added(), rows.changed()), (vec![(3, &"b")], vec![(1, &"b")]));
        rows.written();
        assert_eq!((rows.added(), rows.changed()), (vec![], vec![]));
        *rows.change(3).unwrap() = "c";
        assert_eq!((rows.added(), rows.changed()), (vec![], vec![(3, &"c")]));
    }

    #[test]
    fn a_row_that_is_there_cannot_be_added() {
        let mut rows = Kept::new(2);
        rows.keep(1, "old");
        assert_eq!(rows.add(1, "new").unwrap_err().to_string(), "there is a 1 already");
        assert_eq!(rows.get(1), Some(&"old"));
    }

    #[test]
    fn no_more_rows_than_allowed_are_kept_from_one_transaction_to_the_next() {
        let mut rows = Kept::new(2);
        for key in 0..3 {
            rows.add(key, key).unwrap();
        }
        assert_eq!(rows.added().len(), 3, "all of them until they are written");
        rows.written();
        rows.committed();
        assert_eq!(rows.get(0), None);
    }
}
