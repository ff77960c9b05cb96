//! Read models and the states of workers belong to the log that they were made of: its positions are in them.

#[cfg(test)]
mod tests;

use std::{fs, io, path::PathBuf};

use event_log::event_store::LogUrl;
use tracing::info;

use crate::data_folder::DataFolder;

/// The suffixes of SQLite's auxiliary files.
const DATABASE_FILES: [&str; 3] = ["", "-wal", "-shm"];

/// Removes the read models and the states of workers if the log is in another place than the one that they were made of, so that
/// they are made again.
///
/// Each event store numbers its events differently: position 100 of one store has nothing to do with position 100 of another.
///
/// # Errors
/// The files cannot be removed, or the location cannot be written.
pub fn forget_read_models_of_another_log(data: &DataFolder) -> io::Result<()> {
    let note = data.read_models_log();
    let now = place(data);
    let before = match fs::read_to_string(&note) {
        Ok(before) => before,
        Err(error) if error.kind() == io::ErrorKind::NotFound => default_place(),
        Err(error) => return Err(error),
    };
    if before == now {
        return Ok(());
    }
    info!("the event log moved from {before} to {now}: rebuilding the read models");
    let databases = [data.read_models(), data.workers()];
    for (database, suffix) in databases.iter().flat_map(|database| DATABASE_FILES.map(|suffix| (database, suffix))) {
        let mut name = database.clone().into_os_string();
        name.push(suffix);
        match fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::write(note, now)
}

/// Describes the log's location. A file in the data folder is named relative to it, since the folder may be moved.
#[must_use]
pub fn place(data: &DataFolder) -> String {
    match data.log() {
        LogUrl::Sqlite(path) => path.strip_prefix(data.path()).unwrap_or(path).display().to_string(),
        url => url.to_string(),
    }
}

fn default_place() -> String {
    crate::data_folder::LOG_FILE.to_owned()
}
