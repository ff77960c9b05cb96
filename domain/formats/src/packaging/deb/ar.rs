//! The outer layer of a deb: an `ar` archive of three members, written and read in order.

use std::io::{self, Read, Write};

use crate::packaging::error::{PackageFileError, quoted};

/// How a deb begins.
pub(in crate::packaging) const MAGIC: &[u8; 8] = b"!<arch>\n";

const HEADER_BYTES: usize = 60;
/// What an error expects of a member's size.
const SIZE_EXPECTED: &str = "a member's size in decimal digits";

/// Writes a member's header; its bytes and [`pad`] follow.
pub(super) fn write_header(out: &mut impl Write, name: &str, time: u32, size_bytes: u64) -> io::Result<()> {
    writeln!(out, "{name:<16}{time:<12}{:<6}{:<6}{:<8}{size_bytes:<10}`", 0, 0, "100644")
}

/// Fills a member up to an even length.
pub(super) fn pad(out: &mut impl Write, size_bytes: u64) -> io::Result<()> {
    if size_bytes % 2 == 1 { out.write_all(b"\n") } else { Ok(()) }
}

/// A member's header as read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Without the padding and GNU ar's trailing `/`.
    pub(super) name: String,
    /// Its length.
    pub(super) size_bytes: u64,
}

/// Reads the next member's header.
pub(super) fn read_header(input: &mut impl Read) -> Result<Member, PackageFileError> {
    let malformed = |expected, found: &str| PackageFileError::malformed("ar archive", expected, found);
    let mut header = [0; HEADER_BYTES];
    input.read_exact(&mut header).map_err(PackageFileError::read)?;
    if !header.ends_with(b"`\n") || !header.is_ascii() {
        return Err(malformed("the header of a member", "other bytes"));
    }
    let text = |range| std::str::from_utf8(&header[range]).unwrap_or_default().trim_end_matches(' ');
    let name = text(0..16);
    let name = name.strip_suffix('/').unwrap_or(name).to_owned();
    let size = text(48..58);
    if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed(SIZE_EXPECTED, &quoted(size)));
    }
    let size_bytes = size.parse().map_err(|_| malformed(SIZE_EXPECTED, &quoted(size)))?;
    Ok(Member { name, size_bytes })
}

/// Reads what [`pad`] wrote.
pub(super) fn read_padding(input: &mut impl Read, size_bytes: u64) -> Result<(), PackageFileError> {
    let mut padding = [0; 1];
    if size_bytes % 2 == 1 {
        input.read_exact(&mut padding).map_err(PackageFileError::read)?;
        if padding != *b"\n" {
            return Err(PackageFileError::malformed(
                "ar archive",
                "a line feed after a member of odd length",
                "another byte",
            ));
        }
    }
    Ok(())
}
