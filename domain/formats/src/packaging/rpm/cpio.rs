//! The archive inside an rpm: cpio in its "new ASCII" form.

use std::{io, io::Write, path::Path};

use crate::packaging::{error::WritePackageError, output::each_chunk};

/// Writes members in the order given, which must be the order of the rpm's file list.
pub(super) struct CpioWriter<W: Write> {
    out: W,
    time: u32,
    members: u32,
}

impl<W: Write> CpioWriter<W> {
    pub(super) fn new(out: W, time: u32) -> Self {
        Self { out, time, members: 0 }
    }

    /// A folder, or a link with its target as `bytes`. `mode` holds the type bits too.
    pub(super) fn bytes(&mut self, path: &str, mode: u16, bytes: &[u8]) -> io::Result<()> {
        self.header(&format!(".{path}"), mode, bytes.len() as u32)?;
        self.out.write_all(bytes)?;
        self.pad(bytes.len())
    }

    /// Copies `source` in, showing its bytes to `seen`.
    pub(super) fn file(
        &mut self,
        path: &str,
        mode: u16,
        source: &Path,
        size_bytes: u32,
        mut seen: impl FnMut(&[u8]),
    ) -> Result<(), WritePackageError> {
        self.header(&format!(".{path}"), mode, size_bytes)?;
        each_chunk(source, size_bytes.into(), |chunk| {
            seen(chunk);
            self.out.write_all(chunk)
        })?;
        Ok(self.pad(size_bytes as usize)?)
    }

    /// Writes the trailer.
    pub(super) fn finish(mut self) -> io::Result<W> {
        (self.time, self.members) = (0, u32::MAX);
        self.header("TRAILER!!!", 0, 0)?;
        Ok(self.out)
    }

    fn header(&mut self, name: &str, mode: u16, size_bytes: u32) -> io::Result<()> {
        // Distinct inode numbers and one link each: nothing is a hard link.
        self.members = self.members.wrapping_add(1);
        let (inode, time, name_bytes) = (self.members, self.time, name.len() + 1);
        let (owner, device, checksum) = (0, 0, 0);
        write!(self.out, "070701{inode:08x}{mode:08x}{owner:08x}{owner:08x}{:08x}{time:08x}{size_bytes:08x}", 1)?;
        write!(self.out, "{device:08x}{device:08x}{device:08x}{device:08x}{name_bytes:08x}{checksum:08x}{name}\0")?;
        self.pad(110 + name_bytes)
    }

    fn pad(&mut self, length: usize) -> io::Result<()> {
        self.out.write_all(&[0; 3][..length.next_multiple_of(4) - length])
    }
}
