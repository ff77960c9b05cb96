//! One pass over one project: what is to be done at GitHub is done, what cannot be done is said once and tried later.

use std::collections::BTreeSet;

use domain::{
    error_chain::ErrorChain,
    ids::{ProjectId, SecretId},
    project::{AtGithub, Command, GithubStep, Project},
};
use event_log::execute::Context;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{GithubWorker, WORKER, attempts::Attempts, backlog::Wanted, schedule::Start};
use crate::github::{
    GithubError, Trouble,
    access::{Open, Situation},
};

/// What a pass leaves.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) attempts: Attempts,
    /// Were tags and webhooks looked at, or tried to?
    pub(super) looked: bool,
    /// When they are looked at again, if not at the usual time.
    pub(super) looks_again_at: Option<Instant>,
    /// Marks that GitHub will never show.
    pub(super) given_up: Vec<Wanted>,
}

/// A pass under way.
pub(super) struct Pass<'a> {
    pub(super) worker: &'a GithubWorker,
    pub(super) project: ProjectId,
    pub(super) situation: Situation,
    pub(super) context: Context,
    attempts: Attempts,
    tried: BTreeSet<GithubStep>,
}

/// The steps that look for changes without an event.
const LOOKING: [GithubStep; 3] = [GithubStep::FindRepository, GithubStep::ListTags, GithubStep::RemoveWebhook];

impl GithubWorker {
    /// Brings GitHub to where the project's events want it, as far as GitHub lets us.
    pub(super) async fn pass(
        &self,
        project: ProjectId,
        statuses: Vec<Wanted>,
        start: Start,
    ) -> Result<Passed, Trouble> {
        let Start { attempts, looks, .. } = start;
        let began_at = Instant::now();
        let mut passed = Passed { attempts, looked: looks, looks_again_at: None, given_up: Vec::new() };
        let Some(situation) = self.access.situation(project).await? else { return Ok(passed) };
        let (context, attempts) = (Context::of_worker(WORKER, None), passed.attempts);
        let mut pass = Pass { worker: self, project, situation, context, attempts, tried: BTreeSet::new() };
        let has_statuses = !statuses.is_empty();
        passed.given_up = pass.run(statuses, looks).await;
        if !pass.attempts.has_failed(GithubStep::FindRepository) {
            pass.forget_what_is_not_wanted(began_at, has_statuses).await;
            pass.forget_the_token_if_it_is_of_no_use().await;
        }
        if looks {
            let failed = LOOKING.iter().filter(|step| pass.attempts.has_failed(**step));
            passed.looks_again_at = failed.filter_map(|step| pass.attempts.not_before(*step)).max();
        }
        passed.attempts = pass.attempts;
        Ok(passed)
    }
}

impl Pass<'_> {
    /// All that is to be done, in an order in which nothing is lost. Returns the marks that GitHub will never show.
    async fn run(&mut self, statuses: Vec<Wanted>, looks: bool) -> Vec<Wanted> {
        // Of a repository that is not the project's any more, only what is left there is of interest.
        let looks = looks && self.situation.github.is_connected;
        let open = match self.situation.github.credential {
            Some(credential) if looks || self.has_work() || !statuses.is_empty() => match self.open(credential).await {
                Some(open) => Some(open),
                None => return Vec::new(),
            },
            _ => None,
        };
        // First of all: a tag that is pushed while the webhook is being made must not be taken for an old one.
        if looks && self.situation.triggers && self.may(GithubStep::ListTags) {
            let outcome = self.look_for_tags(open.as_ref()).await;
            self.settle(GithubStep::ListTags, outcome).await;
        }
        let Some(open) = open else { return Vec::new() };
        // Then the new webhook before the old one goes: at each moment, one webhook reports tags.
        if self.misses_webhook() && self.may(GithubStep::RegisterWebhook) {
            let outcome = self.register_webhook(&open).await;
            self.settle(GithubStep::RegisterWebhook, outcome).await;
        }
        if (looks || self.has_webhooks_to_remove()) && !self.misses_webhook() && self.may(GithubStep::RemoveWebhook) {
            let outcome = self.remove_webhooks(&open).await;
            self.settle(GithubStep::RemoveWebhook, outcome).await;
        }
        if let Some(step) = self.deploy_key_step().filter(|step| self.may(*step)) {
            let outcome = self.settle_deploy_key(&open, step).await;
            self.settle(step, outcome).await;
        }
        self.report_all(&open, statuses).await
    }

    async fn report_all(&mut self, open: &Open, statuses: Vec<Wanted>) -> Vec<Wanted> {
        let step = GithubStep::ReportCommitStatus;
        let mut given_up = Vec::new();
        for wanted in statuses {
            if !self.may(step) {
                break;
            }
            match self.report(open, &wanted).await {
                // It does not affect the next status, but is recorded like any failure.
                Err(trouble) if is_for_ever(&trouble) => {
                    self.failed(step, trouble).await;
                    self.attempts.succeeded(step);
                    given_up.push(wanted);
                }
                outcome => self.settle(step, outcome).await,
            }
        }
        given_up
    }

    fn has_work(&self) -> bool {
        self.misses_webhook() || self.has_webhooks_to_remove() || self.deploy_key_step().is_some()
    }

    fn may(&self, step: GithubStep) -> bool {
        self.attempts.may(step, Instant::now())
    }

    /// What failed before and is not wanted any more has not to be tried again.
    async fn forget_what_is_not_wanted(&mut self, began_at: Instant, has_statuses: bool) {
        for step in self.attempts.due(began_at) {
            let is_wanted = match step {
                GithubStep::FindRepository => false,
                GithubStep::RegisterWebhook => self.misses_webhook(),
                GithubStep::RemoveWebhook => self.misses_webhook() || self.has_webhooks_to_remove(),
                GithubStep::InstallDeployKey | GithubStep::RemoveDeployKey => self.deploy_key_step() == Some(step),
                GithubStep::ReportCommitStatus => has_statuses,
                GithubStep::ListTags => self.situation.triggers,
            };
            if !is_wanted && !self.tried.contains(&step) {
                self.settle(step, Ok(())).await;
            }
        }
    }

    /// Deletes the token if there is nothing left to do with it.
    async fn forget_the_token_if_it_is_of_no_use(&self) {
        let github = &self.situation.github;
        if let Some(credential) = github.credential
            && !github.is_connected
            && github.webhooks.is_empty()
            && github.deploy_key.is_none()
        {
            self.forget(credential).await;
        }
    }

    /// Deletes a secret that is not used any more. If that fails, it stays on disk, sealed.
    pub(super) async fn forget(&self, secret: SecretId) {
        if let Err(error) = self.worker.access.secrets.delete(secret.0).await {
            warn!(%error, "cannot delete a sealed secret that is no longer used");
        }
    }

    /// Sees what this pass itself has recorded.
    pub(super) async fn look_again(&mut self) -> Result<(), Trouble> {
        if let Some(situation) = self.worker.access.situation(self.project).await? {
            self.situation = situation;
        }
        Ok(())
    }

    /// The repository, found by its name and known by its number.
    async fn open(&mut self, credential: SecretId) -> Option<Open> {
        let step = GithubStep::FindRepository;
        if !self.may(step) {
            return None;
        }
        let opened = self.worker.access.open(&self.situation.github, credential).await;
        let (open, outcome) = match opened {
            Ok(open) => (Some(open), Ok(())),
            Err(trouble) => (None, Err(trouble)),
        };
        self.settle(step, outcome).await;
        open
    }

    async fn look_for_tags(&self, open: Option<&Open>) -> Result<(), Trouble> {
        let access = &self.worker.access;
        let tags = access.tags(self.project, &self.situation, open).await?;
        let repository_id = self.situation.github.repository_id;
        for found in access.record_tags(self.project, repository_id, tags, &self.context).await? {
            let (tag, release) = (found.tag, found.release);
            info!(project.id = %self.project, release.id = %release, "tag {tag} came without a delivery: release {release}");
        }
        Ok(())
    }

    /// Takes note of how a step ended: for the next pass, and in the log where that is news.
    async fn settle(&mut self, step: GithubStep, outcome: Result<(), Trouble>) {
        self.tried.insert(step);
        match outcome {
            Ok(()) => {
                self.attempts.succeeded(step);
                if self.situation.github.failing.contains_key(&step) {
                    let recovered = self.record(AtGithub::StepRecovered { step }).await;
                    self.logged(recovered);
                }
            }
            Err(trouble) => self.failed(step, trouble).await,
        }
    }

    async fn failed(&mut self, step: GithubStep, trouble: Trouble) {
        let (project, name) = (self.project, step.as_str());
        warn!(project.id = %project, step = name, error = %ErrorChain(&trouble), "cannot {name} for {project} at GitHub");
        self.tried.insert(step);
        self.attempts.failed(step, Instant::now(), &self.worker.pace, trouble.retry_after());
        // Without the log it cannot be recorded.
        if !matches!(trouble, Trouble::Log(_)) {
            let (code, message) = (trouble.code().to_owned(), trouble.to_string());
            let failed = self.record(AtGithub::StepFailed { step, code, message }).await;
            self.logged(failed);
        }
    }

    pub(super) async fn record(&self, done: AtGithub) -> Result<(), Trouble> {
        let command = Command::RecordAtGithub(done);
        let executed = self.worker.access.executor.execute::<Project>(self.project.0, command, &self.context).await;
        executed.map(drop).map_err(Trouble::from_execute)
    }

    fn logged(&self, outcome: Result<(), Trouble>) {
        if let Err(cause) = outcome {
            let project = self.project;
            warn!(project.id = %project, error = %ErrorChain(&cause), "cannot record the state of {project} at GitHub");
        }
    }
}

/// GitHub does not know the commit, and never will: the code comes from elsewhere.
fn is_for_ever(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Github(GithubError::Refused { .. }))
}
