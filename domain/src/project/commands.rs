//! What may be asked of a project.

use super::{Event, GitUrl, Project, Trigger};
use crate::{
    digest::Sha256,
    ids::{ReleaseId, TokenId},
    names::{OrganisationName, ProjectName, TagName},
    version::ReleaseVersion,
};

/// Longest `Idempotency-Key`: room for any UUID or URL-like key, not for a document.
pub const IDEMPOTENCY_KEY_MAX_CHARS: usize = 255;

/// A wish to change a project.
#[derive(Debug, Clone)]
pub enum Command {
    /// Connect it.
    Add {
        /// Whose it is.
        organisation: OrganisationName,
        /// What it is called in URLs.
        name: ProjectName,
        /// The git URL it is cloned from.
        source: GitUrl,
        /// How releases are asked for.
        trigger: Trigger,
    },
    /// Let the holder of this token ask for releases, and no older token.
    IssueApiToken {
        /// Its public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
    },
    /// Release a tag.
    Trigger {
        /// The git tag, which exists in the code repository.
        tag: TagName,
        /// What the packages are called by.
        version: ReleaseVersion,
        /// The id the release gets if one is made.
        release: ReleaseId,
        /// The sender's word for "the same again", at most [`IDEMPOTENCY_KEY_MAX_CHARS`].
        idempotency_key: Option<String>,
        /// How it was asked for.
        by: Trigger,
    },
    /// Let a tag be released again after its release failed or was cancelled.
    FreeTag {
        /// The git tag.
        tag: TagName,
        /// The release that did not make it.
        release: ReleaseId,
    },
}

/// Why a project stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is taken.
    #[error("a project of that name exists already")]
    NameTaken,
    /// It does not exist.
    #[error("there is no such project")]
    Unknown,
    /// The project is released in the other way.
    #[error("this project's releases are triggered by {}", match .0 { Trigger::ApiEndpoint => "its API endpoint", Trigger::GithubWebhook => "a GitHub webhook" })]
    OtherTrigger(Trigger),
    /// One tag, one release.
    #[error("tag {tag} has a release already: {release}")]
    TagHasRelease {
        /// The git tag.
        tag: TagName,
        /// Its release.
        release: ReleaseId,
    },
    /// The same word for two different wishes.
    #[error("this Idempotency-Key was used for tag {0}")]
    IdempotencyKeyReused(TagName),
    /// The sender's word is too long or cannot be printed.
    #[error("an Idempotency-Key is 1 to {IDEMPOTENCY_KEY_MAX_CHARS} printable ASCII characters")]
    IdempotencyKeyInvalid,
}

pub(super) fn decide(project: &Project, command: Command) -> Result<Vec<Event>, Refusal> {
    match (project, command) {
        (Project::Unknown, Command::Add { organisation, name, source, trigger }) => {
            let source = source.as_str().to_owned();
            Ok(vec![Event::Added { organisation, name, source, trigger }])
        }
        (Project::Added { .. }, Command::Add { .. }) => Err(Refusal::NameTaken),
        (Project::Unknown, _) => Err(Refusal::Unknown),
        (Project::Added { api_token, .. }, Command::IssueApiToken { token, secret_sha256 }) => {
            let new = (token, secret_sha256);
            Ok(if *api_token == Some(new) { vec![] } else { vec![Event::ApiTokenIssued { token, secret_sha256 }] })
        }
        (Project::Added { trigger, .. }, Command::Trigger { by, .. }) if *trigger != by => {
            Err(Refusal::OtherTrigger(*trigger))
        }
        (
            Project::Added { releases, idempotency_keys, .. },
            Command::Trigger { tag, version, release, idempotency_key, .. },
        ) => {
            if let Some(key) = &idempotency_key {
                match idempotency_keys.get(key) {
                    _ if !valid_idempotency_key(key) => return Err(Refusal::IdempotencyKeyInvalid),
                    Some((same, _)) if *same == tag => return Ok(vec![]),
                    Some((other, _)) => return Err(Refusal::IdempotencyKeyReused(other.clone())),
                    None => {}
                }
            }
            match releases.get(&tag) {
                Some(&release) => Err(Refusal::TagHasRelease { tag, release }),
                None => Ok(vec![Event::TriggerAccepted { tag, version, release, idempotency_key }]),
            }
        }
        (Project::Added { releases, .. }, Command::FreeTag { tag, release })
            if releases.get(&tag) == Some(&release) =>
        {
            Ok(vec![Event::TagFreed { tag, release }])
        }
        (Project::Added { .. }, Command::FreeTag { .. }) => Ok(vec![]),
    }
}

fn valid_idempotency_key(key: &str) -> bool {
    (1..=IDEMPOTENCY_KEY_MAX_CHARS).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}
