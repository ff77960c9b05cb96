//! An rpm's payload: the tree as a compressed archive, and the file list that the header holds.
//!
//! gzip, because it is what every rpm reads, EL7's included (which has no zstd), and because xz takes thirty times as
//! long.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Seek as _},
    path::Path,
};

use domain::digest::Sha256;
use flate2::{Compression, GzBuilder};
use sha2::Digest as _;

use super::{SHA256_ALGORITHM, cpio::CpioWriter, flags::file as file_flags};
use crate::packaging::{
    error::WritePackageError,
    output::Hashing,
    rpm_header::{Value, tag},
    spec::{Spec, is_configuration},
    tree::{Content, Entry},
};

pub(super) const COMPRESSION_LEVEL: u32 = 6;

const REGULAR: u16 = 0o100_000;
const DIRECTORY: u16 = 0o040_000;
const SYMLINK: u16 = 0o120_000;

/// The compressed archive and what the headers say about it.
pub(super) struct Payload {
    /// The archive, read from its start.
    pub(super) file: File,
    pub(super) size_bytes: u64,
    pub(super) sha256: Sha256,
    pub(super) archive_size_bytes: u64,
    pub(super) archive_sha256: Sha256,
    /// The file list.
    pub(super) files: Files,
}

/// Compresses the tree into a nameless file in `folder`.
pub(super) fn write(spec: &Spec<'_>, folder: &Path) -> Result<Payload, WritePackageError> {
    let compressed = Hashing::new(BufWriter::new(tempfile::tempfile_in(folder)?));
    let gzip = GzBuilder::new().mtime(0).write(compressed, Compression::new(COMPRESSION_LEVEL));
    let mut cpio = CpioWriter::new(Hashing::new(gzip), spec.time());
    let mut files = Files::default();
    for (path, entry) in &spec.tree.entries {
        let permissions = u16::try_from(entry.mode).unwrap_or_default();
        let mut file = Listed { time: spec.time(), ..Listed::default() };
        match &entry.content {
            Content::Directory => {
                file.mode = DIRECTORY | permissions;
                cpio.bytes(path, file.mode, &[])?;
            }
            Content::Symlink(target) => {
                file.mode = SYMLINK | 0o777;
                file.target.clone_from(target);
                file.size_bytes = target.len() as u32;
                cpio.bytes(path, file.mode, target.as_bytes())?;
            }
            Content::File { source, size_bytes } => {
                file.mode = REGULAR | permissions;
                file.size_bytes = u32::try_from(*size_bytes).unwrap_or(u32::MAX);
                let mut sha256 = sha2::Sha256::new();
                cpio.file(path, file.mode, source, file.size_bytes, |chunk| sha256.update(chunk))?;
                file.digest = hex::encode(sha256.finalize());
            }
        }
        if is_configuration(path, &entry.content) {
            file.flags = file_flags::CONFIG | file_flags::NOREPLACE;
        }
        files.push(path, entry, file);
    }
    let (gzip, archive_size_bytes, archive_sha256) = cpio.finish()?.finish();
    let (file, size_bytes, sha256) = gzip.finish()?.finish();
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(Payload { file, size_bytes, sha256, archive_size_bytes, archive_sha256, files })
}

/// One file as the header lists it.
#[derive(Default)]
struct Listed {
    mode: u16,
    size_bytes: u32,
    time: u32,
    digest: String,
    target: String,
    flags: u32,
}

/// The header's parallel arrays, one element per file.
#[derive(Default)]
pub(super) struct Files {
    sizes: Vec<u32>,
    modes: Vec<u16>,
    times: Vec<u32>,
    digests: Vec<String>,
    targets: Vec<String>,
    flags: Vec<u32>,
    users: Vec<String>,
    groups: Vec<String>,
    base_names: Vec<String>,
    folder_indexes: Vec<u32>,
    folders: Vec<String>,
    index_of_folder: BTreeMap<String, u32>,
}

impl Files {
    /// Sum of all sizes.
    pub(super) fn size_bytes(&self) -> u32 {
        self.sizes.iter().fold(0, |sum, size| sum.saturating_add(*size))
    }

    /// Is any of them a configuration file?
    pub(super) fn have_configuration(&self) -> bool {
        self.flags.iter().any(|flags| flags & file_flags::CONFIG != 0)
    }

    fn push(&mut self, path: &str, entry: &Entry, file: Listed) {
        let (folder, base_name) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
        let next = self.folders.len() as u32;
        let index = *self.index_of_folder.entry(folder.to_owned()).or_insert(next);
        if index == next {
            self.folders.push(folder.to_owned());
        }
        self.folder_indexes.push(index);
        self.base_names.push(base_name.to_owned());
        self.sizes.push(file.size_bytes);
        self.modes.push(file.mode);
        self.times.push(file.time);
        self.digests.push(file.digest);
        self.targets.push(file.target);
        self.flags.push(file.flags);
        self.users.push(entry.user.clone());
        self.groups.push(entry.group.clone());
    }

    /// The header's tags; a package without files has none.
    pub(super) fn into_values(self) -> Vec<(u32, Value)> {
        let count = self.sizes.len();
        if count == 0 {
            return Vec::new();
        }
        vec![
            (tag::FILESIZES, Value::Int32(self.sizes)),
            (tag::FILEMODES, Value::Int16(self.modes)),
            (tag::FILERDEVS, Value::Int16(vec![0; count])),
            (tag::FILEMTIMES, Value::Int32(self.times)),
            (tag::FILEDIGESTS, Value::Texts(self.digests)),
            (tag::FILELINKTOS, Value::Texts(self.targets)),
            (tag::FILEFLAGS, Value::Int32(self.flags)),
            (tag::FILEUSERNAME, Value::Texts(self.users)),
            (tag::FILEGROUPNAME, Value::Texts(self.groups)),
            (tag::FILEVERIFYFLAGS, Value::Int32(vec![u32::MAX; count])),
            (tag::FILEDEVICES, Value::Int32(vec![1; count])),
            (tag::FILEINODES, Value::Int32((1..=count as u32).collect())),
            (tag::FILELANGS, Value::Texts(vec![String::new(); count])),
            (tag::DIRINDEXES, Value::Int32(self.folder_indexes)),
            (tag::BASENAMES, Value::Texts(self.base_names)),
            (tag::DIRNAMES, Value::Texts(self.folders)),
            (tag::FILEDIGESTALGO, Value::Int32(vec![SHA256_ALGORITHM])),
        ]
    }
}
