//! The facts that a package file contains. A repository's indexes are rendered from them.

mod deb;
mod rpm;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    deb::DebFacts,
    rpm::{Changelog, Comparison, Dependency, FileKind, FileList, PackagedFile, RpmFacts},
};
use crate::{digest::Sha256, weight::TEXT_BYTES};

/// The two kinds of package, and of repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Debian's; in APT repositories.
    Deb,
    /// rpm's; in YUM repositories.
    Rpm,
}

impl Format {
    /// `deb` or `rpm`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
        }
    }
}

/// The text names no package format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a package format: expected deb or rpm")]
pub struct InvalidFormat(String);

impl std::str::FromStr for Format {
    type Err = InvalidFormat;
    fn from_str(text: &str) -> Result<Self, InvalidFormat> {
        [Self::Deb, Self::Rpm]
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| InvalidFormat(text.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A package file in the blob store and the facts in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The file's name in the repository, without a folder: `name_1.2.3_amd64.deb`.
    pub file_name: String,
    /// The blob.
    pub sha256: Sha256,
    /// The blob's length.
    pub size_bytes: u64,
    /// From its control file or its rpm header.
    pub facts: Facts,
}

/// The facts in the file, by format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facts {
    /// From the control file.
    Deb(DebFacts),
    /// From the header.
    Rpm(Box<RpmFacts>),
}

impl Package {
    /// Deb or rpm.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.facts {
            Facts::Deb(_) => Format::Deb,
            Facts::Rpm(_) => Format::Rpm,
        }
    }

    /// The package's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.facts {
            Facts::Deb(deb) => &deb.package,
            Facts::Rpm(rpm) => &rpm.name,
        }
    }

    /// Its version as its package manager writes it: `1:1.2.3-1`.
    #[must_use]
    pub fn version(&self) -> String {
        match &self.facts {
            Facts::Deb(deb) => deb.version.clone(),
            Facts::Rpm(rpm) => rpm.evr(),
        }
    }

    /// Its architecture, as the format names it.
    #[must_use]
    pub fn architecture(&self) -> &str {
        match &self.facts {
            Facts::Deb(deb) => &deb.architecture,
            Facts::Rpm(rpm) => &rpm.architecture,
        }
    }

    /// Roughly how many bytes of memory it takes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let facts = match &self.facts {
            Facts::Deb(deb) => deb.control.len(),
            Facts::Rpm(rpm) => rpm.weight_bytes(),
        };
        size_of::<Self>() + 4 * TEXT_BYTES + facts
    }
}
