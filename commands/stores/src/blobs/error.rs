//! Why a blob was not stored or not read.

use std::{io, path::PathBuf};

use domain::digest::Sha256;

/// Why a blob was not stored or not read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It was never stored.
    #[error("there is no blob (stored file) {digest}")]
    NotFound {
        /// Its name.
        digest: Sha256,
    },
    /// Its bytes are not those that were stored.
    #[error("the blob (stored file) {digest} is damaged: its bytes do not match its digest")]
    Corrupt {
        /// Its name.
        digest: Sha256,
    },
    /// The range that was asked for holds no byte of it.
    #[error("the range is outside of the blob (stored file) {digest}, which has {size_bytes} bytes")]
    OutsideOf {
        /// Its name.
        digest: Sha256,
        /// Its size.
        size_bytes: u64,
    },
    /// The file to store cannot be read.
    #[error("cannot read the file {path} to store it in the blob store", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The disk or the remote store refuses.
    #[error("cannot {action} the blob store")]
    Unavailable {
        /// What was tried.
        action: &'static str,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync + 'static>,
    },
}

impl BlobError {
    pub(super) fn unavailable<E>(action: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    {
        move |source| Self::Unavailable { action, source: source.into() }
    }

    pub(super) fn of(digest: Sha256) -> impl FnOnce(object_store::Error) -> Self {
        move |error| match error {
            object_store::Error::NotFound { .. } => Self::NotFound { digest },
            error => Self::Unavailable { action: "read", source: error.into() },
        }
    }
}
