//! The facts of an rpm's header that YUM metadata needs. Source: createrepo_c's `xml_dump_primary.c`.

use serde::{Deserialize, Serialize};

use crate::{digest::Sha256, weight::TEXT_BYTES};

/// The parts of an rpm header that `primary.xml`, `filelists.xml` and `other.xml` show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpmFacts {
    /// `Name`.
    pub name: String,
    /// `Epoch`; 0 if the header has none.
    pub epoch: u32,
    /// `Version`.
    pub version: String,
    /// `Release`.
    pub release: String,
    /// `Arch`: `x86_64`, `noarch`; `src` for a source package.
    pub architecture: String,
    /// `Summary`.
    pub summary: String,
    /// `Description`.
    pub description: String,
    /// `Packager`.
    pub packager: String,
    /// `URL`.
    pub url: String,
    /// `License`.
    pub license: String,
    /// `Vendor`.
    pub vendor: String,
    /// `Group`; `Unspecified` if the header has none.
    pub group: String,
    /// `Build Host`.
    pub build_host: String,
    /// `Source RPM`.
    pub source_rpm: String,
    /// Seconds since the epoch.
    pub build_time: u64,
    /// Sum of the installed files' sizes.
    pub installed_size_bytes: u64,
    /// Uncompressed length of the payload.
    pub archive_size_bytes: u64,
    /// Offset of the header in the file.
    pub header_start: u64,
    /// Offset of the first byte after the header.
    pub header_end: u64,
    /// `Provides`.
    pub provides: Vec<Dependency>,
    /// `Requires`, those on `rpmlib(…)` included.
    pub requires: Vec<Dependency>,
    /// `Conflicts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Dependency>,
    /// `Obsoletes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obsoletes: Vec<Dependency>,
    /// `Suggests`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggests: Vec<Dependency>,
    /// `Enhances`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enhances: Vec<Dependency>,
    /// `Recommends`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recommends: Vec<Dependency>,
    /// `Supplements`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supplements: Vec<Dependency>,
    /// What it installs.
    pub files: FileList,
    /// The last entries of the change log, oldest first (at most 10).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changelogs: Vec<Changelog>,
}

impl RpmFacts {
    /// Roughly how many bytes of memory they take.
    pub(super) fn weight_bytes(&self) -> usize {
        let dependencies = [
            &self.provides,
            &self.requires,
            &self.conflicts,
            &self.obsoletes,
            &self.suggests,
            &self.enhances,
            &self.recommends,
            &self.supplements,
        ];
        let files = match &self.files {
            FileList::Inline(files) => files.len(),
            FileList::Blob(_) => 0,
        };
        let changelogs = self.changelogs.iter().map(|entry| size_of::<Changelog>() + TEXT_BYTES + entry.text.len());
        size_of::<Self>()
            + self.description.len()
            + dependencies.map(Vec::len).iter().sum::<usize>() * (size_of::<Dependency>() + 2 * TEXT_BYTES)
            + files * (size_of::<PackagedFile>() + 2 * TEXT_BYTES)
            + changelogs.sum::<usize>()
    }

    /// `[epoch:]version-release`.
    #[must_use]
    pub fn evr(&self) -> String {
        match self.epoch {
            0 => format!("{}-{}", self.version, self.release),
            epoch => format!("{epoch}:{}-{}", self.version, self.release),
        }
    }
}

/// One line of `Provides`, `Requires` and their kin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// A package, a file or a capability.
    pub name: String,
    /// How `evr` limits it; absent when any version will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// `[epoch:]version[-release]`; empty without a comparison.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evr: String,
    /// Needed before the package's own scripts run (`pre="1"`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pre: bool,
}

/// A dependency's comparison, named as in YUM metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Comparison {
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Equal.
    Eq,
    /// Greater or equal.
    Ge,
    /// Greater.
    Gt,
}

/// A package's files. A long list would not fit an event: it is stored as a separate blob, named here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileList {
    /// All of them.
    Inline(Vec<PackagedFile>),
    /// The JSON text of the same list, in the blob store.
    Blob(Sha256),
}

/// One installed path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagedFile {
    /// Absolute.
    pub path: String,
    /// What is at the path.
    #[serde(default, skip_serializing_if = "FileKind::is_file")]
    pub kind: FileKind,
}

/// What YUM metadata distinguishes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A file or a link.
    #[default]
    File,
    /// A folder.
    Dir,
    /// Owned but not shipped.
    Ghost,
}

impl FileKind {
    fn is_file(&self) -> bool {
        *self == Self::File
    }
}

/// One entry of the change log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changelog {
    /// Who and which version.
    pub author: String,
    /// Seconds since the epoch.
    pub date: u64,
    /// What.
    pub text: String,
}
