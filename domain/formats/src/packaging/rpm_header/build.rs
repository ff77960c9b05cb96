//! Writing a header.

#[cfg(test)]
mod tests;

use domain::size::Limit;

use super::{ENTRY_BYTES, LEAD_BYTES, MAGIC, header::HEADER_MAX_BYTES, headers::LEAD_MAGIC, kind};
use crate::packaging::error::PackageFileError;

/// Longest name in a lead, without the zero that ends it.
const LEAD_NAME_MAX_BYTES: usize = 65;

/// The value of a tag. rpm has more types, which no package needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Numbers of 16 bits.
    Int16(Vec<u16>),
    /// Numbers of 32 bits.
    Int32(Vec<u32>),
    /// Numbers of 64 bits.
    Int64(Vec<u64>),
    /// One text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// One text in several languages, the first of which is `C`.
    Translated(Vec<String>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    fn kind(&self) -> u32 {
        match self {
            Self::Int16(_) => kind::INT16,
            Self::Int32(_) => kind::INT32,
            Self::Int64(_) => kind::INT64,
            Self::Text(_) => kind::STRING,
            Self::Texts(_) => kind::STRING_ARRAY,
            Self::Translated(_) => kind::I18N_STRING,
            Self::Bytes(_) => kind::BIN,
        }
    }

    fn alignment(&self) -> usize {
        match self {
            Self::Int16(_) => 2,
            Self::Int32(_) => 4,
            Self::Int64(_) => 8,
            Self::Text(_) | Self::Texts(_) | Self::Translated(_) | Self::Bytes(_) => 1,
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Int16(numbers) => numbers.len(),
            Self::Int32(numbers) => numbers.len(),
            Self::Int64(numbers) => numbers.len(),
            Self::Text(_) => 1,
            Self::Texts(texts) | Self::Translated(texts) => texts.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    fn append_to(&self, store: &mut Vec<u8>) {
        match self {
            Self::Int16(numbers) => store.extend(numbers.iter().flat_map(|number| number.to_be_bytes())),
            Self::Int32(numbers) => store.extend(numbers.iter().flat_map(|number| number.to_be_bytes())),
            Self::Int64(numbers) => store.extend(numbers.iter().flat_map(|number| number.to_be_bytes())),
            Self::Text(text) => store.extend(text.bytes().chain([0])),
            Self::Texts(texts) | Self::Translated(texts) => {
                store.extend(texts.iter().flat_map(|text| text.bytes().chain([0])));
            }
            Self::Bytes(bytes) => store.extend_from_slice(bytes),
        }
    }
}

/// A header with these tags, ordered by number, all inside the region `region_tag`. A signature header is followed by
/// [`super::padding`].
///
/// # Errors
/// If it would be longer than a header may be.
pub fn build(region_tag: u32, mut values: Vec<(u32, Value)>) -> Result<Vec<u8>, PackageFileError> {
    values.sort_by_key(|(tag, _)| *tag);
    let mut index = Vec::new();
    let mut store = Vec::new();
    for (tag, value) in &values {
        store.resize(store.len().next_multiple_of(value.alignment()), 0);
        index.extend(entry(*tag, value.kind(), number(store.len())?, number(value.count())?));
        value.append_to(&mut store);
    }
    // The region's value repeats an index entry, whose offset counts back over the whole index.
    let entries = number(values.len() + 1)?;
    let index_bytes = number((values.len() + 1) * ENTRY_BYTES)?;
    let region = entry(region_tag, kind::BIN, number(store.len())?, ENTRY_BYTES as u32);
    store.extend(entry(region_tag, kind::BIN, index_bytes.wrapping_neg(), ENTRY_BYTES as u32));

    number(index.len() + ENTRY_BYTES + store.len())?;
    let counts = [entries, number(store.len())?].map(u32::to_be_bytes);
    Ok([MAGIC.as_slice(), counts.as_flattened(), &region, &index, &store].concat())
}

/// The first bytes of a binary package. Only their magic number still means something; the rest is as rpm writes it.
pub fn lead(name: &str) -> [u8; LEAD_BYTES] {
    const FORMAT: [u8; 2] = [3, 0];
    const LINUX: [u8; 2] = [0, 1];
    const HEADER_STYLE_SIGNATURE: [u8; 2] = [0, 5];
    let mut lead = [0; LEAD_BYTES];
    let name = &name.as_bytes()[..name.len().min(LEAD_NAME_MAX_BYTES)];
    let fields: [(usize, &[u8]); 5] =
        [(0, &LEAD_MAGIC), (4, &FORMAT), (10, name), (76, &LINUX), (78, &HEADER_STYLE_SIGNATURE)];
    for (start, field) in fields {
        lead[start..start + field.len()].copy_from_slice(field);
    }
    lead
}

fn entry(tag: u32, kind: u32, offset: u32, count: u32) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    for (field, number) in bytes.chunks_exact_mut(4).zip([tag, kind, offset, count]) {
        field.copy_from_slice(&number.to_be_bytes());
    }
    bytes
}

/// A length or offset, which no reader takes beyond the limit.
fn number(length: usize) -> Result<u32, PackageFileError> {
    let number = u32::try_from(length).ok().filter(|length| u64::from(*length) <= HEADER_MAX_BYTES);
    number
        .ok_or(PackageFileError::TooLarge { what: "the size of an rpm header", limit: Limit::Bytes(HEADER_MAX_BYTES) })
}
