//! How a segment is compressed: so that segments can be concatenated, and the same text gives the same bytes.

use std::io::Write as _;

/// zlib-rs: 76 MB/s; level 9 takes twice the time and saves nothing on package lists.
const GZ_LEVEL: u32 = 6;
/// 200 MB/s, and smaller than gz; level 9 takes five times the time for 9 %.
const ZST_LEVEL: i32 = 3;

/// A compression whose files may be concatenated. xz is not one of them: apt reads only the first of several streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// One gz member (RFC 1952, 2.2).
    Gz,
    /// One zst frame (RFC 8878, 3.1).
    Zst,
}

impl Codec {
    /// The file name's ending, without a dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Gz => "gz",
            Self::Zst => "zst",
        }
    }

    pub(super) fn compress(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Gz => {
                let level = flate2::Compression::new(GZ_LEVEL);
                let mut encoder = flate2::GzBuilder::new().mtime(0).write(Vec::new(), level);
                encoder.write_all(text).expect("writing to memory does not fail");
                encoder.finish().expect("writing to memory does not fail")
            }
            Self::Zst => zstd::bulk::compress(text, ZST_LEVEL).expect("the buffer is as large as zstd asks for"),
        }
    }
}
