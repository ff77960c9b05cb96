//! Why a package file cannot be written or read.

use std::{io, path::PathBuf};

use super::reader::LimitReached;

/// Why a package could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WritePackageError {
    /// A text would break the package's own files.
    #[error("the package's {field} cannot be written: expected {expected}")]
    Field {
        /// Which.
        field: &'static str,
        /// Its grammar.
        expected: &'static str,
    },
    /// A line of `install.requires` that the format's tools would not understand.
    #[error("install.requires: \"{text}\" is not a dependency: expected {expected}")]
    Dependency {
        /// As written.
        text: String,
        /// Its grammar.
        expected: &'static str,
    },
    /// An entry of the tree cannot be installed.
    #[error("cannot install \"{path}\": expected {expected}")]
    Entry {
        /// The installed path.
        path: String,
        /// What would be possible.
        expected: &'static str,
    },
    /// More than a package can hold.
    #[error("the package has {found} {what}, at most {limit} fit")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much there may be.
        limit: u64,
    },
    /// A built file cannot be read.
    #[error("cannot read {} for the package", path.display())]
    Source {
        /// The file in the built tree.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The package file cannot be written.
    #[error("cannot write the package file")]
    Output(#[from] io::Error),
    /// The rpm's metadata cannot be put into its binary form.
    #[error("cannot write the rpm's metadata")]
    RpmHeader(#[from] PackageFileError),
}

/// Why a file is not a package that may stand in a repository.
#[derive(Debug, thiserror::Error)]
pub enum PackageFileError {
    /// It starts neither like a deb nor like an rpm.
    #[error("the file is neither a deb nor an rpm")]
    NotAPackage,
    /// It ends in the middle of something.
    #[error("the package file is truncated")]
    Truncated,
    /// It breaks the format's grammar.
    #[error("{place}: expected {expected}")]
    Malformed {
        /// The part of the file, such as a field or a tag.
        place: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// A part is longer than any honest package's.
    #[error("{what}: longer than the limit of {limit}")]
    TooLarge {
        /// The part.
        what: &'static str,
        /// How much it may be, in bytes or in pieces.
        limit: u64,
    },
    /// The file cannot be read, or a compressed part is broken.
    #[error("cannot read the package file")]
    Read(#[source] io::Error),
}

impl PackageFileError {
    pub(super) fn malformed(place: impl Into<String>, expected: &'static str) -> Self {
        Self::Malformed { place: place.into(), expected }
    }

    /// Distinguishes the end of the file, and a limit reached inside a reader, from other failures.
    pub(super) fn read(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Truncated;
        }
        match error.downcast::<LimitReached>() {
            Ok(LimitReached { what, limit }) => Self::TooLarge { what, limit },
            Err(error) => Self::Read(error),
        }
    }
}
