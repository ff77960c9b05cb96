//! The manifest of an archive.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, Utc};
use domain::{digest::Sha256, names::OrganisationName};
use serde::{Deserialize, Serialize};

/// The format of an archive, with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// A backup of a whole server.
    #[serde(rename = "pkgdeploy backup 2")]
    Backup,
    /// A bundle of one organisation, for a replica. It contains no secrets.
    #[serde(rename = "pkgdeploy bundle 2")]
    Bundle,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backup => "backup",
            Self::Bundle => "bundle",
        })
    }
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format.
    pub format: Format,
    /// When it was finished.
    pub made_at: DateTime<Utc>,
    /// The organisation of a bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationName>,
    /// `log.ndjson`.
    pub log: LogPart,
    /// `blobs/`.
    pub blobs: BlobsPart,
    /// All other files, by name.
    pub files: BTreeMap<String, FilePart>,
}

/// The log's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPart {
    /// The number of lines.
    pub events: u64,
    /// Their size in bytes. Anything after that in the file is ignored.
    pub bytes: u64,
    /// The root of the Merkle tree over them (RFC 6962).
    pub merkle_root: Sha256,
}

/// The blobs that the events name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobsPart {
    /// The number of blobs.
    pub count: u64,
    /// Their total size in bytes.
    pub bytes: u64,
    /// Blobs that were already lost or damaged when the archive was written.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub missing: BTreeSet<Sha256>,
}

/// One other file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilePart {
    /// Its size.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
}

impl FilePart {
    /// The path of the file called `name`. It includes the digest, so that a newer file never overwrites one that an earlier manifest
    /// names.
    pub(super) fn place(&self, name: &str) -> String {
        format!("{name}.{}", self.sha256)
    }
}
