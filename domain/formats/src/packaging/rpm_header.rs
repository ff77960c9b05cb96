//! What stands before an rpm's payload: the lead and two headers, read without trust and written byte for byte.
//!
//! The one implementation for reading packages, writing them and signing them. The `rpm` crate is for tests only: its
//! parser panics on an offset outside the header and copies numbers eagerly, so that a header of 64 MiB with overlapping
//! entries takes terabytes. Source: rpm's `docs/manual/format_v4.md` and `format_header.md`.

mod build;
pub(super) mod header;
mod headers;
pub mod signature_tag;
pub mod tag;

pub(crate) use self::headers::LEAD_MAGIC;
pub use self::{
    build::{Value, build, lead},
    header::Header,
    headers::{Headers, padding},
};

const LEAD_BYTES: usize = 96;
const INTRO_BYTES: usize = 16;
const ENTRY_BYTES: usize = 16;
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];

/// The types of values.
mod kind {
    pub(super) const INT16: u32 = 3;
    pub(super) const INT32: u32 = 4;
    pub(super) const INT64: u32 = 5;
    pub(super) const STRING: u32 = 6;
    pub(super) const BIN: u32 = 7;
    pub(super) const STRING_ARRAY: u32 = 8;
    pub(super) const I18N_STRING: u32 = 9;
}
