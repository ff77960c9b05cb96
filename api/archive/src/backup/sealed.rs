//! Copying a folder of small files that come and go while it is read.
//!
//! A secret is sealed before the event that names it, and deleted after the event that ends it. Copied once before the log's
//! head is read and once after, everything is there that an event up to the head still needs: what was sealed before an event
//! up to the head is there at the second time, unless a later event ended it, and then it was there at the first. (What was
//! sealed after the first and deleted before the second would be missed: it lived between two listings of a folder.)

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::ErrorKind,
    path::Path,
};

use crate::{ArchiveError, ArchiveFolder, FilePart, io};

/// Copies every file of `from` under `name`, beside those that are in `files` already.
pub(super) fn copy_all(
    from: &Path,
    name: &str,
    to: &ArchiveFolder,
    files: &mut BTreeMap<String, FilePart>,
) -> Result<(), ArchiveError> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io("list", from)(error)),
    };
    for entry in entries {
        let file = entry.map_err(io("list", from))?.file_name();
        let file = file.to_string_lossy();
        let name = format!("{name}/{file}");
        // What begins with a dot is not finished. A file is written once; only what was signed is replaced.
        if file.starts_with('.') || files.contains_key(&name) {
            continue;
        }
        let path = from.join(&*file);
        match File::open(&path) {
            Ok(mut open) => {
                files.insert(name.clone(), to.put(&name, &mut open)?);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(io("read", path)(error)),
        }
    }
    Ok(())
}
