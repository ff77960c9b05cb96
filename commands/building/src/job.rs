//! The steps of one build, in order.

use std::{io, path::PathBuf, sync::Arc};

use domain::config::Command;
use stores::blocking::blocking;
use tokio::time::Instant;

use super::{
    BuildError, Builder, BuiltTree, Job, Step,
    assemble::Assembly,
    environment::environment,
    error::{Exit, LastLines},
    inside,
    layers::{Disk, Layers},
    log::BuildLog,
    probe,
    sandbox::{RunAs, Sandbox, Script, Unfinished},
    script, setup,
    uids::Uid,
};

/// A build between its steps.
pub(super) struct RunningJob<'a> {
    job: &'a Job<'a>,
    sandbox: Sandbox,
    log: BuildLog,
    uid: Uid,
    directory: String,
    builder: RunAs,
}

impl<'a> RunningJob<'a> {
    /// Mounts the job's file system.
    pub(super) async fn open(builder: &Builder, job: &'a Job<'a>) -> Result<Self, BuildError> {
        probe::require_machine()?;
        let settings = &builder.settings;
        let deadline = Instant::now() + settings.limits.wall_time;
        let setup_failed = |reason| BuildError::SetupFailed { reason, log: LastLines::default() };
        let directory = setup::directory(job.config.build.directory.as_deref()).map_err(setup_failed)?;
        let root = settings.roots.resolve(&job.config.distribution)?;
        let unavailable = |error: io::Error| BuildError::SandboxUnavailable { reason: error.to_string() };
        let uid = builder.uids.take().ok_or_else(|| unavailable(io::Error::other("too many builds run at once")))?;
        let mut log = BuildLog::open(job.log, settings.limits.log_bytes).map_err(|source| BuildError::Machine {
            step: Step::SetupBuild,
            action: "open the log",
            path: job.log.to_owned(),
            source,
        })?;
        say(
            &mut log,
            &format!("{}: {} {} of commit {} on {root}", job.config.file, job.config.name, job.version, job.commit),
        )?;
        let folder = settings.jobs.join(uuid::Uuid::now_v7().to_string());
        let layers =
            Layers::open(folder, &root, &settings.hidden, settings.limits.disk_bytes).await.map_err(unavailable)?;
        if let Disk::Memory { size_bytes } = layers.disk() {
            say(
                &mut log,
                &format!(
                    "no disk image can be mounted here: the build's files are in memory, {size_bytes} bytes at most"
                ),
            )?;
        }
        let sandbox = Sandbox { layers, settings: Arc::clone(settings), deadline };
        let builder = RunAs::User { uid: uid.id, gid: uid.id };
        Ok(Self { job, sandbox, log, uid, directory, builder })
    }

    /// `build.requires`, the build user, the checkout in its place.
    pub(super) async fn set_up(&mut self) -> Result<(), BuildError> {
        let job = self.job;
        let build = &job.config.build;
        if !build.requires.is_empty() {
            let text = setup::requires(&build.requires).map_err(|reason| self.setup_failed(reason))?;
            let exit = self.run("requires.sh", &text, RunAs::Root, Step::SetupBuild).await?;
            self.judge(exit, Step::SetupBuild, |exit, log| BuildError::RequiresFailed { exit, log })?;
        }
        let user = build.user.as_deref().unwrap_or(setup::DEFAULT_USER);
        let text = setup::place(user, build.group.as_deref(), &self.directory, self.uid.id);
        let exit = self.run("place.sh", &text, RunAs::Root, Step::SetupBuild).await?;
        let reason = "the checkout cannot be put in its place".to_owned();
        self.judge(exit, Step::SetupBuild, |_, log| BuildError::SetupFailed { reason, log })?;
        let root = self.sandbox.layers.root();
        self.builder =
            setup::identity(&root, user, build.group.as_deref()).map_err(|reason| self.setup_failed(reason))?;
        self.built_folder().map(drop)
    }

    /// `build.commands`.
    pub(super) async fn run_commands(&mut self) -> Result<(), BuildError> {
        let text = self.compose(&self.job.config.build.commands).await?;
        if text.is_empty() {
            return Ok(());
        }
        let exit = self.run("build.sh", &text, self.builder, Step::Building).await?;
        self.judge(exit, Step::Building, |exit, log| BuildError::CommandFailed { section: "build.commands", exit, log })
    }

    /// `install.copy` and `install.commands`.
    pub(super) async fn assemble(mut self) -> Result<BuiltTree, BuildError> {
        let install = &self.job.config.install;
        let commands = self.compose(&install.commands).await?;
        let (built, copies) = (self.built_folder()?, install.copy.clone());
        let mut assembly = Assembly::new(install, self.sandbox.settings.limits);
        assembly = self.blocking(move || assembly.copy(&built, &copies).map(|()| assembly)).await?;
        if !commands.is_empty() {
            assembly = self.run_install_commands(&commands, assembly).await?;
        }
        let tree = assembly.finish();
        say(&mut self.log, &format!("the package holds {} files and folders", tree.entries.len()))?;
        Ok(BuiltTree { tree, _layers: self.sandbox.layers, _uid: self.uid })
    }

    async fn run_install_commands(&mut self, commands: &str, assembly: Assembly) -> Result<Assembly, BuildError> {
        let RunAs::User { uid, gid } = self.builder else {
            return Err(self.setup_failed("install.commands must not run as root".to_owned()));
        };
        let destdir = self.sandbox.layers.disk_folder("destdir");
        let target = destdir.clone();
        let (mut assembly, written) = self
            .blocking(move || {
                let written = assembly.write_to(&target, uid, gid);
                Ok((assembly, written))
            })
            .await?;
        written.map_err(|source| match source.kind() {
            io::ErrorKind::StorageFull => self.disk_full(Step::Building),
            _ => BuildError::Machine {
                step: Step::Building,
                action: "copy to DESTDIR at",
                path: destdir.clone(),
                source,
            },
        })?;
        let exit = self.run("install.sh", commands, self.builder, Step::Building).await?;
        self.judge(exit, Step::Building, |exit, log| BuildError::CommandFailed {
            section: "install.commands",
            exit,
            log,
        })?;
        self.blocking(move || assembly.adopt(&destdir).map(|()| assembly)).await
    }

    async fn compose(&self, commands: &[Command]) -> Result<String, BuildError> {
        let (commands, checkout) = (commands.to_vec(), self.job.checkout.to_owned());
        self.blocking(move || script::compose(&commands, &checkout)).await
    }

    /// The built tree, by a path this server can read; no link leads there.
    fn built_folder(&self) -> Result<PathBuf, BuildError> {
        let located = inside::locate_folder(&self.sandbox.layers.root(), &self.directory);
        located.map_err(|escape| self.setup_failed(format!("build.directory \"{}\": {escape}", self.directory)))
    }

    async fn run(&mut self, name: &str, text: &str, run_as: RunAs, step: Step) -> Result<Exit, BuildError> {
        let is_root = run_as == RunAs::Root;
        let installs = name == "install.sh";
        let environment = environment(self.job, &self.sandbox.settings.environment, is_root, installs);
        let script = Script {
            name,
            text,
            run_as,
            directory: if is_root { "/" } else { &self.directory },
            environment: &environment,
            checkout: is_root.then_some(self.job.checkout),
            destdir: installs,
        };
        let seconds = self.sandbox.settings.limits.wall_time.as_secs();
        match self.sandbox.run(&script, &mut self.log).await {
            Ok(exit) => Ok(exit),
            Err(Unfinished::Timeout) => {
                say(&mut self.log, &format!("killed: a build may take {seconds} s"))?;
                Err(BuildError::Timeout { step, seconds })
            }
            Err(Unfinished::Machine(source)) => Err(BuildError::Machine {
                step,
                action: "run bubblewrap in",
                path: self.sandbox.layers.root_inside(),
                source,
            }),
        }
    }

    fn judge(
        &self,
        exit: Exit,
        step: Step,
        failed: impl FnOnce(Exit, LastLines) -> BuildError,
    ) -> Result<(), BuildError> {
        if exit.status == 0 {
            return Ok(());
        }
        let log = self.log.last_lines();
        let last = log.0.lines().last().unwrap_or_default();
        if exit.status == 1 && last.starts_with("bwrap: ") {
            return Err(BuildError::SandboxUnavailable { reason: last.to_owned() });
        }
        if self.sandbox.layers.is_full() || log.0.contains("No space left on device") {
            return Err(self.disk_full(step));
        }
        Err(failed(exit, log))
    }

    fn disk_full(&self, step: Step) -> BuildError {
        BuildError::DiskFull { step, limit_bytes: self.sandbox.layers.disk().size_bytes(), log: self.log.last_lines() }
    }

    fn setup_failed(&self, reason: String) -> BuildError {
        BuildError::SetupFailed { reason, log: LastLines::default() }
    }

    /// Reads trees outside the async runtime's own threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BuildError> + Send + 'static,
    ) -> Result<T, BuildError> {
        let panicked = |error| BuildError::Machine {
            step: Step::Building,
            action: "walk the built tree in",
            path: self.sandbox.layers.root_inside(),
            source: io::Error::other(error),
        };
        blocking(work).await.map_err(panicked)?
    }
}

fn say(log: &mut BuildLog, line: &str) -> Result<(), BuildError> {
    let path = log.path().to_owned();
    log.say(line).map_err(|source| BuildError::Machine { step: Step::Building, action: "write the log", path, source })
}
