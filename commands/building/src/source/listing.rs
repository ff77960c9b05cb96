//! Measuring a commit before it is written to disk: a few kilobytes of git can unfold to billions of files.

#[cfg(test)]
mod tests;

use domain::{names::TagName, size::Limit};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use super::{Limits, SourceError};

/// Longest record of `git ls-tree`: mode, type, object, size, and a path that is far over any limit.
const RECORD_MAX_BYTES: u64 = 64 * 1024;

/// Reads the output of `git ls-tree -r -t -l -z` and stops at the first broken limit.
pub(super) async fn measure(
    listing: impl AsyncRead + Unpin,
    tag: &TagName,
    limits: &Limits,
) -> Result<(), SourceError> {
    let too_large = |what, limit| Err(SourceError::TooLarge { tag: tag.clone(), what, limit });
    let mut reader = BufReader::new(listing);
    let (mut entries, mut total_bytes) = (0_u64, 0_u64);
    let mut record = Vec::new();
    loop {
        record.clear();
        let mut next = (&mut reader).take(RECORD_MAX_BYTES);
        if !matches!(next.read_until(0, &mut record).await, Ok(count) if count > 0) {
            return Ok(());
        }
        entries += 1;
        let (size_bytes, path_bytes) = parse(&record);
        total_bytes = total_bytes.saturating_add(size_bytes);
        if path_bytes > limits.path_bytes || record.last() != Some(&0) {
            return too_large("the length of a path", Limit::Bytes(limits.path_bytes as u64));
        }
        if entries > limits.entries {
            return too_large("the number of files and folders", Limit::Count(limits.entries));
        }
        if total_bytes > limits.total_bytes {
            return too_large("the size of all files together", Limit::Bytes(limits.total_bytes));
        }
    }
}

/// `<mode> SP <type> SP <object> SP+ <size or -> TAB <path> NUL` → size, length of the path.
fn parse(record: &[u8]) -> (u64, usize) {
    let tab = record.iter().position(|&byte| byte == b'\t').unwrap_or(record.len());
    let (head, path) = record.split_at(tab);
    let size = head.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    let size_bytes = std::str::from_utf8(size).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    (size_bytes, path.len().saturating_sub(2))
}
