//! The projected repositories, as the signing worker and the release pipeline need them.

use commands::{event_store::BoxError, publishing, releases};
use domain::{
    ids::RepositoryId,
    names::OrganisationName,
    package::Format,
    recorded::Revision,
};
use futures::future::BoxFuture;
use projections::index::Repositories as Indexes;
use tokio::sync::watch;

/// Answers the commands' side from the projected indexes.
pub struct ProjectedRepositories {
    /// The indexes.
    pub indexes: Indexes,
}

impl publishing::Candidates for ProjectedRepositories {
    fn unsigned(&self) -> Vec<RepositoryId> {
        self.indexes.unsigned()
    }

    fn candidate(&self, repository: RepositoryId) -> BoxFuture<'_, Result<Option<publishing::Candidate>, BoxError>> {
        Box::pin(async move {
            let candidate = self.indexes.candidate(repository).await?;
            Ok(candidate.map(|candidate| publishing::Candidate {
                repository,
                format: candidate.format,
                covers: candidate.covers,
                published_at: candidate.published_at,
                signed_path: candidate.signed_path,
                text: candidate.text,
                files: candidate.files,
            }))
        })
    }

    fn wake(&self) -> watch::Receiver<u64> {
        self.indexes.changes()
    }
}

impl releases::Repositories for ProjectedRepositories {
    fn of(&self, organisation: &OrganisationName, format: Format) -> BoxFuture<'_, Vec<RepositoryId>> {
        let found = self.indexes.of_organisation(organisation, format);
        Box::pin(async move { found })
    }

    fn published(&self, repository: RepositoryId, revision: Revision) -> BoxFuture<'_, ()> {
        Box::pin(self.indexes.published(repository, revision))
    }
}
