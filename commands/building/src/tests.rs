//! Builds in the real sandbox, on this machine's own root. They need root and bubblewrap, and fail without.

mod crash;
mod isolation;
mod limits;
mod mapped;
mod output;
mod setup;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use chrono::DateTime;
use domain::{
    config::{Architecture, Build, Command, Copy, Install, PackageConfig, Scripts},
    package::Format,
};
use tempfile::TempDir;

use super::{BuildError, Builder, BuiltTree, Job, Limits, RootFilesystems, Settings, Unmapped};

/// A checkout, a config and a builder, to be changed by each test.
pub(super) struct Fixture {
    pub(super) folder: TempDir,
    pub(super) config: PackageConfig,
    pub(super) settings: Settings,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        fs::create_dir(folder.path().join("checkout")).expect("the checkout");
        fs::create_dir(folder.path().join("data")).expect("the data folder");
        let roots = RootFilesystems {
            mapped: BTreeMap::new(),
            folder: folder.path().join("rootfs"),
            unmapped: Unmapped::HostRoot,
        };
        let settings = Settings {
            jobs: folder.path().join("data/jobs"),
            roots,
            hidden: vec![folder.path().join("data")],
            environment: BTreeMap::new(),
            readable: BTreeMap::new(),
            limits: Limits { wall_time: std::time::Duration::from_secs(120), disk_bytes: 1 << 30, ..Limits::default() },
        };
        Self { folder, config: config(), settings }
    }

    /// A fixture whose build runs one piece of shell.
    pub(super) fn running(command: &str) -> Self {
        let mut fixture = Self::new();
        fixture.config.build.commands = vec![Command::Run(command.to_owned())];
        fixture
    }

    pub(super) fn checkout(&self) -> PathBuf {
        self.folder.path().join("checkout")
    }

    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).expect("the log")).into_owned()
    }

    /// The output of the commands, without the product's own lines.
    pub(super) fn said(&self) -> Vec<String> {
        let ours = |line: &&str| {
            !line.starts_with(['$', '>']) && !line.starts_with(".pkgdeploy/") && !line.starts_with("the package holds")
        };
        self.log().lines().filter(ours).map(str::to_owned).collect()
    }

    pub(super) async fn build(&self) -> Result<BuiltTree, BuildError> {
        let builder = Builder::new(self.settings.clone()).expect("the jobs' folder");
        self.build_with(&builder).await
    }

    pub(super) async fn build_with(&self, builder: &Builder) -> Result<BuiltTree, BuildError> {
        let job = Job {
            config: &self.config,
            checkout: &self.checkout(),
            commit: &"0123456789abcdef0123456789abcdef01234567".parse().expect("a commit"),
            version: "1.2.3",
            tag: &"v1.2.3".parse().expect("a tag"),
            source_date: DateTime::from_timestamp(1_700_000_000, 0).expect("a time"),
            log: &self.folder.path().join("log"),
        };
        builder.build(&job, async {}).await
    }

    pub(super) async fn built(&self) -> BuiltTree {
        match self.build().await {
            Ok(built) => built,
            Err(error) => panic!("{error}\n--- log\n{}", self.log()),
        }
    }

    pub(super) async fn refused(&self) -> BuildError {
        match self.build().await {
            Ok(built) => panic!("it was built: {built:?}\n--- log\n{}", self.log()),
            Err(error) => error,
        }
    }
}

pub(super) fn copy(source: &str, destination: &str) -> Copy {
    Copy { source: source.to_owned(), destination: destination.to_owned(), user: None, group: None, permissions: None }
}

pub(super) fn jobs_left(settings: &Settings) -> usize {
    fs::read_dir(&settings.jobs).expect("the jobs' folder").count()
}

/// Is a process alive whose command line holds `mark`?
pub(super) fn is_running(mark: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("the processes").flatten();
    processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok()).any(|line| {
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.starts_with("sleep") && line.contains(mark)
    })
}

/// Waits for an effect of the kernel, such as the end of a killed process.
pub(super) async fn until(what: &str, mut fact: impl FnMut() -> bool) {
    let soon = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while !fact() {
        assert!(tokio::time::Instant::now() < soon, "{what}");
        tokio::task::yield_now().await;
    }
}

fn config() -> PackageConfig {
    PackageConfig {
        file: ".pkgdeploy/config.yml".to_owned(),
        name: "shop".parse().expect("a name"),
        format: Format::Deb,
        distribution: "ubuntu18".to_owned(),
        architecture: Architecture::Bits64,
        description: String::new(),
        url: None,
        license: "Unknown".to_owned(),
        maintainer: "Unknown <unknown@pkgdeploy.com>".to_owned(),
        build: Build::default(),
        install: Install::default(),
        scripts: Scripts::default(),
    }
}

pub(super) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file's folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}
