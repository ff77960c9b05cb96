//! The state that was signed last, in a file for each log: `<entries> <root>`.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use domain::{
    checkpoint::{LogName, LogState},
    ids::OrganisationId,
};
use uuid::Uuid;

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

/// The state that was signed last, for each log in `folder`; empty if there is no such folder.
///
/// # Errors
/// It cannot be read, or has a file with another content.
pub fn signed_states(folder: &Path) -> io::Result<Vec<(LogName, LogState)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut states = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        // What begins with a dot is not finished.
        if name.starts_with('.') {
            continue;
        }
        let no_log = |error| io::Error::other(format!("{name} is not the name of a transparency log: {error}"));
        let log = match &*name {
            "server" => LogName::Server,
            id => LogName::Organisation(OrganisationId(Uuid::parse_str(id).map_err(no_log)?)),
        };
        let state = read(&file(folder, log)).map_err(|error| io::Error::other(format!("{name}: {error}")))?;
        states.extend(state.map(|state| (log, state)));
    }
    Ok(states)
}

/// Stores `state`, unless a later one is stored already: another process may sign for the same logs, one at a time.
pub(super) fn raise(file: &Path, state: LogState) -> io::Result<()> {
    let turn = fs::File::options().create(true).truncate(false).write(true).open(turn_file(file)?)?;
    turn.lock()?;
    match read(file)? {
        Some(stored) if stored.size >= state.size => Ok(()),
        _ => write(file, state),
    }
}

/// The lock to hold while replacing `file`. One file for each log, so that a slow disk delays only that log.
pub(super) fn turn_file(file: &Path) -> io::Result<PathBuf> {
    let name = file.file_name().ok_or_else(|| io::Error::other("it has no name"))?;
    Ok(file.with_file_name(format!(".lock-{}", name.to_string_lossy())))
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
