//! What an archive says that it holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, Utc};
use domain::{digest::Sha256, names::OrganisationName};
use serde::{Deserialize, Serialize};

/// What an archive is, and in which version of its layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// A whole server's.
    #[serde(rename = "pkgdeploy backup 2")]
    Backup,
    /// One organisation's, for a replica. It holds no secret.
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
    /// What it is.
    pub format: Format,
    /// When it was finished.
    pub made_at: DateTime<Utc>,
    /// Whose a bundle is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationName>,
    /// `log.ndjson`.
    pub log: LogPart,
    /// `blobs/`.
    pub blobs: BlobsPart,
    /// Everything else, by name.
    pub files: BTreeMap<String, FilePart>,
}

/// The log's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPart {
    /// How many lines.
    pub events: u64,
    /// How many bytes they have; what follows in the file does not count.
    pub bytes: u64,
    /// The root of the Merkle tree over them (RFC 6962).
    pub merkle_root: Sha256,
}

/// The blobs that the events name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobsPart {
    /// How many are there.
    pub count: u64,
    /// Together.
    pub bytes: u64,
    /// Those that were lost or damaged before the archive was written.
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
    /// Where a file called `name` lies. With its digest, so that a newer one never takes the place of what an earlier
    /// manifest names.
    pub(super) fn place(&self, name: &str) -> String {
        format!("{name}.{}", self.sha256)
    }
}
