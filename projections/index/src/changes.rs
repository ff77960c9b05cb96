//! What changes in a repository, as the projector, the rows and the memory hand it to each other.

use domain::{
    digest::Sha256,
    ids::ReleaseId,
    package::{Format, Package},
    recorded::Revision,
};

/// What was fixed when the repository was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// What it holds.
    pub format: Format,
    /// The APT suite: `dists/<codename>`; unused by YUM.
    pub codename: String,
}

/// The last event that the next index must cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) revision: Revision,
    /// Seconds since 1970.
    pub(super) at: i64,
}

/// A package file as it is served.
#[derive(Debug, Clone)]
pub(super) struct FileRow {
    pub(super) path: String,
    pub(super) revision: Revision,
    pub(super) sha256: Sha256,
    pub(super) size_bytes: u64,
    /// Seconds since 1970.
    pub(super) added_at: i64,
    /// The event that put another file in its place.
    pub(super) ended: Option<Revision>,
}

/// A package file with its texts.
pub(super) struct NewFile {
    pub(super) file: FileRow,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) architecture: String,
    pub(super) release: Option<ReleaseId>,
    pub(super) fragments: [String; 3],
}

impl NewFile {
    pub(super) fn of(file: FileRow, package: &Package, release: Option<ReleaseId>, fragments: [String; 3]) -> Self {
        let [name, version, architecture] =
            [package.name(), &package.version(), package.architecture()].map(str::to_owned);
        Self { file, name, version, architecture, release, fragments }
    }
}

/// The changes of a repository's files, as the writer of its rows knows them.
#[derive(Default, Clone, Copy)]
pub(super) struct Fresh<'a> {
    /// The newest event that ended a file.
    pub(super) newest_end: Revision,
    /// The newest file in the rows.
    pub(super) newest_written: Revision,
    /// Files that will be in the rows, in the order of their revisions, none of them ended.
    pub(super) unwritten: &'a [NewFile],
}
