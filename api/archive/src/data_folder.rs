//! The layout of the data folder.

use std::{
    fs::{DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use event_log::event_store::LogUrl;

/// The default data folder.
const DEFAULT: &str = "/var/lib/pkgdeploy";
/// The event log, if it is in the folder.
pub(crate) const LOG_FILE: &str = "log.sqlite";
/// Marks an unfinished restore.
pub(crate) const UNFINISHED_RESTORE: &str = "restore.unfinished";

/// The locations that the operator configured. Unset ones have their defaults.
#[derive(Debug, Clone, Default)]
pub struct Locations {
    /// The data folder.
    pub folder: Option<PathBuf>,
    /// The file with the master key, which unseals the secrets.
    pub master_key: Option<PathBuf>,
    /// The event log.
    pub log: Option<LogUrl>,
}

/// The data folder. Only its owner can access it.
#[derive(Debug, Clone)]
pub struct DataFolder {
    root: PathBuf,
    master_key: PathBuf,
    log: LogUrl,
}

/// The data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// It cannot be created or read, or its permissions cannot be set.
    #[error("cannot use the data folder {}", path.display())]
    Unusable {
        /// The folder's path.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// A restore into it was interrupted, so its data is incomplete.
    #[error(
        "the data folder {} is only half restored: run `restore` of the backup into it again, which starts over, or remove the folder",
        path.display()
    )]
    HalfRestored {
        /// The folder's path.
        path: PathBuf,
    },
}

impl DataFolder {
    /// Opens the folder that `locations` name, and creates it if it is missing.
    ///
    /// # Errors
    /// It cannot be created, its permissions cannot be set, or a restore into it was interrupted.
    pub fn open(locations: &Locations) -> Result<Self, DataFolderError> {
        let folder = Self::to_restore(locations)?;
        match folder.unfinished_restore().try_exists() {
            Ok(false) => Ok(folder),
            Ok(true) => Err(DataFolderError::HalfRestored { path: folder.root }),
            Err(source) => Err(DataFolderError::Unusable { path: folder.root, source }),
        }
    }

    /// The same for a restore, which starts over if an earlier one was interrupted.
    ///
    /// # Errors
    /// It cannot be created, or its permissions cannot be set.
    pub fn to_restore(locations: &Locations) -> Result<Self, DataFolderError> {
        let root = locations.folder.clone().unwrap_or_else(|| DEFAULT.into());
        let failed = |source| DataFolderError::Unusable { path: root.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&root).map_err(failed)?;
        std::fs::set_permissions(&root, Permissions::from_mode(0o700)).map_err(failed)?;
        let root = root.canonicalize().map_err(failed)?;
        let master_key = locations.master_key.clone().unwrap_or_else(|| root.join("master.key"));
        let log = locations.log.clone().unwrap_or_else(|| LogUrl::Sqlite(root.join(LOG_FILE)));
        Ok(Self { root, master_key, log })
    }

    /// Opens the folder that `locations` name, which must exist.
    ///
    /// # Errors
    /// There is no such folder, or a restore into it was interrupted.
    pub fn existing(locations: &Locations) -> Result<Self, DataFolderError> {
        let path = locations.folder.clone().unwrap_or_else(|| DEFAULT.into());
        match std::fs::metadata(&path) {
            Ok(_) => Self::open(locations),
            Err(source) => Err(DataFolderError::Unusable { path, source }),
        }
    }

    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The event log: a file in the folder, unless the operator configured another location.
    #[must_use]
    pub fn log(&self) -> &LogUrl {
        &self.log
    }

    /// The read models. They may be deleted while the server is stopped: the next start rebuilds them.
    #[must_use]
    pub fn read_models(&self) -> PathBuf {
        self.root.join("read_models.sqlite")
    }

    /// The identity of the log that the read models were built from.
    #[must_use]
    pub(crate) fn read_models_log(&self) -> PathBuf {
        self.root.join("read_models.log")
    }

    /// How far each worker has come, and what it still has to do. May be deleted while the server is stopped: the log is folded
    /// again.
    #[must_use]
    pub fn workers(&self) -> PathBuf {
        self.root.join("workers.sqlite")
    }

    /// The mark of an unfinished restore.
    #[must_use]
    pub(crate) fn unfinished_restore(&self) -> PathBuf {
        self.root.join(UNFINISHED_RESTORE)
    }

    /// Locks the folder against other servers until the lock is dropped. A log in a file has a separate lock. A log in a database may
    /// be shared by several servers, but each needs its own folder.
    ///
    /// # Errors
    /// Another server has the lock, or the file cannot be created.
    pub fn lock(&self) -> Result<File, DataFolderError> {
        let failed = |source| DataFolderError::Unusable { path: self.root.clone(), source };
        let file = File::create(self.root.join("serve.lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                Err(failed(io::Error::other("another server is running on it: stop it first")))
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// When each access key was used.
    #[must_use]
    pub fn key_usage(&self) -> PathBuf {
        self.root.join("uses.sqlite")
    }

    /// The blobs: packages, indexes and build logs, by digest.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Sealed secrets.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// The last signed state of each transparency log. Must never be deleted.
    #[must_use]
    pub fn signed_logs(&self) -> PathBuf {
        self.root.join("signed_logs")
    }

    /// The master key, which unseals the secrets.
    #[must_use]
    pub fn master_key(&self) -> &Path {
        &self.master_key
    }

    /// The root filesystems created by `pkgdeploy rootfs create`.
    #[must_use]
    pub fn rootfs(&self) -> PathBuf {
        self.root.join("rootfs")
    }

    /// Temporary folder of running releases. Emptied at each start.
    #[must_use]
    pub fn jobs(&self) -> PathBuf {
        self.root.join("jobs")
    }

    /// Temporary folder of running builds. Emptied at each start.
    #[must_use]
    pub fn builds(&self) -> PathBuf {
        self.root.join("builds")
    }

    /// Temporary folder of git commands, which holds their deploy keys. Emptied at each start.
    #[must_use]
    pub fn questions(&self) -> PathBuf {
        self.root.join("questions")
    }

    /// Temporary folder for packages that are being re-signed. Emptied at each start.
    #[must_use]
    pub fn resigning(&self) -> PathBuf {
        self.root.join("resigning")
    }

    /// Temporary folder for building installers. Emptied at each start.
    #[must_use]
    pub fn installers(&self) -> PathBuf {
        self.root.join("installers")
    }

    /// Temporary folder for unfinished uploads. Emptied at each start.
    #[must_use]
    pub fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }
}
