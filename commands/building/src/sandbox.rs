//! Running one script of a job in bubblewrap: as root with few capabilities, or as the build user with none.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe,
    process::Command,
    time::{Instant, timeout_at},
};

use super::{Settings, error::Exit, inside, layers::Layers, log::BuildLog};

/// Where the server's own files are in a build.
pub(super) const STAGE: &str = "/run/pkgdeploy";
/// What package managers need to unpack files of every owner and to start their own helpers as other users.
/// Not among them: mounting, devices, tracing, the network's settings, other users' handles of files.
const ROOT_CAPABILITIES: [&str; 8] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETUID",
];
/// What becoming the build user needs; nothing of it is left afterwards.
const BECOME_CAPABILITIES: [&str; 2] = ["CAP_SETGID", "CAP_SETUID"];

/// One script to run.
pub(super) struct Script<'a> {
    /// A file's name, for the shell's own messages.
    pub(super) name: &'a str,
    /// Shell text; it stops at the first command that fails.
    pub(super) text: &'a str,
    /// Who runs it.
    pub(super) run_as: RunAs,
    /// The folder it starts in.
    pub(super) directory: &'a str,
    /// Its whole environment.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// Folders of this machine, read-only, by their place below [`STAGE`].
    pub(super) checkout: Option<&'a Path>,
    /// Whether `destdir` is below [`STAGE`], to be written to.
    pub(super) destdir: bool,
}

/// Who runs a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunAs {
    /// Root of the job's own file system.
    Root,
    /// The unprivileged user.
    User { uid: u32, gid: u32 },
}

/// What every script of a job shares.
pub(super) struct Sandbox {
    /// Its file system.
    pub(super) layers: Layers,
    /// What it may use and read.
    pub(super) settings: Arc<Settings>,
    /// When it is killed.
    pub(super) deadline: Instant,
}

/// Why a script has no exit status.
#[derive(Debug)]
pub(super) enum Unfinished {
    /// The deadline passed; everything was killed.
    Timeout,
    /// It could not be run.
    Machine(io::Error),
}

impl From<io::Error> for Unfinished {
    fn from(error: io::Error) -> Self {
        Self::Machine(error)
    }
}

impl Sandbox {
    /// Runs a script to its end and writes its output to `log` while it runs.
    ///
    /// When this returns, or is dropped, no process of the script is alive.
    pub(super) async fn run(&self, script: &Script<'_>, log: &mut BuildLog) -> Result<Exit, Unfinished> {
        let file = self.layers.stage().join(script.name);
        fs::write(&file, script.text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
        let mut command = self.command(script)?;
        let (output, input) = io::pipe()?;
        command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
        let mut child = command.spawn()?;
        // The command holds copies of the pipe's end, which would never be at its end.
        drop(command);
        let mut output = pipe::Receiver::from_owned_fd(output.into())?;
        let finished = async {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                match output.read(&mut buffer).await? {
                    0 => break,
                    count => log.write(&buffer[..count])?,
                }
            }
            child.wait().await
        };
        let status = timeout_at(self.deadline, finished).await.map_err(|_| Unfinished::Timeout)??;
        Ok(Exit { status: status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1) })
    }

    fn command(&self, script: &Script<'_>) -> io::Result<Command> {
        let limits = &self.settings.limits;
        let mut command = self.layers.namespace().enter("prlimit");
        command
            .arg("--core=0")
            .arg(format!("--data={}", limits.memory_bytes))
            .arg(format!("--nproc={}", limits.processes))
            .arg(format!("--nofile={}", limits.open_files))
            .arg(format!("--fsize={}", limits.file_bytes))
            .args(["--", "bwrap", "--die-with-parent", "--new-session"])
            // The network is shared: builds fetch what they need. No user namespace: packages have many owners.
            .args(["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "build"])
            .args(["--cap-drop", "ALL"]);
        let capabilities = match script.run_as {
            RunAs::Root => &ROOT_CAPABILITIES[..],
            RunAs::User { .. } => &BECOME_CAPABILITIES[..],
        };
        for capability in capabilities {
            command.args(["--cap-add", capability]);
        }
        self.mounts(script, &mut command)?;
        command.args(["--chdir", script.directory, "--"]);
        if let RunAs::User { uid, gid } = script.run_as {
            let (uid, gid) = (uid.to_string(), gid.to_string());
            command.args([
                "setpriv",
                "--reuid",
                &uid,
                "--regid",
                &gid,
                "--clear-groups",
                "--inh-caps=-all",
                "--no-new-privs",
            ]);
        }
        command.args(["sh", "-e", &format!("{STAGE}/{}", script.name)]);
        command.env_clear().envs(script.environment);
        Ok(command)
    }

    fn mounts(&self, script: &Script<'_>, command: &mut Command) -> io::Result<()> {
        let root = self.layers.root();
        command.arg("--bind").arg(self.layers.root_inside()).arg("/");
        // Read-only as a whole: to uid 0, files such as core_pattern are writable without any capability.
        command.args(["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]);
        // Shared memory counts towards the disk; /dev itself would be memory without a limit.
        command.arg("--bind").arg(self.layers.disk_folder_inside("shm")).args(["/dev/shm", "--remount-ro", "/dev"]);
        command.arg("--ro-bind").arg(self.layers.stage()).arg(STAGE);
        if let Some(checkout) = script.checkout {
            command.arg("--ro-bind").arg(checkout).arg(format!("{STAGE}/checkout"));
        }
        if script.destdir {
            command.arg("--bind").arg(self.layers.disk_folder_inside("destdir")).arg(format!("{STAGE}/destdir"));
        }
        for (inside, outside) in &self.settings.readable {
            command.arg("--ro-bind").arg(outside).arg(inside);
        }
        // bubblewrap follows links on the way to a mount point, and the scripts before may have put some there.
        let own = ["/proc", "/dev", STAGE].map(Path::new);
        for point in own.into_iter().chain(self.settings.readable.keys().map(PathBuf::as_path)) {
            inside::refuse_links(&root, point)
                .map_err(|escape| io::Error::other(format!("cannot mount on {}: {escape}", point.display())))?;
        }
        Ok(())
    }
}
