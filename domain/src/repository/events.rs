//! The events of a repository.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{YankPolicy, YankReason};
use crate::{
    digest::Sha256,
    fingerprint::Fingerprint,
    ids::ReleaseId,
    names::{OrganisationName, RepositoryName, SnapshotName},
    package::{Format, Package},
    recorded::Revision,
};

/// What can have happened to a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It exists from now on. `origin`, `label` and `codename` never change: apt stops and asks when they do.
    Created {
        /// The organisation it belongs to.
        organisation: OrganisationName,
        /// What it is called in URLs.
        name: RepositoryName,
        /// Deb: an APT repository; rpm: a YUM repository.
        format: Format,
        /// `Origin` of the APT `Release` file.
        origin: String,
        /// `Label` of the APT `Release` file.
        label: String,
        /// The APT suite: `dists/<codename>`; unused by YUM.
        codename: String,
    },
    /// A package file, already in the blob store, belongs to the repository.
    PackageAdded {
        /// The file and the facts in it.
        package: Package,
        /// The release that built it; none if it was uploaded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<ReleaseId>,
        /// The key that signed an rpm, full fingerprint. Rpms whose event does not say so were signed by the first key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_fingerprint: Option<Fingerprint>,
    },
    /// A package has another key's signature now: the same package in a new file, already in the blob store.
    /// Publications from before keep the old file, later ones have the new.
    PackageResigned {
        /// The file that it replaces.
        replaces: Sha256,
        /// The new file and the facts in it.
        package: Package,
        /// The key that signed it, full fingerprint.
        key_fingerprint: Fingerprint,
    },
    /// A package should not have been published. Publications from before have it for ever.
    PackageYanked {
        /// Its file.
        sha256: Sha256,
        /// Why.
        reason: YankReason,
        /// Whether later publications are without it.
        policy: YankPolicy,
    },
    /// A package is no longer yanked: it is in later publications, in the same file.
    PackageRestored {
        /// Its file.
        sha256: Sha256,
    },
    /// What later yanks do. Before the first such event they hide.
    YankPolicySet {
        /// From now on.
        policy: YankPolicy,
    },
    /// A publication got a name.
    SnapshotTaken {
        /// A point of the repository from now on.
        name: SnapshotName,
        /// Which publication.
        published_at: DateTime<Utc>,
    },
    /// A snapshot's name was removed. The name can be given to the same publication again, but to no other.
    SnapshotRemoved {
        /// Which.
        name: SnapshotName,
    },
    /// The index of one state was signed; its files and signatures are in the blob store.
    IndexSigned(SignedIndex),
}

/// One publication: a state of the repository, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIndex {
    /// The state: every event of the repository's stream up to this revision.
    pub covers: Revision,
    /// Whole seconds, strictly increasing in the repository: `Date` and `Last-Modified`, or the YUM revision.
    pub published_at: DateTime<Utc>,
    /// What was signed: `dists/<codename>/Release` or `repodata/repomd.xml`.
    pub signed: IndexFile,
    /// The signatures: `InRelease` and `Release.gpg`, or `repomd.xml.asc`.
    pub signatures: Vec<IndexFile>,
    /// What `signed` lists.
    pub files: Vec<IndexFile>,
    /// Full fingerprint of the key, upper-case hexadecimal.
    pub key_fingerprint: Fingerprint,
    /// The version of the code that rendered it (see decision 0006).
    #[serde(default = "first_renderer")]
    pub renderer: u32,
    /// Statements in the text beside the packages.
    #[serde(default, skip_serializing_if = "Stated::is_nothing")]
    pub stated: Box<Stated>,
    /// The other keys that signed the same text, in the order of their epochs; none outside the overlap of a rotation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub co_signers: Vec<CoSigner>,
}

/// Statements in a signed text beside the packages, as of the moment of signing, so that it can be rendered again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// Where APT finds earlier states of the repository: `https://host/apt/acme/debian/at/@SNAPSHOTID@/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<String>,
    /// A checkpoint of the organisation's transparency log, as a signed note: evidence for clients that keep the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

impl Stated {
    /// Nothing beside the packages.
    #[must_use]
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A key that signed an index beside the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoSigner {
    /// Full fingerprint of the key, upper-case hexadecimal.
    pub key_fingerprint: Fingerprint,
    /// Which key of the service it is, counted from 1.
    pub epoch: u32,
    /// Its own detached signature, `key/<epoch>/repodata/repomd.xml.asc`. None for APT, whose files hold everyone's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<IndexFile>,
}

impl SignedIndex {
    /// Every file that it names: the signed text, the signatures of all keys, and what the text lists.
    pub fn all_files(&self) -> impl Iterator<Item = &IndexFile> {
        let co_signatures = self.co_signers.iter().filter_map(|signer| signer.signature.as_ref());
        [&self.signed].into_iter().chain(&self.signatures).chain(co_signatures).chain(&self.files)
    }

    /// The full fingerprints of all keys that signed it.
    #[must_use]
    pub fn signers(&self) -> BTreeSet<Fingerprint> {
        let others = self.co_signers.iter().map(|other| &other.key_fingerprint);
        others.chain([&self.key_fingerprint]).cloned().collect()
    }
}

/// Who rendered what does not say so.
fn first_renderer() -> u32 {
    1
}

/// One file of a publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFile {
    /// Relative to the repository's root, without a leading `/`.
    pub path: String,
    /// Of the whole file.
    pub sha256: Sha256,
    /// Of the whole file.
    pub size_bytes: u64,
    /// Where its bytes are.
    pub stored: Stored,
}

/// Where an index file's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// In the blob of the file's own digest.
    Blob,
    /// In pieces: this blob is the list of them (see decision 0002).
    // Recorded under its first name.
    #[serde(rename = "rope")]
    Segmented(Sha256),
    /// Not stored: listed with its digest because clients need it, but only served compressed.
    Unserved,
}
