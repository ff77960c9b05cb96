//! The rpm format, version 4. Source: rpm's `docs/manual/format_v4.md` and `format_header.md`.

mod cpio;
mod dependency;
mod facts;
mod flags;
mod payload;
mod read;
mod write;

pub(super) use self::{read::read, write::write};

/// SHA-256, as rpm numbers digests: as OpenPGP does.
const SHA256_ALGORITHM: u32 = 8;
