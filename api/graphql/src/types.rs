//! What the GraphQL API shows, one object for each noun.

mod diff;
mod feed_token;
mod history;
mod keyring;
mod operator;
mod organisation;
mod project;
mod release;
mod repository;
mod signing_key;
mod triggers;

use async_graphql::{Enum, SimpleObject};

pub(super) use self::{
    diff::Diff,
    feed_token::{FeedToken, NewFeedToken},
    history::{Publication, Snapshot},
    keyring::{Fetch, KeyKindWord, NamedNewKey, RolledKeys},
    operator::Operator,
    organisation::Organisation,
    project::{ConnectedGithub, NewApiToken, NewProject, Project, webhook_url},
    release::Release,
    repository::Repository,
    signing_key::SigningKey,
    triggers::{ScopeWord, TriggerWord},
};

/// A package format, and the kind of repository that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "Format", remote = "domain::package::Format")]
pub(super) enum FormatWord {
    /// Debian packages; an APT repository.
    Deb,
    /// rpm packages; a YUM repository.
    Rpm,
}

/// What a yank does to the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "YankPolicy", remote = "domain::repository::YankPolicy")]
pub(super) enum YankPolicyWord {
    /// The next publication is without the package.
    Hide,
    /// The package stays, and its file is answered with a warning.
    Keep,
}

/// A repository and its first access key, which is shown only now.
#[derive(SimpleObject)]
pub(super) struct NewRepository {
    pub(super) repository: Repository,
    pub(super) access_key: IssuedKey,
    /// The one line, run by root, that gives a machine access.
    pub(super) install_command: String,
}

/// An access key, which is shown only now.
#[derive(Debug, SimpleObject)]
pub(super) struct NewKey {
    pub(super) access_key: IssuedKey,
    /// The one line, run by root, that gives a machine access.
    pub(super) install_command: String,
}

/// What opens a repository.
#[derive(Debug, SimpleObject)]
pub(super) struct IssuedKey {
    /// The login of HTTP Basic.
    pub(super) id: String,
    /// The password. Keep it: it cannot be shown again.
    pub(super) secret: String,
}
