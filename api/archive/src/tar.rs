//! Archives as tar files.

use std::{
    cell::Cell,
    collections::HashMap,
    fs::{self, File},
    io::{self as std_io, BufWriter, Read, Seek, SeekFrom},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::Arc,
};

use tar::{EntryType, Header};

use super::{ArchiveError, LOCK, MANIFEST, io};

/// The maximum number of files in an archive: about 1 GB of memory for their names.
const ENTRIES_MAX: usize = 10_000_000;

/// The block size: headers and files begin at multiples of it.
const BLOCK_BYTES: u64 = 512;

/// Writes the archive in `folder` to the new file `to` atomically. The file is readable only by its owner.
///
/// # Errors
/// An I/O error.
pub fn pack(folder: &Path, to: &Path) -> Result<(), ArchiveError> {
    let place = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let packed = (|| {
        let file = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(place)?;
        let mut tar = tar::Builder::new(BufWriter::new(file));
        append(&mut tar, folder, MANIFEST)?;
        append_all(&mut tar, folder, "")?;
        let file = tar.into_inner()?.into_inner().map_err(std_io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(to).map_err(|refused| refused.error)?;
        File::open(place)?.sync_all()
    })();
    packed.map_err(io("write", to))
}

type Builder = tar::Builder<BufWriter<tempfile::NamedTempFile>>;

fn append_all(tar: &mut Builder, root: &Path, below: &str) -> std_io::Result<()> {
    let mut names = fs::read_dir(root.join(below))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std_io::Result<Vec<_>>>()?;
    names.sort();
    for name in names {
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        if root.join(&name).is_dir() {
            append_all(tar, root, &name)?;
        } else if ![MANIFEST, LOCK].contains(&name.as_str()) {
            append(tar, root, &name)?;
        }
    }
    Ok(())
}

fn append(tar: &mut Builder, root: &Path, name: &str) -> std_io::Result<()> {
    let file = File::open(root.join(name))?;
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(file.metadata()?.len());
    tar.append_data(&mut header, name, file)
}

/// The offset and length of each file in a tar file.
pub(super) struct Index {
    file: Arc<File>,
    entries: HashMap<String, (u64, u64)>,
}

/// Why a file is not a complete tar file.
pub(super) enum NoTar {
    Cut { bytes: u64, place: String },
    Other(std_io::Error),
}

impl From<std_io::Error> for NoTar {
    fn from(error: std_io::Error) -> Self {
        Self::Other(error)
    }
}

impl Index {
    /// Reads the headers, and skips the files' contents.
    pub(super) fn read(path: &Path) -> Result<Self, NoTar> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut headers = Headers { entries: HashMap::new(), last: None, end: 0 };
        let reached_end = Cell::new(false);
        let read = headers.read(ToItsEnd { file: &file, reached: &reached_end });
        let Headers { entries, last, end } = headers;
        // A complete tar file ends with empty blocks.
        if end.saturating_add(BLOCK_BYTES) > bytes || (read.is_err() && reached_end.get()) {
            let place = match last {
                None => "before its first file".to_owned(),
                Some(last) if end > bytes => format!("in the middle of {last}"),
                Some(last) => format!("after {last} and before its end mark"),
            };
            return Err(NoTar::Cut { bytes, place });
        }
        read?;
        Ok(Self { file: Arc::new(file), entries })
    }

    pub(super) fn open(&self, name: &str) -> std_io::Result<Section> {
        let found = self.entries.get(name);
        let &(at, bytes) =
            found.ok_or_else(|| std_io::Error::new(std_io::ErrorKind::NotFound, "the tar file does not contain it"))?;
        Ok(Section { file: self.file.clone(), at, end: at.saturating_add(bytes) })
    }
}

/// The headers read so far.
struct Headers {
    entries: HashMap<String, (u64, u64)>,
    /// The last file.
    last: Option<String>,
    /// The offset of the last entry's end.
    end: u64,
}

impl Headers {
    fn read(&mut self, from: ToItsEnd<'_>) -> std_io::Result<()> {
        let mut tar = tar::Archive::new(from);
        for entry in tar.entries_with_seek()? {
            let entry = entry?;
            let is_file = entry.header().entry_type() == EntryType::Regular;
            let size = if is_file { entry.size() } else { entry.header().entry_size()? };
            let begin = entry.raw_file_position();
            self.end = begin.saturating_add(size).checked_next_multiple_of(BLOCK_BYTES).unwrap_or(u64::MAX);
            if !is_file {
                continue;
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let twice = self.entries.insert(name.clone(), (begin, size)).is_some();
            if twice || self.entries.len() > ENTRIES_MAX {
                let why = if twice { format!("it has two files {name}") } else { "it has too many files".to_owned() };
                return Err(std_io::Error::other(why));
            }
            self.last = Some(name);
        }
        Ok(())
    }
}

/// Notes whether more was read than there is.
struct ToItsEnd<'a> {
    file: &'a File,
    reached: &'a Cell<bool>,
}

impl Read for ToItsEnd<'_> {
    fn read(&mut self, into: &mut [u8]) -> std_io::Result<usize> {
        let read = self.file.read(into)?;
        if read == 0 && !into.is_empty() {
            self.reached.set(true);
        }
        Ok(read)
    }
}

impl Seek for ToItsEnd<'_> {
    fn seek(&mut self, to: SeekFrom) -> std_io::Result<u64> {
        self.file.seek(to)
    }
}

/// A part of a file. Several can be read at the same time.
pub(super) struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, into: &mut [u8]) -> std_io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let length = into.len().min(left);
        let read = self.file.read_at(&mut into[..length], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
