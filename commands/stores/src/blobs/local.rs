//! Reading a blob that is a file of this machine, in pieces large enough that waiting for a thread to read each costs
//! little.

use std::{io, ops::Range, path::Path};

use bytes::BytesMut;
use domain::digest::Sha256;
use futures::{StreamExt as _, stream};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, SeekFrom},
};

use super::{BlobError, OpenBlob};

/// Bytes that are read in one call on a thread that may block.
pub(super) const PIECE_BYTES_MAX: usize = 256 * 1024;

/// The same as [`super::Blobs::open`], of the file at `path`.
pub(super) async fn open(path: &Path, digest: Sha256, range: Option<Range<u64>>) -> Result<OpenBlob, BlobError> {
    let failed = || BlobError::unavailable("read");
    let mut file = File::open(path).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BlobError::NotFound { digest },
        _ => failed()(error),
    })?;
    let size_bytes = file.metadata().await.map_err(failed())?.len();
    let range = match range {
        None => 0..size_bytes,
        Some(asked) if asked.is_empty() || asked.start >= size_bytes => {
            return Err(BlobError::OutsideOf { digest, size_bytes });
        }
        Some(asked) => asked.start..asked.end.min(size_bytes),
    };
    if range.start > 0 {
        file.seek(SeekFrom::Start(range.start)).await.map_err(failed())?;
    }
    let left = range.end - range.start;
    let bytes = stream::try_unfold((file, left), move |(file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let piece_bytes = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES_MAX);
        let mut piece = BytesMut::with_capacity(piece_bytes);
        let mut rest = file.take(left);
        match rest.read_buf(&mut piece).await.map_err(BlobError::unavailable("read"))? {
            // The file was cut off meanwhile.
            0 => Err(BlobError::Corrupt { digest }),
            _ => {
                let left = rest.limit();
                Ok(Some((piece.freeze(), (rest.into_inner(), left))))
            }
        }
    });
    Ok(OpenBlob { size_bytes, range, bytes: bytes.boxed() })
}
