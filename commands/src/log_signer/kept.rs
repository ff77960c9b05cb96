//! What was signed last, of each log in a file: `<entries> <root>`.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use domain::checkpoint::{LogName, LogState};

pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

pub(super) fn file(folder: &Path, log: LogName) -> PathBuf {
    match log {
        LogName::Server => folder.join("server"),
        LogName::Organisation(id) => folder.join(id.to_string()),
    }
}

/// None if nothing was signed yet.
pub(super) fn read(file: &Path) -> io::Result<Option<LogState>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let state = text
        .trim_end()
        .split_once(' ')
        .and_then(|(size, root)| Some(LogState { size: size.parse().ok()?, root: root.parse().ok()? }));
    state.map(Some).ok_or_else(|| io::Error::other("it should hold a number of entries and a root"))
}

/// Keeps `state`, unless a later one is kept already: another process signs for the same logs, one at a time.
pub(super) fn raise(file: &Path, state: LogState) -> io::Result<()> {
    let folder = file.parent().ok_or_else(|| io::Error::other("it has no folder"))?;
    let turn = fs::File::open(folder)?;
    turn.lock()?;
    match read(file)? {
        Some(kept) if kept.size >= state.size => Ok(()),
        _ => write(file, state),
    }
}

/// On disk before it returns, whole or not at all.
pub(super) fn write(file: &Path, state: LogState) -> io::Result<()> {
    let folder = file.parent().ok_or_else(|| io::Error::other("it has no folder"))?;
    let mut new = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(folder)?;
    writeln!(new, "{} {}", state.size, state.root)?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|refused| refused.error)?;
    fs::File::open(folder)?.sync_all()
}
