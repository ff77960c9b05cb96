//! The installer as a package: the script under `/usr/share`, run when the package comes, changes and goes.
//!
//! The files in `/etc` belong to the script, not to the package: no package manager asks about a changed credentials
//! file, and nothing stays behind, not even where `remove` would keep configuration files.

use std::{collections::BTreeMap, fs, io, path::Path};

use axum::http::HeaderValue;
use bytes::Bytes;
use commands::packaging::{
    ScriptTexts, Spec, WritePackageError,
    tree::{Content, Entry, PackageTree},
    write_package,
};
use domain::{
    config::{Architecture, Build, Install, PackageConfig, Scripts},
    names::{InvalidName, PackageName},
    package::Format,
};
use uuid::Uuid;

use crate::repositories::ServedRepository;

/// A package file in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InstallerPackage {
    /// As the format's tools name it.
    pub(super) file_name: String,
    pub(super) bytes: Bytes,
}

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub(super) enum InstallerPackageError {
    /// Organisation and repository together are too long.
    #[error("the installer cannot be a package: use the script")]
    Name(#[from] InvalidName),
    /// The packager refused or failed.
    #[error("cannot write the installer's package")]
    Write(#[from] WritePackageError),
    /// The disk failed.
    #[error("cannot write the installer's files")]
    Disk(#[from] io::Error),
}

/// Packs the script. The same repository, key and script give the same bytes; a younger key gives a higher version.
///
/// Blocks: compresses and uses a temporary folder that only this user can read.
pub(super) fn pack(
    repository: &ServedRepository,
    key: Uuid,
    script: &str,
    format: Format,
) -> Result<InstallerPackage, InstallerPackageError> {
    let name = format!("pkgdeploy-{}-{}", repository.organisation, repository.name).parse::<PackageName>()?;
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("script");
    fs::write(&source, script)?;
    let installed = format!("/usr/share/pkgdeploy/{name}/installer");
    let scripts = maintainer_scripts(&installed);
    let tree = tree(installed, &source, script.len() as u64);
    let issued_at = issued_at(key);
    let written = write_package(
        &Spec {
            config: &config(name, format, repository),
            version: &format!("1.0.{issued_at}"),
            source_date: issued_at,
            scripts: &scripts,
            tree: &tree,
        },
        folder.path(),
    )?;
    let file_name = written.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(InstallerPackage { file_name, bytes: fs::read(&written.path)?.into() })
}

impl InstallerPackage {
    /// `Content-Disposition`: the name that `curl -OJ` and browsers save it under.
    pub(super) fn disposition(&self) -> HeaderValue {
        let text = format!("attachment; filename=\"{}\"", self.file_name);
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
    }
}

/// Seconds since the epoch, from the key's id; ids of another kind than version 7 count as the oldest.
fn issued_at(key: Uuid) -> i64 {
    key.get_timestamp().and_then(|time| i64::try_from(time.to_unix().0).ok()).unwrap_or(0)
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

fn tree(installed: String, source: &Path, size_bytes: u64) -> PackageTree {
    let content = Content::File { source: source.to_owned(), size_bytes };
    let entry = Entry { mode: 0o600, user: "root".to_owned(), group: "root".to_owned(), content };
    PackageTree { entries: BTreeMap::from([(installed, entry)]) }
}

fn config(name: PackageName, format: Format, repository: &ServedRepository) -> PackageConfig {
    PackageConfig {
        file: "installer".to_owned(),
        name,
        format,
        distribution: String::new(),
        architecture: Architecture::All,
        description: format!(
            "Access to the package repository {}/{}\nIts source, its certificate and an access key.",
            repository.organisation, repository.name
        ),
        url: None,
        license: "Unknown".to_owned(),
        maintainer: "Unknown <unknown@pkgdeploy.com>".to_owned(),
        build: Build::default(),
        install: Install::default(),
        scripts: Scripts::default(),
    }
}

#[cfg(test)]
mod tests;
