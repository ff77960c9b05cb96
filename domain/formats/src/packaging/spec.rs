//! The content and metadata of a package to write.

use domain::config::PackageConfig;

use super::tree::{Content, PackageTree};

/// Everything a package is made of.
#[derive(Debug, Clone, Copy)]
pub struct Spec<'a> {
    /// Name, format, description, dependencies. Its build and copy sections have done their work already.
    pub config: &'a PackageConfig,
    /// The upstream version in the format's own notation, such as `1.2.0~rc1`: it is the whole version of a deb, which
    /// gets no Debian revision, and the version of an rpm whose release is `1`.
    pub version: &'a str,
    /// Seconds since the epoch: the time of everything in the package, as `SOURCE_DATE_EPOCH` is.
    pub source_date: i64,
    /// The maintainer scripts' sections.
    pub scripts: &'a ScriptTexts,
    /// What it installs.
    pub tree: &'a PackageTree,
}

impl Spec<'_> {
    /// The architecture in the format's own word.
    pub(super) fn architecture(&self) -> &'static str {
        self.config.architecture.in_format(self.config.format)
    }

    /// `source_date` as both formats store it.
    pub(super) fn time(&self) -> u32 {
        u32::try_from(self.source_date.max(0)).unwrap_or(u32::MAX)
    }
}

/// The shell texts of the six sections, `file:` commands already replaced by the files' texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptTexts {
    /// Before the files of a first installation are put in place.
    pub before_install: Option<String>,
    /// After the files of a first installation are in place.
    pub after_install: Option<String>,
    /// Before the files of a newer version are put in place.
    pub before_upgrade: Option<String>,
    /// After the files of a newer version are in place.
    pub after_upgrade: Option<String>,
    /// Before the files are removed.
    pub before_uninstall: Option<String>,
    /// After the files are removed.
    pub after_uninstall: Option<String>,
}

/// The folders above an absolute path, from the nearest up, without `/`.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(slash, _)| &path[..slash]).filter(|above| !above.is_empty())
}

/// Is it a configuration file, which an upgrade must not overwrite?
pub(super) fn is_configuration(path: &str, content: &Content) -> bool {
    path.starts_with("/etc/") && matches!(content, Content::File { .. })
}
