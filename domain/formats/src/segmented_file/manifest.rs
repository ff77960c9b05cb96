//! A segmented file's manifest: the list of pieces whose concatenation is the file.
//!
//! Lines of text, LF after each. The first is `pkgdeploy-segmented file 1`. Then, in order, one line for each piece: `blob
//! <sha256> <length in bytes>` for a blob of the store, or `inline <hexadecimal>` for a few bytes written out.

use std::fmt::Write as _;

use bytes::Bytes;
use domain::digest::Sha256;

const FIRST_LINE: &str = "pkgdeploy-rope 1";

/// The pieces of a file, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// In order.
    pub pieces: Vec<Piece>,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A whole blob.
    Blob {
        /// The blob.
        sha256: Sha256,
        /// The blob's length.
        size_bytes: u64,
    },
    /// Written out.
    Inline(Bytes),
}

impl Piece {
    /// Its length.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Blob { size_bytes, .. } => *size_bytes,
            Self::Inline(bytes) => bytes.len() as u64,
        }
    }
}

/// The text is not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the manifest of a segmented file is not valid: expected {expected} in line {line}")]
pub struct InvalidManifest {
    /// From 1.
    pub line: usize,
    /// What should stand there.
    pub expected: &'static str,
}

impl Manifest {
    /// Length of the file.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.pieces.iter().map(Piece::size_bytes).sum()
    }

    /// The blobs among its pieces, in order.
    pub fn blobs(&self) -> impl Iterator<Item = Sha256> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Blob { sha256, .. } => Some(*sha256),
            Piece::Inline(_) => None,
        })
    }

    /// The text.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut text = format!("{FIRST_LINE}\n");
        for piece in &self.pieces {
            // Writing to a String does not fail.
            let _ok = match piece {
                Piece::Blob { sha256, size_bytes } => writeln!(text, "blob {sha256} {size_bytes}"),
                Piece::Inline(bytes) => writeln!(text, "inline {}", hex::encode(bytes)),
            };
        }
        Bytes::from(text)
    }

    /// The manifest in `bytes`.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidManifest> {
        let first = InvalidManifest { line: 1, expected: "`pkgdeploy-rope 1`" };
        let text = std::str::from_utf8(bytes).map_err(|_| first.clone())?;
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) || !text.ends_with('\n') {
            return Err(first);
        }
        let expected = "`blob <sha256> <length>` or `inline <hexadecimal>`";
        let piece = |(index, line)| parse_piece(line).ok_or(InvalidManifest { line: index + 2, expected });
        Ok(Self { pieces: lines.enumerate().map(piece).collect::<Result<_, _>>()? })
    }
}

fn parse_piece(line: &str) -> Option<Piece> {
    match line.split_once(' ')? {
        ("blob", rest) => {
            let (sha256, size_bytes) = rest.split_once(' ')?;
            Some(Piece::Blob { sha256: sha256.parse().ok()?, size_bytes: size_bytes.parse().ok()? })
        }
        ("inline", digits) => Some(Piece::Inline(hex::decode(digits).ok()?.into())),
        _ => None,
    }
}
