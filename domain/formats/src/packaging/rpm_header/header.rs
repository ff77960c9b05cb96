//! A header read without trust: every offset, count and type is checked where a value is taken.

use std::io::Read;

use domain::size::Limit;

use super::{
    ENTRY_BYTES, INTRO_BYTES, MAGIC,
    kind::{BIN, I18N_STRING, INT16, INT32, INT64, STRING, STRING_ARRAY},
};
use crate::packaging::error::PackageFileError;

/// Longest header. rpm itself takes 256 MiB; the largest known packages have some 20 MiB.
pub(crate) const HEADER_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Most tags in a header. Source: rpm's `hdrchkTags`.
pub(crate) const HEADER_MAX_TAGS: usize = 0xffff;
/// Most elements of one tag, and so most files and most dependencies of a kind.
pub(crate) const TAG_MAX_ELEMENTS: usize = 200_000;

/// One header: the signature header or the package's own, byte for byte as in the file.
#[derive(Debug)]
pub struct Header {
    what: &'static str,
    bytes: Vec<u8>,
    /// In the order of the file.
    entries: Vec<Entry>,
    store_start: usize,
}

#[derive(Debug)]
struct Entry {
    tag: u32,
    kind: u32,
    offset: usize,
    count: usize,
}

impl Header {
    /// Reads one, to its last byte and no further; `what` names it in errors.
    ///
    /// # Errors
    /// If it breaks the format or exceeds a limit, and if the disk fails.
    pub fn read(input: &mut impl Read, what: &'static str) -> Result<Self, PackageFileError> {
        let mut intro = [0; INTRO_BYTES];
        input.read_exact(&mut intro).map_err(PackageFileError::read)?;
        if !intro.starts_with(&MAGIC) {
            return Err(PackageFileError::malformed(what, "the magic number of an rpm header", "other bytes"));
        }
        let (tags, store_bytes) = (be_u32(&intro, 8) as usize, be_u32(&intro, 12) as usize);
        if tags > HEADER_MAX_TAGS {
            return Err(PackageFileError::TooLarge {
                what: "the number of tags in an rpm header",
                limit: Limit::Count(HEADER_MAX_TAGS as u64),
            });
        }
        let rest = (tags * ENTRY_BYTES) as u64 + store_bytes as u64;
        if rest > HEADER_MAX_BYTES {
            return Err(PackageFileError::TooLarge {
                what: "the size of an rpm header",
                limit: Limit::Bytes(HEADER_MAX_BYTES),
            });
        }
        // Not allocated up front: a truncated file that promises 64 MiB costs what it holds.
        let mut bytes = intro.to_vec();
        input.take(rest).read_to_end(&mut bytes).map_err(PackageFileError::read)?;
        if bytes.len() as u64 != INTRO_BYTES as u64 + rest {
            return Err(PackageFileError::Truncated);
        }
        let store_start = INTRO_BYTES + tags * ENTRY_BYTES;
        let entries = bytes[INTRO_BYTES..store_start].chunks_exact(ENTRY_BYTES).map(|entry| Entry {
            tag: be_u32(entry, 0),
            kind: be_u32(entry, 4),
            offset: be_u32(entry, 8) as usize,
            count: be_u32(entry, 12) as usize,
        });
        let entries: Vec<Entry> = entries.collect();
        let mut known: Vec<u32> = entries.iter().map(|entry| entry.tag).collect();
        known.sort_unstable();
        if let Some(pair) = known.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(PackageFileError::malformed(what, "each tag once", format!("tag {} twice", pair[0])));
        }
        Ok(Self { what, bytes, entries, store_start })
    }

    /// All of it, as in the file: what digests and signatures cover.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Refuses a header with entries outside its region: rpm's signatures need not cover those.
    ///
    /// # Errors
    /// If the region is missing or does not hold all tags.
    pub(crate) fn check_region(&self, region_tag: u32) -> Result<(), PackageFileError> {
        let malformed = || {
            PackageFileError::malformed(self.what, "one region that holds all tags", "no region, or tags outside of it")
        };
        let region = self.entries.first().filter(|entry| entry.tag == region_tag).ok_or_else(malformed)?;
        let trailer = self.bytes.get(self.store_start + region.offset..).unwrap_or_default();
        let back = (self.entries.len() * ENTRY_BYTES) as u32;
        if region.kind != BIN
            || region.count != ENTRY_BYTES
            || trailer.len() != ENTRY_BYTES
            || [be_u32(trailer, 0), be_u32(trailer, 4)] != [region_tag, BIN]
            || [be_u32(trailer, 8), be_u32(trailer, 12)] != [back.wrapping_neg(), ENTRY_BYTES as u32]
        {
            return Err(malformed());
        }
        Ok(())
    }

    /// Is the tag there?
    pub fn has(&self, tag: u32) -> bool {
        self.find(tag).is_some()
    }

    /// A text; the first one of several or of several languages.
    ///
    /// # Errors
    /// If the value is no text, or is not inside the header.
    pub fn text(&self, tag: u32) -> Result<Option<&str>, PackageFileError> {
        let Some(entry) = self.find(tag) else {
            return Ok(None);
        };
        if !matches!(entry.kind, STRING | STRING_ARRAY | I18N_STRING) || entry.count == 0 {
            return Err(self.malformed(tag, "a text", entry.found()));
        }
        let (text, _) = self.next_text(tag, self.rest(entry)?)?;
        Ok(Some(text))
    }

    /// A list of texts; empty if the tag is missing.
    ///
    /// # Errors
    /// If the value is no list of texts, or is not inside the header.
    pub fn texts(&self, tag: u32) -> Result<Vec<&str>, PackageFileError> {
        let Some(entry) = self.find(tag) else {
            return Ok(Vec::new());
        };
        if !matches!(entry.kind, STRING | STRING_ARRAY | I18N_STRING) {
            return Err(self.malformed(tag, "a list of texts", entry.found()));
        }
        self.check_count(entry.count)?;
        let mut rest = self.rest(entry)?;
        let mut texts = Vec::new();
        for _ in 0..entry.count {
            let (text, after) = self.next_text(tag, rest)?;
            texts.push(text);
            rest = after;
        }
        Ok(texts)
    }

    /// A list of numbers of 16, 32 or 64 bits; empty if the tag is missing.
    ///
    /// # Errors
    /// If the value is no list of numbers, or is not inside the header.
    pub fn numbers(&self, tag: u32) -> Result<Vec<u64>, PackageFileError> {
        let Some(entry) = self.find(tag) else {
            return Ok(Vec::new());
        };
        let width = match entry.kind {
            INT16 => 2,
            INT32 => 4,
            INT64 => 8,
            _ => return Err(self.malformed(tag, "numbers", entry.found())),
        };
        self.check_count(entry.count)?;
        let bytes = self.rest(entry)?.get(..entry.count * width);
        let bytes = bytes.ok_or_else(|| self.malformed(tag, "numbers inside the header", "numbers beyond its end"))?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok(bytes.chunks_exact(width).map(number).collect())
    }

    /// The first number.
    ///
    /// # Errors
    /// If the value is no list of numbers, or is not inside the header.
    pub fn number(&self, tag: u32) -> Result<Option<u64>, PackageFileError> {
        Ok(self.numbers(tag)?.first().copied())
    }

    /// Bytes.
    ///
    /// # Errors
    /// If the value is no bytes, or is not inside the header.
    pub fn binary(&self, tag: u32) -> Result<Option<&[u8]>, PackageFileError> {
        let Some(entry) = self.find(tag) else {
            return Ok(None);
        };
        let bytes = self.rest(entry)?.get(..entry.count).filter(|_| entry.kind == BIN);
        bytes.map(Some).ok_or_else(|| self.malformed(tag, "bytes inside the header", entry.found()))
    }

    /// What is wrong with a tag.
    pub fn malformed(&self, tag: u32, expected: &'static str, found: impl Into<String>) -> PackageFileError {
        PackageFileError::malformed(format!("{}, tag {tag}", self.what), expected, found)
    }

    fn find(&self, tag: u32) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    fn rest(&self, entry: &Entry) -> Result<&[u8], PackageFileError> {
        let start = self.store_start.saturating_add(entry.offset);
        self.bytes
            .get(start..)
            .ok_or_else(|| self.malformed(entry.tag, "a value inside the header", "one beyond its end"))
    }

    fn next_text<'a>(&self, tag: u32, bytes: &'a [u8]) -> Result<(&'a str, &'a [u8]), PackageFileError> {
        let end = bytes
            .iter()
            .position(|byte| *byte == 0)
            .ok_or_else(|| self.malformed(tag, "a text that ends with a NUL", "none until the header's end"))?;
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| self.malformed(tag, "UTF-8 text", "other bytes"))?;
        Ok((text, &bytes[end + 1..]))
    }

    fn check_count(&self, count: usize) -> Result<(), PackageFileError> {
        if count > TAG_MAX_ELEMENTS {
            return Err(PackageFileError::TooLarge {
                what: "the number of values of one rpm tag",
                limit: Limit::Count(TAG_MAX_ELEMENTS as u64),
            });
        }
        Ok(())
    }
}

impl Entry {
    /// What it is, for an error that expected something else.
    fn found(&self) -> String {
        format!("{} values of rpm type {}", self.count, self.kind)
    }
}

/// The number at `offset`, which is inside `bytes`.
fn be_u32(bytes: &[u8], offset: usize) -> u32 {
    bytes[offset..offset + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
