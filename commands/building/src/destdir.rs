//! Writing an assembled tree to a folder, so that `install.commands` can change it.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{PermissionsExt as _, chown, lchown, symlink},
    path::Path,
};

use formats::packaging::tree::{Content, Entry};

/// Writes `entries`, parents first, below the empty folder `destdir`; all of it belongs to `uid` and `gid`.
///
/// Every entry's parent is a folder, and no other process writes there: no path leaves `destdir`.
pub(super) fn write<'a>(
    destdir: &Path,
    entries: impl Iterator<Item = (&'a str, &'a Entry)>,
    uid: u32,
    gid: u32,
) -> io::Result<()> {
    chown(destdir, Some(uid), Some(gid))?;
    for (path, entry) in entries {
        let relative = Path::new(path).strip_prefix("/").map_err(io::Error::other)?;
        make_parents(destdir, relative, uid, gid)?;
        let real = destdir.join(relative);
        match &entry.content {
            Content::Directory => fs::create_dir(&real)?,
            Content::Symlink(target) => symlink(target, &real)?,
            Content::File { source, .. } => {
                fs::copy(source, &real)?;
            }
        }
        lchown(&real, Some(uid), Some(gid))?;
        if !matches!(entry.content, Content::Symlink(_)) {
            fs::set_permissions(&real, Permissions::from_mode(entry.mode & 0o777))?;
        }
    }
    Ok(())
}

fn make_parents(destdir: &Path, relative: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let mut parents: Vec<&Path> =
        relative.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()).collect();
    parents.reverse();
    for parent in parents {
        let real = destdir.join(parent);
        if fs::symlink_metadata(&real).is_err() {
            fs::create_dir(&real)?;
            chown(&real, Some(uid), Some(gid))?;
            fs::set_permissions(&real, Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}
