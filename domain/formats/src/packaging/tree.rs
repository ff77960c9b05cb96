//! What a package installs: the assembled tree that a build hands to the deb and rpm writers.

use std::{collections::BTreeMap, path::PathBuf};

/// Everything a package installs, by absolute path without a trailing `/`.
///
/// Parents need not be listed: the writers add them (0755, root) where a format wants them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageTree {
    /// Sorted by path, so that the same tree always gives the same package.
    pub entries: BTreeMap<String, Entry>,
}

/// One installed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Permission bits, at most 0o7777.
    pub mode: u32,
    /// Owner's name on the machine it is installed on.
    pub user: String,
    /// Group's name there.
    pub group: String,
    /// What is at the path.
    pub content: Content,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A folder.
    Directory,
    /// A symbolic link and its literal target.
    Symlink(String),
    /// A regular file whose bytes are read from `source`, which nothing writes to any more.
    File {
        /// Where the bytes are.
        source: PathBuf,
        /// How many.
        size_bytes: u64,
    },
}
