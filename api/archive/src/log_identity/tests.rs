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
