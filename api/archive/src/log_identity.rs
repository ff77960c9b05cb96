//! Read models and the states of workers belong to the log that they were made of: its positions are in them.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_folder::Locations;

    fn data(folder: &tempfile::TempDir, log: Option<&str>) -> DataFolder {
        let log = log.map(|url| url.parse().expect("a URL"));
        DataFolder::open(&Locations { folder: Some(folder.path().to_owned()), log, ..Locations::default() })
            .expect("a data folder")
    }

    #[test]
    fn read_models_stay_with_their_log_and_go_with_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = ["read_models.sqlite", "read_models.sqlite-wal", "workers.sqlite", "workers.sqlite-wal"];
        let fill = || names.iter().for_each(|name| fs::write(folder.path().join(name), "rows").expect("written"));
        let there = || names.iter().filter(|name| folder.path().join(name).exists()).count();
        let start = |log| forget_read_models_of_another_log(&data(&folder, log)).expect("looked");
        fill();
        start(None);
        assert_eq!(there(), 4, "the same file as ever");
        start(Some("postgres://me:secret@db/log"));
        assert_eq!(there(), 0, "another log");
        fill();
        start(Some("postgres://me:changed@db/log"));
        assert_eq!(there(), 4, "another password is not another log");
        start(None);
        assert_eq!(there(), 0, "back in the file");
        let noted = fs::read_to_string(data(&folder, None).read_models_log()).expect("a note");
        assert_eq!(noted, "log.sqlite");
    }
}
