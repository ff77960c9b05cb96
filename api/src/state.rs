//! The parts of a running server, and which of them each feature gets.

use std::{path::PathBuf, sync::Arc, time::Duration};

use api_http::{
    api_limits::{BODY_MAX_BYTES, REQUEST_MAX, with_limits},
    auth::Authenticator,
    problem::Problem,
    public_url::PublicUrl,
    replicas_last_seen::ReplicasLastSeen,
    run_command::CommandRunner,
};
use audit::{Auditor, ExportState, operators::Operators};
use axum::Router;
use building::source::Git;
use commands::{
    github::Access,
    installers::PublishedInstallers,
    refused_triggers::RefusedTriggers,
    rolls::{Moves, Rolls},
    signing_keys::SigningKeys,
};
use event_log::{event_store::EventStore, execute::Clock};
use graphql::GraphqlParts;
use index::Repositories;
use ingest::{
    oidc::{self, CiIssuer, ExchangeState},
    releases::{self, ReleaseAnswers, ReleaseEnds, ReleaseLogs, ReleasesState, RequestRates, TagSource, Triggers},
    uploads::{self, IncomingFolder, PackageIntake, UploadsState},
    webhooks::{self, DeliveriesMemory, WebhookSecrets, WebhooksState},
};
use metrics_exporter_prometheus::PrometheusHandle;
use pages::{BuildLogs, PagesState};
use projections::{credentials::Credentials, dashboard::Dashboard, transparency::Transparency};
use replica::feed::{self, FeedBlobs, FeedLimits, FeedLogs, FeedState};
use serving::{
    installers::{CredentialsAddress, Installers, RolledCredentials},
    ops::{self, OpsState},
    repositories::{self, Authorizer, CACHE_MAX_BYTES, FileBytes, Files, RepositoriesState},
    transparency::{self, TransparencyState},
};
use signing::log_signer::LogSigner;
use stores::{blobs::Blobs, key_usage::KeyUsage, secrets::Secrets};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How long a request that waits may take.
const LONG_REQUEST_MAX: Duration = releases::WAIT_MAX.saturating_add(REQUEST_MAX);

/// How long the answer about a new repository waits for its first publication, which has its installer.
const INSTALLABLE_WITHIN: Duration = Duration::from_secs(5);

/// The open parts of a server.
pub(crate) struct Parts {
    /// Runs the commands of operators, and executes all others.
    pub(crate) commands: CommandRunner,
    /// Checks tokens.
    pub(crate) authenticator: Authenticator,
    /// Rolls access keys.
    pub(crate) rolls: Rolls,
    /// Records which machines use their new keys.
    pub(crate) moves: Moves,
    /// Which access keys were used when.
    pub(crate) key_usage: KeyUsage,
    /// Keys and tokens.
    pub(crate) credentials: Credentials,
    /// What dashboards show.
    pub(crate) dashboard: Dashboard,
    /// What package clients see.
    pub(crate) repositories: Repositories,
    /// What can be proved of the event log.
    pub(crate) transparency: Transparency,
    /// Answers questions about the event log.
    pub(crate) auditor: Auditor,
    /// Signs it.
    pub(crate) log_signer: LogSigner,
    /// Sign packages and indexes.
    pub(crate) signing_keys: SigningKeys,
    /// The installers that are published.
    pub(crate) installers: PublishedInstallers,
    /// Packages, indexes and logs.
    pub(crate) blobs: Blobs,
    /// Sealed secrets.
    pub(crate) secrets: Arc<Secrets>,
    /// Asks code repositories.
    pub(crate) git: Git,
    /// How projects reach GitHub.
    pub(crate) github: Arc<Access>,
    /// Whose proofs of a CI job's identity are accepted.
    pub(crate) ci_issuer: Arc<CiIssuer>,
    /// Counts triggers that are refused.
    pub(crate) refused_triggers: RefusedTriggers,
    /// The address under which clients reach the server.
    pub(crate) public_url: PublicUrl,
    /// Where running releases write their logs.
    pub(crate) jobs: PathBuf,
    /// Where uploads are kept while they come in.
    pub(crate) incoming: PathBuf,
    /// Renders what was counted.
    pub(crate) metrics: PrometheusHandle,
    /// The server is to stop.
    pub(crate) stopping: CancellationToken,
}

/// What several features share, for each server once.
struct Shared {
    rates: RequestRates,
    tag_questions: Arc<Semaphore>,
    last_seen: ReplicasLastSeen,
    files: FileBytes,
}

impl Parts {
    /// Every route of the server.
    pub(crate) fn router(&self) -> Router {
        let shared = Shared {
            rates: RequestRates::new(),
            tag_questions: Arc::new(Semaphore::new(releases::TAG_QUESTIONS_MAX)),
            last_seen: ReplicasLastSeen::default(),
            files: FileBytes::new(self.blobs.clone(), CACHE_MAX_BYTES),
        };
        let quick = graphql::routes(self.graphql(&shared), self.authenticator.clone())
            .merge(ops::routes(self.ops()))
            .merge(pages::routes(self.pages()));
        with_limits(quick, BODY_MAX_BYTES, REQUEST_MAX)
            .merge(with_limits(releases::routes(self.releases(&shared)), BODY_MAX_BYTES, LONG_REQUEST_MAX))
            .merge(oidc::routes(self.oidc(&shared)))
            .merge(uploads::routes(self.uploads()))
            .merge(webhooks::routes(self.webhooks()))
            .merge(audit::routes(self.export()))
            .merge(feed::routes(self.feed(&shared)))
            .merge(with_limits(transparency::routes(self.transparency()), BODY_MAX_BYTES, REQUEST_MAX))
            .method_not_allowed_fallback(async || Problem::OtherMethod)
            // They stream and have limits of their own.
            .merge(repositories::routes(self.package_clients(shared)))
    }

    fn store(&self) -> Arc<dyn EventStore> {
        self.commands.executor.store().clone()
    }

    fn clock(&self) -> Clock {
        self.authenticator.clock
    }

    fn graphql(&self, shared: &Shared) -> GraphqlParts {
        let persons = self.authenticator.persons.clone();
        GraphqlParts {
            executor: self.commands.executor.clone(),
            commands: self.commands.clone(),
            dashboard: self.dashboard.clone(),
            credentials: self.credentials.clone(),
            repositories: self.repositories.clone(),
            transparency: self.transparency.clone(),
            auditor: self.auditor.clone(),
            key_usage: self.key_usage.clone(),
            replicas: shared.last_seen.clone(),
            operators: Operators { executor: self.commands.executor.clone(), persons: persons.clone() },
            persons,
            rolls: self.rolls.clone(),
            signing_keys: self.signing_keys.clone(),
            installers: self.installers.clone(),
            installable_within: INSTALLABLE_WITHIN,
            secrets: self.secrets.clone(),
            github: self.github.clone(),
            git: self.git.clone(),
            tag_questions: shared.tag_questions.clone(),
            public_url: self.public_url.clone(),
        }
    }

    fn pages(&self) -> PagesState {
        PagesState {
            executor: self.commands.executor.clone(),
            commands: self.commands.clone(),
            authenticator: self.authenticator.clone(),
            auditor: self.auditor.clone(),
            dashboard: self.dashboard.clone(),
            credentials: self.credentials.clone(),
            repositories: self.repositories.clone(),
            key_usage: self.key_usage.clone(),
            signing_keys: self.signing_keys.clone(),
            build_logs: BuildLogs {
                dashboard: self.dashboard.clone(),
                blobs: self.blobs.clone(),
                jobs: self.jobs.clone().into(),
            },
            public_url: self.public_url.clone(),
        }
    }

    fn ops(&self) -> OpsState {
        OpsState {
            store: self.store(),
            progress: self.commands.progress.clone(),
            signing_keys: self.signing_keys.clone(),
            clock: self.clock(),
            metrics: self.metrics.clone(),
        }
    }

    fn releases(&self, shared: &Shared) -> ReleasesState {
        ReleasesState {
            authenticator: self.authenticator.clone(),
            triggers: Triggers {
                executor: self.commands.executor.clone(),
                credentials: self.credentials.clone(),
                rates: shared.rates.clone(),
                refused: self.refused_triggers.clone(),
                tags: TagSource {
                    executor: self.commands.executor.clone(),
                    secrets: self.secrets.clone(),
                    git: self.git.clone(),
                    questions: shared.tag_questions.clone(),
                },
            },
            ends: ReleaseEnds { commands: self.commands.clone(), stopping: self.stopping.clone() },
            answers: ReleaseAnswers { dashboard: self.dashboard.clone(), public_url: self.public_url.clone() },
            logs: ReleaseLogs { dashboard: self.dashboard.clone(), blobs: self.blobs.clone(), jobs: self.jobs.clone() },
        }
    }

    fn oidc(&self, shared: &Shared) -> ExchangeState {
        ExchangeState {
            issuer: self.ci_issuer.clone(),
            executor: self.commands.executor.clone(),
            credentials: self.credentials.clone(),
            progress: self.commands.progress.clone(),
            rates: shared.rates.clone(),
            refused: self.refused_triggers.clone(),
            public_url: self.public_url.clone(),
        }
    }

    fn uploads(&self) -> UploadsState {
        UploadsState {
            authenticator: self.authenticator.clone(),
            incoming: IncomingFolder::new(self.incoming.clone()),
            packages: PackageIntake { signing_keys: self.signing_keys.clone(), blobs: self.blobs.clone() },
            executor: self.commands.executor.clone(),
            repositories: self.repositories.clone(),
        }
    }

    fn webhooks(&self) -> WebhooksState {
        WebhooksState {
            executor: self.commands.executor.clone(),
            credentials: self.credentials.clone(),
            secrets: WebhookSecrets::new(self.secrets.clone()),
            memory: DeliveriesMemory::default(),
            refused: self.refused_triggers.clone(),
        }
    }

    fn export(&self) -> ExportState {
        ExportState { authenticator: self.authenticator.clone(), auditor: self.auditor.clone() }
    }

    fn feed(&self, shared: &Shared) -> FeedState {
        FeedState {
            authenticator: self.authenticator.clone(),
            logs: FeedLogs {
                store: self.store(),
                transparency: self.transparency.clone(),
                signer: self.log_signer.clone(),
                signing_keys: self.signing_keys.clone(),
            },
            blobs: FeedBlobs { blobs: self.blobs.clone(), files: shared.files.clone() },
            limits: FeedLimits::default(),
            last_seen: shared.last_seen.clone(),
            clock: self.clock(),
            stopping: self.stopping.clone(),
        }
    }

    fn transparency(&self) -> TransparencyState {
        TransparencyState {
            authenticator: self.authenticator.clone(),
            dashboard: self.dashboard.clone(),
            transparency: self.transparency.clone(),
            signer: self.log_signer.clone(),
            store: self.store(),
        }
    }

    fn package_clients(&self, shared: Shared) -> RepositoriesState {
        let trusted = self.signing_keys.trusted();
        let authorizer = Authorizer {
            credentials: self.credentials.clone(),
            repositories: self.repositories.clone(),
            moves: Some(self.moves.clone()),
            clock: self.clock(),
        };
        let hand_over = RolledCredentials { rolls: self.rolls.clone(), progress: self.commands.progress.clone() };
        RepositoriesState {
            installers: Installers::new(
                authorizer.clone(),
                trusted.clone(),
                self.installers.clone(),
                self.public_url.clone(),
            ),
            credentials: CredentialsAddress::new(authorizer.clone(), Arc::new(hand_over)),
            files: Files {
                authorizer,
                key_usage: Some(self.key_usage.clone()),
                bytes: shared.files,
                certificates: trusted.clone(),
                public_url: self.public_url.clone(),
            },
            certificates: trusted,
        }
    }
}
