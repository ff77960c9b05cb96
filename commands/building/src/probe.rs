//! Checks whether this machine can isolate builds. If it cannot, it does not build at all.

use std::{collections::BTreeMap, path::Path};

use tokio::time::Instant;

use super::{
    BuildError, Builder, Root,
    layers::{Disk, Layers},
    log::BuildLog,
    namespace::PROGRAM_PATH,
    sandbox::{RunAs, Sandbox, Script, Unfinished},
};

/// The programs of this machine that a build is made with, and the Debian package of each.
const PROGRAMS: [(&str, &str); 7] = [
    ("bwrap", "bubblewrap"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("prlimit", "util-linux"),
    ("setpriv", "util-linux"),
    ("mount", "mount"),
    ("mkfs.ext4", "e2fsprogs"),
];
/// Room for the empty job.
const PROBE_DISK_BYTES: u64 = 16 << 20;

/// Refuses a machine on which no build can start.
pub(super) fn require_machine() -> Result<(), BuildError> {
    let unavailable = |reason: String| Err(BuildError::SandboxUnavailable { reason });
    if !rustix::process::geteuid().is_root() {
        return unavailable(
            "it must run as root, to mount a file system for each build and to become the build user".to_owned(),
        );
    }
    let is_there = |name: &str| PROGRAM_PATH.split(':').any(|folder| Path::new(folder).join(name).is_file());
    match PROGRAMS.iter().find(|(name, _)| !is_there(name)) {
        Some((name, package)) => unavailable(format!("the program {name} is missing (Debian package {package})")),
        None => Ok(()),
    }
}

/// Runs an empty script on the host's own root.
pub(super) async fn probe(builder: &Builder) -> Result<String, BuildError> {
    require_machine()?;
    let unavailable = |reason: String| BuildError::SandboxUnavailable { reason };
    let settings = &builder.settings;
    let uid = builder.uids.take().ok_or_else(|| unavailable("too many builds run at once".to_owned()))?;
    let root = Root::Host { distribution: "the probe".to_owned() };
    let folder = settings.jobs.join(format!("probe-{}", uuid::Uuid::now_v7()));
    let layers = Layers::open(folder, &root, &settings.hidden, PROBE_DISK_BYTES).await;
    let layers = layers.map_err(|error| unavailable(error.to_string()))?;
    let disk = layers.disk();
    let mut log = BuildLog::open(&layers.stage().join("log"), PROBE_DISK_BYTES)
        .map_err(|error| unavailable(error.to_string()))?;
    let deadline = Instant::now() + settings.limits.wall_time;
    let sandbox = Sandbox { layers, settings: settings.clone(), deadline };
    let script = Script {
        name: "probe.sh",
        text: "true\n",
        run_as: RunAs::User { uid: uid.id, gid: uid.id },
        directory: "/",
        environment: &BTreeMap::from([("PATH".to_owned(), PROGRAM_PATH.to_owned())]),
        checkout: None,
        destdir: false,
    };
    match sandbox.run(&script, &mut log).await {
        Ok(exit) if exit.status == 0 => Ok(match disk {
            Disk::Image { .. } => "builds run in bubblewrap, each on a disk image".to_owned(),
            Disk::Memory { .. } => "builds run in bubblewrap, each in memory: no disk image can be mounted".to_owned(),
        }),
        Ok(exit) => Err(unavailable(format!("bubblewrap cannot start ({exit}){}", log.last_lines()))),
        Err(Unfinished::Timeout) => Err(unavailable("bubblewrap did not end in time".to_owned())),
        Err(Unfinished::Machine(error)) => Err(unavailable(error.to_string())),
    }
}
