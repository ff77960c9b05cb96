//! The rpm format, version 4. Source: rpm's `docs/manual/format_v4.md` and `format_header.md`.

mod cpio;
mod dependency;
mod facts;
mod header;
mod payload;
mod read;
mod write;

pub(super) use self::{read::MAGIC, read::read, write::write};
