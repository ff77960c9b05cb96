//! The parts of the server that resolvers use.

use std::{sync::Arc, time::Duration};

use api_http::{public_url::PublicUrl, replicas_last_seen::ReplicasLastSeen, run_command::CommandRunner};
use async_graphql::{Context, SchemaBuilder};
use audit::{Auditor, operators::Operators};
use building::source::Git;
use commands::{github::Access, installers::PublishedInstallers, rolls::Rolls, signing_keys::SigningKeys};
use event_log::execute::Executor;
use index::Repositories;
use projections::{credentials::Credentials, dashboard::Dashboard, transparency::Transparency};
use stores::{key_usage::KeyUsage, personal::Persons, secrets::Secrets};
use tokio::sync::Semaphore;

/// What the schema is built over. Each part is in the schema's data under its own type: see [`part`].
pub struct GraphqlParts {
    /// Reads the log and the aggregates.
    pub executor: Arc<Executor>,
    /// Runs the commands of mutations.
    pub commands: CommandRunner,
    /// What dashboards show.
    pub dashboard: Dashboard,
    /// Keys and tokens.
    pub credentials: Credentials,
    /// What package clients see.
    pub repositories: Repositories,
    /// The sizes of the public logs.
    pub transparency: Transparency,
    /// Answers questions about the event log.
    pub auditor: Auditor,
    /// Which access keys were used when.
    pub key_usage: KeyUsage,
    /// When replicas were last seen.
    pub replicas: ReplicasLastSeen,
    /// Changes who operates the server.
    pub operators: Operators,
    /// Opens the names of operators.
    pub persons: Persons,
    /// Rolls access keys.
    pub rolls: Rolls,
    /// Sign packages and indexes.
    pub signing_keys: SigningKeys,
    /// The installers that are published.
    pub installers: PublishedInstallers,
    /// How long `createRepository` waits for the first publication of the repository, which has its installer.
    pub installable_within: Duration,
    /// Seals the secrets that projects share with GitHub.
    pub secrets: Arc<Secrets>,
    /// How projects reach GitHub.
    pub github: Arc<Access>,
    /// Which git URLs are accepted.
    pub git: Git,
    /// How many lists of tags may be fetched at the same time.
    pub tag_questions: Arc<Semaphore>,
    /// The address under which clients reach the server.
    pub public_url: PublicUrl,
}

/// How many lists of tags may be fetched at the same time, for all projects. Each is a process and a connection.
pub(super) struct TagQuestions(pub(super) Arc<Semaphore>);

/// How long `createRepository` waits for the repository's installer.
pub(super) struct InstallableWithin(pub(super) Duration);

impl GraphqlParts {
    pub(super) fn put_into<Q, M, S>(self, schema: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S> {
        schema
            .data(self.executor)
            .data(self.commands)
            .data(self.dashboard)
            .data(self.credentials)
            .data(self.repositories)
            .data(self.transparency)
            .data(self.auditor)
            .data(self.key_usage)
            .data(self.replicas)
            .data(self.operators)
            .data(self.persons)
            .data(self.rolls)
            .data(self.signing_keys)
            .data(self.installers)
            .data(InstallableWithin(self.installable_within))
            .data(self.secrets)
            .data(self.github)
            .data(self.git)
            .data(TagQuestions(self.tag_questions))
            .data(self.public_url)
    }
}

/// The part of the server with the type `T`, or the operator who sent the request.
///
/// Panics if the type is not that of a field of [`GraphqlParts`].
pub(super) fn part<'a, T: Send + Sync + 'static>(ctx: &Context<'a>) -> &'a T {
    ctx.data_unchecked()
}
