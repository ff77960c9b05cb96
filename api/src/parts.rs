//! The open parts of a server that its workers and its routes share.

use std::{path::PathBuf, sync::Arc};

use api_http::{auth::Authenticator, client_address::TrustedProxies, public_url::PublicUrl, tokens};
use archive::data_folder::DataFolder;
use audit::Auditor;
use building::source::Git;
use commands::{
    github::Access,
    installers::PublishedInstallers,
    refused_triggers::RefusedTriggers,
    rolls::{Moves, Rolls, moves},
};
use composition::Core;
use domain::error_chain::ErrorChain;
use event_log::event_store::BoxError;
use ingest::oidc::{CiIssuer, IssuerUrl};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use stores::key_usage::{DROPPED_TOTAL, KeyUsage};
use tokio_util::sync::CancellationToken;

use crate::{
    builds::git,
    github::github_access,
    settings::{Oidc, Settings},
    workers::Workers,
};

/// The open parts of a server.
pub(crate) struct Parts {
    /// The log and what belongs to it.
    pub(crate) core: Core,
    /// Checks tokens.
    pub(crate) authenticator: Authenticator,
    /// Answers questions about the event log.
    pub(crate) auditor: Auditor,
    /// Rolls access keys.
    pub(crate) rolls: Rolls,
    /// Records which machines use their new keys.
    pub(crate) moves: Moves,
    /// Which access keys were used when.
    pub(crate) key_usage: KeyUsage,
    /// The installers that are published.
    pub(crate) installers: PublishedInstallers,
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

impl Parts {
    /// Opens what stands on `core`. What records uses and moves runs among `workers`.
    ///
    /// # Errors
    /// Whatever part cannot be opened, with its reason.
    pub(crate) async fn open(
        core: Core,
        settings: &Settings,
        data: &DataFolder,
        public_url: PublicUrl,
        metrics: PrometheusHandle,
        workers: &mut Workers,
        stopping: CancellationToken,
    ) -> Result<Self, BoxError> {
        let git = git(settings, data)?;
        let github = github_access(&settings.github, core.executor.clone(), core.secrets.clone(), git.clone())
            .map_err(|error| format!("[github] in the settings: {}", ErrorChain(error.as_ref())))?;
        let (key_usage, counting) = KeyUsage::open(data.key_usage(), core.clock).await?;
        workers.start("uses", counting);
        let (moves, recording) = moves(core.executor.clone());
        workers.start("moves", recording);
        let persons = Some(core.persons.clone());
        Ok(Self {
            authenticator: core.authenticator(TrustedProxies::new(settings.trusted_proxies.clone())),
            auditor: Auditor::new(core.store.clone(), &core.projected.readers, Some(key_usage.clone()), persons),
            rolls: Rolls { executor: core.executor.clone(), secrets: core.secrets.clone(), issue: tokens::issue },
            moves,
            key_usage,
            installers: PublishedInstallers::default(),
            git,
            github,
            ci_issuer: Arc::new(ci_issuer(settings)?),
            refused_triggers: RefusedTriggers::default(),
            public_url,
            jobs: data.jobs(),
            incoming: data.incoming(),
            metrics,
            stopping,
            core,
        })
    }
}

/// Which issuer of CI identities is trusted.
fn ci_issuer(settings: &Settings) -> Result<CiIssuer, BoxError> {
    let Oidc { issuer, proxy } = &settings.oidc;
    let issuer: IssuerUrl = issuer.as_deref().map_or_else(|| Ok(IssuerUrl::default()), str::parse)?;
    CiIssuer::new(&issuer, proxy.as_deref())
        .map_err(|error| format!("[oidc] in the settings: {}", ErrorChain(&error)).into())
}

/// The process's one recorder of metrics.
pub(crate) fn metrics_recorder() -> Result<PrometheusHandle, BoxError> {
    let recorder = PrometheusBuilder::new().install_recorder()?;
    metrics::counter!(DROPPED_TOTAL).increment(0);
    Ok(recorder)
}
