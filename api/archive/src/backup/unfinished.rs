//! Marks a data folder whose restore is not finished: no other command uses the folder until the mark is removed.

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io::{ErrorKind, Read as _, Seek as _, Write as _},
    path::Path,
};

use domain::digest::Sha256;
use event_log::event_store::LogUrl;

use super::{MASTER_KEY, RestoreError, SECRETS, SIGNED_LOGS, USES};
use crate::{
    Archive, BLOBS,
    data_folder::{DataFolder, LOG_FILE, UNFINISHED_RESTORE},
    io, log_identity as moved_log, sync_disk_of,
};

/// A running restore: its mark is on disk, and locked against other restores.
pub struct Unfinished {
    _mark: File,
    log_was_begun: bool,
}

impl Unfinished {
    /// Marks `data`, which is empty, or has the mark of an interrupted restore: then what that one brought is removed. To be
    /// done before the log is opened, which makes its file.
    ///
    /// # Errors
    /// `NotEmpty`, `Foreigner`, `MasterKeyThere`, `Busy`: nothing is changed. Or an I/O error.
    pub fn begin(data: &DataFolder, archive: &Archive) -> Result<Self, RestoreError> {
        let names = names_in(data.path())?;
        let is_marked = names.iter().any(|name| name == UNFINISHED_RESTORE);
        if !is_marked && !names.is_empty() {
            return Err(RestoreError::NotEmpty { path: data.path().to_owned() });
        }
        if let Some(what) = names.iter().find(|name| !is_brought(name, data) && *name != MASTER_KEY) {
            let what = what.to_string_lossy().into_owned();
            return Err(RestoreError::Foreigner { path: data.path().to_owned(), what });
        }
        refuse_another_master_key(data, archive)?;

        let path = data.unfinished_restore();
        let opened = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let mut mark = opened.map_err(io("mark", &path))?;
        match mark.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RestoreError::Busy { path: data.path().to_owned() }),
            Err(TryLockError::Error(source)) => return Err(io("lock", path)(source).into()),
        }
        let log = moved_log::place(data);
        let log_was_begun = say(&mut mark, &log, data.path()).map_err(io("mark", &path))? == log;
        // A master key that was added since is kept: there may be no other copy of it.
        for name in names.iter().filter(|name| is_brought(name, data) && *name != UNFINISHED_RESTORE) {
            remove(&data.path().join(name))?;
        }
        Ok(Self { _mark: mark, log_was_begun })
    }

    /// Whether an earlier restore may have recorded events in the log.
    pub(super) fn log_was_begun(&self) -> bool {
        self.log_was_begun
    }

    /// Removes the mark once everything restored is on disk.
    pub(super) fn end(self, data: &DataFolder) -> Result<(), RestoreError> {
        let key_folder = data.master_key().parent().filter(|folder| folder.is_dir());
        for folder in [Some(data.path()), key_folder].into_iter().flatten() {
            sync_disk_of(folder).map_err(io("write to the disk of", folder))?;
        }
        let mark = data.unfinished_restore();
        fs::remove_file(&mark).map_err(io("remove", mark))?;
        let folder = data.path();
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io("write to the disk of", folder))?;
        Ok(())
    }
}

/// Writes `log` into the mark, on disk, and returns its earlier content.
fn say(mark: &mut File, log: &str, folder: &Path) -> std::io::Result<String> {
    let mut before = String::new();
    mark.read_to_string(&mut before)?;
    mark.set_len(0)?;
    mark.rewind()?;
    mark.write_all(log.as_bytes())?;
    mark.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(before)
}

fn names_in(folder: &Path) -> Result<Vec<OsString>, RestoreError> {
    let entries = fs::read_dir(folder).map_err(io("list", folder))?;
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<_>>();
    Ok(names.map_err(io("list", folder))?)
}

/// Whether a restore creates files of this name.
fn is_brought(name: &OsString, data: &DataFolder) -> bool {
    let Some(name) = name.to_str() else { return false };
    let log = match data.log() {
        LogUrl::Sqlite(path) if path.parent() == Some(data.path()) => path.file_name().and_then(|name| name.to_str()),
        _ => None,
    };
    let is_log = |log: &str| name.starts_with(log);
    [UNFINISHED_RESTORE, BLOBS, SECRETS, SIGNED_LOGS, USES].contains(&name)
        || name.starts_with(".unfinished-")
        || is_log(LOG_FILE)
        || log.is_some_and(is_log)
}

fn refuse_another_master_key(data: &DataFolder, archive: &Archive) -> Result<(), RestoreError> {
    let path = data.master_key();
    let Some(brought) = archive.manifest().files.get(MASTER_KEY) else { return Ok(()) };
    match fs::read(path) {
        Ok(there) if Sha256::of(&there) == brought.sha256 => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(RestoreError::MasterKeyThere { path: path.to_owned() }),
        Err(error) => Err(io("read", path)(error).into()),
    }
}

fn remove(path: &Path) -> Result<(), RestoreError> {
    let is_folder = fs::symlink_metadata(path).map_err(io("look at", path))?.is_dir();
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    Ok(removed.map_err(io("remove", path))?)
}
