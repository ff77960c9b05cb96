//! What goes over the wire between a server and its replicas: a line that says what follows, and lines as in a bundle.

use serde::{Deserialize, Serialize};

/// Most entries on one page.
pub const PAGE_ENTRIES_MAX: u64 = 1_000;
/// Once a page has so many bytes, it gets no more entries. Its last one may have a megabyte more.
pub const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest time a request may wait for something new, in seconds: less than proxies wait.
pub const WAIT_MAX_SECONDS: u64 = 55;

/// The first line of a page of the log. The lines after it are entries, one by one, as in a bundle's `log.ndjson`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageHead {
    /// How many entries stand before the first line.
    pub from: u64,
    /// How many entries the log has now. Nobody vouches for it.
    pub size: u64,
    /// How many events of signing keys there are now. Nobody vouches for it.
    pub signing_keys: u64,
    /// The log as it is behind the last line: a checkpoint of exactly so many entries, signed by the log's key.
    pub checkpoint: String,
}

/// The first line of the signing keys. The lines after it are their events, as in a bundle's `signing-keys.ndjson`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKeysHead {
    /// What the log's key signs about them.
    pub note: String,
}

/// A text of that first line and those lines, each of which ends with a newline.
///
/// # Panics
/// Never: heads are plain data.
#[must_use]
pub fn text(head: &impl Serialize, lines: &str) -> String {
    let head = serde_json::to_string(head).expect("plain data");
    format!("{head}\n{lines}")
}
