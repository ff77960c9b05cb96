//! An archive in a folder, while it is written: a new one, or one that is there and is added to.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::{self as std_io, Read, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use commands::blobs::{BlobError, Blobs};
use domain::digest::Sha256;

use super::{
    ArchiveError, BLOBS, FilePart, Format, LOCK, LOG, LogFile, MANIFEST, Manifest, blob_name,
    copy::{copy, sync_disk_of},
    io,
    read::Archive,
};

/// How blobs come into an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowBlobs {
    /// Bytes of their own: what happens to one does not happen to the other.
    Copied,
    /// A second name for the same file, where the disk is the same.
    Linked,
}

/// A folder that is becoming an archive.
pub struct ArchiveFolder {
    root: PathBuf,
    others: Vec<String>,
    before: Option<Manifest>,
    _lock: File,
}

impl ArchiveFolder {
    /// Makes the folder, or goes on with what is there. `others` are the other files, and the folders that
    /// they lie in.
    ///
    /// # Errors
    /// Something else is there, another process is at it, or the disk refuses.
    pub fn open(root: &Path, format: Format, others: &[&str]) -> Result<Self, ArchiveError> {
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(io("create", root))?;
        let occupied = |what| ArchiveError::Occupied { path: root.to_owned(), what, format };
        let known = |name: &str| [MANIFEST, LOG, BLOBS, LOCK].contains(&name) || others.contains(&name);
        for entry in fs::read_dir(root).map_err(io("list", root))? {
            let name = entry.map_err(io("list", root))?.file_name();
            let name = name.to_string_lossy();
            if !known(&name) && !name.starts_with(".unfinished-") {
                return Err(occupied(name.into_owned()));
            }
        }
        // Only now: a folder that holds something else is left as it is.
        fs::set_permissions(root, Permissions::from_mode(0o700)).map_err(io("close to others", root))?;
        let lock = lock(root)?;
        let before = match fs::exists(root.join(MANIFEST)).map_err(io("look for", root.join(MANIFEST)))? {
            true => Some(Archive::open(root, format)?.manifest().clone()),
            false => None,
        };
        let others = others.iter().map(|&name| name.to_owned()).collect();
        Ok(Self { root: root.to_owned(), others, before, _lock: lock })
    }

    /// What was there when it was opened.
    #[must_use]
    pub fn before(&self) -> Option<&Manifest> {
        self.before.as_ref()
    }

    /// Where a file of that name is to be written.
    ///
    /// # Errors
    /// Its folder cannot be made.
    pub fn path(&self, name: &str) -> Result<PathBuf, ArchiveError> {
        let path = self.root.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io("create", folder))?;
        }
        Ok(path)
    }

    /// Puts a file there, in the place of an older one.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn put(&self, name: &str, from: &mut dyn Read) -> Result<FilePart, ArchiveError> {
        let path = self.path(name)?;
        let copied = copy(from, &path, |_| true).map_err(io("write", path))?;
        Ok(FilePart { bytes: copied.bytes, sha256: copied.sha256 })
    }

    /// The log, to be written from its first line on.
    ///
    /// # Errors
    /// The disk refuses, or lines that the manifest tells of are gone.
    pub fn log(&self) -> Result<LogFile, ArchiveError> {
        LogFile::open(&self.root, self.before.as_ref().map(|before| before.log))
    }

    /// Puts a blob there, if it is not there yet; answers its size. It is hashed on its way.
    ///
    /// # Errors
    /// It is not in `blobs` or damaged there ([`BlobError`]), or the disk refuses.
    pub async fn put_blob(&self, blobs: &Blobs, digest: Sha256, how: HowBlobs) -> Result<u64, ArchiveError> {
        let size_bytes = blobs.size(digest).await?;
        let to = self.path(&blob_name(digest))?;
        if fs::metadata(&to).is_ok_and(|there| there.len() == size_bytes) {
            return Ok(size_bytes);
        }
        let here = blobs.local_path(digest).ok_or(BlobError::NotFound { digest })?;
        if how == HowBlobs::Linked {
            blobs.check(digest).await?;
            if link(&here, &to).is_ok() {
                return Ok(size_bytes);
            }
        }
        let target = to.clone();
        let copying = tokio::task::spawn_blocking(move || {
            copy(&mut File::open(&here)?, &target, |copied| copied.sha256 == digest)
        });
        let copied = copying.await.map_err(std_io::Error::other).flatten().map_err(io("write", to))?;
        if copied.sha256 == digest { Ok(copied.bytes) } else { Err(BlobError::Corrupt { digest }.into()) }
    }

    /// Writes the manifest, once everything else is on disk, and removes the files that it does not name any more.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn finish(self, manifest: &Manifest) -> Result<(), ArchiveError> {
        let Self { root, others, .. } = self;
        sync_disk_of(&root).map_err(io("write to the disk", &root))?;
        let text = serde_json::to_string_pretty(manifest).map_err(|error| io("write", MANIFEST)(error.into()))?;
        let written = (|| {
            let mut new = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(&root)?;
            writeln!(new, "{text}")?;
            new.as_file().sync_all()?;
            new.persist(root.join(MANIFEST)).map_err(|refused| refused.error)?;
            File::open(&root)?.sync_all()
        })();
        written.map_err(io("write", root.join(MANIFEST)))?;
        others.iter().try_for_each(|other| remove_unnamed(&root, other, manifest))
    }
}

/// What an earlier state had under that name, or in the folder of that name, and this one has not.
fn remove_unnamed(root: &Path, name: &str, manifest: &Manifest) -> Result<(), ArchiveError> {
    let path = root.join(name);
    if !path.is_dir() {
        return match manifest.files.contains_key(name) || !path.exists() {
            true => Ok(()),
            false => fs::remove_file(&path).map_err(io("remove", path)),
        };
    }
    for entry in fs::read_dir(&path).map_err(io("list", &path))? {
        let file = entry.map_err(io("list", &path))?.file_name();
        remove_unnamed(root, &format!("{name}/{}", file.to_string_lossy()), manifest)?;
    }
    Ok(())
}

fn link(from: &Path, to: &Path) -> std_io::Result<()> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != std_io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::hard_link(from, to)
}

fn lock(root: &Path) -> Result<File, ArchiveError> {
    let path = root.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io("lock", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ArchiveError::Busy { path: root.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io("lock", path)(source)),
    }
}
