//! Copies a folder of small files that are created and deleted during the copy.
//!
//! A secret is sealed before the event that names it, and deleted after the event that ends it. The folder is copied twice: once
//! before the log's head is read, and once after. A secret that an event up to the head needs exists at the second copy, unless a
//! later event ended it; then it existed at the first copy. (A secret that was sealed after the first copy and deleted before the
//! second would be missed: it existed only between the two.)

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::ErrorKind,
    path::Path,
};

use crate::{ArchiveError, ArchiveFolder, FilePart, io};

/// Copies every file of `from` under `name`, and adds it to `files`.
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
        // A name that begins with a dot is an unfinished file. Files never change, except the signed states, which are replaced.
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
