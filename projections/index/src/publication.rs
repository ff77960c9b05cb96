//! One publication as clients see it: each path below the repository's root, and the file that is there.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    fingerprint::Fingerprint,
    recorded::Revision,
    repository::{IndexFile, SignedIndex, Stored},
};

/// For how long an index file that was replaced still answers at the path that its digest names, as the publications'
/// own times count: a client may hold yesterday's `InRelease` or `repomd.xml` and ask for the files it lists.
pub(crate) const BY_HASH_KEPT_DAYS: i64 = 14;
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// What was replaced before this second no longer answers once `published_at` is the newest publication's time.
pub(super) fn kept_since(published_at: i64) -> i64 {
    published_at - BY_HASH_KEPT_DAYS * SECONDS_PER_DAY
}

/// A state of a repository that was signed.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) covers: Revision,
    pub(super) published_at: DateTime<Utc>,
    /// The full fingerprints of the keys that signed it.
    pub(super) signers: BTreeSet<Fingerprint>,
    files: HashMap<String, File>,
}

/// One of its files.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    pub(super) sha256: Sha256,
    pub(super) size_bytes: u64,
    pub(super) stored: Stored,
    /// The path names the digest: it will never hold anything else.
    pub(super) by_hash: bool,
}

impl Publication {
    pub(super) fn of(index: &SignedIndex) -> Self {
        let mut files = HashMap::new();
        for file in index.all_files().filter(|file| file.stored != Stored::Unserved) {
            let IndexFile { path, sha256, size_bytes, stored } = file;
            let (sha256, size_bytes, stored) = (*sha256, *size_bytes, *stored);
            files.insert(path.clone(), File { sha256, size_bytes, stored, by_hash: false });
        }
        for (path, file) in by_hash(index) {
            let IndexFile { sha256, size_bytes, stored, .. } = *file;
            files.insert(path, File { sha256, size_bytes, stored, by_hash: true });
        }
        Self { covers: index.covers, published_at: index.published_at, signers: index.signers(), files }
    }

    pub(super) fn file(&self, path: &str) -> Option<File> {
        self.files.get(path).copied()
    }
}

/// The paths that stay in the next publication: `by-hash` of APT, and YUM's own names.
pub(super) fn by_hash(index: &SignedIndex) -> impl Iterator<Item = (String, &IndexFile)> {
    index.files.iter().filter(|file| file.stored != Stored::Unserved).map(|file| {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let path = match name.starts_with(&file.sha256.to_string()) {
            true => file.path.clone(),
            false => format!("{folder}/by-hash/SHA256/{}", file.sha256),
        };
        (path, file)
    })
}
