//! Projects: connected code repositories, and the triggers that release their tags.

mod commands;
mod commit_id;
mod events;
mod git_url;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::{
    commands::{Command, IDEMPOTENCY_KEY_MAX_CHARS, Refusal},
    commit_id::{CommitId, InvalidCommitId},
    events::{Event, Trigger},
    git_url::{GIT_URL_MAX_BYTES, GitUrl, InvalidGitUrl, Transport},
};
use crate::{
    aggregate::Aggregate,
    digest::Sha256,
    ids::{ReleaseId, TokenId},
    names::{OrganisationName, TagName},
};

/// A project, if it was added.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Project {
    /// Nobody added it.
    #[default]
    Unknown,
    /// It can be released.
    Added {
        /// Whose it is.
        organisation: OrganisationName,
        /// The git URL it is cloned from.
        source: String,
        /// How releases are asked for.
        trigger: Trigger,
        /// The token that may ask, if one was issued.
        api_token: Option<(TokenId, Sha256)>,
        /// The release of each tag, but for those that failed.
        releases: BTreeMap<TagName, ReleaseId>,
        /// What each `Idempotency-Key` led to.
        idempotency_keys: BTreeMap<String, (TagName, ReleaseId)>,
    },
}

impl Project {
    /// The tag and release that an `Idempotency-Key` led to, whatever became of the release.
    #[must_use]
    pub fn release_of_key(&self, key: &str) -> Option<(TagName, ReleaseId)> {
        match self {
            Self::Unknown => None,
            Self::Added { idempotency_keys, .. } => idempotency_keys.get(key).cloned(),
        }
    }
}

impl Aggregate for Project {
    const KIND: &'static str = "project";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        commands::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        if let Event::Added { organisation, source, trigger, .. } = event {
            *self = Self::Added {
                organisation: organisation.clone(),
                source: source.clone(),
                trigger: *trigger,
                api_token: None,
                releases: BTreeMap::new(),
                idempotency_keys: BTreeMap::new(),
            };
        }
        let Self::Added { api_token, releases, idempotency_keys, .. } = self else { return };
        match event {
            Event::Added { .. } => {}
            Event::ApiTokenIssued { token, secret_sha256 } => *api_token = Some((*token, *secret_sha256)),
            Event::TriggerAccepted { tag, release, idempotency_key, .. } => {
                releases.insert(tag.clone(), *release);
                if let Some(key) = idempotency_key {
                    idempotency_keys.insert(key.clone(), (tag.clone(), *release));
                }
            }
            Event::TagFreed { tag, .. } => {
                releases.remove(tag);
            }
        }
    }
}
