//! The served indexes, in memory: the newest publication and every package file of each repository.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use domain::{
    digest::Sha256, fingerprint::Fingerprint, ids::RepositoryId, package::Format, recorded::Revision,
    repository::YankReason,
};

use super::{
    changes::{Changed, FileRow, Fixed, Fresh},
    publication::Publication,
};

/// Every repository's served index.
#[derive(Default)]
pub(super) struct ServedIndexes(RwLock<HashMap<RepositoryId, Arc<ServedIndex>>>);

/// One repository.
pub(super) struct ServedIndex(RwLock<Contents>);

struct Contents {
    fixed: Fixed,
    changed: Changed,
    newest: Option<Arc<Publication>>,
    packages: HashMap<String, PackageFile>,
    /// The file at a path before the same file was restored.
    earlier: HashMap<String, Vec<PackageFile>>,
    yanked: HashMap<Sha256, YankReason>,
    newest_file: Revision,
    newest_end: Revision,
}

/// A package file: never changes while it is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct PackageFile {
    pub(super) revision: Revision,
    pub(super) sha256: Sha256,
    pub(super) size_bytes: u64,
    /// Seconds since 1970.
    pub(super) added_at: i64,
    /// Another file took its place, or it was yanked.
    pub(super) ended: Option<Revision>,
}

impl PackageFile {
    /// Whether the state at `covers` has it.
    pub(super) fn is_in(&self, covers: Revision) -> bool {
        self.revision <= covers && self.ended.is_none_or(|ended| ended > covers)
    }
}

impl ServedIndexes {
    pub(super) fn get(&self, repository: RepositoryId) -> Option<Arc<ServedIndex>> {
        self.read().get(&repository).cloned()
    }

    /// The repositories whose newest state is not signed by exactly these keys.
    pub(super) fn due(&self, signers: &BTreeSet<Fingerprint>) -> Vec<RepositoryId> {
        self.read().iter().filter(|(_, served_index)| served_index.is_due(signers)).map(|(id, _)| *id).collect()
    }

    /// Those of that format, and the last change of each.
    pub(super) fn of(&self, format: Format) -> Vec<(RepositoryId, Revision)> {
        let all = self.read();
        let found = all.iter().filter(|(_, served_index)| served_index.read().fixed.format == format);
        found.map(|(id, served_index)| (*id, served_index.read().changed.revision)).collect()
    }

    pub(super) fn put(
        &self,
        repository: RepositoryId,
        fixed: Fixed,
        changed: Changed,
        newest: Option<Arc<Publication>>,
    ) {
        let served_index = ServedIndex(RwLock::new(Contents {
            fixed,
            changed,
            newest,
            packages: HashMap::new(),
            earlier: HashMap::new(),
            yanked: HashMap::new(),
            newest_file: Revision(0),
            newest_end: Revision(0),
        }));
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(repository, Arc::new(served_index));
    }

    pub(super) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<RepositoryId, Arc<ServedIndex>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServedIndex {
    pub(super) fn newest(&self) -> Option<Arc<Publication>> {
        self.read().newest.clone()
    }

    pub(super) fn fixed(&self) -> Fixed {
        self.read().fixed.clone()
    }

    /// What it holds.
    pub(super) fn format(&self) -> Format {
        self.read().fixed.format
    }

    /// What its files are to an renderer. All of them are written.
    pub(super) fn fresh(&self) -> Fresh<'static> {
        let contents = self.read();
        Fresh { newest_end: contents.newest_end, newest_written: contents.newest_file, unwritten: &[] }
    }

    /// Whether there is, or ever was, a file at `path`.
    pub(super) fn has_path(&self, path: &str) -> bool {
        self.read().packages.contains_key(path)
    }

    /// The file that the state at `covers` has at `path`.
    pub(super) fn package(&self, path: &str, covers: Revision) -> Option<PackageFile> {
        let contents = self.read();
        let newest = contents.packages.get(path).into_iter();
        let mut histories = newest.chain(contents.earlier.get(path).into_iter().flatten());
        histories.find(|file| file.is_in(covers)).copied()
    }

    /// Why the file is yanked, if it is.
    pub(super) fn yanked(&self, sha256: &Sha256) -> Option<YankReason> {
        self.read().yanked.get(sha256).cloned()
    }

    pub(super) fn yank(&self, sha256: Sha256, reason: YankReason) {
        self.write().yanked.insert(sha256, reason);
    }

    pub(super) fn unyank(&self, sha256: &Sha256) {
        self.write().yanked.remove(sha256);
    }

    /// The package at `from` is in the file `to` too, which is marked if that one is.
    pub(super) fn carry_yank(&self, from: &str, to: Sha256) {
        let mut contents = self.write();
        let was = contents.packages.get(from).map(|file| file.sha256);
        if let Some(reason) = was.and_then(|was| contents.yanked.get(&was).cloned()) {
            contents.yanked.insert(to, reason);
        }
    }

    /// The state that the next publication covers, and its time in seconds since 1970. A state that is published
    /// already is signed again because the keys changed at `keys_changed_at`.
    pub(super) fn next_publication(&self, keys_changed_at: i64) -> (Revision, i64) {
        let contents = self.read();
        let Changed { revision, at } = contents.changed;
        match &contents.newest {
            None => (revision, at),
            Some(newest) => {
                let reason = if newest.covers < revision { at } else { keys_changed_at };
                (revision, reason.max(newest.published_at.timestamp() + 1))
            }
        }
    }

    pub(super) fn add(&self, file: FileRow) {
        let FileRow { path, revision, sha256, size_bytes, added_at, ended } = file;
        let mut contents = self.write();
        let file = PackageFile { revision, sha256, size_bytes, added_at, ended };
        contents.newest_file = contents.newest_file.max(revision);
        contents.newest_end = contents.newest_end.max(ended.unwrap_or_default());
        if let Some(before) = contents.packages.insert(path.clone(), file) {
            contents.earlier.entry(path).or_default().push(before);
        }
    }

    pub(super) fn end(&self, path: &str, ended: Revision) {
        let mut contents = self.write();
        contents.newest_end = contents.newest_end.max(ended);
        if let Some(file) = contents.packages.get_mut(path) {
            file.ended = Some(ended);
        }
    }

    pub(super) fn change(&self, changed: Changed) {
        self.write().changed = changed;
    }

    pub(super) fn publish(&self, publication: Arc<Publication>) {
        self.write().newest = Some(publication);
    }

    pub(super) fn is_due(&self, signers: &BTreeSet<Fingerprint>) -> bool {
        let contents = self.read();
        let newest = contents.newest.as_ref();
        newest.is_none_or(|newest| newest.covers < contents.changed.revision || newest.signers != *signers)
    }

    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Contents> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
