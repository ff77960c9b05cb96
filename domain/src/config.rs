//! The grammar of `.pkgdeploy/config*.yml`: what one package is, how it is built and what it installs.

mod commands;
mod error;
mod fields;
pub mod limits;
mod parse;
mod paths;
mod values;
mod yaml;

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::{commands::script_text, error::ConfigError};
use crate::{names::PackageName, package::Format};

/// One package, as its config file describes it, with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageConfig {
    /// The config's path in the repository: `.pkgdeploy/config-deb.yml`.
    pub file: String,
    /// The package's name.
    pub name: PackageName,
    /// Deb or rpm.
    pub format: Format,
    /// The name of the root filesystem it is built on: `ubuntu22`, `el9`.
    pub distribution: String,
    /// The processor it is for.
    pub architecture: Architecture,
    /// One line, or a summary line and paragraphs; the package's name unless set.
    pub description: String,
    /// The project's home page.
    pub url: Option<String>,
    /// `Unknown` unless set.
    pub license: String,
    /// `Name <email>`.
    pub maintainer: String,
    /// How it is built.
    pub build: Build,
    /// What it installs.
    pub install: Install,
    /// What its maintainer scripts do.
    pub scripts: Scripts,
}

/// `architecture`: as in the config; each format has its own name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// `64-bit`: amd64, x86_64.
    Bits64,
    /// `32-bit`: i386, i686.
    Bits32,
    /// `arm64`: arm64, aarch64.
    Arm64,
    /// `all`: all, noarch.
    All,
}

impl Architecture {
    /// The format's name for it: `amd64` in a deb, `x86_64` in an rpm.
    #[must_use]
    pub fn in_format(self, format: Format) -> &'static str {
        match (self, format) {
            (Self::Bits64, Format::Deb) => "amd64",
            (Self::Bits64, Format::Rpm) => "x86_64",
            (Self::Bits32, Format::Deb) => "i386",
            (Self::Bits32, Format::Rpm) => "i686",
            (Self::Arm64, Format::Deb) => "arm64",
            (Self::Arm64, Format::Rpm) => "aarch64",
            (Self::All, Format::Deb) => "all",
            (Self::All, Format::Rpm) => "noarch",
        }
    }
}

/// `build`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// The absolute path of the checkout during the build.
    pub directory: Option<String>,
    /// Package names and URLs of package files, installed in this order before the commands.
    pub requires: Vec<String>,
    /// The unprivileged user that runs the commands.
    pub user: Option<String>,
    /// Its group.
    pub group: Option<String>,
    /// Run in the checkout, in this order.
    pub commands: Vec<Command>,
}

/// `install`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Install {
    /// Run-time dependencies, in the format's own notation.
    pub requires: Vec<String>,
    /// Default owner of what is installed, created on the machine if missing; `root` if unset.
    pub user: Option<String>,
    /// Default group; the user's name, or `root`, if unset.
    pub group: Option<String>,
    /// What is copied from the built tree into the package.
    pub copy: Vec<Copy>,
    /// Run when the package's tree is assembled.
    pub commands: Vec<Command>,
}

/// One line of `install.copy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Relative to the checkout; `./` is the whole built tree.
    pub source: String,
    /// Absolute; a trailing `/` is a folder that the source is put into.
    pub destination: String,
    /// Owner, if it is not the default one.
    pub user: Option<String>,
    /// Group, if it is not the default one.
    pub group: Option<String>,
    /// Mode bits (at most 0o7777) for every file copied, instead of the bits that the build gave them.
    pub permissions: Option<u32>,
}

/// One step of a list of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Shell text.
    Run(String),
    /// The path, in the repository, of a file whose text is the command.
    File(String),
}

/// The six sections of maintainer-script commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scripts {
    /// Before the files of a first installation are put in place.
    pub before_install: Vec<Command>,
    /// After the files of a first installation are in place.
    pub after_install: Vec<Command>,
    /// Before the files of a newer version are put in place.
    pub before_upgrade: Vec<Command>,
    /// After the files of a newer version are in place.
    pub after_upgrade: Vec<Command>,
    /// Before the files are removed.
    pub before_uninstall: Vec<Command>,
    /// After the files are removed.
    pub after_uninstall: Vec<Command>,
}

/// Is `path`, relative to the repository's root, a package's config file?
///
/// `.pkgdeploy/config*.yml` and `.yaml` are; anything else in that folder is not (scripts live there).
#[must_use]
pub fn is_config_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    path.parent() == Some(Path::new(".pkgdeploy"))
        && name.starts_with("config")
        && (name.ends_with(".yml") || name.ends_with(".yaml"))
}
