//! Reading a deb's control file, without unpacking anything.
//!
//! Stricter than dpkg-deb and apt-ftparchive, which hang on a control file that is a FIFO, unpack a bomb and believe any
//! text: see the tests of this folder for what is refused.

#[cfg(test)]
mod tests;

use std::io::{self, BufReader, Read};

use domain::{package::DebFacts, size::Limit};
use flate2::read::MultiGzDecoder;
use liblzma::{read::XzDecoder, stream};
use tar::EntryType;

use super::{ar, paragraph};
use crate::packaging::{
    error::{PackageFileError, quoted},
    reader::{Hashed, Limited},
};

/// Longest control member, packed or unpacked. A package of 200,000 files has some 20 MiB of `md5sums`.
pub(super) const CONTROL_MEMBER_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Longest `control` file. Debian's longest (crates with thousands of features) have about 200 KiB.
pub(super) const CONTROL_FILE_MAX_BYTES: u64 = 256 * 1024;
/// Most files in the control member; dpkg knows about a dozen names.
pub(super) const CONTROL_MAX_FILES: usize = 64;
/// Memory of an xz or zstd decoder. `xz -9` needs 65 MiB, `zstd --ultra -22` 128 MiB.
const DECODER_MAX_BYTES: u64 = 192 * 1024 * 1024;
/// log2 of the longest zstd window.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Reads everything after [`ar::MAGIC`].
pub(in crate::packaging) fn read(input: &mut Hashed<impl Read>) -> Result<DebFacts, PackageFileError> {
    read_format_version(input)?;
    let control = ar::read_header(input)?;
    if control.size_bytes > CONTROL_MEMBER_MAX_BYTES {
        return Err(PackageFileError::TooLarge {
            what: "the size of the control member",
            limit: Limit::Bytes(CONTROL_MEMBER_MAX_BYTES),
        });
    }
    let text = read_control_member(&control.name, &mut input.by_ref().take(control.size_bytes))?;
    ar::read_padding(input, control.size_bytes)?;
    let facts = paragraph::facts(&text)?;

    let data = ar::read_header(input)?;
    if !matches!(data.name.strip_prefix("data.tar"), Some("" | ".gz" | ".xz" | ".zst" | ".bz2" | ".lzma")) {
        return Err(PackageFileError::malformed(
            "ar archive",
            "data.tar, packed or not, as the third member",
            quoted(&data.name),
        ));
    }
    let copied =
        io::copy(&mut input.by_ref().take(data.size_bytes), &mut io::sink()).map_err(PackageFileError::read)?;
    if copied < data.size_bytes {
        return Err(PackageFileError::Truncated);
    }
    ar::read_padding(input, data.size_bytes)?;
    if input.read(&mut [0; 1]).map_err(PackageFileError::read)? != 0 {
        return Err(PackageFileError::malformed("ar archive", "nothing after the third member", "more bytes"));
    }
    Ok(facts)
}

fn read_format_version(input: &mut impl Read) -> Result<(), PackageFileError> {
    let member = ar::read_header(input)?;
    let mut version = [0; 4];
    if member.name == "debian-binary" && member.size_bytes == version.len() as u64 {
        input.read_exact(&mut version).map_err(PackageFileError::read)?;
    }
    if &version == b"2.0\n" {
        return Ok(());
    }
    let found = match member.name.as_str() {
        "debian-binary" => "another text in it".to_owned(),
        name => quoted(name),
    };
    Err(PackageFileError::malformed("ar archive", "debian-binary with the text 2.0 as the first member", found))
}

/// The text of `control`.
fn read_control_member(name: &str, packed: &mut dyn Read) -> Result<String, PackageFileError> {
    let text = {
        let unpacked: Box<dyn Read + '_> = match name.strip_prefix("control.tar") {
            Some("") => Box::new(&mut *packed),
            Some(".gz") => Box::new(MultiGzDecoder::new(BufReader::new(&mut *packed))),
            Some(".xz") => {
                let decoder = stream::Stream::new_stream_decoder(DECODER_MAX_BYTES, stream::CONCATENATED);
                let decoder = decoder.map_err(|error| PackageFileError::Read(error.into()))?;
                Box::new(XzDecoder::new_stream(&mut *packed, decoder))
            }
            Some(".zst") => {
                let mut decoder = zstd::Decoder::new(&mut *packed).map_err(PackageFileError::read)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(PackageFileError::read)?;
                Box::new(decoder)
            }
            _ => {
                let expected = "control.tar, control.tar.gz, control.tar.xz or control.tar.zst as the second member";
                return Err(PackageFileError::malformed("ar archive", expected, quoted(name)));
            }
        };
        let mut unpacked = Limited::new(unpacked, "the size of the unpacked control member", CONTROL_MEMBER_MAX_BYTES);
        let text = find_control(&mut unpacked)?;
        // To the end: a packed stream may be broken behind the last file.
        io::copy(&mut unpacked, &mut io::sink()).map_err(PackageFileError::read)?;
        text
    };
    if io::copy(packed, &mut io::sink()).map_err(PackageFileError::read)? != 0 {
        return Err(PackageFileError::malformed("control member", "nothing after the packed archive", "more bytes"));
    }
    String::from_utf8(text).map_err(|_| PackageFileError::malformed("control file", "UTF-8 text", "other bytes"))
}

/// The bytes of the only `control`, with every other entry harmless.
fn find_control(tar: &mut impl Read) -> Result<Vec<u8>, PackageFileError> {
    let malformed = |expected, found| Err(PackageFileError::malformed("control member", expected, found));
    let mut archive = tar::Archive::new(tar);
    let mut control = None;
    for (seen, entry) in archive.entries().map_err(PackageFileError::read)?.enumerate() {
        if seen == CONTROL_MAX_FILES {
            return Err(PackageFileError::TooLarge {
                what: "the number of files in the control member",
                limit: Limit::Count(seen as u64),
            });
        }
        let mut entry = entry.map_err(PackageFileError::read)?;
        let name = entry.path_bytes().into_owned();
        let name = name.strip_prefix(b"./").unwrap_or(&name);
        let shown = || quoted(&String::from_utf8_lossy(name));
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => continue,
            EntryType::Directory if matches!(name, b"" | b".") => continue,
            EntryType::Regular => {}
            _ => return malformed("regular files only", format!("an entry of another kind, {}", shown())),
        }
        if name.is_empty() || name.contains(&b'/') {
            return malformed("files without a folder", shown());
        }
        if name == b"control" {
            let mut text = Vec::new();
            Limited::new(&mut entry, "the size of the control file", CONTROL_FILE_MAX_BYTES)
                .read_to_end(&mut text)
                .map_err(PackageFileError::read)?;
            if control.replace(text).is_some() {
                return malformed("one control file", "two".to_owned());
            }
        }
    }
    control.map_or_else(|| malformed("a file named control", "none".to_owned()), Ok)
}
