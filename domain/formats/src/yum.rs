//! The YUM repository format, byte for byte as createrepo_c writes it: the oracle of this module's tests.

mod dependencies;
pub mod filelists;
pub mod other;
pub mod primary;
pub mod repomd;
#[cfg(test)]
mod tests;
mod xml;

use domain::digest::Sha256;

use crate::segmented_file::Frame;

/// What the repository knows of a package beside its header.
#[derive(Debug, Clone, Copy)]
pub struct PackageFile<'a> {
    /// Relative to the repository's root.
    pub path: &'a str,
    /// Of the file.
    pub sha256: &'a Sha256,
    /// Of the file.
    pub size_bytes: u64,
    /// When it came into the repository, seconds since 1970.
    pub added_at: i64,
}

/// One of the three documents that `repomd.xml` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    /// What dependencies are solved with.
    Primary,
    /// Every file of every package.
    Filelists,
    /// Change logs.
    Other,
}

impl Document {
    /// In the order of `repomd.xml`.
    pub const ALL: [Self; 3] = [Self::Primary, Self::Filelists, Self::Other];

    /// `primary`, as in `primary.xml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Filelists => "filelists",
            Self::Other => "other",
        }
    }

    /// Where its compressed form is: named by its digest, so that it never changes under a client.
    #[must_use]
    pub fn path(self, sha256: &Sha256) -> String {
        format!("repodata/{sha256}-{}.xml.gz", self.name())
    }

    /// The text before and after `len` packages.
    #[must_use]
    pub fn frame(self, len: usize) -> Frame {
        let (element, namespaces, foot) = match self {
            Self::Primary => (
                "metadata",
                "xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\"",
                "</metadata>",
            ),
            Self::Filelists => ("filelists", "xmlns=\"http://linux.duke.edu/metadata/filelists\"", "</filelists>"),
            Self::Other => ("otherdata", "xmlns=\"http://linux.duke.edu/metadata/other\"", "</otherdata>"),
        };
        Frame { head: format!("{}<{element} {namespaces} packages=\"{len}\">\n", xml::DECLARATION), foot }
    }
}
