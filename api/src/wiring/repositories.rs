//! The projected repositories, as the signing worker and the release pipeline need them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use commands::{event_store::BoxError, publishing, releases};
use domain::{ids::RepositoryId, names::OrganisationName, package::Format, recorded::Revision};
use futures::future::BoxFuture;
use projections::{
    board::{Board, PAGE_MAX},
    index::Repositories,
};
use tokio::sync::watch;

/// Answers the commands' side from the projected repositories.
pub struct ProjectedRepositories {
    /// What is in them and what clients see.
    pub repositories: Repositories,
    /// Which there are.
    pub board: Board,
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
    ) -> BoxFuture<'_, Result<publishing::Candidate, BoxError>> {
        Box::pin(async move {
            let candidate = self.repositories.candidate(repository, signers_changed_at).await?;
            Ok(publishing::Candidate {
                repository,
                format: self.repositories.fixed(repository).ok_or("the repository is not projected yet")?.format,
                covers: candidate.covers,
                published_at: candidate.published_at,
                signed_path: candidate.signed_path,
                text: candidate.text,
                files: candidate.files,
                renderer: candidate.renderer,
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
                let page = self.board.repositories(Some(organisation), offset, PAGE_MAX).await?;
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
