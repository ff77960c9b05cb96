//! The facts of a deb's control file. Source: Debian Policy, chapter 5.

use serde::{Deserialize, Serialize};

/// A binary package's control paragraph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebFacts {
    /// `Package`.
    pub package: String,
    /// `Version`.
    pub version: String,
    /// `Architecture`: `amd64`, `all`.
    pub architecture: String,
    /// The whole paragraph in its own order and words, `Package` first, LF between lines and none at the end.
    /// It holds none of the fields that an index adds (`Filename`, `Size`, `MD5sum`, `SHA1`, `SHA256`, `SHA512`).
    pub control: String,
}
