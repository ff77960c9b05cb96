//! Where everything lies in the data folder.

use std::{
    fs::{DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use event_log::event_store::LogUrl;

/// Where the data is if nobody says otherwise.
const DEFAULT: &str = "/var/lib/pkgdeploy";
/// The event log, if it is in the folder.
pub(crate) const LOG_FILE: &str = "log.sqlite";
/// There from before a restore puts anything into the folder until everything is.
pub(crate) const UNFINISHED_RESTORE: &str = "restore.unfinished";

/// What the operator says of where things are. Whatever is left out is in its usual place.
#[derive(Debug, Clone, Default)]
pub struct Locations {
    /// The folder that holds everything.
    pub folder: Option<PathBuf>,
    /// The file that unseals the secrets.
    pub master_key: Option<PathBuf>,
    /// The event log.
    pub log: Option<LogUrl>,
}

/// The folder that holds everything. Nobody but its owner can look in.
#[derive(Debug, Clone)]
pub struct DataFolder {
    root: PathBuf,
    master_key: PathBuf,
    log: LogUrl,
}

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// It cannot be made, read or closed to others.
    #[error("cannot use the data folder {}", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A restore into it broke off: what it holds is a part of a server.
    #[error(
        "{} is only half restored: repeat `restore` of the backup into it, which starts over, or remove it",
        path.display()
    )]
    HalfRestored {
        /// Which.
        path: PathBuf,
    },
}

impl DataFolder {
    /// The folder that `locations` name, made if it is missing.
    ///
    /// # Errors
    /// It cannot be made, or not be closed to others, or a restore into it broke off.
    pub fn open(locations: &Locations) -> Result<Self, DataFolderError> {
        let folder = Self::to_restore(locations)?;
        match folder.unfinished_restore().try_exists() {
            Ok(false) => Ok(folder),
            Ok(true) => Err(DataFolderError::HalfRestored { path: folder.root }),
            Err(source) => Err(DataFolderError::Unusable { path: folder.root, source }),
        }
    }

    /// The same for a restore, which starts over where an earlier one broke off.
    ///
    /// # Errors
    /// It cannot be made, or not be closed to others.
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

    /// The folder that `locations` name, which must be there.
    ///
    /// # Errors
    /// There is no such folder, or a restore into it broke off.
    pub fn existing(locations: &Locations) -> Result<Self, DataFolderError> {
        let path = locations.folder.clone().unwrap_or_else(|| DEFAULT.into());
        match std::fs::metadata(&path) {
            Ok(_) => Self::open(locations),
            Err(source) => Err(DataFolderError::Unusable { path, source }),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The event log: a file in the folder unless the operator names another place.
    #[must_use]
    pub fn log(&self) -> &LogUrl {
        &self.log
    }

    /// What is projected from the log. May be deleted while the server is stopped: it is rebuilt.
    #[must_use]
    pub fn read_models(&self) -> PathBuf {
        self.root.join("read_models.sqlite")
    }

    /// Which log the read models were made of.
    #[must_use]
    pub fn read_models_log(&self) -> PathBuf {
        self.root.join("read_models.log")
    }

    /// How far each worker has come, and what it still has to do. May be deleted while the server is stopped: the log is folded
    /// again.
    #[must_use]
    pub fn workers(&self) -> PathBuf {
        self.root.join("workers.sqlite")
    }

    /// The mark of a restore that is not through.
    #[must_use]
    pub fn unfinished_restore(&self) -> PathBuf {
        self.root.join(UNFINISHED_RESTORE)
    }

    /// Keeps another server out of the folder until the lock is dropped. A log in a file has a lock of its own; one elsewhere
    /// may have several servers, but not on one folder.
    ///
    /// # Errors
    /// Another server has it, or the file cannot be made.
    pub fn lock(&self) -> Result<File, DataFolderError> {
        let failed = |source| DataFolderError::Unusable { path: self.root.clone(), source };
        let file = File::create(self.root.join("serve.lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(failed(io::Error::other("another server works in it"))),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Who used which access key when.
    #[must_use]
    pub fn key_usage(&self) -> PathBuf {
        self.root.join("uses.sqlite")
    }

    /// Packages, indexes and build logs, by their digest.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Sealed secrets.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// Which state of each transparency log was signed last. Never to be deleted.
    #[must_use]
    pub fn signed_logs(&self) -> PathBuf {
        self.root.join("signed_logs")
    }

    /// What unseals them.
    #[must_use]
    pub fn master_key(&self) -> &Path {
        &self.master_key
    }

    /// Root filesystems that `pkgdeploy rootfs create` made.
    #[must_use]
    pub fn rootfs(&self) -> PathBuf {
        self.root.join("rootfs")
    }

    /// What running releases work in. Emptied at each start.
    #[must_use]
    pub fn jobs(&self) -> PathBuf {
        self.root.join("jobs")
    }

    /// What running builds work in. Emptied at each start.
    #[must_use]
    pub fn builds(&self) -> PathBuf {
        self.root.join("builds")
    }

    /// Where git asks questions; a deploy key lies there while it does. Emptied at each start.
    #[must_use]
    pub fn questions(&self) -> PathBuf {
        self.root.join("questions")
    }

    /// Packages that are being signed anew. Emptied at each start.
    #[must_use]
    pub fn resigning(&self) -> PathBuf {
        self.root.join("resigning")
    }

    /// Installers in the making. Emptied at each start.
    #[must_use]
    pub fn installers(&self) -> PathBuf {
        self.root.join("installers")
    }

    /// Uploads that are still coming in. Emptied at each start.
    #[must_use]
    pub fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }
}
