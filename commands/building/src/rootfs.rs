//! Making root filesystems: `pkgdeploy rootfs create debian12`.

#[cfg(test)]
mod tests;

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::unix::pipe,
    process::Command,
};

use super::{namespace::PROGRAM_PATH, roots::is_name};

/// The distributions with a recipe: name, mmdebstrap's suite, and the archive it comes from.
const SUITES: [(&str, &str, Archive); 7] = [
    ("debian11", "bullseye", Archive::Debian),
    ("debian12", "bookworm", Archive::Debian),
    ("debian13", "trixie", Archive::Debian),
    ("ubuntu18", "bionic", Archive::Ubuntu),
    ("ubuntu20", "focal", Archive::Ubuntu),
    ("ubuntu22", "jammy", Archive::Ubuntu),
    ("ubuntu24", "noble", Archive::Ubuntu),
];
/// On top of the essential packages and apt. Compilers are for `build.requires` to name.
const INCLUDE: &str = "ca-certificates";
/// Ubuntu's archive, unless another is named.
const UBUNTU_MIRROR: &str = "http://archive.ubuntu.com/ubuntu";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Archive {
    Debian,
    Ubuntu,
}

/// Why there is no new root filesystem.
#[derive(Debug, thiserror::Error)]
pub enum RootfsError {
    /// No recipe has that name.
    #[error(
        "cannot make a root filesystem called \"{name}\": expected one of {known} (others can be put into the folder by hand)"
    )]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names that have recipes.
        known: String,
    },
    /// There is one already.
    #[error("the root filesystem {} already exists: remove it first to make it again", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// mmdebstrap failed.
    #[error("mmdebstrap failed ({status}), and its last line was: {last_line}")]
    Failed {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last line of its output.
        last_line: String,
    },
    /// The disk or mmdebstrap itself is missing.
    #[error("cannot make the root filesystem: cannot {action}")]
    Machine {
        /// What was tried.
        action: &'static str,
        /// How it failed.
        source: io::Error,
    },
}

/// Makes the root filesystem `name` in `folder`, and reports its progress line by line.
///
/// Without a `mirror`, Debian comes from where this machine's own apt gets it. Nothing is at its place before it is
/// complete, and nothing is left of one that failed.
///
/// # Errors
/// See [`RootfsError`].
pub async fn create(
    name: &str,
    folder: &Path,
    mirror: Option<&str>,
    mut progress: impl FnMut(&str),
) -> Result<PathBuf, RootfsError> {
    let recipe = SUITES.iter().find(|(known, ..)| *known == name && is_name(name));
    let Some((_, suite, archive)) = recipe else {
        let known = SUITES.map(|(known, ..)| known).join(", ");
        return Err(RootfsError::Unknown { name: name.to_owned(), known });
    };
    let path = folder.join(name);
    if fs::symlink_metadata(&path).is_ok() {
        return Err(RootfsError::Exists { path });
    }
    let machine = |action| move |source| RootfsError::Machine { action, source };
    fs::create_dir_all(folder).map_err(machine("make the folder of root filesystems"))?;
    let unfinished = tempfile::Builder::new().prefix(&format!(".{name}-")).tempdir_in(folder);
    let unfinished = unfinished.map_err(machine("make a temporary folder for the root filesystem"))?;
    let mirror = match (mirror, archive) {
        (Some(mirror), _) => Some(mirror.to_owned()),
        (None, Archive::Ubuntu) => Some(UBUNTU_MIRROR.to_owned()),
        (None, Archive::Debian) => own_debian_mirror().await,
    };
    bootstrap(suite, *archive, mirror.as_deref(), &unfinished, &mut progress).await?;
    fs::set_permissions(unfinished.path(), fs::Permissions::from_mode(0o755))
        .map_err(machine("set the permissions of the root filesystem"))?;
    let unfinished = unfinished.keep();
    fs::rename(&unfinished, &path).map_err(|source| {
        let _left_for_the_operator = fs::remove_dir_all(&unfinished);
        RootfsError::Machine { action: "move the root filesystem to its place", source }
    })?;
    Ok(path)
}

async fn bootstrap(
    suite: &str,
    archive: Archive,
    mirror: Option<&str>,
    target: &TempDir,
    progress: &mut impl FnMut(&str),
) -> Result<(), RootfsError> {
    let machine = |source| RootfsError::Machine { action: "run mmdebstrap (Debian package mmdebstrap)", source };
    let (output, input) = io::pipe().map_err(machine)?;
    let mut command = Command::new("mmdebstrap");
    command.args(["--mode=root", "--variant=minbase", &format!("--include={INCLUDE}")]);
    if archive == Archive::Ubuntu {
        command.args(["--components=main,universe", "--keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg"]);
    }
    command.arg(suite).arg(target.path()).args(mirror);
    command.env_clear().env("PATH", PROGRAM_PATH).env("LC_ALL", "C.UTF-8").env("TMPDIR", std::env::temp_dir());
    for proxy in ["http_proxy", "https_proxy", "no_proxy"] {
        command.envs(std::env::var_os(proxy).map(|value| (proxy, value)));
    }
    command.stdin(Stdio::null()).stdout(input.try_clone().map_err(machine)?).stderr(input).kill_on_drop(true);
    let mut child = command.spawn().map_err(machine)?;
    drop(command);
    let mut lines = BufReader::new(pipe::Receiver::from_owned_fd(output.into()).map_err(machine)?).lines();
    let mut last_line = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        progress(&line);
        if !line.trim().is_empty() {
            last_line = line;
        }
    }
    let status = child.wait().await.map_err(machine)?;
    if status.success() { Ok(()) } else { Err(RootfsError::Failed { status, last_line }) }
}

/// Where this machine's apt gets Debian; `None` elsewhere, so that mmdebstrap takes its own default.
async fn own_debian_mirror() -> Option<String> {
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find(|uri| uri.trim_end_matches('/').ends_with("/debian")).map(str::to_owned)
}
