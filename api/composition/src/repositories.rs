//! The projected repositories, as the signing worker and the release pipeline need them.

use api_http::public_url::PublicUrl;
use commands::{publishing, releases};
use domain::{
    checkpoint::LogName,
    ids::{OrganisationId, RepositoryId},
    names::OrganisationName,
    package::Format,
    recorded::Revision,
    repository::Stated,
};
use event_log::event_store::BoxError;
use futures::future::BoxFuture;
use index::Repositories;
use projections::dashboard::{Dashboard, PAGE_MAX};
use signing::log_signer::LogSigner;

/// Answers the commands' side from the projected repositories.
pub struct ProjectedRepositories {
    /// What is in them and what clients see.
    pub repositories: Repositories,
    /// Which there are.
    pub dashboard: Dashboard,
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
            let found = self
                .dashboard
                .repository(repository)
                .await?
                .ok_or("the read models (tables built from the event log) do not have the repository yet")?;
            let organisation: &OrganisationName = &found.organisation.parse()?;
            let snapshots = (found.format == Format::Deb)
                .then(|| format!("{}/apt/{organisation}/{}/at/@SNAPSHOTID@/", self.public_url.as_str(), found.name));
            let log = LogName::Organisation(OrganisationId::named(organisation));
            let origin = self.signer.origin(Some(organisation));
            Ok(Stated { snapshots, checkpoint: self.signer.checkpoint(log, &origin).await? })
        })
    }
}
