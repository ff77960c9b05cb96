//! The installer as a package: the script under `/usr/share`, run when the package comes, changes and goes.
//!
//! The files in `/etc` belong to the script, not to the package: no package manager asks about a changed credentials
//! file, and nothing stays behind, not even where `remove` would keep configuration files.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs, io, path::Path};

use chrono::{DateTime, Utc};
use domain::{
    config::{Architecture, Build, Install, PackageConfig, Scripts},
    ids::RepositoryId,
    names::{InvalidName, OrganisationName, PackageName, RepositoryName},
    package::Format,
};
use serde::{Deserialize, Serialize};

use formats::packaging::{
    ScriptTexts, Spec, WritePackageError, WrittenPackage,
    tree::{Content, Entry, PackageTree},
    write_package,
};

/// Counts the ways in which a script becomes a package. A change here must make it greater: every repository gets a new
/// version of its installer then.
pub(super) const PACKAGING: u32 = 1;

/// Where the installers of all repositories lie on a machine.
const SHARED_FOLDER: &str = "/usr/share/pkgdeploy";

/// What an installer says of its repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallerOf {
    /// Which.
    pub repository: RepositoryId,
    /// Whose.
    pub organisation: OrganisationName,
    /// What it is called in URLs.
    pub name: RepositoryName,
    /// What it holds, and what its installer is.
    pub format: Format,
    /// The APT suite.
    pub codename: String,
    /// The time of every file in the installer.
    pub dated: DateTime<Utc>,
}

/// Whether a package holds a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// It lies in the repository, for everyone who may enter.
    NoKey,
    /// A key, for the client that authenticated with it; issued at this time, in seconds since the epoch.
    Key {
        /// A younger key gives a higher version.
        issued_at: i64,
    },
}

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum InstallerPackageError {
    /// Organisation and repository together are too long.
    #[error("the repository's installer cannot be a package, as its name would be too long: use the script")]
    Name(#[from] InvalidName),
    /// The packager refused or failed.
    #[error("cannot write the installer's package")]
    Write(#[from] WritePackageError),
    /// The disk failed.
    #[error("cannot write the installer's files to the server's disk")]
    Disk(#[from] io::Error),
}

impl InstallerOf {
    /// The name of its package. No other package may have this name.
    ///
    /// # Errors
    /// If the names are too long for it.
    pub fn package_name(&self) -> Result<PackageName, InvalidName> {
        PackageName::of_installer(&self.organisation, &self.name)
    }
}

/// Packs `script` into `folder`, which only this user can read, as the installer of this number. The same arguments give
/// the same bytes.
///
/// A package with a key has a slightly lower version than the repository's package of the same number: the next upgrade
/// replaces it, and no installed package holds the key any more.
///
/// Blocks: compresses, and writes files.
///
/// # Errors
/// See [`InstallerPackageError`].
pub fn pack(
    of: &InstallerOf,
    number: u32,
    holds: Holds,
    script: &str,
    folder: &Path,
) -> Result<WrittenPackage, InstallerPackageError> {
    let name = of.package_name()?;
    let source = folder.join("script");
    fs::write(&source, script)?;
    let folder_installed = format!("{SHARED_FOLDER}/{name}");
    let installed = format!("{folder_installed}/installer");
    let scripts = maintainer_scripts(&installed);
    let (mode, version) = match holds {
        Holds::NoKey => (0o644, format!("1.{number}")),
        Holds::Key { issued_at } => (0o600, format!("1.{number}~{issued_at}")),
    };
    let script = Content::File { source: source.clone(), size_bytes: script.len() as u64 };
    // Folders too: rpm leaves behind those that no package owns.
    let entries = [
        (SHARED_FOLDER.to_owned(), entry(0o755, Content::Directory)),
        (folder_installed, entry(0o755, Content::Directory)),
        (installed, entry(mode, script)),
    ];
    let tree = PackageTree { entries: BTreeMap::from(entries) };
    let written = write_package(
        &Spec {
            config: &config(name, of, holds),
            version: &version,
            source_date: of.dated.timestamp(),
            scripts: &scripts,
            tree: &tree,
        },
        folder,
    )?;
    fs::remove_file(source)?;
    Ok(written)
}

fn maintainer_scripts(installed: &str) -> ScriptTexts {
    let install = Some(format!("sh '{installed}' --packaged"));
    ScriptTexts {
        after_install: install.clone(),
        after_upgrade: install,
        before_uninstall: Some(format!("sh '{installed}' --uninstall --packaged")),
        ..ScriptTexts::default()
    }
}

fn entry(mode: u32, content: Content) -> Entry {
    Entry { mode, user: "root".to_owned(), group: "root".to_owned(), content }
}

fn config(name: PackageName, of: &InstallerOf, holds: Holds) -> PackageConfig {
    let about = match holds {
        Holds::NoKey => "Keeps its certificates and this machine's credentials up to date. Holds no key.",
        Holds::Key { .. } => "Its source, its certificates and an access key.",
    };
    PackageConfig {
        file: "installer".to_owned(),
        name,
        format: of.format,
        distribution: String::new(),
        architecture: Architecture::All,
        description: format!("Access to the package repository {}/{}\n{about}", of.organisation, of.name),
        url: None,
        license: "Unknown".to_owned(),
        maintainer: "Unknown <unknown@pkgdeploy.com>".to_owned(),
        build: Build::default(),
        install: Install::default(),
        scripts: Scripts::default(),
    }
}
