//! The routes of a server, and which of its parts each feature gets.

use std::{sync::Arc, time::Duration};

use api_http::{
    api_limits::{BODY_MAX_BYTES, REQUEST_MAX, with_limits},
    problem::Problem,
    replicas_last_seen::ReplicasLastSeen,
};
use audit::{ExportState, operators::Operators};
use axum::Router;
use graphql::GraphqlParts;
use ingest::{
    oidc::{self, ExchangeState},
    releases::{self, ReleaseAnswers, ReleaseEnds, ReleaseLogs, ReleasesState, RequestRates, TagSource, Triggers},
    uploads::{self, IncomingFolder, PackageIntake, UploadsState},
    webhooks::{self, DeliveriesMemory, WebhookSecrets, WebhooksState},
};
use pages::{BuildLogs, PagesState};
use replica::feed::{self, FeedBlobs, FeedLimits, FeedLogs, FeedState};
use serving::{
    installers::{CredentialsAddress, Installers, RolledCredentials},
    ops::{self, OpsState},
    repositories::{self, Authorizer, CACHE_MAX_BYTES, FileBytes, Files, RepositoriesState},
    transparency::{self, TransparencyState},
};
use tokio::sync::Semaphore;

use crate::parts::Parts;

/// How long a request that waits may take.
const LONG_REQUEST_MAX: Duration = releases::WAIT_MAX.saturating_add(REQUEST_MAX);

/// How long the answer about a new repository waits for its first publication, which has its installer.
const INSTALLABLE_WITHIN: Duration = Duration::from_secs(5);

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
            files: FileBytes::new(self.core.blobs.clone(), CACHE_MAX_BYTES),
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

    fn graphql(&self, shared: &Shared) -> GraphqlParts {
        let persons = self.core.persons.clone();
        GraphqlParts {
            executor: self.core.executor.clone(),
            commands: self.core.commands(),
            dashboard: self.core.projected.dashboard.clone(),
            credentials: self.core.projected.credentials.clone(),
            repositories: self.core.projected.repositories.clone(),
            transparency: self.core.projected.transparency.clone(),
            auditor: self.auditor.clone(),
            key_usage: self.key_usage.clone(),
            replicas: shared.last_seen.clone(),
            operators: Operators { executor: self.core.executor.clone(), persons: persons.clone() },
            persons,
            rolls: self.rolls.clone(),
            signing_keys: self.core.signing_keys.clone(),
            installers: self.installers.clone(),
            installable_within: INSTALLABLE_WITHIN,
            secrets: self.core.secrets.clone(),
            github: self.github.clone(),
            git: self.git.clone(),
            tag_questions: shared.tag_questions.clone(),
            public_url: self.public_url.clone(),
        }
    }

    fn pages(&self) -> PagesState {
        PagesState {
            executor: self.core.executor.clone(),
            commands: self.core.commands(),
            authenticator: self.authenticator.clone(),
            auditor: self.auditor.clone(),
            dashboard: self.core.projected.dashboard.clone(),
            credentials: self.core.projected.credentials.clone(),
            repositories: self.core.projected.repositories.clone(),
            key_usage: self.key_usage.clone(),
            signing_keys: self.core.signing_keys.clone(),
            build_logs: BuildLogs {
                dashboard: self.core.projected.dashboard.clone(),
                blobs: self.core.blobs.clone(),
                jobs: self.jobs.clone().into(),
            },
            public_url: self.public_url.clone(),
        }
    }

    fn ops(&self) -> OpsState {
        OpsState {
            store: self.core.store.clone(),
            progress: self.core.progress.clone(),
            signing_keys: self.core.signing_keys.clone(),
            clock: self.core.clock,
            metrics: self.metrics.clone(),
        }
    }

    fn releases(&self, shared: &Shared) -> ReleasesState {
        ReleasesState {
            authenticator: self.authenticator.clone(),
            triggers: Triggers {
                executor: self.core.executor.clone(),
                credentials: self.core.projected.credentials.clone(),
                rates: shared.rates.clone(),
                refused: self.refused_triggers.clone(),
                tags: TagSource {
                    executor: self.core.executor.clone(),
                    secrets: self.core.secrets.clone(),
                    git: self.git.clone(),
                    questions: shared.tag_questions.clone(),
                },
            },
            ends: ReleaseEnds { commands: self.core.commands(), stopping: self.stopping.clone() },
            answers: ReleaseAnswers {
                dashboard: self.core.projected.dashboard.clone(),
                public_url: self.public_url.clone(),
            },
            logs: ReleaseLogs {
                dashboard: self.core.projected.dashboard.clone(),
                blobs: self.core.blobs.clone(),
                jobs: self.jobs.clone(),
            },
        }
    }

    fn oidc(&self, shared: &Shared) -> ExchangeState {
        ExchangeState {
            issuer: self.ci_issuer.clone(),
            executor: self.core.executor.clone(),
            credentials: self.core.projected.credentials.clone(),
            progress: self.core.progress.clone(),
            rates: shared.rates.clone(),
            refused: self.refused_triggers.clone(),
            public_url: self.public_url.clone(),
        }
    }

    fn uploads(&self) -> UploadsState {
        UploadsState {
            authenticator: self.authenticator.clone(),
            incoming: IncomingFolder::new(self.incoming.clone()),
            packages: PackageIntake { signing_keys: self.core.signing_keys.clone(), blobs: self.core.blobs.clone() },
            executor: self.core.executor.clone(),
            repositories: self.core.projected.repositories.clone(),
        }
    }

    fn webhooks(&self) -> WebhooksState {
        WebhooksState {
            executor: self.core.executor.clone(),
            credentials: self.core.projected.credentials.clone(),
            secrets: WebhookSecrets::new(self.core.secrets.clone()),
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
                store: self.core.store.clone(),
                transparency: self.core.projected.transparency.clone(),
                signer: self.core.log_signer.clone(),
                signing_keys: self.core.signing_keys.clone(),
            },
            blobs: FeedBlobs { blobs: self.core.blobs.clone(), files: shared.files.clone() },
            limits: FeedLimits::default(),
            last_seen: shared.last_seen.clone(),
            clock: self.core.clock,
            stopping: self.stopping.clone(),
        }
    }

    fn transparency(&self) -> TransparencyState {
        TransparencyState {
            authenticator: self.authenticator.clone(),
            dashboard: self.core.projected.dashboard.clone(),
            transparency: self.core.projected.transparency.clone(),
            signer: self.core.log_signer.clone(),
            store: self.core.store.clone(),
        }
    }

    fn package_clients(&self, shared: Shared) -> RepositoriesState {
        let trusted = self.core.signing_keys.trusted();
        let authorizer = Authorizer {
            credentials: self.core.projected.credentials.clone(),
            repositories: self.core.projected.repositories.clone(),
            moves: Some(self.moves.clone()),
            clock: self.core.clock,
        };
        let hand_over = RolledCredentials { rolls: self.rolls.clone(), progress: self.core.progress.clone() };
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
