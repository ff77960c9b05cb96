//! The paths of blobs: `sha256/ab/abcd…`, in 256 folders, so that no folder becomes too large to list.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use domain::digest::Sha256;

const ROOT: &str = "sha256";

/// The blob's name in the object store.
pub(super) fn location(digest: Sha256) -> object_store::path::Path {
    let name = digest.to_string();
    object_store::path::Path::from_iter([ROOT, &name[..2], &name])
}

/// The blob's file below the folder of a local store.
pub(super) fn file(folder: &Path, digest: Sha256) -> PathBuf {
    let name = digest.to_string();
    folder.join(ROOT).join(&name[..2]).join(&name)
}

/// Makes every folder that a blob may need, so that a put never has to make one and sync its parents.
pub(super) fn create_folders(folder: &Path) -> io::Result<()> {
    let root = folder.join(ROOT);
    fs::create_dir_all(&root)?;
    for first_byte in 0..=u8::MAX {
        match fs::create_dir(root.join(hex::encode([first_byte]))) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    sync_folder(&root)?;
    sync_folder(folder)?;
    sync_folder_of(folder)
}

/// Makes sure that the names in the file's folder are on disk.
pub(super) fn sync_folder_of(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
