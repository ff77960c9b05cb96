use std::{fs, os::unix::fs::symlink};

use archive::data_folder::Locations;

use super::*;

#[test]
fn a_place_in_the_data_folder_is_refused_however_it_is_reached() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let data = DataFolder::open(&Locations { folder: Some(path("data")), ..Locations::default() }).expect("data");
    fs::create_dir(path("data/blobs")).expect("a folder");
    fs::create_dir(path("backups")).expect("a folder");
    symlink(path("data"), path("link")).expect("a link");
    symlink(path("link/blobs"), path("backups/deep")).expect("a link");
    for inside in [
        "data",
        "data/backup",
        "data/blobs/a/b.tar",
        "link",
        "link/backup.tar",
        "backups/deep/new",
        "backups/../data/new",
        "new/../data/new",
        "backups/new/../../link/new",
    ] {
        let refused = is_elsewhere("backup", &data, &path(inside)).expect_err(inside).to_string();
        assert!(refused.contains("is inside the data folder"), "{inside}: {refused}");
    }
    for outside in ["backups", "backups/new", "data-2/new", "data/../new", "backups/new.tar", "link/../backups"] {
        assert!(is_elsewhere("backup", &data, &path(outside)).is_ok(), "{outside}");
    }
}
