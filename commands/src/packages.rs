//! Signing and reading package files: an rpm is signed, and every file is read back, so that an index says what the
//! file itself says. Built and uploaded packages take the same way.

#[cfg(test)]
pub(crate) mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use domain::{
    fingerprint::Fingerprint,
    package::{Format, Package},
};
use formats::packaging::{PackageFileError, ReadPackage, read_package};
use signing::{RpmError, Signer};
use stores::blobs::{BlobError, Blobs};
use tokio::task::{JoinError, spawn_blocking};

/// Why a file cannot become a package.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// It is not a package, or one that clients would refuse.
    #[error("cannot accept the package file")]
    Read(#[from] PackageFileError),
    /// It cannot be signed.
    #[error("cannot sign the package file")]
    Sign(#[from] RpmError),
    /// A defect of this program.
    #[error("the background task that reads and signs the package crashed or was cancelled")]
    BrokeOff(#[from] JoinError),
}

/// A package as clients will get it, not in the blob store yet.
pub struct Finished {
    /// The facts that the file contains.
    pub package: Package,
    /// The key that signed it; none for a deb.
    pub key_fingerprint: Option<Fingerprint>,
    file: PathBuf,
    attached: Option<Vec<u8>>,
}

/// Signs the file if it is an rpm, into a new file beside it, and reads the result.
///
/// The signature has the time of the key, not of the signing: the same file finished again gives the same package,
/// which a repository accepts any number of times.
///
/// # Errors
/// See [`FinishError`].
pub async fn finish(file: PathBuf, signer: Arc<Signer>) -> Result<Finished, FinishError> {
    spawn_blocking(move || finish_now(file, &signer)).await?
}

fn finish_now(file: PathBuf, signer: &Signer) -> Result<Finished, FinishError> {
    // Read before it is signed, too: what is signed is known to be a package.
    let read = read_package(&file)?;
    match read.package.format() {
        Format::Deb => Ok(Finished::of(file, read, None)),
        Format::Rpm => {
            let signed = signed_beside(&file);
            signer.sign_rpm(&file, &signed, signer.certificate().created_at())?;
            let read = read_package(&signed)?;
            Ok(Finished::of(signed, read, Some(signer.fingerprint())))
        }
    }
}

fn signed_beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".signed");
    name.into()
}

impl Finished {
    fn of(file: PathBuf, ReadPackage { package, attached }: ReadPackage, key_fingerprint: Option<Fingerprint>) -> Self {
        Self { package, key_fingerprint, file, attached }
    }

    /// Stores the file, and the long list that its facts may refer to, in the blob store.
    ///
    /// # Errors
    /// The file cannot be read any more, or the store cannot be written to.
    pub async fn store(&self, blobs: &Blobs) -> Result<(), BlobError> {
        if let Some(list) = &self.attached {
            blobs.put_bytes(Bytes::copy_from_slice(list)).await?;
        }
        blobs.put_file(&self.file).await?;
        Ok(())
    }
}
