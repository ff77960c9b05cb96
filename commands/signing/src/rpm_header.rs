//! rpm's header structure: an index of tags over a store of values. The same for the signature and the main header.
//!
//! Read with hard limits and kept byte for byte, because signatures cover the bytes. Source: rpm's manual, "RPM V4
//! package format".

use std::io::{self, Read};

use super::error::RpmError;

/// Most tags in a header. rpm's own limit.
pub(super) const ENTRIES_MAX: u32 = 65_535;

const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
const INTRO_BYTES: usize = 16;
const ENTRY_BYTES: usize = 16;
const REGION_BYTES: u32 = 16;

/// The type of a value. Others exist; the signature header needs none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int32 = 4,
    Int64 = 5,
    Text = 6,
    Bytes = 7,
    TextArray = 8,
}

impl Kind {
    fn of(code: u32) -> Option<Self> {
        [Kind::Int32, Kind::Int64, Kind::Text, Kind::Bytes, Kind::TextArray]
            .into_iter()
            .find(|kind| *kind as u32 == code)
    }

    fn alignment(self) -> usize {
        match self {
            Kind::Int32 => 4,
            Kind::Int64 => 8,
            Kind::Text | Kind::Bytes | Kind::TextArray => 1,
        }
    }
}

/// A header as it stands in the file.
#[derive(Debug)]
pub(super) struct Header {
    part: &'static str,
    bytes: Vec<u8>,
    store_at: usize,
}

/// One value of a header, in the bytes of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) tag: u32,
    pub(super) kind: Kind,
    pub(super) count: u32,
    pub(super) bytes: Vec<u8>,
}

impl Header {
    /// Reads a header of at most `max_bytes`; `part` names it in errors.
    ///
    /// The outer error is the disk's, the inner one the format's.
    pub(super) fn read(
        reader: &mut impl Read,
        part: &'static str,
        max_bytes: usize,
    ) -> io::Result<Result<Self, RpmError>> {
        let malformed = |fault| Ok(Err(RpmError::Malformed { part, fault }));
        let mut bytes = Vec::with_capacity(4096);
        reader.by_ref().take(INTRO_BYTES as u64).read_to_end(&mut bytes)?;
        let Some(intro) = bytes.strip_prefix(&MAGIC) else { return malformed("does not begin with its magic number") };
        let (Some(entries), Some(store)) = (number(intro, 0), number(intro, 4)) else { return malformed("is cut") };
        if entries > ENTRIES_MAX {
            return malformed("has too many tags");
        }
        let store_at = INTRO_BYTES + entries as usize * ENTRY_BYTES;
        let length = store_at.saturating_add(store as usize);
        if length > max_bytes {
            return malformed("is too long");
        }
        reader.by_ref().take((length - INTRO_BYTES) as u64).read_to_end(&mut bytes)?;
        if bytes.len() != length {
            return malformed("is cut");
        }
        Ok(Ok(Self { part, bytes, store_at }))
    }

    /// The whole header as in the file: what a signature covers.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The first value of a tag. `None` if there is none.
    pub(super) fn value(&self, tag: u32) -> Result<Option<Value>, RpmError> {
        let malformed = |fault| RpmError::Malformed { part: self.part, fault };
        let (index, store) = self.bytes.split_at(self.store_at);
        let Some(entry) = index[INTRO_BYTES..].chunks_exact(ENTRY_BYTES).find(|entry| number(entry, 0) == Some(tag))
        else {
            return Ok(None);
        };
        let kind = number(entry, 4).and_then(Kind::of).ok_or_else(|| malformed("has a tag of an unexpected type"))?;
        let outside = || malformed("has a value outside its store");
        let offset = number(entry, 8).ok_or_else(outside)? as usize;
        let count = number(entry, 12).ok_or_else(outside)?;
        let rest = store.get(offset..).ok_or_else(outside)?;
        let length = value_length(kind, count, rest).ok_or_else(outside)?;
        let bytes = rest.get(..length).ok_or_else(outside)?.to_vec();
        Ok(Some(Value { tag, kind, count, bytes }))
    }
}

impl Value {
    pub(super) fn text(tag: u32, text: &str) -> Self {
        Self { tag, kind: Kind::Text, count: 1, bytes: [text.as_bytes(), b"\0"].concat() }
    }

    pub(super) fn binary(tag: u32, bytes: Vec<u8>) -> Self {
        let count = u32::try_from(bytes.len()).expect("digests and signatures are short");
        Self { tag, kind: Kind::Bytes, count, bytes }
    }

    pub(super) fn int32(tag: u32, number: u32) -> Self {
        Self { tag, kind: Kind::Int32, count: 1, bytes: number.to_be_bytes().to_vec() }
    }

    pub(super) fn int64(tag: u32, number: u64) -> Self {
        Self { tag, kind: Kind::Int64, count: 1, bytes: number.to_be_bytes().to_vec() }
    }

    /// The text, or the first one of an array.
    pub(super) fn first_text(&self) -> Option<&[u8]> {
        match self.kind {
            Kind::Text | Kind::TextArray => self.bytes.split(|byte| *byte == 0).next(),
            Kind::Int32 | Kind::Int64 | Kind::Bytes => None,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        self.count == 1 && matches!(self.kind, Kind::Int32 | Kind::Int64)
    }

    /// The number, or the first one of several.
    pub(super) fn first_int32(&self) -> Option<u32> {
        if self.kind == Kind::Int32 { number(&self.bytes, 0) } else { None }
    }
}

/// Writes a header whose region `region_tag` covers all values, and the zeroes up to the next 8-byte border.
pub(super) fn write(region_tag: u32, mut values: Vec<Value>) -> Vec<u8> {
    values.sort_by_key(|value| value.tag);
    let mut index = Vec::new();
    let mut store = Vec::new();
    for value in &values {
        store.resize(store.len().next_multiple_of(value.kind.alignment()), 0);
        index.extend(entry(value.tag, value.kind, length_of(&store), value.count));
        store.extend_from_slice(&value.bytes);
    }
    // The region's value repeats an index entry, whose offset counts back over the whole index.
    let entries = length_of(&values) + 1;
    let region = entry(region_tag, Kind::Bytes, length_of(&store), REGION_BYTES);
    store.extend(entry(region_tag, Kind::Bytes, (entries * ENTRY_BYTES as u32).wrapping_neg(), REGION_BYTES));

    let mut bytes = MAGIC.to_vec();
    bytes.extend(entries.to_be_bytes());
    bytes.extend(length_of(&store).to_be_bytes());
    bytes.extend(region);
    bytes.extend(index);
    bytes.extend(&store);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// Zeroes after a signature header: the main header begins at an 8-byte border.
pub(super) fn padding_after(header: &Header) -> usize {
    header.bytes.len().next_multiple_of(8) - header.bytes.len()
}

fn entry(tag: u32, kind: Kind, offset: u32, count: u32) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    for (field, number) in bytes.chunks_exact_mut(4).zip([tag, kind as u32, offset, count]) {
        field.copy_from_slice(&number.to_be_bytes());
    }
    bytes
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

fn length_of<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).expect("a signature header is bounded by what was read")
}

fn value_length(kind: Kind, count: u32, store: &[u8]) -> Option<usize> {
    let count = count as usize;
    match kind {
        Kind::Int32 => count.checked_mul(4),
        Kind::Int64 => count.checked_mul(8),
        Kind::Bytes => Some(count),
        Kind::Text | Kind::TextArray => {
            let mut ends = store.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(index, _)| index + 1);
            ends.nth(count.checked_sub(1)?)
        }
    }
}
