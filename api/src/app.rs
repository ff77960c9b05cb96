//! What every handler may use.

use std::{path::PathBuf, sync::Arc};

use axum::extract::FromRef;
use commands::{
    blobs::Blobs, execute::Executor, github::Access, installers::PublishedInstallers, log_signer::LogSigner,
    personal::Persons, refused_triggers::RefusedTriggers, rolls::Rolls, secrets::Secrets, signing_keys::SigningKeys,
    source::Git,
};
use projections::{
    board::Board, credentials::Credentials, index::Repositories, runner::Progress, transparency::Transparency,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    audit::Auditor,
    auth::Authenticator,
    feed::Feeds,
    graphql::GraphqlParts,
    http::public_url::PublicUrl,
    oidc::CiIssuer,
    operators::Operators,
    pages::{BuildLogs, PagesState},
    releases::RequestRates,
    run_command::CommandRunner,
    uses::Uses,
    webhooks::{DeliveriesMemory, WebhookSecrets},
};

/// The running server, as handlers see it. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of a running server.
pub struct Parts {
    /// Runs commands.
    pub executor: Arc<Executor>,
    /// Rolls access keys.
    pub rolls: Rolls,
    /// Who used which access key when.
    pub uses: Uses,
    /// Who may do what.
    pub credentials: Credentials,
    /// The installers that lie in their repositories.
    pub installers: PublishedInstallers,
    /// What dashboards show.
    pub board: Board,
    /// The repositories that clients see.
    pub repositories: Repositories,
    /// What can be proved of the event log.
    pub transparency: Transparency,
    /// Answers questions about the event log.
    pub auditor: Auditor,
    /// Vouches for it.
    pub log_signer: LogSigner,
    /// How far the read models have come.
    pub progress: Progress,
    /// Packages, indexes and logs.
    pub blobs: Blobs,
    /// Asks code repositories for tags.
    pub git: Git,
    /// How projects get at GitHub.
    pub github_access: Arc<Access>,
    /// How many questions about tags may be asked at the same time.
    pub tag_questions: Arc<Semaphore>,
    /// How many uploads may come in at the same time.
    pub uploads: Semaphore,
    /// What replicas follow.
    pub feeds: Feeds,
    /// Seals and opens what is known of persons.
    pub persons: Persons,
    /// What has to be used again, sealed.
    pub secrets: Arc<Secrets>,
    /// What deliveries are verified with.
    pub webhook_secrets: WebhookSecrets,
    /// How many bytes of deliveries may be in memory at the same time.
    pub deliveries_memory: DeliveriesMemory,
    /// Counts the requests of each token.
    pub request_rates: RequestRates,
    /// Judges proofs of CI jobs' identity.
    pub ci_issuer: CiIssuer,
    /// Counts triggers that are refused.
    pub refused_triggers: RefusedTriggers,
    /// Sign uploaded rpms.
    pub signing_keys: SigningKeys,
    /// The address under which clients reach the server.
    pub public_url: PublicUrl,
    /// Checks the tokens of requests.
    pub authenticator: Authenticator,
    /// Runs commands of operators.
    pub commands: CommandRunner,
    /// The server is to stop: whoever waits is answered at once.
    pub stopping: CancellationToken,
    /// Where running releases write their logs.
    pub jobs: PathBuf,
    /// Where uploads are kept while they come in.
    pub incoming: PathBuf,
}

/// Most questions to code repositories at the same time. Each is a process.
pub const TAG_QUESTIONS_MAX: usize = 16;
/// Most uploads at the same time. Each may take a package's size of disk.
pub const UPLOADS_MAX: usize = 32;

impl App {
    /// A server made of `parts`.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<App> for Authenticator {
    fn from_ref(app: &App) -> Self {
        app.authenticator.clone()
    }
}

impl FromRef<App> for CommandRunner {
    fn from_ref(app: &App) -> Self {
        app.commands.clone()
    }
}

impl From<&App> for GraphqlParts {
    fn from(app: &App) -> Self {
        Self {
            executor: app.executor.clone(),
            commands: app.commands.clone(),
            board: app.board.clone(),
            credentials: app.credentials.clone(),
            repositories: app.repositories.clone(),
            transparency: app.transparency.clone(),
            auditor: app.auditor.clone(),
            uses: app.uses.clone(),
            replicas: app.feeds.sights.clone(),
            operators: Operators { executor: app.executor.clone(), persons: app.persons.clone() },
            persons: app.persons.clone(),
            rolls: app.rolls.clone(),
            signing_keys: app.signing_keys.clone(),
            installers: app.installers.clone(),
            secrets: app.secrets.clone(),
            github: app.github_access.clone(),
            git: app.git.clone(),
            tag_questions: app.tag_questions.clone(),
            public_url: app.public_url.clone(),
        }
    }
}

impl From<&App> for PagesState {
    fn from(app: &App) -> Self {
        Self {
            executor: app.executor.clone(),
            commands: app.commands.clone(),
            authenticator: app.authenticator.clone(),
            auditor: app.auditor.clone(),
            board: app.board.clone(),
            credentials: app.credentials.clone(),
            repositories: app.repositories.clone(),
            uses: app.uses.clone(),
            signing_keys: app.signing_keys.clone(),
            build_logs: BuildLogs { board: app.board.clone(), blobs: app.blobs.clone(), jobs: app.jobs.clone().into() },
            public_url: app.public_url.clone(),
        }
    }
}
