//! The files of the secret store, read and written on the calling thread.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    SECRET_MAX_BYTES,
    error::SecretsError,
    files,
    master_key::MasterKey,
    sealed::{self, HEADER_BYTES, TAG_BYTES},
};

/// An open secret store. All functions block on the disk.
pub(super) struct Store {
    folder: PathBuf,
    master_key: MasterKey,
}

impl Store {
    /// Opens the store in `folder` with the 32 bytes in `master_key_file`; at the first start makes both.
    ///
    /// # Errors
    /// If others than the owner may read one of them, if the key is not 32 bytes, if it did not seal the secrets in
    /// the folder, and if it is missing although secrets exist: a new key could never open them.
    pub(super) fn open(folder: &Path, master_key_file: &Path) -> Result<Self, SecretsError> {
        files::create_private_folder(folder)?;
        let sealed = any_sealed_file(folder)?;
        let master_key = match MasterKey::read(master_key_file)? {
            Some(key) => key,
            None if sealed.is_some() => {
                return Err(SecretsError::MasterKeyMissing { path: master_key_file.into(), folder: folder.into() });
            }
            None => MasterKey::create(master_key_file)?,
        };
        if let Some((id, file)) = sealed {
            let bytes = read_bounded(&file)?;
            sealed::check_header(&master_key, id, &bytes).map_err(|fault| fault.at(id, &file))?;
        }
        Ok(Self { folder: folder.to_owned(), master_key })
    }

    /// Opens the store that is there, for who only looks: makes nothing. None if there is none, or no master key.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn existing(folder: &Path, master_key_file: &Path) -> Result<Option<Self>, SecretsError> {
        let is_there = folder.is_dir() && MasterKey::read(master_key_file)?.is_some();
        is_there.then(|| Self::open(folder, master_key_file)).transpose()
    }

    /// Seals `secret` under a new `id`. When it returns, the secret survives a power cut.
    ///
    /// # Errors
    /// `AlreadySealed` if the id is taken: a sealed secret is never overwritten, because a private key lost is lost
    /// for ever. `TooLong` beyond [`SECRET_MAX_BYTES`].
    pub(super) fn seal(&self, id: Uuid, purpose: &str, secret: &[u8]) -> Result<(), SecretsError> {
        if secret.len() > SECRET_MAX_BYTES {
            return Err(SecretsError::TooLong { id });
        }
        let path = self.path(id);
        let bytes = sealed::seal(&self.master_key, id, purpose, secret).map_err(|source| SecretsError::Io {
            action: "draw random bytes for",
            path: path.clone(),
            source,
        })?;
        match files::write_new_private_file(&path, &bytes) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(SecretsError::AlreadySealed { id }),
            other => other.map_err(|source| SecretsError::Io { action: "write", path, source }),
        }
    }

    /// Opens what was sealed under `id` for this very `purpose`.
    ///
    /// # Errors
    /// `NotFound` if nothing is sealed under the id; `WrongMasterKey`, `Moved` or `Damaged` if it does not open.
    pub(super) fn unseal(&self, id: Uuid, purpose: &str) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
        let path = self.path(id);
        let bytes = match read_bounded(&path) {
            Err(SecretsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(SecretsError::NotFound { id });
            }
            other => other?,
        };
        sealed::unseal(&self.master_key, id, purpose, &bytes).map_err(|fault| fault.at(id, &path))
    }

    /// Removes what was sealed under `id`, for ever. Fine if there was nothing.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn delete(&self, id: Uuid) -> Result<(), SecretsError> {
        let path = self.path(id);
        match files::remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SecretsError::Io { action: "delete", path, source: error })
            }
            _ => Ok(()),
        }
    }

    /// The same, with zeros written over it before: for what must not be found on the disk either. A disk or a file
    /// system that writes changed data elsewhere may hold the old bytes for a while; they are useless without the
    /// master key.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn destroy(&self, id: Uuid) -> Result<(), SecretsError> {
        let path = self.path(id);
        match files::overwrite(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SecretsError::Io { action: "overwrite", path, source: error })
            }
            _ => self.delete(id),
        }
    }

    /// The ids of everything that is sealed.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub(super) fn ids(&self) -> Result<Vec<Uuid>, SecretsError> {
        sealed_files(&self.folder)?.map(|found| found.map(|(id, _)| id)).collect()
    }

    fn path(&self, id: Uuid) -> PathBuf {
        self.folder.join(id.to_string())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// One sealed file of the folder, if there is any.
fn any_sealed_file(folder: &Path) -> Result<Option<(Uuid, PathBuf)>, SecretsError> {
    sealed_files(folder)?.next().transpose()
}

/// The sealed files of the folder. Files that are not named by an id belong to other programs.
fn sealed_files(
    folder: &Path,
) -> Result<impl Iterator<Item = Result<(Uuid, PathBuf), SecretsError>> + use<>, SecretsError> {
    let folder = folder.to_owned();
    let entries = fs::read_dir(&folder);
    let failed = move |source| SecretsError::Io { action: "list", path: folder.clone(), source };
    let entries = entries.map_err(&failed)?;
    Ok(entries.filter_map(move |entry| match entry {
        Err(error) => Some(Err(failed(error))),
        Ok(entry) => {
            let id = entry.file_name().to_str().and_then(|name| Uuid::parse_str(name).ok())?;
            Some(Ok((id, entry.path())))
        }
    }))
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, SecretsError> {
    files::read_at_most(path, HEADER_BYTES + SECRET_MAX_BYTES + TAG_BYTES).map_err(|source| SecretsError::Io {
        action: "read",
        path: path.into(),
        source,
    })
}
