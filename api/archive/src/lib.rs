//! A log with everything that it names, as files: what a backup is, and a bundle for a machine without a network.
//!
//! | file | what |
//! |---|---|
//! | `manifest.json` | what is in the others, with sizes, digests and the log's Merkle root; written last |
//! | `log.ndjson` | the log, a canonical line an event |
//! | `blobs/sha256/ab/abcd…` | every blob that the events name |
//! | others | small files, each named in the manifest |
//!
//! In a folder, or in one tar file. A folder can be added to: lines and blobs never change.

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

/// One step of a long work, for whoever waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is going on.
    pub words: &'static str,
    /// What is counted.
    pub unit: &'static str,
}

/// Is told how far a step has come: so many of so many.
pub type Watch<'a> = &'a (dyn Fn(Step, u64, u64) + Send + Sync);

/// Why an archive is not written or read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk refuses.
    #[error("cannot {action} {path}", path = .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is there already is something else.
    #[error("{path} holds {what}: expected an empty folder, or a {format} to go on with", path = .path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What was found there.
        what: String,
        /// What was to be written.
        format: Format,
    },
    /// Another process writes it.
    #[error("{path} is being written by another process", path = .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The log is not the one whose beginning is in the folder.
    #[error(
        "the log is not a continuation of what is there: {events} events with Merkle root {root}. What is there is kept; \
         take another folder for this log"
    )]
    OtherLog {
        /// How many events there are.
        events: u64,
        /// Their root.
        root: Sha256,
    },
    /// What was written of the log before is not what was written.
    #[error(
        "{path} is damaged: its first {events} lines are those of this log no more. Take another folder, or remove this one: \
         nothing can be restored from it",
        path = .path.display()
    )]
    Rotten {
        /// The file.
        path: PathBuf,
        /// How many lines were there.
        events: u64,
    },
    /// It is no archive, or of another kind.
    #[error("{path} is no {expected}: {why}", path = .path.display())]
    NotThat {
        /// The folder or file.
        path: PathBuf,
        /// What was expected.
        expected: Format,
        /// What is wrong.
        why: String,
    },
    /// A tar file has not everything that it began to hold.
    #[error("{path} is cut off: it ends too early, after {bytes} bytes, {place}", path = .path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
        /// How long it is.
        bytes: u64,
        /// In the middle of what.
        place: String,
    },
    /// A part of it cannot be read.
    #[error("cannot read {path}", path = .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is no event.
    #[error("line {line} of the log is no event")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong.
        source: InvalidLine,
    },
    /// The log is not the one that the manifest tells of.
    #[error(
        "the log is damaged: the manifest says {expected_events} events with Merkle root {expected_root}, and it has \
         {events} with {root}"
    )]
    Damaged {
        /// By the manifest.
        expected_events: u64,
        /// By the manifest.
        expected_root: Sha256,
        /// By its lines.
        events: u64,
        /// By its lines.
        root: Sha256,
    },
    /// Bytes are not those of their digest.
    #[error("{name} is damaged: expected SHA-256 {expected}, found {found}")]
    OtherBytes {
        /// Which file.
        name: String,
        /// What it should have.
        expected: Sha256,
        /// What it has.
        found: Sha256,
    },
    /// A small file is none.
    #[error("{name} has {bytes} bytes: expected {max_bytes} at most")]
    TooLong {
        /// Which file.
        name: String,
        /// By the manifest.
        bytes: u64,
        /// How many it may have.
        max_bytes: u64,
    },
    /// A newer version wrote this event: nobody here knows which blobs it names.
    #[error("line {line} of the log is a newer version's {name}: use that version")]
    Newer {
        /// From 1.
        line: u64,
        /// The event's name.
        name: String,
    },
    /// A blob cannot be read or written.
    #[error(transparent)]
    Blob(#[from] stores::blobs::BlobError),
}

impl ArchiveError {
    /// Whether it is about one file alone, whose bytes are gone or wrong.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::OtherBytes { .. } | Self::Unreadable { .. })
    }
}

/// For `map_err`: what could not be done to `path`.
pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ArchiveError {
    move |source| ArchiveError::Io { action, path: path.into(), source }
}

/// A blob's name in an archive.
fn blob_name(digest: Sha256) -> String {
    format!("{BLOBS}/{}", stores::blobs::place(digest))
}
