//! The facts of a project.

use serde::{Deserialize, Serialize};

use crate::{
    digest::Sha256,
    ids::{ReleaseId, TokenId},
    names::{OrganisationName, ProjectName, TagName},
    version::ReleaseVersion,
};

/// What can have happened to a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It can be released from now on.
    Added {
        /// Whose it is.
        organisation: OrganisationName,
        /// What it is called in URLs.
        name: ProjectName,
        /// The git URL it is cloned from.
        source: String,
        /// How releases are asked for.
        trigger: Trigger,
    },
    /// A token that may ask for releases was made and shown once. It replaces the one before.
    ApiTokenIssued {
        /// Its public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
    },
    /// A release of this tag was asked for and will be made.
    TriggerAccepted {
        /// The git tag.
        tag: TagName,
        /// What the packages are called by.
        version: ReleaseVersion,
        /// The release that will be made.
        release: ReleaseId,
        /// The sender's word for "the same again".
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency_key: Option<String>,
    },
    /// The tag's release failed or was cancelled: the tag may be released again.
    TagFreed {
        /// The git tag.
        tag: TagName,
        /// The release that did not make it.
        release: ReleaseId,
    },
}

/// How a project's releases are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// `POST /api/v1/projects/{project}/releases` with the project's API token.
    ApiEndpoint,
    /// A GitHub webhook.
    GithubWebhook,
}
