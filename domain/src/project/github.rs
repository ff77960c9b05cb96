//! A project at GitHub: which code repository it is connected to, and what the worker has set up there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ApiUrl, AtGithub, CommitState, Event, GithubName, GithubStep, Refusal, STEP_CODE_MAX_CHARS, STEP_MESSAGE_MAX_CHARS,
    Trigger, at_github::cut,
};
use crate::{
    ids::{ReleaseId, SecretId},
    weight::{TEXT_BYTES, of_entries},
};

/// What a project has at GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Github {
    /// The code repository's numeric id. Only its deliveries count.
    pub repository_id: u64,
    /// What it was called when it was connected.
    pub full_name: GithubName,
    /// Where GitHub's API is.
    pub api_url: ApiUrl,
    /// The sealed token for GitHub's API; without it, webhooks and keys are set up by hand.
    pub credential: Option<SecretId>,
    /// False after it was disconnected: what is left at GitHub will be removed.
    pub is_connected: bool,
    /// The webhooks that are registered, and the secret of each.
    pub webhooks: BTreeMap<u64, SecretId>,
    /// The deploy key that is installed.
    pub deploy_key: Option<DeployKey>,
    /// Steps that fail, and why: code and message.
    pub failing: BTreeMap<GithubStep, (String, String)>,
    /// The last state that was reported for each release's commit. It grows with every release, and only decisions need
    /// it.
    #[serde(skip)]
    pub reported: BTreeMap<ReleaseId, CommitState>,
}

/// A key with which the code repository can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployKey {
    /// Its id at GitHub.
    pub deploy_key_id: u64,
    /// The sealed private part.
    pub secret: SecretId,
    /// The public part, as OpenSSH writes it.
    pub public_key: String,
}

impl Github {
    pub(super) fn weight_bytes(&self) -> usize {
        of_entries::<u64, SecretId>(self.webhooks.len(), 0)
            + of_entries::<ReleaseId, CommitState>(self.reported.len(), 0)
            + of_entries::<GithubStep, (String, String)>(
                self.failing.len(),
                (STEP_CODE_MAX_CHARS + STEP_MESSAGE_MAX_CHARS) / TEXT_BYTES,
            )
    }

    /// Connected to a code repository; of what was there `before` only what is of the same one is known on.
    #[must_use]
    pub fn connected(
        before: Option<Self>,
        (repository_id, full_name, api_url, credential): (u64, GithubName, ApiUrl, Option<SecretId>),
    ) -> Self {
        let same = before.filter(|before| before.repository_id == repository_id);
        let (webhooks, deploy_key, reported) =
            same.map(|before| (before.webhooks, before.deploy_key, before.reported)).unwrap_or_default();
        let (is_connected, failing) = (true, BTreeMap::new());
        Self { repository_id, full_name, api_url, credential, is_connected, webhooks, deploy_key, failing, reported }
    }

    /// Registered webhooks to remove: those whose secret is not `live`, or all of them if there is no live one.
    pub fn webhooks_to_remove(&self, live: Option<SecretId>) -> impl Iterator<Item = u64> + '_ {
        self.webhooks.iter().filter(move |(_, secret)| Some(**secret) != live).map(|(hook, _)| *hook)
    }

    /// The secret that deliveries have to be signed with, of `secret`, the newest: none while GitHub does not trigger
    /// the project's releases.
    #[must_use]
    pub fn live_webhook_secret(&self, trigger: Trigger, secret: Option<SecretId>) -> Option<SecretId> {
        secret.filter(|_| trigger == Trigger::GithubWebhook && self.is_connected)
    }

    /// Is there a webhook with the secret that is `live`?
    #[must_use]
    pub fn has_webhook(&self, live: SecretId) -> bool {
        self.webhooks.values().any(|secret| *secret == live)
    }

    /// What follows from what the worker did at GitHub, or could not do.
    pub(super) fn record(&self, done: &AtGithub) -> Result<Vec<Event>, Refusal> {
        let already = match done {
            AtGithub::WebhookRegistered { hook_id, secret } => self.webhooks.get(hook_id) == Some(secret),
            AtGithub::WebhookRemoved { hook_id } => !self.webhooks.contains_key(hook_id),
            AtGithub::DeployKeyInstalled(key) => self.deploy_key.as_ref() == Some(key),
            AtGithub::DeployKeyRemoved { deploy_key_id } => {
                self.deploy_key.as_ref().is_none_or(|key| key.deploy_key_id != *deploy_key_id)
            }
            AtGithub::StepFailed { step, code, message } => {
                self.failing.get(step) == Some(&(cut(code, STEP_CODE_MAX_CHARS), cut(message, STEP_MESSAGE_MAX_CHARS)))
            }
            AtGithub::StepRecovered { step } => !self.failing.contains_key(step),
            AtGithub::CommitStatusReported { release, state, .. } => self.reported.get(release) == Some(state),
        };
        Ok(if already { vec![] } else { vec![done.event()] })
    }

    /// The state after one more event of the project.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::WebhookRegistered { hook_id, secret } => {
                self.webhooks.insert(*hook_id, *secret);
                self.failing.remove(&GithubStep::RegisterWebhook);
            }
            Event::WebhookRemoved { hook_id } => {
                self.webhooks.remove(hook_id);
                self.failing.remove(&GithubStep::RemoveWebhook);
            }
            Event::DeployKeyInstalled { deploy_key_id, secret, public_key } => {
                let key = DeployKey { deploy_key_id: *deploy_key_id, secret: *secret, public_key: public_key.clone() };
                self.deploy_key = Some(key);
                self.failing.remove(&GithubStep::InstallDeployKey);
            }
            Event::DeployKeyRemoved { deploy_key_id } => {
                self.deploy_key = self.deploy_key.take().filter(|key| key.deploy_key_id != *deploy_key_id);
                self.failing.remove(&GithubStep::RemoveDeployKey);
            }
            Event::GithubStepFailed { step, code, message } => {
                self.failing.insert(*step, (code.clone(), message.clone()));
            }
            Event::GithubStepRecovered { step } => {
                self.failing.remove(step);
            }
            Event::CommitStatusReported { release, state, .. } => {
                self.reported.insert(*release, *state);
                self.failing.remove(&GithubStep::ReportCommitStatus);
            }
            Event::GithubDisconnected => self.is_connected = false,
            _ => {}
        }
    }
}
