//! The type of all events, and their stored form.

mod blobs;
mod codec;
mod subjects;
#[cfg(test)]
mod tests;
pub mod upcasting;

pub use self::{
    blobs::{BlobKind, blobs},
    codec::{Codec, DecodeError, decode, encode},
    subjects::{InvalidSubject, Subject, subjects},
};
use crate::{
    account, aggregate::EventShape, ci_proof, delivery, keyring, organisation, project, release, repository,
    signing_key,
};

/// Any event of the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Of an account.
    Account(account::Event),
    /// Of a proof of a CI job's identity.
    CiProof(ci_proof::Event),
    /// Of a delivery of a webhook.
    Delivery(delivery::Event),
    /// Of an organisation.
    Organisation(organisation::Event),
    /// Of a project.
    Project(project::Event),
    /// Of a release.
    Release(release::Event),
    /// Of a repository.
    Repository(repository::Event),
    /// Of a repository's access keys.
    Keyring(keyring::Event),
    /// Of a signing key.
    SigningKey(signing_key::Event),
}

/// The event belongs to an aggregate of another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event belongs to another kind of event stream")]
pub struct OtherAggregate;

/// Gives each variant its name on the wire, for ever.
macro_rules! shapes {
    ($($module:ident :: $wrap:ident { $($variant:pat => $name:literal),+ $(,)? })+) => {$(
        impl From<$module::Event> for Event {
            fn from(event: $module::Event) -> Self {
                Event::$wrap(event)
            }
        }

        impl EventShape for $module::Event {
            fn name(&self) -> &'static str {
                use $module::Event::*;
                match self {
                    $($variant => $name,)+
                }
            }
        }

        impl TryFrom<Event> for $module::Event {
            type Error = OtherAggregate;
            fn try_from(event: Event) -> Result<Self, OtherAggregate> {
                match event {
                    Event::$wrap(event) => Ok(event),
                    _ => Err(OtherAggregate),
                }
            }
        }
    )+

    impl Event {
        /// The name on the wire: `release.package_built`.
        #[must_use]
        pub fn name(&self) -> &'static str {
            match self {
                $(Event::$wrap(event) => event.name(),)+
            }
        }
    }

    /// Every name that this version writes.
    pub const NAMES: &[&str] = &[$($($name),+),+];
    };
}

shapes! {
    account::Account {
        Registered { .. } => "account.registered",
        TokenIssued { .. } => "account.token_issued",
        TokenRevoked { .. } => "account.token_revoked",
        Removed => "account.removed",
        PersonErased => "account.person_erased",
    }
    ci_proof::CiProof {
        Spent { .. } => "ci-proof.spent",
    }
    delivery::Delivery {
        Received { .. } => "delivery.received",
    }
    organisation::Organisation {
        Created { .. } => "organisation.created",
        BuildSlotsSet { .. } => "organisation.build_slots_set",
        FeedTokenIssued { .. } => "organisation.feed_token_issued",
        FeedTokenRevoked { .. } => "organisation.feed_token_revoked",
    }
    project::Project {
        Added { .. } => "project.added",
        TriggerChosen { .. } => "project.trigger_chosen",
        TagPatternSet { .. } => "project.tag_pattern_set",
        ApiTokenIssued { .. } => "project.api_token_issued",
        ApiTokenRolled { .. } => "project.api_token_rolled",
        ApiTokenGraceClosed { .. } => "project.api_token_grace_closed",
        ApiTokenRevoked { .. } => "project.api_token_revoked",
        TriggerAccepted { .. } => "project.trigger_accepted",
        TagFreed { .. } => "project.tag_freed",
        TagDeleted { .. } => "project.tag_deleted",
        TriggersRefused { .. } => "project.triggers_refused",
        TagsKnown { .. } => "project.tags_known",
        GithubConnected { .. } => "project.github_connected",
        GithubDisconnected => "project.github_disconnected",
        WebhookSecretIssued { .. } => "project.webhook_secret_issued",
        WebhookRegistered { .. } => "project.webhook_registered",
        WebhookRemoved { .. } => "project.webhook_removed",
        DeployKeyInstalled { .. } => "project.deploy_key_installed",
        DeployKeyRemoved { .. } => "project.deploy_key_removed",
        GithubStepFailed { .. } => "project.github_step_failed",
        GithubStepRecovered { .. } => "project.github_step_recovered",
        CommitStatusReported { .. } => "project.commit_status_reported",
        CiIdentityTrusted(_) => "project.ci_identity_trusted",
        CiIdentityDistrusted => "project.ci_identity_distrusted",
    }
    release::Release {
        Received { .. } => "release.received",
        BuildSlotGranted => "release.build_slot_granted",
        CodeCheckedOut { .. } => "release.code_checked_out",
        ConfigValidated { .. } => "release.config_validated",
        BuildSetUp { .. } => "release.build_set_up",
        PackageBuilt { .. } => "release.package_built",
        PackageReady { .. } => "release.package_ready",
        PackageUploaded { .. } => "release.package_uploaded",
        Uploaded => "release.uploaded",
        Failed { .. } => "release.failed",
        Cancelled => "release.cancelled",
    }
    repository::Repository {
        Created { .. } => "repository.created",
        PackageAdded { .. } => "repository.package_added",
        PackageResigned { .. } => "repository.package_resigned",
        PackageYanked { .. } => "repository.package_yanked",
        PackageRestored { .. } => "repository.package_restored",
        YankPolicySet { .. } => "repository.yank_policy_set",
        SnapshotTaken { .. } => "repository.snapshot_taken",
        SnapshotRemoved { .. } => "repository.snapshot_removed",
        IndexSigned(_) => "repository.index_signed",
    }
    keyring::Keyring {
        AccessKeyIssued { .. } => "keyring.access_key_issued",
        AccessKeyRevoked { .. } => "keyring.access_key_revoked",
        Rolled { .. } => "keyring.rolled",
        GraceOpened { .. } => "keyring.grace_opened",
        KeyRenewed { .. } => "keyring.key_renewed",
        MachineMoved { .. } => "keyring.machine_moved",
        GraceClosed { .. } => "keyring.grace_closed",
        SealedKeysDeleted { .. } => "keyring.sealed_keys_deleted",
        MachineEnrolled { .. } => "keyring.machine_enrolled",
        InstallerPublished { .. } => "keyring.installer_published",
    }
    signing_key::SigningKey {
        Generated { .. } => "signing-key.generated",
        NextAnnounced { .. } => "signing-key.next_announced",
        OverlapBegan { .. } => "signing-key.overlap_began",
        CutOver { .. } => "signing-key.cut_over",
        Retired { .. } => "signing-key.retired",
        Destroyed { .. } => "signing-key.destroyed",
        Compromised { .. } => "signing-key.compromised",
        LogKeyMade { .. } => "signing-key.log_key_made",
        ExpiryNear { .. } => "signing-key.expiry_near",
    }
}
