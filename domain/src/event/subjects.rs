//! What an event is about: the nouns by which an auditor looks for it.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::Event;
use crate::{
    account, ci_proof, delivery,
    digest::Sha256,
    fingerprint::Fingerprint,
    ids::{AccessKeyId, DeliveryId, OrganisationId, ProjectId, ReleaseId, RepositoryId, TokenId},
    keyring,
    names::MachineName,
    organisation, project,
    recorded::StreamId,
    release, repository, signing_key,
    stream_kind::StreamKind,
};

/// The subject of an event. Its text is `<kind>:<id>`, such as `key:01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An organisation.
    Organisation(OrganisationId),
    /// A project.
    Project(ProjectId),
    /// A repository and its keyring.
    Repository(RepositoryId),
    /// A release.
    Release(ReleaseId),
    /// A delivery of a webhook.
    Delivery(DeliveryId),
    /// An access key.
    Key(AccessKeyId),
    /// An API or operator token.
    Token(TokenId),
    /// What a machine calls itself, in whatever repository.
    Machine(MachineName),
    /// A package file.
    Package(Sha256),
    /// A signing key, by its full fingerprint in capitals.
    SigningKey(String),
}

/// The text names no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a valid subject: expected <kind>:<id>, the kind one of organisation, project, repository, release, \
     delivery, key, token, machine, package, signing-key"
)]
pub struct InvalidSubject(String);

/// Longest text that is looked at, in characters.
const TEXT_MAX_CHARS: usize = 200;

impl Subject {
    /// What the events of `stream` are about; none for streams of no particular thing.
    #[must_use]
    pub fn of_stream(stream: &StreamId) -> Option<Self> {
        let id = stream.id();
        Some(match stream.kind()? {
            StreamKind::Organisation => Self::Organisation(id.into()),
            StreamKind::Project => Self::Project(id.into()),
            StreamKind::Repository | StreamKind::Keyring => Self::Repository(id.into()),
            StreamKind::Release => Self::Release(id.into()),
            StreamKind::Delivery => Self::Delivery(id.into()),
            StreamKind::Account | StreamKind::CiProof | StreamKind::SigningKey => return None,
        })
    }

    /// A signing key's fingerprint, as people write it.
    #[must_use]
    pub fn signing_key(fingerprint: &str) -> Self {
        let digits = fingerprint.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase());
        Self::SigningKey(digits.collect())
    }

    /// The first part of its text.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Organisation(_) => "organisation",
            Self::Project(_) => "project",
            Self::Repository(_) => "repository",
            Self::Release(_) => "release",
            Self::Delivery(_) => "delivery",
            Self::Key(_) => "key",
            Self::Token(_) => "token",
            Self::Machine(_) => "machine",
            Self::Package(_) => "package",
            Self::SigningKey(_) => "signing-key",
        }
    }

    /// Hands its id's bytes to `take`, which costs less than writing it out.
    pub fn with_bytes<T>(&self, take: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Self::Organisation(OrganisationId(id))
            | Self::Project(ProjectId(id))
            | Self::Repository(RepositoryId(id))
            | Self::Release(ReleaseId(id))
            | Self::Delivery(DeliveryId(id))
            | Self::Key(AccessKeyId(id))
            | Self::Token(TokenId(id)) => take(id.as_bytes()),
            Self::Machine(name) => take(name.as_str().as_bytes()),
            Self::Package(sha256) => take(&sha256.0),
            Self::SigningKey(fingerprint) => take(fingerprint.as_bytes()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.kind())?;
        match self {
            Self::Organisation(OrganisationId(id))
            | Self::Project(ProjectId(id))
            | Self::Repository(RepositoryId(id))
            | Self::Release(ReleaseId(id))
            | Self::Delivery(DeliveryId(id))
            | Self::Key(AccessKeyId(id))
            | Self::Token(TokenId(id)) => id.fmt(f),
            Self::Machine(name) => name.fmt(f),
            Self::Package(sha256) => sha256.fmt(f),
            Self::SigningKey(fingerprint) => f.write_str(fingerprint),
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidSubject;
    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        let invalid = || InvalidSubject(text.chars().take(TEXT_MAX_CHARS).collect());
        let (kind, id) = text.split_once(':').ok_or_else(invalid)?;
        let uuid = || Uuid::parse_str(id).map_err(|_| invalid());
        Ok(match kind {
            "organisation" => Self::Organisation(uuid()?.into()),
            "project" => Self::Project(uuid()?.into()),
            "repository" => Self::Repository(uuid()?.into()),
            "release" => Self::Release(uuid()?.into()),
            "delivery" => Self::Delivery(uuid()?.into()),
            "key" => Self::Key(uuid()?.into()),
            "token" => Self::Token(uuid()?.into()),
            "machine" => Self::Machine(id.parse().map_err(|_| invalid())?),
            "package" => Self::Package(id.parse().map_err(|_| invalid())?),
            "signing-key" if (1..=TEXT_MAX_CHARS).contains(&id.len()) => Self::signing_key(id),
            _ => return Err(invalid()),
        })
    }
}

/// What `event`, recorded in `stream`, is about, each thing once. A newer version may have written it: then there is no `event`.
#[must_use]
pub fn subjects(stream: &StreamId, event: Option<&Event>) -> Vec<Subject> {
    let mut named: Vec<Subject> = Subject::of_stream(stream).into_iter().collect();
    match event {
        None => {}
        Some(Event::Organisation(event)) => match event {
            organisation::Event::FeedTokenIssued { token, .. } | organisation::Event::FeedTokenRevoked { token } => {
                named.push(Subject::Token(*token));
            }
            organisation::Event::Created { .. } | organisation::Event::BuildSlotsSet { .. } => {}
        },
        Some(Event::Account(event)) => match event {
            account::Event::TokenIssued { token, .. } | account::Event::TokenRevoked { token } => {
                named.push(Subject::Token(*token));
            }
            account::Event::Registered { .. } | account::Event::Removed | account::Event::PersonErased => {}
        },
        Some(Event::CiProof(ci_proof::Event::Spent { project, token, .. })) => {
            named.extend([Subject::Project(*project), Subject::Token(*token)]);
        }
        Some(Event::Delivery(delivery::Event::Received { project, .. })) => named.push(Subject::Project(*project)),
        Some(Event::Project(event)) => of_project(event, &mut named),
        Some(Event::Release(event)) => of_release(event, &mut named),
        Some(Event::Repository(event)) => of_repository(event, &mut named),
        Some(Event::Keyring(event)) => of_keyring(event, &mut named),
        Some(Event::SigningKey(event)) => of_signing_key(event, &mut named),
    }
    // A roll names a thousand keys at most, and most events two or three: no set is needed.
    let mut once = Vec::with_capacity(named.len());
    for subject in named {
        if !once.contains(&subject) {
            once.push(subject);
        }
    }
    once
}

fn of_project(event: &project::Event, named: &mut Vec<Subject>) {
    use project::Event;
    match event {
        Event::ApiTokenIssued { token, .. }
        | Event::ApiTokenGraceClosed { token }
        | Event::ApiTokenRevoked { token } => named.push(Subject::Token(*token)),
        Event::ApiTokenRolled { old, token, .. } => named.extend([Subject::Token(*old), Subject::Token(*token)]),
        Event::TriggerAccepted { release, .. }
        | Event::TagFreed { release, .. }
        | Event::CommitStatusReported { release, .. } => named.push(Subject::Release(*release)),
        Event::Added { .. }
        | Event::TriggerChosen { .. }
        | Event::TagPatternSet { .. }
        | Event::TagDeleted { .. }
        | Event::TagsKnown { .. }
        | Event::TriggersRefused { .. }
        | Event::GithubConnected { .. }
        | Event::GithubDisconnected
        | Event::WebhookSecretIssued { .. }
        | Event::WebhookRegistered { .. }
        | Event::WebhookRemoved { .. }
        | Event::DeployKeyInstalled { .. }
        | Event::DeployKeyRemoved { .. }
        | Event::GithubStepFailed { .. }
        | Event::GithubStepRecovered { .. }
        | Event::CiIdentityTrusted(_)
        | Event::CiIdentityDistrusted => {}
    }
}

fn of_release(event: &release::Event, named: &mut Vec<Subject>) {
    use release::Event;
    match event {
        Event::Received { project, .. } => named.push(Subject::Project(*project)),
        Event::PackageBuilt { built, .. } => named.push(Subject::Package(built.sha256)),
        Event::PackageReady { package, key_fingerprint, .. } => {
            named.push(Subject::Package(package.sha256));
            named.extend(key_fingerprint.as_ref().map(of_key));
        }
        Event::PackageUploaded { repository, .. } => named.push(Subject::Repository(*repository)),
        Event::BuildSlotGranted
        | Event::CodeCheckedOut { .. }
        | Event::ConfigValidated { .. }
        | Event::BuildSetUp { .. }
        | Event::Uploaded
        | Event::Failed { .. }
        | Event::Cancelled => {}
    }
}

fn of_repository(event: &repository::Event, named: &mut Vec<Subject>) {
    use repository::Event;
    match event {
        Event::Created { .. }
        | Event::YankPolicySet { .. }
        | Event::SnapshotTaken { .. }
        | Event::SnapshotRemoved { .. } => {}
        Event::PackageYanked { sha256, .. } | Event::PackageRestored { sha256 } => {
            named.push(Subject::Package(*sha256));
        }
        Event::PackageAdded { package, release, key_fingerprint } => {
            named.push(Subject::Package(package.sha256));
            named.extend(release.map(Subject::Release));
            named.extend(key_fingerprint.as_ref().map(of_key));
        }
        Event::PackageResigned { replaces, package, key_fingerprint } => {
            named.extend([Subject::Package(*replaces), Subject::Package(package.sha256), of_key(key_fingerprint)])
        }
        Event::IndexSigned(index) => {
            named.extend(index.signers().iter().map(of_key));
        }
    }
}

fn of_keyring(event: &keyring::Event, named: &mut Vec<Subject>) {
    use keyring::Event;
    match event {
        Event::AccessKeyIssued { key, .. } | Event::AccessKeyRevoked { key } | Event::MachineMoved { key } => {
            named.push(Subject::Key(*key));
        }
        Event::Rolled { keys, .. } | Event::GraceOpened { successors: keys, .. } => {
            named.extend(keys.iter().flat_map(|key| [Subject::Key(key.old), Subject::Key(key.new)]));
        }
        Event::KeyRenewed { old, new, .. } => named.extend([Subject::Key(*old), Subject::Key(*new)]),
        Event::MachineEnrolled { enrolment, key, machine, replaces, .. } => {
            named.extend([Subject::Key(*enrolment), Subject::Key(*key), Subject::Machine(machine.clone())]);
            named.extend(replaces.iter().map(|key| Subject::Key(*key)));
        }
        Event::InstallerPublished { sha256, .. } => named.push(Subject::Package(*sha256)),
        Event::GraceClosed { .. } | Event::SealedKeysDeleted { .. } => {}
    }
}

fn of_key(fingerprint: &Fingerprint) -> Subject {
    Subject::signing_key(fingerprint.as_str())
}

fn of_signing_key(event: &signing_key::Event, named: &mut Vec<Subject>) {
    use signing_key::Event;
    match event {
        Event::Generated { fingerprint, .. }
        | Event::NextAnnounced { fingerprint, .. }
        | Event::OverlapBegan { fingerprint }
        | Event::Retired { fingerprint }
        | Event::Destroyed { fingerprint }
        | Event::ExpiryNear { fingerprint, .. } => named.push(of_key(fingerprint)),
        Event::CutOver { fingerprint, replaced: other } | Event::Compromised { fingerprint, replaced_by: other } => {
            named.extend([of_key(fingerprint), of_key(other)]);
        }
        Event::LogKeyMade { .. } => {}
    }
}
