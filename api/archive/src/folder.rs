//! Writing an archive into a folder: a new one, or an existing one that is added to.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::{self as std_io, Read, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use domain::digest::Sha256;
use stores::blobs::{BlobError, Blobs};

use super::{
    ArchiveError, BLOBS, FilePart, Format, LOCK, LOG, LogFile, MANIFEST, Manifest, blob_name,
    copy::{Copied, copy, copy_into, digest_of, sync_disk_of},
    io,
    read::Archive,
};

/// The files that stay from one manifest to the next, or are replaced as a whole.
const LASTING: [&str; 4] = [MANIFEST, LOG, BLOBS, LOCK];

/// How blobs are copied into an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowBlobs {
    /// Full copies: damage to one file does not affect the other.
    Copied,
    /// Hard links, if both are on the same disk.
    Linked,
}

/// A folder into which an archive is being written.
pub struct ArchiveFolder {
    root: PathBuf,
    before: Option<Manifest>,
    is_checked: bool,
    _lock: File,
}

impl ArchiveFolder {
    /// Creates the folder, or opens an existing archive. `others` are the other files and their folders.
    ///
    /// # Errors
    /// The folder contains something else, another process is writing it, or an I/O error.
    pub fn open(root: &Path, format: Format, others: &[&str]) -> Result<Self, ArchiveError> {
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(io("create", root))?;
        let occupied = |what| ArchiveError::Occupied { path: root.to_owned(), what, format };
        let is_of = |name: &str, other: &str| {
            name.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let known = |name: &str| LASTING.contains(&name) || others.iter().any(|other| is_of(name, other));
        for entry in fs::read_dir(root).map_err(io("list", root))? {
            let name = entry.map_err(io("list", root))?.file_name();
            let name = name.to_string_lossy();
            if !known(&name) && !name.starts_with(".unfinished-") {
                return Err(occupied(name.into_owned()));
            }
        }
        // Only now, so that a folder with other content is left unchanged.
        fs::set_permissions(root, Permissions::from_mode(0o700)).map_err(io("restrict the permissions of", root))?;
        let lock = lock(root)?;
        let before = match fs::exists(root.join(MANIFEST)).map_err(io("look for", root.join(MANIFEST)))? {
            true => Some(Archive::open(root, format)?.manifest().clone()),
            false => None,
        };
        Ok(Self { root: root.to_owned(), before, is_checked: false, _lock: lock })
    }

    /// With `is_checked`, reads every blob that was copied earlier, and replaces damaged ones.
    #[must_use]
    pub fn checked(self, is_checked: bool) -> Self {
        Self { is_checked, ..self }
    }

    /// The manifest when the folder was opened.
    #[must_use]
    pub fn before(&self) -> Option<&Manifest> {
        self.before.as_ref()
    }

    /// The path to which a file of this name is written.
    ///
    /// # Errors
    /// Its folder cannot be created.
    pub fn path(&self, name: &str) -> Result<PathBuf, ArchiveError> {
        let path = self.root.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io("create", folder))?;
        }
        Ok(path)
    }

    /// Adds a file beside an older one of the same name. The manifest says which one is current.
    ///
    /// # Errors
    /// An I/O error.
    pub fn put(&self, name: &str, from: &mut dyn Read) -> Result<FilePart, ArchiveError> {
        let path = self.path(name)?;
        let part = |copied: Copied| FilePart { bytes: copied.bytes, sha256: copied.sha256 };
        let folder = path.parent().unwrap_or(&self.root);
        let copied = copy_into(from, folder, |copied| Some(self.root.join(part(copied).place(name))));
        copied.map(part).map_err(io("write", path))
    }

    /// Opens the log for writing, from its first line on.
    ///
    /// # Errors
    /// The disk refuses, or lines that the manifest names are gone.
    pub fn log(&self) -> Result<LogFile, ArchiveError> {
        LogFile::open(&self.root, self.before.as_ref().map(|before| before.log))
    }

    /// Copies a blob unless the archive has it, checks its digest, and returns its size.
    ///
    /// # Errors
    /// It is missing or damaged in `blobs` ([`BlobError`]), or an I/O error.
    pub(crate) async fn put_blob(&self, blobs: &Blobs, digest: Sha256, how: HowBlobs) -> Result<u64, ArchiveError> {
        let size_bytes = blobs.size(digest).await?;
        let to = self.path(&blob_name(digest))?;
        if fs::metadata(&to).is_ok_and(|there| there.len() == size_bytes) && self.is_whole(&to, digest).await? {
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

    /// Whether the file has this digest. Always true if blobs are not checked.
    async fn is_whole(&self, file: &Path, digest: Sha256) -> Result<bool, ArchiveError> {
        if !self.is_checked {
            return Ok(true);
        }
        let open = file.to_owned();
        let hashing = tokio::task::spawn_blocking(move || digest_of(&mut File::open(open)?));
        let found = hashing.await.map_err(std_io::Error::other).flatten().map_err(io("read", file))?;
        Ok(found == digest)
    }

    /// Removes the blobs that are not among `named`, and what interrupted copying left beside them.
    ///
    /// # Errors
    /// An I/O error.
    pub(super) fn keep_blobs(&self, named: &HashSet<Sha256>) -> Result<(), ArchiveError> {
        let blobs = self.path(BLOBS)?;
        if !blobs.exists() {
            return Ok(());
        }
        let digest = |path: &Path| path.file_name()?.to_str()?.parse().ok();
        remove_all_but(&|path| digest(path).is_some_and(|digest| named.contains(&digest)), &blobs)
    }

    /// Finishes the archive: writes the new manifest, if `filled` is one, after everything else is on disk. Then removes the small files
    /// that the current manifest does not name.
    ///
    /// # Errors
    /// The error in `filled`, or an I/O error.
    pub fn end<E: From<ArchiveError>>(self, filled: Result<Manifest, E>) -> Result<Manifest, E> {
        match filled {
            Ok(manifest) => {
                write_manifest(&self.root, &manifest)?;
                remove_unnamed(&self.root, Some(&manifest))?;
                Ok(manifest)
            }
            Err(error) => {
                // Report the first error. Files that stay now are removed the next time.
                let _stays = remove_unnamed(&self.root, self.before.as_ref());
                Err(error)
            }
        }
    }
}

fn write_manifest(root: &Path, manifest: &Manifest) -> Result<(), ArchiveError> {
    sync_disk_of(root).map_err(io("write to the disk of", root))?;
    let text = serde_json::to_string_pretty(manifest).map_err(|error| io("write", MANIFEST)(error.into()))?;
    let written = (|| {
        let mut new = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(root)?;
        writeln!(new, "{text}")?;
        new.as_file().sync_all()?;
        new.persist(root.join(MANIFEST)).map_err(|refused| refused.error)?;
        File::open(root)?.sync_all()
    })();
    written.map_err(io("write", root.join(MANIFEST)))
}

/// Removes small files that `manifest` does not name.
fn remove_unnamed(root: &Path, manifest: Option<&Manifest>) -> Result<(), ArchiveError> {
    let files = manifest.iter().flat_map(|manifest| &manifest.files);
    let named: HashSet<PathBuf> = files.map(|(name, part)| root.join(part.place(name))).collect();
    for entry in fs::read_dir(root).map_err(io("list", root))? {
        let entry = entry.map_err(io("list", root))?;
        if !LASTING.iter().any(|lasting| entry.file_name() == *lasting) {
            remove_all_but(&|path| named.contains(path), &entry.path())?;
        }
    }
    Ok(())
}

fn remove_all_but(is_kept: &dyn Fn(&Path) -> bool, path: &Path) -> Result<(), ArchiveError> {
    if fs::symlink_metadata(path).is_ok_and(|it| it.is_dir()) {
        for entry in fs::read_dir(path).map_err(io("list", path))? {
            remove_all_but(is_kept, &entry.map_err(io("list", path))?.path())?;
        }
        return Ok(());
    }
    if is_kept(path) { Ok(()) } else { fs::remove_file(path).map_err(io("remove", path)) }
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
