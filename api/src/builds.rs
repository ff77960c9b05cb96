//! Checkouts and builds, as the operator's settings make them.

use std::{num::NonZeroU64, time::Duration};

use archive::data_folder::DataFolder;
use building::{
    Builder, RootFilesystems,
    source::{self, Git, KnownHosts},
};
use event_log::event_store::BoxError;
use tracing::{info, warn};

use crate::settings::{Settings, Unmapped};

/// Fetches code.
///
/// # Errors
/// The file of known hosts cannot be read.
pub(crate) fn git(settings: &Settings, data: &DataFolder) -> Result<Git, BoxError> {
    Ok(Git {
        allow_local: settings.source.allow_local,
        environment: settings.source.environment.clone(),
        known_hosts: KnownHosts::new(&settings.source.known_hosts)?,
        scratch: Some(data.questions()),
        limits: source::Limits::default(),
    })
}

/// Runs builds. How it isolates them is logged.
///
/// # Errors
/// The folders of builds cannot be made.
pub(crate) async fn builder(settings: &Settings, data: &DataFolder) -> Result<Builder, BoxError> {
    let build = &settings.build;
    let mebibytes = |limit: Option<NonZeroU64>, default| limit.map_or(default, |mib| mib.get().saturating_mul(1 << 20));
    let defaults = building::Limits::default();
    let limits = building::Limits {
        wall_time: build.time_limit_seconds.map_or(defaults.wall_time, |limit| Duration::from_secs(limit.get())),
        memory_bytes: mebibytes(build.memory_limit_mib, defaults.memory_bytes),
        disk_bytes: mebibytes(build.disk_limit_mib, defaults.disk_bytes),
        processes: build.processes_max.map_or(defaults.processes, NonZeroU64::get),
        ..defaults
    };
    let mut environment = building::mirror_environment(std::env::vars());
    environment.extend(build.environment.clone());
    let builder = Builder::new(building::Settings {
        jobs: data.builds(),
        roots: root_filesystems(settings, data),
        hidden: vec![data.path().to_owned(), data.master_key().to_owned()],
        environment,
        readable: build.readable.clone(),
        limits,
    })?;
    match builder.probe().await {
        Ok(how) => info!("builds are isolated: {how}"),
        Err(reason) => warn!("{reason}"),
    }
    Ok(builder)
}

/// What builds can be made on.
#[must_use]
pub(crate) fn root_filesystems(settings: &Settings, data: &DataFolder) -> RootFilesystems {
    RootFilesystems {
        mapped: settings.build.rootfs.clone(),
        folder: data.rootfs(),
        unmapped: match settings.build.unmapped {
            Unmapped::HostRoot => building::Unmapped::HostRoot,
            Unmapped::Refuse => building::Unmapped::Refuse,
        },
    }
}

/// How many builds run at the same time.
pub(crate) fn parallel(settings: &Settings) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    settings.build.parallel.map_or(processors, |limit| usize::try_from(limit.get()).unwrap_or(usize::MAX))
}
