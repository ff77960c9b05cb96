//! Root filesystems: the base of a build, which the operator maps to a distribution's name.

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
    pub fn resolve(&self, distribution: &str) -> Result<Root, BuildError> {
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
            true => "there is none on this server".to_owned(),
            false => format!("there are: {}", names.join(", ")),
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

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn roots(unmapped: Unmapped) -> (TempDir, RootFilesystems) {
        let folder = TempDir::new().expect("a temporary folder");
        fs::create_dir_all(folder.path().join("debian12/usr")).expect("a folder");
        fs::create_dir_all(folder.path().join("debian12/etc")).expect("a folder");
        fs::create_dir_all(folder.path().join("broken")).expect("a folder");
        let mapped = BTreeMap::from([("ubuntu18".to_owned(), folder.path().join("debian12"))]);
        let roots = RootFilesystems { mapped, folder: folder.path().to_owned(), unmapped };
        (folder, roots)
    }

    #[test]
    fn a_name_is_looked_up_in_the_map_and_then_in_the_folder() {
        let (_folder, roots) = roots(Unmapped::Refuse);
        let alias = roots.resolve("ubuntu18").expect("mapped");
        assert!(alias.folder().ends_with("debian12"));
        assert!(alias.to_string().starts_with("root filesystem ubuntu18 at /"), "{alias}");
        assert!(roots.resolve("debian12").expect("in the folder").folder().ends_with("debian12"));
        assert_eq!(roots.resolve("broken").expect_err("no usr").code(), "sandbox_unavailable");
    }

    #[test]
    fn an_unmapped_name_follows_the_operators_policy() {
        let (_folder, refusing) = roots(Unmapped::Refuse);
        let refusal = refusing.resolve("centos7").expect_err("refused");
        assert_eq!(refusal.code(), "unmapped_distribution");
        assert!(refusal.to_string().contains("broken, debian12, ubuntu18"), "{refusal}");
        let (_folder, lenient) = roots(Unmapped::HostRoot);
        let root = lenient.resolve("centos7").expect("the host's");
        assert_eq!(root.to_string(), "the host's own root, read-only (no root filesystem is mapped to centos7)");
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        let (_folder, roots) = roots(Unmapped::Refuse);
        for name in ["../../etc", "/", "..", "", ".debian12.new"] {
            assert_eq!(roots.resolve(name).expect_err(name).code(), "unmapped_distribution");
        }
    }
}
