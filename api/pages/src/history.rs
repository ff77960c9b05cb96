//! The part of a repository's page that lists its newest versions and their snapshots.

use domain::{ids::RepositoryId, repository::Compact};
use index::Repositories;

use super::{layout::Layout, problem::PageProblem, show::Moment};

/// How many versions, and how many snapshots, a page shows. GraphQL lists all of them.
const SHOWN: u32 = 10;

pub(super) struct HistoryPart {
    pub(super) publications: Vec<PublicationRow>,
    pub(super) snapshots: Vec<SnapshotRow>,
    /// There are more than are shown.
    pub(super) more: bool,
}

pub(super) struct PublicationRow {
    pub(super) at: Moment,
    /// Its name in URLs: `20261126T100000Z`.
    pub(super) point: String,
    pub(super) names: Vec<String>,
}

pub(super) struct SnapshotRow {
    pub(super) name: String,
    pub(super) point: String,
    pub(super) taken: Moment,
}

impl HistoryPart {
    pub(super) async fn load(
        repositories: &Repositories,
        id: RepositoryId,
        layout: &Layout,
    ) -> Result<Self, PageProblem> {
        let history = repositories.history();
        let mut published = history.publications(id, None, SHOWN + 1).await?;
        let mut snapshots = history.snapshots(id, None, SHOWN + 1).await?;
        let more = published.len().max(snapshots.len()) > SHOWN as usize;
        published.truncate(SHOWN as usize);
        snapshots.truncate(SHOWN as usize);
        let mut publications = Vec::new();
        for one in published {
            let names = history.names_of(id, one.published_at).await?;
            publications.push(PublicationRow {
                at: layout.moment(one.published_at),
                point: Compact(one.published_at).to_string(),
                names: names.into_iter().map(|name| name.to_string()).collect(),
            });
        }
        let snapshots = snapshots.into_iter().map(|snapshot| SnapshotRow {
            name: snapshot.name.to_string(),
            point: Compact(snapshot.published_at).to_string(),
            taken: layout.moment(snapshot.taken_at),
        });
        Ok(Self { publications, snapshots: snapshots.collect(), more })
    }
}
