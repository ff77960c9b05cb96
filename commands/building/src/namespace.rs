//! A job's own mount and process namespace, held open by one small process.
//!
//! The holder waits for the end of its standard input, a pipe whose other end is this server's. However the
//! server ends, the pipe closes, the holder leaves, and the kernel then kills every process of the job and
//! unmounts everything that was mounted for it: a crash leaves a folder, and nothing in use.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdin, Command},
};

/// Where the machine's own programs are, whatever this server's `PATH`.
pub(super) const PROGRAM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Says its process id as the machine counts it, then sees the new namespace's processes instead.
const HOLDER: &str = "read -r pid rest </proc/self/stat && mount -t proc proc /proc && echo \"$pid\" && read -r end";

/// As much of a failed program's complaint as an error shows.
const COMPLAINT_MAX_BYTES: u64 = 2000;

/// An open namespace. Dropping it kills what runs in it and unmounts what is mounted in it.
pub(super) struct Namespace {
    pid: String,
    _holder: Child,
    _pipe: Option<ChildStdin>,
}

impl Namespace {
    /// Makes one in which nothing differs from this machine yet.
    pub(super) async fn open() -> io::Result<Self> {
        let mut holder = program("unshare");
        holder.args([
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
            "--",
            "sh",
            "-c",
            HOLDER,
        ]);
        let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pipe = holder.stdin.take();
        let mut pid = String::new();
        if let Some(stdout) = holder.stdout.take() {
            BufReader::new(stdout.take(32)).read_line(&mut pid).await?;
        }
        let pid = pid.trim().to_owned();
        if pid.is_empty() || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            let mut complaint = String::new();
            if let Some(stderr) = holder.stderr.take() {
                stderr.take(COMPLAINT_MAX_BYTES).read_to_string(&mut complaint).await?;
            }
            return Err(io::Error::other(format!("unshare: {}", complaint.trim())));
        }
        Ok(Self { pid, _holder: holder, _pipe: pipe })
    }

    /// `program`, to be started inside. It dies when its handle is dropped.
    pub(super) fn enter(&self, name: &str) -> Command {
        let mut command = program("nsenter");
        command.args(["--target", &self.pid, "--mount", "--pid", "--", name]);
        command
    }

    /// Runs a program inside, to its success.
    pub(super) async fn must<const N: usize>(&self, name: &str, arguments: [&str; N]) -> io::Result<()> {
        let output = self.enter(name).args(arguments).stdin(Stdio::null()).output().await?;
        if output.status.success() {
            return Ok(());
        }
        let complaint: String = String::from_utf8_lossy(&output.stderr).chars().take(500).collect();
        Err(io::Error::other(format!("{name}: {}", complaint.trim())))
    }

    /// The path at which this server finds the file that is at `path` inside.
    pub(super) fn view(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("PATH", PROGRAM_PATH).env("LC_ALL", "C.UTF-8").kill_on_drop(true);
    command
}
