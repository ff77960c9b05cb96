//! A package to write in tests, and the tools that look at what was written.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use domain::{
    config::{Architecture, Build, Install, PackageConfig, Scripts},
    package::Format,
};
use tempfile::TempDir;

use super::{
    ScriptTexts, Spec, WritePackageError, WrittenPackage,
    tree::{Content, Entry, PackageTree},
    write_package,
};

/// All that a [`Spec`] borrows, and a folder for files.
pub(super) struct Sample {
    pub(super) folder: TempDir,
    pub(super) config: PackageConfig,
    pub(super) version: String,
    pub(super) source_date: i64,
    pub(super) scripts: ScriptTexts,
    pub(super) tree: PackageTree,
}

impl Sample {
    /// A package `greeter` with a bit of everything.
    pub(super) fn new(format: Format) -> Self {
        let mut sample = Self::empty(format);
        sample.file("/usr/bin/greet", "#!/bin/sh\necho hello\n", 0o755, "root");
        sample.file("/etc/greeter/greet.conf", "greeting=hello\n", 0o640, "greeter");
        sample.add("/usr/bin/hello", 0o777, "root", Content::Symlink("greet".to_owned()));
        sample.add("/var/lib/greeter", 0o750, "greeter", Content::Directory);
        sample.file(&format!("/opt/greeter/{}/{}", "a".repeat(120), "b".repeat(30)), "deep\n", 0o644, "root");
        sample.scripts.after_install = Some("echo 'it is in'".to_owned());
        sample
    }

    /// The same package without files, scripts and dependencies.
    pub(super) fn empty(format: Format) -> Self {
        let config = PackageConfig {
            file: ".pkgdeploy/config.yml".to_owned(),
            name: "greeter".parse().unwrap(),
            format,
            distribution: "any".to_owned(),
            architecture: Architecture::Bits64,
            description: "Greets the world\n\nFirst paragraph & <xml>.\n\nSecond one.".to_owned(),
            url: Some("https://example.org/greeter".to_owned()),
            license: "MIT".to_owned(),
            maintainer: "Ann Example <ann@example.org>".to_owned(),
            build: Build::default(),
            install: Install::default(),
            scripts: Scripts::default(),
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            config,
            version: "1.2.0~rc1".to_owned(),
            source_date: 1_700_000_000,
            scripts: ScriptTexts::default(),
            tree: PackageTree::default(),
        }
    }

    pub(super) fn add(&mut self, path: &str, mode: u32, owner: &str, content: Content) {
        let entry = Entry { mode, user: owner.to_owned(), group: owner.to_owned(), content };
        self.tree.entries.insert(path.to_owned(), entry);
    }

    /// Writes `text` into the built tree and installs it at `path`.
    pub(super) fn file(&mut self, path: &str, text: &str, mode: u32, owner: &str) {
        let source = self.folder.path().join(format!("source-{}", self.tree.entries.len()));
        fs::write(&source, text).unwrap();
        self.add(path, mode, owner, Content::File { source, size_bytes: text.len() as u64 });
    }

    pub(super) fn try_write(&self) -> Result<WrittenPackage, WritePackageError> {
        let Self { config, version, source_date, scripts, tree, .. } = self;
        let spec = Spec { config, version, source_date: *source_date, scripts, tree };
        write_package(&spec, self.folder.path())
    }

    pub(super) fn write(&self) -> WrittenPackage {
        self.try_write().expect("the sample can be written")
    }

    /// Writes the package and reads its bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        fs::read(self.write().path).unwrap()
    }
}

/// Runs a tool and returns what it printed. The tools are packages that `make test` installs.
pub(super) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C.UTF-8").env("TZ", "UTC").output();
    let output = output.unwrap_or_else(|error| panic!("{program} is installed: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{printed}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Puts bytes into a file to be read.
pub(super) fn stored(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("package");
    fs::write(&path, bytes).unwrap();
    path
}

/// An `ar` archive of these members.
pub(super) fn ar_archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        bytes.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).bytes());
        bytes.extend(*content);
        bytes.extend(&b"\n"[..content.len() % 2]);
    }
    bytes
}

/// A tar archive of these files, or of what else the type says.
pub(super) fn tar(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.extend(header.as_bytes());
        archive.extend(*content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend([0; 1024]);
    archive
}

/// A deb around this control text.
pub(super) fn deb_with(control: &[u8]) -> Vec<u8> {
    let control = tar(&[("./control", tar::EntryType::Regular, control)]);
    ar_archive(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &tar(&[]))])
}
