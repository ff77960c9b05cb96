//! Root filesystems: the base of a build, which the operator maps to a distribution's name.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use super::BuildError;

/// The operator's map from the names in configs to root filesystems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootFilesystems {
    /// Explicit names, looked at first: an alias such as `ubuntu18` → the folder of `ubuntu22`.
    pub mapped: BTreeMap<String, PathBuf>,
    /// A folder in which each folder is a root filesystem with the name of its distribution.
    pub folder: PathBuf,
    /// What to do with a name that is in neither.
    pub unmapped: Unmapped,
}

/// What to do with a distribution that has no root filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmapped {
    /// Build on a copy of this machine's own root, and say so in the log.
    HostRoot,
    /// Fail the release.
    Refuse,
}

/// What one build is made on. Its `Display` is a line for the release's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A mapped root filesystem.
    Mapped {
        /// As the config names it.
        distribution: String,
        /// Its folder.
        folder: PathBuf,
    },
    /// This machine's own.
    Host {
        /// As the config names it.
        distribution: String,
    },
}

impl RootFilesystems {
    /// The names that have a root filesystem, and where it is.
    ///
    /// # Errors
    /// The folder of root filesystems cannot be read.
    pub fn list(&self) -> io::Result<BTreeMap<String, PathBuf>> {
        let mut found = BTreeMap::new();
        match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(entries) => {
                for entry in entries {
                    let entry = entry?;
                    if let Some(name) = entry.file_name().to_str().filter(|name| is_name(name)) {
                        found.insert(name.to_owned(), entry.path());
                    }
                }
            }
        }
        found.extend(self.mapped.clone());
        Ok(found)
    }

    /// What `distribution` is built on.
    ///
    /// # Errors
    /// `unmapped_distribution` if there is nothing, and the operator refuses to build on the host's own root;
    /// `sandbox_unavailable` if the folder that is mapped is no root filesystem.
    pub(crate) fn resolve(&self, distribution: &str) -> Result<Root, BuildError> {
        let found = match self.mapped.get(distribution) {
            Some(folder) => Some(folder.clone()),
            None => Some(self.folder.join(distribution)).filter(|folder| is_name(distribution) && folder.is_dir()),
        };
        match (found, self.unmapped) {
            (Some(folder), _) => mapped(distribution, &folder),
            (None, Unmapped::HostRoot) => Ok(Root::Host { distribution: distribution.to_owned() }),
            (None, Unmapped::Refuse) => {
                Err(BuildError::UnmappedDistribution { distribution: distribution.to_owned(), known: self.known() })
            }
        }
    }

    fn known(&self) -> String {
        let installed = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let installed = installed.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_name(name));
        let mut names: Vec<String> = self.mapped.keys().cloned().chain(installed).collect();
        names.sort();
        names.dedup();
        match names.is_empty() {
            true => "it has none for any distribution".to_owned(),
            false => format!("it has those of {}", names.join(", ")),
        }
    }
}

impl Root {
    /// The folder below the build's own layer.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self {
            Self::Mapped { folder, .. } => folder,
            Self::Host { .. } => Path::new("/"),
        }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapped { distribution, folder } => {
                write!(f, "root filesystem {distribution} at {}", folder.display())
            }
            Self::Host { distribution } => {
                write!(f, "the host's own root, read-only (no root filesystem is mapped to {distribution})")
            }
        }
    }
}

fn mapped(distribution: &str, folder: &Path) -> Result<Root, BuildError> {
    let unusable = |reason: &str| BuildError::SandboxUnavailable {
        reason: format!("the root filesystem of {distribution} at {} {reason}", folder.display()),
    };
    // A link would be followed once more at every use; overlayfs reads `:` and `,` in a path as its own.
    let folder = fs::canonicalize(folder).map_err(|error| unusable(&format!("cannot be read: {error}")))?;
    if folder.to_str().is_none_or(|path| path.contains([':', ',', '\\'])) {
        return Err(unusable("has a path with `:`, `,` or `\\` in it"));
    }
    if folder == Path::new("/") || !folder.join("usr").is_dir() || !folder.join("etc").is_dir() {
        return Err(unusable("is not a root filesystem: expected a folder with usr and etc in it"));
    }
    Ok(Root::Mapped { distribution: distribution.to_owned(), folder })
}

/// Names become paths: `debian12`, `el9`, not `../..`; a leading `.` is an unfinished one.
pub(super) fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && !text.starts_with(['.', '-']) && text.chars().all(inner)
}
