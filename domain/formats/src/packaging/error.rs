//! Why a package file cannot be written or read.

use std::{io, path::PathBuf};

use domain::size::Limit;

use super::reader::LimitReached;

/// Longest piece of a package that an error repeats.
const QUOTED_MAX_CHARS: usize = 60;

/// Why a package could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WritePackageError {
    /// A text would break the package's own files.
    #[error("cannot write the package: its {field} is not valid: expected {expected}")]
    Field {
        /// Which.
        field: &'static str,
        /// Its grammar.
        expected: &'static str,
    },
    /// A line of `install.requires` that the format's tools would not understand.
    #[error("install.requires: \"{text}\" is not a valid dependency: expected {expected}")]
    Dependency {
        /// As written.
        text: String,
        /// Its grammar.
        expected: &'static str,
    },
    /// An entry of the tree cannot be installed.
    #[error("the package cannot contain \"{path}\": {problem}")]
    Entry {
        /// The installed path.
        path: String,
        /// What is wrong with it, and what would be possible.
        problem: &'static str,
    },
    /// More than a package can hold.
    #[error("the package is too large: {what} is {found}, over the limit of {limit}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: Limit,
        /// How much there may be.
        limit: Limit,
    },
    /// A built file cannot be read.
    #[error("cannot read the built file {} to put it into the package", path.display())]
    Source {
        /// The file in the built tree.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The package file cannot be written.
    #[error("cannot write the package file to the server's disk")]
    Output(#[from] io::Error),
    /// The rpm's headers cannot be put into its binary form.
    #[error("cannot write the headers of the rpm")]
    RpmHeader(#[from] PackageFileError),
}

/// Why a file is not a package that may stand in a repository.
#[derive(Debug, thiserror::Error)]
pub enum PackageFileError {
    /// It starts neither like a deb nor like an rpm.
    #[error("the file is neither a deb nor an rpm package")]
    NotAPackage,
    /// It ends in the middle of something.
    #[error("the package file is truncated: it ends before its contents do")]
    Truncated,
    /// It breaks the format's grammar.
    #[error("the package file is not valid ({place}): expected {expected}, found {found}")]
    Malformed {
        /// The part of the file, such as a field or a tag.
        place: String,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A part is longer than any honest package's.
    #[error("the package file is too large: {what} is over the limit of {limit}")]
    TooLarge {
        /// The part.
        what: &'static str,
        /// How much it may be.
        limit: Limit,
    },
    /// The file cannot be read, or a compressed part is broken.
    #[error("cannot read the package file")]
    Read(#[source] io::Error),
}

impl PackageFileError {
    pub(super) fn malformed(place: impl Into<String>, expected: &'static str, found: impl Into<String>) -> Self {
        Self::Malformed { place: place.into(), expected, found: found.into() }
    }

    /// Distinguishes the end of the file, and a limit reached inside a reader, from other failures.
    pub(super) fn read(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Truncated;
        }
        match error.downcast::<LimitReached>() {
            Ok(LimitReached { what, limit }) => Self::TooLarge { what, limit: Limit::Bytes(limit) },
            Err(error) => Self::Read(error),
        }
    }
}

/// A text of a package in quotes, on one line, cut where it would make the message unreadable.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_MAX_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
