//! One release, from wherever it stands to its end.

use std::{any::Any, panic::AssertUnwindSafe};

use domain::{
    ids::{OrganisationId, ReleaseId},
    project::Project,
    release::{Command, Origin, Progress, Release, Running, Step},
};
use event_log::execute::Context;
use futures::FutureExt as _;
use tracing::{info, warn};
use workers::{ActionError, Next};

use super::{
    Pipeline, WORKER,
    backlog::Accepted,
    failure::{Failure, Stop},
    job::JobFolder,
};

impl Pipeline {
    /// Takes the release up until it is uploaded or has failed: then the log says so, and the release is no work any more.
    pub(super) async fn bring_to_an_end(&self, id: ReleaseId, accepted: &Accepted) -> Result<Next, ActionError> {
        let context = Context::of_worker(WORKER, Some(accepted.because));
        let stopped = match self.attempt_caught(id, accepted, &context).await {
            Err(Stop::Failed(failure)) => self.fail(id, failure, &context).await,
            other => other,
        };
        match stopped {
            Ok(()) => {
                info!(release.id = %id, "published release {id}");
                Ok(Next::Idle)
            }
            Err(Stop::Failed(_) | Stop::Ended) => Ok(Next::Idle),
            Err(Stop::Interrupted(cause)) => {
                Err(ActionError::new(format!("release {id} cannot go on without the event log"), cause))
            }
        }
    }

    /// A defect that panics fails the release, which would neither end nor free its tag otherwise.
    async fn attempt_caught(&self, id: ReleaseId, accepted: &Accepted, context: &Context) -> Result<(), Stop> {
        // Nothing of an attempt outlives it but what is in the log and in the blob store.
        let attempt = AssertUnwindSafe(self.attempt(id, accepted, context)).catch_unwind();
        match attempt.await {
            Ok(outcome) => outcome,
            Err(panic) => {
                let message = format!("a defect of this server: {}", said(&*panic));
                Err(Stop::failed(self.running(id).await?.step(), "panicked", message))
            }
        }
    }

    async fn attempt(&self, id: ReleaseId, accepted: &Accepted, context: &Context) -> Result<(), Stop> {
        self.receive(id, accepted, context).await?;
        if !self.running(id).await?.is_uploading() {
            self.make_packages(id, context).await?;
        }
        self.upload(id, context).await?;
        self.record(id, Command::Finish, context).await
    }

    async fn receive(&self, id: ReleaseId, accepted: &Accepted, context: &Context) -> Result<(), Stop> {
        let Accepted { project, tag, version, .. } = accepted.clone();
        let organisation = self
            .executor
            .inspect::<Project, _>(project.0, |project, _| project.added().map(|added| added.organisation.clone()))
            .await?
            .ok_or(Stop::Ended)?;
        let origin = Origin { organisation, project, tag, version };
        self.record(id, Command::Receive(origin), context).await
    }

    /// Everything that needs a build slot: code, configs, package files.
    async fn make_packages(&self, id: ReleaseId, context: &Context) -> Result<(), Stop> {
        let organisation = OrganisationId::named(&self.running(id).await?.origin.organisation);
        let _slot = self.slots.acquire(&self.executor, organisation, id).await?;
        self.record(id, Command::GrantBuildSlot, context).await?;
        let job = JobFolder::create(&self.jobs, id).await.map_err(|error| Stop::machine(Step::CheckoutCode, &error))?;
        let checkout = self.check_out(id, &job, context).await?;
        let configs = self.validate_configs(id, &checkout, context).await?;
        for (index, config) in configs.iter().enumerate() {
            let progress = progress(self.running(id).await?, &config.file)?;
            if progress.built.is_none() {
                self.build(id, index, config, &checkout, &job, context).await?;
            }
            let progress = super::run::progress(self.running(id).await?, &config.file)?;
            if let (Some(built), None) = (progress.built, progress.ready) {
                self.make_ready(id, config, &built, &job, context).await?;
            }
        }
        Ok(())
    }

    /// The release as it is now.
    pub(super) async fn running(&self, id: ReleaseId) -> Result<Running, Stop> {
        let running = self.executor.inspect::<Release, _>(id.0, |release, _| release.running().cloned()).await?;
        running.ok_or(Stop::Ended)
    }

    pub(super) async fn record(&self, id: ReleaseId, command: Command, context: &Context) -> Result<(), Stop> {
        self.executor.execute::<Release>(id.0, command, context).await?;
        Ok(())
    }

    async fn fail(&self, id: ReleaseId, failure: Failure, context: &Context) -> Result<(), Stop> {
        let Failure { step, code, message, log } = failure;
        warn!(release.id = %id, step = step.as_str(), code, "release {id} failed: {message}");
        let command = Command::Fail { step, code: code.to_owned(), message, log };
        self.record(id, command, context).await?;
        Err(Stop::Ended)
    }
}

/// What a panic says.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked")
}

/// How far the package of `config` has come.
fn progress(running: Running, config: &str) -> Result<Progress, Stop> {
    let mut packages = running.packages.unwrap_or_default();
    packages.remove(config).ok_or_else(|| {
        let message = format!("{config} is not one of the configs that were validated");
        Stop::failed(Step::ValidateConfig, "config_changed", message)
    })
}
