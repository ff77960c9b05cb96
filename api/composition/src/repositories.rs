//! The projected repositories, as the signing worker and the release pipeline need them.

use std::collections::BTreeSet;

use api_http::public_url::PublicUrl;
use chrono::{DateTime, Utc};
use commands::{publishing, releases};
use domain::{
    checkpoint::{LogName, LogState},
    digest::Sha256,
    ids::{OrganisationId, RepositoryId},
    names::OrganisationName,
    package::Format,
    recorded::Revision,
    repository::Stated,
};
use event_log::event_store::BoxError;
use futures::future::BoxFuture;
use index::Repositories;
use projections::{
    dashboard::{Dashboard, PAGE_MAX},
    transparency::Transparency,
};
use signing::log_signer::{LogSigner, Trees};
use tokio::sync::watch;

/// Answers the commands' side from the projected repositories.
pub struct ProjectedRepositories {
    /// What is in them and what clients see.
    pub repositories: Repositories,
    /// Which there are.
    pub dashboard: Dashboard,
}

impl publishing::Candidates for ProjectedRepositories {
    fn due(&self, signers: &BTreeSet<String>) -> Vec<RepositoryId> {
        self.repositories.due(signers)
    }

    fn yum(&self) -> Vec<(RepositoryId, Revision)> {
        self.repositories.of(Format::Rpm)
    }

    fn candidate(
        &self,
        repository: RepositoryId,
        signers_changed_at: DateTime<Utc>,
        stated: Stated,
    ) -> BoxFuture<'_, Result<publishing::Candidate, BoxError>> {
        Box::pin(async move {
            let candidate = self.repositories.candidate(repository, signers_changed_at, stated).await?;
            Ok(publishing::Candidate {
                repository,
                format: self.repositories.fixed(repository).ok_or("the repository is not projected yet")?.format,
                covers: candidate.covers,
                published_at: candidate.published_at,
                signed_path: candidate.signed_path,
                text: candidate.text,
                files: candidate.files,
                renderer: candidate.renderer,
                stated: candidate.stated,
            })
        })
    }

    fn promoted(&self, repository: RepositoryId, published_at: DateTime<Utc>) -> BoxFuture<'_, ()> {
        Box::pin(self.repositories.wait_published(repository, published_at))
    }

    fn wake(&self) -> watch::Receiver<u64> {
        self.repositories.changes()
    }
}

impl releases::Repositories for ProjectedRepositories {
    fn of<'a>(
        &'a self,
        organisation: &'a OrganisationName,
        format: Format,
    ) -> BoxFuture<'a, Result<Vec<RepositoryId>, BoxError>> {
        Box::pin(async move {
            let mut found = Vec::new();
            let mut offset = 0;
            loop {
                let page = self.dashboard.repositories(Some(organisation), offset, PAGE_MAX).await?;
                found.extend(
                    page.iter().filter(|repository| repository.format == format).map(|repository| repository.id),
                );
                offset += PAGE_MAX;
                if page.len() < PAGE_MAX as usize {
                    return Ok(found);
                }
            }
        })
    }

    fn published(&self, repository: RepositoryId, revision: Revision) -> BoxFuture<'_, ()> {
        Box::pin(self.repositories.wait_covers(repository, revision))
    }
}

/// What signed texts say: where earlier states are, and what the organisation's log was.
pub struct StatedFacts {
    /// Whose each repository is.
    pub dashboard: Dashboard,
    /// Where clients reach this server.
    pub public_url: PublicUrl,
    /// Vouches for the logs.
    pub signer: LogSigner,
}

impl publishing::Statements for StatedFacts {
    fn of(&self, repository: RepositoryId) -> BoxFuture<'_, Result<Stated, BoxError>> {
        Box::pin(async move {
            let found = self.dashboard.repository(repository).await?.ok_or("the repository is not projected yet")?;
            let organisation: &OrganisationName = &found.organisation.parse()?;
            let snapshots = (found.format == Format::Deb)
                .then(|| format!("{}/apt/{organisation}/{}/at/@SNAPSHOTID@/", self.public_url.as_str(), found.name));
            let log = LogName::Organisation(OrganisationId::named(organisation));
            let origin = self.signer.origin(Some(organisation));
            Ok(Stated { snapshots, checkpoint: self.signer.checkpoint(log, &origin).await? })
        })
    }
}

/// The projected logs, as their signer needs them.
pub struct ProjectedTrees(pub Transparency);

impl Trees for ProjectedTrees {
    fn now(&self, log: LogName) -> Option<LogState> {
        self.0.state(log)
    }

    fn root_at(&self, log: LogName, size: u64) -> BoxFuture<'_, Result<Option<Sha256>, BoxError>> {
        Box::pin(async move { Ok(self.0.root_at(log, size).await?) })
    }
}
