//! The rows of a worker's state.

use std::collections::{BTreeMap, BTreeSet};

/// What a worker has to do, and what it needs to know for it, by key. Remembers which rows changed.
#[derive(Debug)]
pub struct Items<K, V> {
    rows: BTreeMap<K, V>,
    news: News<K>,
    unsaved: BTreeSet<K>,
}

/// What happened to rows since the kernel looked last.
#[derive(Debug)]
pub(super) struct News<K> {
    /// Rows that are to be acted on.
    pub(super) touched: BTreeSet<K>,
    /// Rows that were inserted as they were already: an action that runs may have begun before what led to it.
    pub(super) repeated: BTreeSet<K>,
}

impl<K> Default for News<K> {
    fn default() -> Self {
        Self { touched: BTreeSet::new(), repeated: BTreeSet::new() }
    }
}

impl<K: Ord, V> Default for Items<K, V> {
    fn default() -> Self {
        Self::of(BTreeMap::new())
    }
}

impl<K: Ord, V> Items<K, V> {
    /// These rows, as they are on disk.
    pub(super) fn of(rows: BTreeMap<K, V>) -> Self {
        Self { rows, news: News::default(), unsaved: BTreeSet::new() }
    }

    /// The row of `key`.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    /// Whether `key` has a row.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    /// All rows, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn take_news(&mut self) -> News<K> {
        std::mem::take(&mut self.news)
    }

    pub(super) fn take_unsaved(&mut self) -> BTreeSet<K> {
        std::mem::take(&mut self.unsaved)
    }

    pub(super) fn are_unsaved(&mut self, keys: BTreeSet<K>) {
        self.unsaved.extend(keys);
    }

    pub(super) fn is_saved(&self) -> bool {
        self.unsaved.is_empty()
    }
}

impl<K: Ord + Clone, V: PartialEq + Clone> Items<K, V> {
    /// Puts a row in the place of what there was. It is acted on at once; if the same row was there, only an action that is
    /// running is repeated.
    pub fn insert(&mut self, key: K, item: V) {
        if self.rows.get(&key) == Some(&item) {
            self.news.repeated.insert(key);
            return;
        }
        self.is_changed(key.clone());
        self.rows.insert(key, item);
    }

    /// Changes the row of `key`, if there is one. If it is another one then, it is acted on at once.
    pub fn update(&mut self, key: &K, change: impl FnOnce(&mut V)) {
        let Some(item) = self.rows.get_mut(key) else { return };
        let before = item.clone();
        change(item);
        if *item != before {
            self.is_changed(key.clone());
        }
    }

    /// Takes a row out: it is done, or not wanted any more. An action that is running for it ends as it likes.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let removed = self.rows.remove(key)?;
        self.unsaved.insert(key.clone());
        Some(removed)
    }

    /// Takes out the rows that are not to stay.
    pub fn retain(&mut self, mut stays: impl FnMut(&K, &V) -> bool) {
        let gone: Vec<K> =
            self.rows.iter().filter(|(key, item)| !stays(key, item)).map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.remove(&key);
        }
    }

    /// Has `key` acted on at once although its row stays as it is.
    pub fn touch(&mut self, key: &K) {
        if self.rows.contains_key(key) {
            self.news.touched.insert(key.clone());
        }
    }

    /// Has all rows acted on at once.
    pub fn touch_all(&mut self) {
        self.news.touched.extend(self.rows.keys().cloned());
    }

    fn is_changed(&mut self, key: K) {
        self.unsaved.insert(key.clone());
        self.news.touched.insert(key);
    }
}
