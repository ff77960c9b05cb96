//! Git repositories to release from.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// Fixed, so that the same files make the same commit on every machine.
const COMMITTED_AT: &str = "2026-01-05T09:00:00Z";

/// A git repository that a story writes.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// An empty repository.
    #[must_use]
    pub fn new() -> Self {
        let project = Self { folder: TempDir::with_prefix("pkgdeploy-project-").expect("a temporary folder") };
        project.git(&["-c", "init.defaultBranch=main", "init", "--quiet"]);
        project
    }

    /// A deb that holds one small file, so that a release takes as little time as one can.
    #[must_use]
    pub fn small(name: &str) -> Self {
        Self::new().file(".pkgdeploy/config.yml", &small_config(name, "deb")).file("greeting.txt", "Hello.\n")
    }

    /// The same as a deb and an rpm.
    #[must_use]
    pub fn small_in_both_formats(name: &str) -> Self {
        Self::new()
            .file(".pkgdeploy/config-deb.yml", &small_config(name, "deb"))
            .file(".pkgdeploy/config-rpm.yml", &small_config(name, "rpm"))
            .file("greeting.txt", "Hello.\n")
    }

    /// What `createProject` takes as its source.
    #[must_use]
    pub fn source(&self) -> String {
        self.path().to_str().expect("temporary folders have plain names").to_owned()
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Writes a program.
    #[must_use]
    pub fn program(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path().join(path), mode).expect("a program's mode is set");
        self
    }

    /// Commits everything, changed or not, and gives the commit a tag.
    #[must_use]
    pub fn tag(self, name: &str) -> Self {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "Work"]);
        self.git(&["tag", name]);
        self
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("its folder is made");
        fs::write(path, text).expect("it is written");
    }

    fn git(&self, arguments: &[&str]) {
        let ran = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args(["-c", "user.name=Story", "-c", "user.email=story@example.com"])
            .args(arguments)
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .envs([("GIT_AUTHOR_DATE", COMMITTED_AT), ("GIT_COMMITTER_DATE", COMMITTED_AT)])
            .output()
            .expect("git runs");
        assert!(ran.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}

fn small_config(name: &str, format: &str) -> String {
    format!(
        "name: {name}\nformat: {format}\narchitecture: all\ninstall:\n  copy:\n    \
         - source: greeting.txt\n      destination: /usr/share/{name}/greeting.txt\n"
    )
}

/// The bundled sample project as `make sample` makes it, with the tags v1.0.0 and v1.1.0.
#[must_use]
pub fn sample_project(parent: &Path) -> PathBuf {
    let folder = parent.join("noticeboard");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/sample/repository.sh");
    let made = Command::new(script).arg(&folder).status().expect("the script runs");
    assert!(made.success(), "the sample project is not made");
    folder
}
