//! A tar archive as dpkg-deb writes it: names from `./`, owners by name, one time for everything.
//!
//! dpkg looks an owner up by name and falls back on the number; the number is always root's, so that a file whose owner
//! is missing belongs to root and never to a stranger who happens to have that number.

use std::{
    io::{self, Write},
    path::Path,
};

use tar::{EntryType, Header};

use crate::packaging::{error::WritePackageError, output::each_chunk};

const BLOCK_BYTES: u64 = 512;
/// Longest name and link target of a plain header; GNU tar's long records carry longer ones.
const NAME_BYTES: usize = 100;

/// Writes entries in the order given.
pub(super) struct TarWriter<W: Write> {
    out: W,
    time: u32,
}

/// What all kinds of entry have.
pub(super) struct Owned<'a> {
    /// Without the leading `/`; empty for the root folder.
    pub(super) path: &'a str,
    pub(super) mode: u32,
    pub(super) user: &'a str,
    pub(super) group: &'a str,
}

impl<'a> Owned<'a> {
    /// Owned by root.
    pub(super) fn root(path: &'a str, mode: u32) -> Self {
        Self { path, mode, user: "root", group: "root" }
    }
}

impl<W: Write> TarWriter<W> {
    pub(super) fn new(out: W, time: u32) -> Self {
        Self { out, time }
    }

    pub(super) fn directory(&mut self, entry: &Owned<'_>) -> io::Result<()> {
        let slash = if entry.path.is_empty() { "" } else { "/" };
        self.header(EntryType::Directory, entry, &format!("./{}{slash}", entry.path), "", 0)
    }

    pub(super) fn symlink(&mut self, entry: &Owned<'_>, target: &str) -> io::Result<()> {
        self.header(EntryType::Symlink, entry, &format!("./{}", entry.path), target, 0)
    }

    pub(super) fn text(&mut self, entry: &Owned<'_>, text: &[u8]) -> io::Result<()> {
        self.header(EntryType::Regular, entry, &format!("./{}", entry.path), "", text.len() as u64)?;
        self.out.write_all(text)?;
        self.pad(text.len() as u64)
    }

    /// Copies `source` in, showing its bytes to `seen`.
    pub(super) fn file(
        &mut self,
        entry: &Owned<'_>,
        source: &Path,
        size_bytes: u64,
        mut seen: impl FnMut(&[u8]),
    ) -> Result<(), WritePackageError> {
        self.header(EntryType::Regular, entry, &format!("./{}", entry.path), "", size_bytes)?;
        each_chunk(source, size_bytes, |chunk| {
            seen(chunk);
            self.out.write_all(chunk)
        })?;
        Ok(self.pad(size_bytes)?)
    }

    /// Writes the two empty blocks at the end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK_BYTES as usize])?;
        Ok(self.out)
    }

    fn header(
        &mut self,
        kind: EntryType,
        entry: &Owned<'_>,
        name: &str,
        target: &str,
        size_bytes: u64,
    ) -> io::Result<()> {
        self.long(EntryType::GNULongLink, target)?;
        self.long(EntryType::GNULongName, name)?;
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(entry.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_username(entry.user)?;
        header.set_groupname(entry.group)?;
        header.set_mtime(self.time.into());
        header.set_size(size_bytes);
        fill(&mut header.as_old_mut().name, name);
        fill(&mut header.as_old_mut().linkname, target);
        header.set_cksum();
        self.out.write_all(header.as_bytes())
    }

    /// GNU tar's record for a text that does not fit into the header after it.
    fn long(&mut self, kind: EntryType, text: &str) -> io::Result<()> {
        if text.len() <= NAME_BYTES {
            return Ok(());
        }
        let size_bytes = text.len() as u64 + 1;
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size_bytes);
        fill(&mut header.as_old_mut().name, "././@LongLink");
        header.set_cksum();
        self.out.write_all(header.as_bytes())?;
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(&[0])?;
        self.pad(size_bytes)
    }

    fn pad(&mut self, size_bytes: u64) -> io::Result<()> {
        let padding = size_bytes.next_multiple_of(BLOCK_BYTES) - size_bytes;
        self.out.write_all(&[0; BLOCK_BYTES as usize][..padding as usize])
    }
}

/// Not `Header::set_path`: it drops a leading `./`, which every name in a deb has.
fn fill(field: &mut [u8; NAME_BYTES], text: &str) {
    let length = text.len().min(NAME_BYTES);
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
}
