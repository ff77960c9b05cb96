//! Running `git` so that neither this machine's settings nor the repository's contents decide what it does.

#[cfg(test)]
mod tests;

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use domain::project::{GitUrl, Transport};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, ChildStdout, Command},
};

use super::{DeployKey, Git, SourceError};

/// Most bytes of git's error output that are read.
const STDERR_MAX_BYTES: u64 = 64 * 1024;
/// Most lines of it that an error shows, from the end.
const REASON_MAX_LINES: usize = 5;
/// The signal of a process that wrote more than it may. Source: signal(7).
const SIGXFSZ: i32 = 25;

/// Every setting git gets. `safe.directory`: a local repository may belong to another user, its hooks do not run.
const SETTINGS: &str = "\
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tsymlinks = true
\tprotectHFS = true
\tprotectNTFS = true
\tautocrlf = false
[protocol \"ext\"]
\tallow = never
[submodule]
\trecurse = false
[fetch]
\trecurseSubmodules = false
[transfer]
\tfsckObjects = true
\tunpackLimit = 1
[advice]
\tdetachedHead = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[safe]
\tdirectory = *
";

/// What ssh gets whatever it connects to.
const SSH_OPTIONS: &str = "-F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o UpdateHostKeys=no \
    -o GlobalKnownHostsFile=/dev/null -o PreferredAuthentications=publickey -o IdentitiesOnly=yes -o IdentityAgent=none \
    -o ClearAllForwardings=yes";

/// A folder that is git's home for one job: its settings, and the repository it fetches into.
pub(super) struct GitEnvironment<'a> {
    git: &'a Git,
    url: &'a GitUrl,
    ssh_command: String,
    home: TempDir,
}

/// What a run of git left.
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) reason: String,
}

impl Finished {
    /// Was it stopped for writing a file longer than it may?
    pub(super) fn wrote_too_much(&self) -> bool {
        self.status.signal() == Some(SIGXFSZ)
            || self.reason.contains("signal 25")
            || self.reason.contains("File too large")
    }
}

impl<'a> GitEnvironment<'a> {
    /// A new home below `parent`, which is on the disk that the checkout goes to.
    pub(super) fn open(
        git: &'a Git,
        url: &'a GitUrl,
        key: Option<&DeployKey>,
        parent: &Path,
    ) -> Result<Self, SourceError> {
        if url.transport() == Transport::Local && !git.allow_local {
            return Err(SourceError::AddressRefused {
                url: url.clone(),
                source: domain::project::InvalidGitUrl::Local,
            });
        }
        let failed =
            |source| SourceError::Machine { action: "make a folder for git in", path: parent.to_owned(), source };
        let home = tempfile::Builder::new().prefix(".git-").tempdir_in(parent).map_err(failed)?;
        fs::write(home.path().join("gitconfig"), SETTINGS).map_err(failed)?;
        fs::create_dir(home.path().join("template")).map_err(failed)?;
        let ssh_command = match url.transport() {
            Transport::Ssh => ssh_command(home.path(), git, key).map_err(failed)?,
            // A checkout from a folder, which asks no server, must not fail because of how the data folder is called.
            Transport::Https | Transport::Local => "false".to_owned(),
        };
        Ok(Self { git, url, ssh_command, home })
    }

    /// Where the repository is fetched to.
    pub(super) fn repository(&self) -> PathBuf {
        self.home.path().join("repository.git")
    }

    /// An empty folder, so that `git init` copies no hooks from this machine.
    pub(super) fn template(&self) -> PathBuf {
        self.home.path().join("template")
    }

    /// Runs git to its end.
    pub(super) async fn run(&self, arguments: &[&str], stdout_max_bytes: u64) -> Result<Finished, SourceError> {
        let mut running = self.start(arguments)?;
        let (stdout, stderr) = tokio::join!(
            bounded(running.stdout.take(), stdout_max_bytes),
            bounded(running.child.stderr.take(), STDERR_MAX_BYTES)
        );
        let status = running.wait().await.map_err(|source| self.broken(source))?;
        Ok(Finished { status, stdout, reason: reason(&stderr) })
    }

    /// Starts git in a separate process group, which is killed when [`Running`] is dropped.
    pub(super) fn start(&self, arguments: &[&str]) -> Result<Running, SourceError> {
        // git has no limit for what it fetches; the kernel has one for what a process writes.
        let mut child = Command::new("prlimit")
            .arg(format!("--fsize={}", self.git.limits.total_bytes))
            .args(["--core=0", "--", "git"])
            .args(arguments)
            .env_clear()
            .envs(&self.git.environment)
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.home.path())
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", self.home.path().join("gitconfig"))
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .env("GIT_ALLOW_PROTOCOL", if self.git.allow_local { "https:ssh:file" } else { "https:ssh" })
            .env("GIT_SSH_COMMAND", &self.ssh_command)
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| self.broken(source))?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Running { stdout: child.stdout.take(), child, group })
    }

    /// The machine could not run git.
    pub(super) fn broken(&self, source: std::io::Error) -> SourceError {
        SourceError::Machine {
            action: "run git (and prlimit of util-linux) in",
            path: self.home.path().to_owned(),
            source,
        }
    }

    /// git ran and failed.
    pub(super) fn refused(&self, reason: String) -> SourceError {
        SourceError::CloneFailed { url: self.url.clone(), reason }
    }
}

/// A running git.
pub(super) struct Running {
    pub(super) stdout: Option<ChildStdout>,
    child: Child,
    group: Option<Pid>,
}

impl Running {
    async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.group = None;
        Ok(status)
    }
}

impl Drop for Running {
    /// git's helpers (`git-remote-https`, `ssh`) outlive git itself when only it is killed.
    fn drop(&mut self) {
        if let Some(group) = self.group {
            let _already_gone = kill_process_group(group, Signal::KILL);
        }
    }
}

/// How git calls ssh: only servers that are pinned, only this key, nothing of this machine's users and agents.
fn ssh_command(home: &Path, git: &Git, key: Option<&DeployKey>) -> std::io::Result<String> {
    let known_hosts = home.join("known_hosts");
    fs::write(&known_hosts, git.known_hosts.as_str())?;
    let identity = match key {
        Some(key) => {
            let path = home.join("deploy_key");
            key.write(&path)?;
            format!("-i {}", quoted(&path)?)
        }
        None => "-o IdentityFile=none".to_owned(),
    };
    Ok(format!("ssh {SSH_OPTIONS} -o UserKnownHostsFile={} {identity}", quoted(&known_hosts)?))
}

/// git hands the command to a shell, and ssh splits file lists at blanks.
fn quoted(path: &Path) -> std::io::Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | ',' | '=');
    match path.to_str() {
        Some(text) if text.chars().all(plain) => Ok(text.to_owned()),
        _ => Err(std::io::Error::other("the path of a key must hold only letters, digits and /._-+@,=")),
    }
}

async fn bounded(pipe: Option<impl AsyncRead + Unpin>, max_bytes: u64) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // A broken pipe ends the text early; the exit status shows whether that matters.
        let _end = (&mut pipe).take(max_bytes).read_to_end(&mut bytes).await;
        let _rest = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last lines of git's error output, without the text between `//` and `@` (a proxy's password).
fn reason(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(REASON_MAX_LINES)..];
    let words = last.iter().flat_map(|line| line.split_whitespace());
    words.map(without_credentials).collect::<Vec<_>>().join(" ")
}

fn without_credentials(word: &str) -> String {
    match word.split_once("//") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_secret, host)) => format!("{scheme}//{host}"),
            None => word.to_owned(),
        },
        None => word.to_owned(),
    }
}
