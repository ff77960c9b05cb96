//! A Debian machine with real package clients: an overlay on the client root, thrown away with its story.
//!
//! Debian's own dnf and rpm play the rpm clients. The machine has its own mounts and processes and the host's network.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// Mounts the overlay, enters it, runs the script. All mounts end with the last process.
const ENTER: &str = r#"
set -eu
lower=$1 folder=$2 script=$3
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
mount -t proc proc "$folder/root/proc"
mount --rbind /dev "$folder/root/dev"
exec chroot "$folder/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive sh -euc "$script"
"#;

/// A machine that packages are installed on.
#[derive(Debug)]
pub struct Machine {
    folder: TempDir,
    /// What it looked like when it was new.
    lower: PathBuf,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Ran {
    /// Whether it ended with 0.
    pub ok: bool,
    /// Its output and its errors, in this order.
    pub text: String,
}

impl Machine {
    /// A fresh machine, on which nothing was installed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::on(client_root())
    }

    /// A fresh machine with Debian 13, whose apt knows snapshots.
    #[must_use]
    pub fn debian_13() -> Self {
        Self::on(root("PKGDEPLOY_CLIENT_ROOT_13", "client-root-13"))
    }

    fn on(lower: PathBuf) -> Self {
        let folder = TempDir::with_prefix("pkgdeploy-machine-").expect("a temporary folder");
        for name in ["upper", "work", "root"] {
            std::fs::create_dir(folder.path().join(name)).expect("the overlay's folders");
        }
        Self { folder, lower }
    }

    /// Runs shell commands on the machine; the first that fails ends them.
    #[must_use]
    pub fn run(&self, script: &str) -> Ran {
        self.run_with_input(script, &[])
    }

    /// The same; its output, or the story fails.
    pub fn ok(&self, script: &str) -> String {
        let ran = self.run(script);
        assert!(ran.ok, "failed on the machine: {script}\n{}", ran.text);
        ran.text
    }

    /// Puts a file onto the machine.
    pub fn put(&self, path: &str, content: &[u8]) {
        let ran = self.run_with_input(&format!("mkdir -p \"$(dirname {path})\"; cat >{path}"), content);
        assert!(ran.ok, "cannot put {path}: {}", ran.text);
    }

    fn run_with_input(&self, script: &str, input: &[u8]) -> Ran {
        let mut command = as_root("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "enter"]);
        command.arg(&self.lower).arg(self.folder.path()).arg(script);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let mut pipe = child.stdin.take().expect("its input is piped");
        let sent = pipe.write_all(input);
        drop(pipe);
        let ran = Ran::from(child.wait_with_output().expect("the machine ends"));
        assert!(sent.is_ok() || !ran.ok, "the machine did not read its input: {}", ran.text);
        ran
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The overlay's work folder belongs to root, also when another user runs the stories.
        let _ = as_root("rm").arg("-rf").arg(self.folder.path()).status();
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { ok: output.status.success(), text: text(&output.stdout) + &text(&output.stderr) }
    }
}

/// Runs shell commands on the host: for tools that read packages and need no machine.
#[must_use]
pub fn run_host(script: &str) -> Ran {
    Ran::from(Command::new("sh").args(["-euc", script]).env("LC_ALL", "C.UTF-8").output().expect("sh starts"))
}

fn as_root(program: &str) -> Command {
    let me = Command::new("id").arg("-u").output().expect("id runs");
    if me.stdout == b"0\n" {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

/// The root filesystem below every machine: `PKGDEPLOY_CLIENT_ROOT`, or where `make test` puts it.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn client_root() -> PathBuf {
    root("PKGDEPLOY_CLIENT_ROOT", "client-root")
}

/// A root filesystem: where the variable says, or where `make test` puts it.
fn root(variable: &str, name: &str) -> PathBuf {
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
    let root = std::env::var_os(variable).map_or_else(|| PathBuf::from(target).join(name), PathBuf::from);
    assert!(root.is_dir(), "there is no {name} at {}: make it with scripts/test/client-root", root.display());
    root
}
