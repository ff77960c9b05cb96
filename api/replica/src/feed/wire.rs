//! The wire format between a server and its replicas: a header line, then lines as in a bundle.

use serde::{Deserialize, Serialize};

/// The maximum number of entries on a page.
pub(crate) const PAGE_ENTRIES_MAX: u64 = 1_000;
/// The size from which a page gets no more entries. The last entry may exceed it by a megabyte.
pub const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest time a request may wait for new entries, in seconds: shorter than the time-outs of proxies.
pub(crate) const WAIT_MAX_SECONDS: u64 = 55;

/// The first line of a page of the log. The lines after it are entries, one by one, as in a bundle's `log.ndjson`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageHead {
    /// The number of entries before the first line.
    pub from: u64,
    /// The current number of entries. This number is not signed.
    pub size: u64,
    /// The current number of events of signing keys. This number is not signed.
    pub signing_keys: u64,
    /// A checkpoint of the log up to the last line, signed with the log's key.
    pub checkpoint: String,
}

/// The first line of the signing keys. The lines after it are their events, as in a bundle's `signing-keys.ndjson`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKeysHead {
    /// The note about them, signed with the log's key.
    pub note: String,
}

/// Joins the header line and the lines, each with a newline at its end.
///
/// # Panics
/// Never: heads are plain data.
#[must_use]
pub fn text(head: &impl Serialize, lines: &str) -> String {
    let head = serde_json::to_string(head).expect("plain data");
    format!("{head}\n{lines}")
}
