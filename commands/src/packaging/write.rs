//! Writing a package file: what goes in, what is refused, and the file that comes out.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Read as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use domain::{config::PackageConfig, digest::Sha256, package::Format};
use sha2::Digest as _;
use tempfile::NamedTempFile;

use super::{
    check, deb, rpm,
    scripts::ScriptTexts,
    tree::{Content, PackageTree},
};

/// Everything a package is made of.
#[derive(Debug, Clone, Copy)]
pub struct Spec<'a> {
    /// Name, format, description, dependencies. Its build and copy sections have done their work already.
    pub config: &'a PackageConfig,
    /// The upstream version in the format's own notation, such as `1.2.0~rc1`: it is the whole version of a deb, which
    /// gets no Debian revision, and the version of an rpm whose release is `1`.
    pub version: &'a str,
    /// Seconds since the epoch: the time of everything in the package, as `SOURCE_DATE_EPOCH` is.
    pub source_date: i64,
    /// The maintainer scripts' sections.
    pub scripts: &'a ScriptTexts,
    /// What it installs.
    pub tree: &'a PackageTree,
}

/// A package file on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPackage {
    /// In the folder asked for, under the name that the format's tools give it.
    pub path: PathBuf,
    /// Its length.
    pub size_bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// Why a package could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WritePackageError {
    /// A text would break the package's own files.
    #[error("the package's {field} cannot be written: expected {expected}")]
    Field {
        /// Which.
        field: &'static str,
        /// Its grammar.
        expected: &'static str,
    },
    /// A line of `install.requires` that the format's tools would not understand.
    #[error("install.requires: \"{text}\" is not a dependency: expected {expected}")]
    Dependency {
        /// As written.
        text: String,
        /// Its grammar.
        expected: &'static str,
    },
    /// An entry of the tree cannot be installed.
    #[error("cannot install \"{path}\": expected {expected}")]
    Entry {
        /// The installed path.
        path: String,
        /// What would be possible.
        expected: &'static str,
    },
    /// More than a package can hold.
    #[error("the package has {found} {what}, at most {limit} fit")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much there may be.
        limit: u64,
    },
    /// A built file cannot be read.
    #[error("cannot read {} for the package", path.display())]
    Source {
        /// The file in the built tree.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The package file cannot be written.
    #[error("cannot write the package file")]
    Output(#[from] io::Error),
    /// The rpm's metadata cannot be put into its binary form.
    #[error("cannot write the rpm's metadata")]
    RpmHeader(#[from] ::rpm::Error),
}

/// Writes the package into `folder`, which must exist, and replaces an older file of that name.
///
/// # Errors
/// If the spec breaks a rule of its format, a file of the tree cannot be read or has another length than it says, or
/// the disk is full.
pub fn write_package(spec: &Spec<'_>, folder: &Path) -> Result<WrittenPackage, WritePackageError> {
    check::check(spec)?;
    let mut output = Hashing::new(BufWriter::with_capacity(128 * 1024, NamedTempFile::new_in(folder)?));
    let file_name = match spec.config.format {
        Format::Deb => deb::write(spec, folder, &mut output)?,
        Format::Rpm => rpm::write(spec, folder, &mut output)?,
    };
    output.keep(folder.join(file_name))
}

impl Spec<'_> {
    /// The architecture in the format's own word.
    pub(super) fn architecture(&self) -> &'static str {
        self.config.architecture.in_format(self.config.format)
    }

    /// `source_date` as both formats store it.
    pub(super) fn time(&self) -> u32 {
        u32::try_from(self.source_date.max(0)).unwrap_or(u32::MAX)
    }
}

/// The folders above an absolute path, from the nearest up, without `/`.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(slash, _)| &path[..slash]).filter(|above| !above.is_empty())
}

/// Is it a configuration file, which an upgrade must not overwrite?
pub(super) fn is_configuration(path: &str, content: &Content) -> bool {
    path.starts_with("/etc/") && matches!(content, Content::File { .. })
}

/// Calls `take` with the bytes of a built file, piece by piece: exactly `size_bytes` of them.
pub(super) fn each_chunk(
    path: &Path,
    size_bytes: u64,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), WritePackageError> {
    let failed = |source| WritePackageError::Source { path: path.to_owned(), source };
    let mut file = open_regular(path).map_err(failed)?;
    let mut buffer = vec![0; 128 * 1024];
    let mut left = size_bytes;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        if read as u64 > left || (read == 0 && left > 0) {
            return Err(failed(io::Error::other(format!("its length is no longer {size_bytes} bytes"))));
        }
        if read == 0 {
            return Ok(());
        }
        left -= read as u64;
        take(&buffer[..read])?;
    }
}

/// Opens a regular file: never through a link, and never waiting for a FIFO's writer.
fn open_regular(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(file)
}

/// A writer that counts and hashes what passes through it.
pub(super) struct Hashing<W> {
    inner: W,
    sha256: sha2::Sha256,
    size_bytes: u64,
}

impl<W: Write> Hashing<W> {
    /// Around `inner`, with nothing counted yet.
    pub(super) fn new(inner: W) -> Self {
        Self { inner, sha256: sha2::Sha256::new(), size_bytes: 0 }
    }

    /// The writer inside, and what passed.
    pub(super) fn finish(self) -> (W, u64, Sha256) {
        (self.inner, self.size_bytes, Sha256(self.sha256.finalize().into()))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The package file while it is written; it gets its name only when it is whole.
pub(super) type Output = Hashing<BufWriter<NamedTempFile>>;

impl Output {
    fn keep(self, path: PathBuf) -> Result<WrittenPackage, WritePackageError> {
        let (file, size_bytes, sha256) = self.finish();
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(WrittenPackage { path, size_bytes, sha256 })
    }
}

#[cfg(test)]
mod tests;
