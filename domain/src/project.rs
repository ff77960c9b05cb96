//! Projects: connected code repositories, and the triggers that release their tags.

mod api_token;
mod api_tokens;
mod at_github;
mod ci;
mod commands;
mod commit_id;
mod decide;
mod events;
mod git_url;
mod github;
mod github_names;
mod github_step;
mod idempotency_key;
mod reconcile;
mod refusal;
mod tag_pattern;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use self::{
    api_token::{API_TOKEN_NAME_DEFAULT, ApiTokenName, CiJob, InvalidScopes, Scope, Scopes},
    api_tokens::{ApiToken, ApiTokens, CI_TOKEN_LIFETIME, Grace, NewApiToken},
    at_github::AtGithub,
    ci::{CI_REF_PATTERN_DEFAULT, CiTrust},
    commands::Command,
    commit_id::{CommitId, InvalidCommitId},
    events::{Event, InvalidTrigger, Trigger, TriggerRefused},
    git_url::{GitUrl, InvalidGitUrl, Transport},
    github::{DeployKey, Github},
    github_names::{ApiUrl, GithubName, InvalidGithub},
    github_step::{CommitState, GithubStep},
    reconcile::{KnownTags, ListedTag},
    refusal::Refusal,
    tag_pattern::{InvalidTagPattern, TagPattern},
};
pub(crate) use self::{
    api_tokens::{API_TOKEN_GRACE_MAX, API_TOKENS_MAX, CI_TOKENS_MAX},
    at_github::{STEP_CODE_MAX_CHARS, STEP_MESSAGE_MAX_CHARS},
    ci::{AUDIENCE_MAX_CHARS, valid_audience},
    idempotency_key::IDEMPOTENCY_KEY_MAX_CHARS,
};
use crate::{
    aggregate::Aggregate,
    ids::{ReleaseId, SecretId},
    names::{OrganisationName, TagName},
    stream_kind::StreamKind,
    weight::of_entries,
};

/// A project, if it was added.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Project {
    /// It was never added.
    #[default]
    Unknown,
    /// It can be released.
    Added(Box<Added>),
}

/// A project that was added.
#[derive(Debug, PartialEq, Eq)]
pub struct Added {
    /// The organisation it belongs to.
    pub organisation: OrganisationName,
    /// The git URL it is cloned from.
    pub source: String,
    /// How releases are asked for.
    pub trigger: Trigger,
    /// Which tags webhooks release.
    pub tag_pattern: TagPattern,
    /// The tokens that may ask.
    pub api_tokens: ApiTokens,
    /// The jobs that get a token for a proof of their identity.
    pub ci_trust: Option<CiTrust>,
    /// What it has at GitHub.
    pub github: Option<Github>,
    /// The sealed secret of its webhook. There is none while it is not connected.
    pub webhook_secret: Option<SecretId>,
    /// The release of each tag, but for those that failed.
    pub releases: BTreeMap<TagName, ReleaseId>,
    /// Every tag that was released or tried, unless it was deleted since.
    pub tried_tags: BTreeSet<TagName>,
    /// Tags that have no release and get none by being found.
    pub known_tags: KnownTags,
    /// What each `Idempotency-Key` led to.
    pub idempotency_keys: BTreeMap<String, (TagName, ReleaseId)>,
}

impl Project {
    /// The project, if it was added.
    #[must_use]
    pub fn added(&self) -> Option<&Added> {
        match self {
            Self::Unknown => None,
            Self::Added(added) => Some(added),
        }
    }

    /// The tag and release that an `Idempotency-Key` led to, whatever became of the release.
    #[must_use]
    pub fn release_of_key(&self, key: &str) -> Option<(TagName, ReleaseId)> {
        self.added()?.idempotency_keys.get(key).cloned()
    }
}

impl Added {
    /// What it has at GitHub, unless it was disconnected.
    #[must_use]
    pub fn connected(&self) -> Option<&Github> {
        self.github.as_ref().filter(|github| github.is_connected)
    }

    /// The secret that deliveries have to be signed with; none while GitHub does not trigger its releases.
    #[must_use]
    pub fn live_webhook_secret(&self) -> Option<SecretId> {
        self.github.as_ref()?.live_webhook_secret(self.trigger, self.webhook_secret)
    }
}

impl Aggregate for Project {
    const KIND: StreamKind = StreamKind::Project;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        if let Event::Added { organisation, source, trigger, .. } = event {
            *self = Self::Added(Box::new(Added {
                organisation: organisation.clone(),
                source: source.clone(),
                trigger: *trigger,
                tag_pattern: TagPattern::default(),
                api_tokens: ApiTokens::default(),
                ci_trust: None,
                github: None,
                webhook_secret: None,
                releases: BTreeMap::new(),
                tried_tags: BTreeSet::new(),
                known_tags: KnownTags::default(),
                idempotency_keys: BTreeMap::new(),
            }));
        }
        if let Self::Added(added) = self {
            added.evolve(event);
        }
    }

    fn weight_bytes(&self) -> usize {
        size_of::<Self>() + self.added().map_or(0, Added::weight_bytes)
    }
}

impl Added {
    fn weight_bytes(&self) -> usize {
        size_of::<Self>()
            + self.api_tokens.weight_bytes()
            + self.known_tags.weight_bytes()
            + self.github.as_ref().map_or(0, Github::weight_bytes)
            + of_entries::<TagName, ReleaseId>(self.releases.len(), 1)
            + of_entries::<TagName, ()>(self.tried_tags.len(), 1)
            + of_entries::<String, (TagName, ReleaseId)>(self.idempotency_keys.len(), 3)
    }

    fn evolve(&mut self, event: &Event) {
        self.api_tokens.evolve(event);
        self.known_tags.evolve(event);
        if let Some(github) = &mut self.github {
            github.evolve(event);
        }
        match event {
            Event::TriggerChosen { trigger } => self.trigger = *trigger,
            Event::TagPatternSet { pattern } => self.tag_pattern = pattern.clone(),
            Event::TriggerAccepted { tag, release, idempotency_key, .. } => {
                self.releases.insert(tag.clone(), *release);
                self.tried_tags.insert(tag.clone());
                if let Some(key) = idempotency_key {
                    self.idempotency_keys.insert(key.clone(), (tag.clone(), *release));
                }
            }
            Event::TagFreed { tag, .. } => {
                self.releases.remove(tag);
            }
            Event::TagDeleted { tag } => {
                self.tried_tags.remove(tag);
            }
            Event::GithubConnected { repository_id, full_name, api_url, credential } => {
                let at = (*repository_id, full_name.clone(), api_url.clone(), *credential);
                self.github = Some(Github::connected(self.github.take(), at));
            }
            Event::GithubDisconnected => self.webhook_secret = None,
            Event::WebhookSecretIssued { secret } => self.webhook_secret = Some(*secret),
            Event::CiIdentityTrusted(trust) => self.ci_trust = Some(trust.clone()),
            Event::CiIdentityDistrusted => self.ci_trust = None,
            // Of the API tokens, of what is at GitHub, or nothing that a decision depends on.
            Event::Added { .. }
            | Event::ApiTokenIssued { .. }
            | Event::ApiTokenRolled { .. }
            | Event::ApiTokenGraceClosed { .. }
            | Event::ApiTokenRevoked { .. }
            | Event::TriggersRefused { .. }
            | Event::TagsKnown { .. }
            | Event::WebhookRegistered { .. }
            | Event::WebhookRemoved { .. }
            | Event::DeployKeyInstalled { .. }
            | Event::DeployKeyRemoved { .. }
            | Event::GithubStepFailed { .. }
            | Event::GithubStepRecovered { .. }
            | Event::CommitStatusReported { .. } => {}
        }
    }
}
