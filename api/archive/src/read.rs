//! Reads an archive from a folder or a tar file. Its content is not trusted.

use std::{
    fs::File,
    io::{self as std_io, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use domain::digest::Sha256;

use super::{
    ArchiveError, Copied, FilePart, Format, LOG, Lines, MANIFEST, Manifest, blob_name,
    copy::copy,
    io,
    tar::{Index, NoTar},
};

/// The maximum size of a manifest: about a million small files.
const MANIFEST_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// An existing archive.
pub struct Archive {
    path: PathBuf,
    source: Source,
    manifest: Manifest,
}

enum Source {
    Folder(PathBuf),
    Tar(Index),
}

impl Source {
    fn open(&self, name: &str) -> std_io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Folder(root) => Box::new(File::open(root.join(name))?),
            Self::Tar(index) => Box::new(index.open(name)?),
        })
    }
}

impl Archive {
    /// Opens the archive at `path`, which must have this format.
    ///
    /// # Errors
    /// It does not exist, cannot be read, or is something else.
    pub fn open(path: &Path, expected: Format) -> Result<Self, ArchiveError> {
        let not_that = |why: String| ArchiveError::NotThat { path: path.to_owned(), expected, why };
        let source = match std::fs::metadata(path).map_err(io("open", path))?.is_dir() {
            true => Source::Folder(path.to_owned()),
            false => Source::Tar(Index::read(path).map_err(|error| match error {
                NoTar::Cut { bytes, place } => ArchiveError::CutOff { path: path.to_owned(), bytes, place },
                NoTar::Other(error) => not_that(format!("it is not a tar file: {error}")),
            })?),
        };
        let mut text = Vec::new();
        let opened = source.open(MANIFEST).and_then(|file| file.take(MANIFEST_MAX_BYTES).read_to_end(&mut text));
        opened.map_err(|error| not_that(format!("its {MANIFEST} cannot be read: {error}")))?;
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|error| not_that(format!("its {MANIFEST} is not valid: {error}")))?;
        match manifest.format == expected {
            true => Ok(Self { path: path.to_owned(), source, manifest }),
            false => Err(not_that(format!("it is a {}", manifest.format))),
        }
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The log, up to the length in the manifest.
    ///
    /// # Errors
    /// The log is missing.
    pub fn log(&self) -> Result<impl BufRead + Send + use<>, ArchiveError> {
        let log = self.source.open(LOG).map_err(io("read", self.path.join(LOG)))?;
        Ok(BufReader::new(log.take(self.manifest.log.bytes)))
    }

    /// The log's lines, one by one.
    ///
    /// # Errors
    /// The log is missing.
    pub fn lines(&self) -> Result<Lines<impl BufRead + Send + use<>>, ArchiveError> {
        Ok(Lines::new(self.log()?))
    }

    /// Copies a blob to the file `to`, checks its digest, and returns its size.
    ///
    /// # Errors
    /// It is missing or damaged, or an I/O error.
    pub fn copy_blob(&self, digest: Sha256, to: &Path) -> Result<u64, ArchiveError> {
        Ok(self.copy(&blob_name(digest), to, |copied| copied.sha256 == digest, digest)?.bytes)
    }

    /// Copies a file that the manifest names to `to`, and checks it against the manifest.
    ///
    /// # Errors
    /// It is missing or damaged, or an I/O error.
    pub(crate) fn copy_file(&self, name: &str, to: &Path) -> Result<(), ArchiveError> {
        let part = self.part(name)?;
        self.copy(
            &part.place(name),
            to,
            |copied| (copied.bytes, copied.sha256) == (part.bytes, part.sha256),
            part.sha256,
        )?;
        Ok(())
    }

    /// Reads a small file that the manifest names, and checks it against the manifest.
    ///
    /// # Errors
    /// It is missing, damaged, or longer than `max_bytes`.
    pub fn small_file(&self, name: &str, max_bytes: u64) -> Result<Vec<u8>, ArchiveError> {
        let part = self.part(name)?;
        if part.bytes > max_bytes {
            return Err(ArchiveError::TooLong { name: name.to_owned(), bytes: part.bytes, max_bytes });
        }
        let mut bytes = Vec::new();
        let place = part.place(name);
        let read = self.source.open(&place).and_then(|file| file.take(max_bytes).read_to_end(&mut bytes));
        read.map_err(io("read", self.path.join(&place)))?;
        match Sha256::of(&bytes) {
            found if found == part.sha256 => Ok(bytes),
            found => Err(ArchiveError::OtherBytes { name: place, expected: part.sha256, found }),
        }
    }

    fn part(&self, name: &str) -> Result<FilePart, ArchiveError> {
        let missing = || std_io::Error::other("the manifest does not name it");
        self.manifest.files.get(name).copied().ok_or_else(|| io("read", self.path.join(name))(missing()))
    }

    fn copy(
        &self,
        name: &str,
        to: &Path,
        is_right: impl Fn(Copied) -> bool,
        expected: Sha256,
    ) -> Result<Copied, ArchiveError> {
        let path = || self.path.join(name);
        let from = self.source.open(name).map_err(|source| ArchiveError::Unreadable { path: path(), source })?;
        let mut from = Noted { from, has_failed: false };
        let copied = copy(&mut from, to, &is_right).map_err(|source| match from.has_failed {
            true => ArchiveError::Unreadable { path: path(), source },
            false => io("copy", path())(source),
        })?;
        if is_right(copied) {
            return Ok(copied);
        }
        Err(ArchiveError::OtherBytes { name: name.to_owned(), expected, found: copied.sha256 })
    }
}

/// Records whether reading failed, to distinguish it from a full disk.
struct Noted {
    from: Box<dyn Read + Send>,
    has_failed: bool,
}

impl Read for Noted {
    fn read(&mut self, into: &mut [u8]) -> std_io::Result<usize> {
        self.from.read(into).inspect_err(|_| self.has_failed = true)
    }
}
