//! What runs as long as a server does, in the order in which it is started.

use std::{sync::Arc, time::Duration};

use archive::data_folder::DataFolder;
use chrono::Utc;
use commands::{
    deliveries::Deliveries,
    installers::InstallerPublisher,
    publishing::{Publisher, Resigner},
    releases::{Pipeline, Slots},
    rolls::WindowCloser,
};
use composition::every_projector;
use domain::{error_chain::ErrorChain, recorded::Position};
use event_log::event_store::{BoxError, EventStore};
use projections::{
    credentials::CREDENTIALS,
    runner::{Progress, Runner},
};
use serving::installers::WrittenScripts;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use verify::Sources;
use workers::Kernel;

use crate::{
    builds::{builder, parallel},
    github::github_worker,
    parts::Parts,
    self_check,
    settings::Settings,
    workers::Workers,
};

/// Starts the projections, and waits until they have seen the whole log. `stop` ends the server.
///
/// # Errors
/// The log cannot be read, or the projection of keys and tokens has stopped.
pub(crate) async fn start_projections(
    workers: &mut Workers,
    runner: Runner,
    progress: &Progress,
    log: &dyn EventStore,
    stop: &CancellationToken,
) -> Result<(), BoxError> {
    workers.start("projections", async move { warn!("{}", ErrorChain(&runner.run().await)) });
    let head = log.head().await?;
    // A key that was revoked opens nothing, whatever it opened before.
    progress.wait_for_projector(CREDENTIALS, head).await?;
    if let Err(stopped) = progress.wait_for(head).await {
        warn!("{stopped}");
    }
    workers.start("credentials", credentials_stopped(progress.clone(), stop.clone()));
    Ok(())
}

/// Starts every worker of a server.
///
/// # Errors
/// A part that only a worker needs cannot be opened.
pub(crate) async fn start_workers(
    workers: &mut Workers,
    kernel: &Kernel,
    parts: &Parts,
    settings: &Settings,
    data: &DataFolder,
) -> Result<(), BoxError> {
    let executor = &parts.core.executor;
    let pipeline = pipeline(parts, settings, data).await?;
    let github = github_worker(&settings.github, parts.github.clone(), &parts.public_url);
    workers.start("github", kernel.run(github));
    workers.start("releases", kernel.run(pipeline));
    workers.start("signing", kernel.run(publisher(parts)));
    workers.start("signing packages again", kernel.run(resigner(parts, data)));
    workers.start("signing keys", kernel.run(parts.core.signing_keys.clone()));
    workers.start("deliveries", kernel.run(Deliveries { executor: executor.clone() }));
    workers.start("refused triggers", parts.refused_triggers.clone().record(executor.clone()));
    workers.start("installers", kernel.run(installers(parts, data)));
    workers.start("grace", kernel.run(window_closer(parts)));
    let every = settings.verify.every_seconds.map_or(self_check::EVERY_DEFAULT, Duration::from_secs);
    if !every.is_zero() {
        workers.start("self-check", self_check::run(checked(parts, data), every, Utc::now));
    }
    Ok(())
}

/// Returns when the projection of keys and tokens has stopped: it would go on letting in who was let in before.
async fn credentials_stopped(progress: Progress, stop: CancellationToken) {
    // No log is that long: only a projector that stopped ends this wait.
    if let Err(stopped) = progress.wait_for_projector(CREDENTIALS, Position(u64::MAX)).await
        && !stop.is_cancelled()
    {
        error!("{stopped}");
    }
}

async fn pipeline(parts: &Parts, settings: &Settings, data: &DataFolder) -> Result<Pipeline, BoxError> {
    let core = &parts.core;
    Ok(Pipeline {
        executor: core.executor.clone(),
        secrets: core.secrets.clone(),
        blobs: core.blobs.clone(),
        git: parts.git.clone(),
        builder: Arc::new(builder(settings, data).await?),
        keys: core.signing_keys.clone(),
        slots: Slots::new(parallel(settings)),
        repositories: Arc::new(core.release_repositories()),
        jobs: data.jobs(),
    })
}

fn publisher(parts: &Parts) -> Publisher {
    let core = &parts.core;
    Publisher {
        executor: core.executor.clone(),
        blobs: core.blobs.clone(),
        keys: core.signing_keys.clone(),
        candidates: Arc::new(core.projected.repositories.clone()),
        statements: Arc::new(core.statements(parts.public_url.clone())),
    }
}

fn resigner(parts: &Parts, data: &DataFolder) -> Resigner {
    let core = &parts.core;
    let candidates = Arc::new(core.projected.repositories.clone());
    Resigner::new(core.executor.clone(), core.blobs.clone(), core.signing_keys.clone(), candidates, data.resigning())
}

fn installers(parts: &Parts, data: &DataFolder) -> InstallerPublisher {
    let core = &parts.core;
    let trusted = core.signing_keys.trusted();
    InstallerPublisher {
        executor: core.executor.clone(),
        blobs: core.blobs.clone(),
        keys: core.signing_keys.clone(),
        scripts: Arc::new(WrittenScripts { trusted, public_url: parts.public_url.clone() }),
        published: parts.installers.clone(),
        folder: data.installers(),
    }
}

fn window_closer(parts: &Parts) -> WindowCloser {
    WindowCloser::new(parts.rolls.clone(), Arc::new(parts.core.projected.credentials.clone()))
}

/// What the server checks of itself.
fn checked(parts: &Parts, data: &DataFolder) -> Sources {
    Sources {
        log: parts.core.store.clone(),
        blobs: parts.core.blobs.clone(),
        projectors: every_projector,
        read_models: Some(data.read_models()),
        signed_logs: Some(data.signed_logs()),
        scratch: data.path().to_owned(),
    }
}
