//! Archives: an event log with everything that it names, as files. Backups and bundles are archives.
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | the other files with their sizes and digests, and the log's Merkle root; written last |
//! | `log.ndjson` | the log, one canonical line for each event |
//! | `blobs/sha256/ab/abcd…` | every blob that the events name |
//! | others | small files that the manifest names |
//!
//! An archive is a folder or one tar file. A folder can be added to: lines and blobs never change.

pub mod backup;
pub mod bundle;
mod copy;
pub mod data_folder;
mod folder;
mod lines;
mod log_file;
pub mod log_identity;
mod manifest;
mod named;
mod read;
mod tar;

use std::{io, path::PathBuf};

use domain::{canonical::InvalidLine, digest::Sha256};

pub use self::{
    copy::{Copied, sync_disk_of},
    folder::{ArchiveFolder, HowBlobs},
    lines::Lines,
    log_file::LogFile,
    manifest::{BlobsPart, FilePart, Format, LogPart, Manifest},
    named::{NamedBlobs, blobs_of},
    read::Archive,
    tar::pack,
};

const MANIFEST: &str = "manifest.json";
const LOG: &str = "log.ndjson";
/// The folder of blobs, here as in a data folder.
pub(crate) const BLOBS: &str = "blobs";
const LOCK: &str = "lock";

/// A backup and a bundle alike.
const COPYING: Step = Step { words: "Copying events and blobs", unit: "events" };

/// A step of a long task, for progress reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub words: &'static str,
    /// What is counted.
    pub unit: &'static str,
}

/// Receives the progress of a step: done and total.
pub type Watch<'a> = &'a (dyn Fn(Step, u64, u64) + Send + Sync);

/// Why an archive cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// An I/O error.
    #[error("cannot {action} {path}", path = .path.display())]
    Io {
        /// The operation that failed.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The folder contains something else.
    #[error("the folder {path} contains {what}: expected an empty folder, or a {format} to continue", path = .path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What it contains.
        what: String,
        /// The format of the new archive.
        format: Format,
    },
    /// Another process writes it.
    #[error("another process is writing to {path}: wait until it ends", path = .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The folder contains the archive of another log.
    #[error(
        "the event log does not continue the one in the folder, which has {events} events with Merkle root {root}: the folder was not changed, \
         use another folder for this event log"
    )]
    OtherLog {
        /// The number of archived events.
        events: u64,
        /// Their Merkle root.
        root: Sha256,
    },
    /// The archived lines of the log were changed.
    #[error(
        "{path} is damaged, because its first {events} lines are no longer those of this event log: use another folder, or remove this one, as \
         nothing can be restored from it",
        path = .path.display()
    )]
    Rotten {
        /// The file.
        path: PathBuf,
        /// The number of archived lines.
        events: u64,
    },
    /// It is not an archive of the expected format.
    #[error("{path} is not a {expected}: {why}", path = .path.display())]
    NotThat {
        /// The folder or file.
        path: PathBuf,
        /// What was expected.
        expected: Format,
        /// What is wrong.
        why: String,
    },
    /// A tar file is incomplete.
    #[error("the file {path} is incomplete: it ends too early, after {bytes} bytes, {place}", path = .path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// Where it ends.
        place: String,
    },
    /// A part of it cannot be read.
    #[error("cannot read {path}", path = .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A line is not an event.
    #[error("line {line} of the event log is not a valid event")]
    Line {
        /// The line's number, from 1.
        line: u64,
        /// What is wrong.
        source: InvalidLine,
    },
    /// The log does not match the manifest.
    #[error(
        "the copy of the event log is damaged: expected {expected_events} events with Merkle root {expected_root}, as the manifest says, found \
         {events} with {root}"
    )]
    Damaged {
        /// The number of events in the manifest.
        expected_events: u64,
        /// The Merkle root in the manifest.
        expected_root: Sha256,
        /// The number of events found.
        events: u64,
        /// The Merkle root of the events found.
        root: Sha256,
    },
    /// A file does not match its digest.
    #[error("the file {name} is damaged: expected SHA-256 {expected}, found {found}")]
    OtherBytes {
        /// Which file.
        name: String,
        /// The expected digest.
        expected: Sha256,
        /// The digest of the file.
        found: Sha256,
    },
    /// A small file is too long.
    #[error("the file {name} has {bytes} bytes: expected at most {max_bytes}")]
    TooLong {
        /// Which file.
        name: String,
        /// Its size in the manifest.
        bytes: u64,
        /// The maximum size.
        max_bytes: u64,
    },
    /// A newer version wrote this event, so this version does not know which blobs it names.
    #[error("line {line} of the event log is an event {name} of a newer version of pkgdeploy: use that version")]
    Newer {
        /// The line's number, from 1.
        line: u64,
        /// The event's name.
        name: String,
    },
    /// A blob cannot be read or written.
    #[error(transparent)]
    Blob(#[from] stores::blobs::BlobError),
}

impl ArchiveError {
    /// Whether the error is about a single file that is missing or damaged.
    #[must_use]
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::OtherBytes { .. } | Self::Unreadable { .. })
    }
}

/// For `map_err`: an I/O error with its operation and path.
pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ArchiveError {
    move |source| ArchiveError::Io { action, path: path.into(), source }
}

/// A blob's name in an archive.
fn blob_name(digest: Sha256) -> String {
    format!("{BLOBS}/{}", stores::blobs::place(digest))
}
