//! The parts that a server, its tests and its benchmarks stand on, opened in one way.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use api_http::{
    auth::Authenticator, client_address::TrustedProxies, public_url::PublicUrl, run_command::CommandRunner,
};
use commands::signing_keys::{Making, SigningKeys};
use event_log::{
    event_store::EventStore,
    execute::{Clock, Executor},
};
use index::REPOSITORIES;
use ports::BoxError;
use projections::{
    dashboard::DASHBOARD,
    runner::{Progress, Runner},
};
use signing::log_signer::LogSigner;
use stores::{blobs::Blobs, personal::Persons, secrets::Secrets};

use crate::{Projected, ProjectedRepositories, Scope, StatedFacts};

/// Where the parts beside the log are kept, and how keys are made.
pub struct CoreSettings {
    /// The folder of the blobs.
    pub blobs: PathBuf,
    /// The file of the read models.
    pub read_models: PathBuf,
    /// The folder of the sealed secrets.
    pub secrets: PathBuf,
    /// The key that they are sealed with.
    pub master_key: PathBuf,
    /// The folder with the last signed state of each transparency log.
    pub signed_logs: PathBuf,
    /// How signing keys are made.
    pub making: Making,
    /// The host in the names of the transparency logs.
    pub host: String,
}

impl CoreSettings {
    /// Everything below one folder, under the names that a data folder has.
    #[must_use]
    pub fn below(folder: &Path, making: Making, host: &str) -> Self {
        Self {
            blobs: folder.join("blobs"),
            read_models: folder.join("read_models.sqlite"),
            secrets: folder.join("secrets"),
            master_key: folder.join("master.key"),
            signed_logs: folder.join("signed_logs"),
            making,
            host: host.to_owned(),
        }
    }
}

/// An open log and what belongs to it: blobs, secrets, signers and read models. Cheap to clone.
#[derive(Clone)]
pub struct Core {
    /// The event log.
    pub store: Arc<dyn EventStore>,
    /// Records events in it.
    pub executor: Arc<Executor>,
    /// What time it is.
    pub clock: Clock,
    /// Packages, indexes and logs.
    pub blobs: Blobs,
    /// Sealed secrets.
    pub secrets: Arc<Secrets>,
    /// Sealed personal data.
    pub persons: Persons,
    /// Sign packages and indexes.
    pub signing_keys: SigningKeys,
    /// Signs the transparency logs.
    pub log_signer: LogSigner,
    /// Read access to the read models.
    pub projected: Projected,
    /// How far they are.
    pub progress: Progress,
}

impl Core {
    /// Opens everything. The read models are as they were left until the runner runs.
    ///
    /// The first time this makes a signing key, which takes seconds.
    ///
    /// # Errors
    /// Whatever part cannot be opened, with its reason.
    pub async fn open(
        store: Arc<dyn EventStore>,
        clock: Clock,
        settings: CoreSettings,
    ) -> Result<(Self, Runner), BoxError> {
        let CoreSettings { blobs, read_models, secrets, master_key, signed_logs, making, host } = settings;
        let executor = Arc::new(Executor::new(store.clone(), clock));
        let secrets = Arc::new(Secrets::open(&secrets, &master_key)?);
        let persons = Persons::new(secrets.clone());
        let blobs = Blobs::local(blobs)?;
        let signing_keys = SigningKeys::open(executor.clone(), secrets.clone(), making).await?;
        let opened = Projected::open(read_models, store.clone(), &blobs, Scope::Everything).await?;
        let (projected, runner, progress) = opened;
        let trees = Arc::new(projected.transparency.clone());
        let log_signer = LogSigner::open(&executor, &secrets, &host, trees, signed_logs).await?;
        let core =
            Self { store, executor, clock, blobs, secrets, persons, signing_keys, log_signer, projected, progress };
        Ok((core, runner))
    }

    /// Checks tokens of requests that come through these proxies.
    #[must_use]
    pub fn authenticator(&self, trusted_proxies: TrustedProxies) -> Authenticator {
        Authenticator {
            credentials: self.projected.credentials.clone(),
            persons: self.persons.clone(),
            trusted_proxies,
            clock: self.clock,
        }
    }

    /// Runs the commands of operators.
    #[must_use]
    pub fn commands(&self) -> CommandRunner {
        CommandRunner {
            executor: self.executor.clone(),
            progress: self.progress.clone(),
            dashboards: &[DASHBOARD, REPOSITORIES],
        }
    }

    /// What releases ask the projected repositories.
    #[must_use]
    pub fn release_repositories(&self) -> ProjectedRepositories {
        let Projected { repositories, dashboard, .. } = self.projected.clone();
        ProjectedRepositories { repositories, dashboard }
    }

    /// What signed texts say beside the packages, when clients reach the server at `public_url`.
    #[must_use]
    pub fn statements(&self, public_url: PublicUrl) -> StatedFacts {
        StatedFacts { dashboard: self.projected.dashboard.clone(), public_url, signer: self.log_signer.clone() }
    }
}
