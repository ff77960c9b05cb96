//! The results of the worker that sets up webhooks and keys at GitHub.

use super::{CommitId, CommitState, DeployKey, Event, GithubStep};
use crate::ids::{ReleaseId, SecretId};

/// Longest code of a failure at GitHub.
pub(crate) const STEP_CODE_MAX_CHARS: usize = 64;
/// Longest text about why a step at GitHub failed; what is longer is cut.
pub(crate) const STEP_MESSAGE_MAX_CHARS: usize = 500;

/// What the worker did at GitHub, or could not do.
#[derive(Debug, Clone)]
pub enum AtGithub {
    /// There is a webhook now, with the secret that is sealed under this id.
    WebhookRegistered {
        /// Its id at GitHub.
        hook_id: u64,
        /// Its secret.
        secret: SecretId,
    },
    /// It was removed.
    WebhookRemoved {
        /// Its id at GitHub.
        hook_id: u64,
    },
    /// The code repository can be read with this key now.
    DeployKeyInstalled(DeployKey),
    /// It was removed.
    DeployKeyRemoved {
        /// Its id at GitHub.
        deploy_key_id: u64,
    },
    /// GitHub did not do it. It is retried; an event is recorded only when the reason changes.
    StepFailed {
        /// What was tried.
        step: GithubStep,
        /// The stable code of the failure.
        code: String,
        /// The message for people.
        message: String,
    },
    /// It works again. Only for steps whose success has no separate event.
    StepRecovered {
        /// What works.
        step: GithubStep,
    },
    /// GitHub shows this at the commit now.
    CommitStatusReported {
        /// The release of that commit.
        release: ReleaseId,
        /// The commit.
        commit: CommitId,
        /// What it shows.
        state: CommitState,
    },
}

impl AtGithub {
    pub(super) fn event(&self) -> Event {
        match self.clone() {
            Self::WebhookRegistered { hook_id, secret } => Event::WebhookRegistered { hook_id, secret },
            Self::WebhookRemoved { hook_id } => Event::WebhookRemoved { hook_id },
            Self::DeployKeyInstalled(DeployKey { deploy_key_id, secret, public_key }) => {
                Event::DeployKeyInstalled { deploy_key_id, secret, public_key }
            }
            Self::DeployKeyRemoved { deploy_key_id } => Event::DeployKeyRemoved { deploy_key_id },
            Self::StepFailed { step, code, message } => Event::GithubStepFailed {
                step,
                code: cut(&code, STEP_CODE_MAX_CHARS),
                message: cut(&message, STEP_MESSAGE_MAX_CHARS),
            },
            Self::StepRecovered { step } => Event::GithubStepRecovered { step },
            Self::CommitStatusReported { release, commit, state } => {
                Event::CommitStatusReported { release, commit, state }
            }
        }
    }
}

pub(super) fn cut(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).collect()
}
