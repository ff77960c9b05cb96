//! Names of publications.

use async_graphql::{Context, Object, Result};
use domain::{
    names::SnapshotName,
    repository::{Command, NEWEST, Repository},
};

use super::{id_of, run};
use crate::{error::invalid, types};

#[derive(Default)]
pub(super) struct SnapshotMutation;

#[Object]
impl SnapshotMutation {
    /// Gives a publication a name: `…/at/<name>/` serves it from now on. A name is given once, and means the same
    /// publication for ever.
    async fn take_snapshot(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        #[graphql(desc = "A letter, then a-z 0-9 . -; at most 64 characters")] name: String,
        #[graphql(
            desc = "Which publication: a time, a project and its tag (hello@v1.2.3), a position of the log, a release's id, another snapshot's name",
            default_with = "NEWEST.to_owned()"
        )]
        at: String,
    ) -> Result<types::Repository> {
        let id = id_of(&organisation, &repository)?;
        let name: SnapshotName = name.parse().map_err(invalid)?;
        let published_at = types::Repository::load(ctx, id).await?.published(ctx, &at).await?.published_at;
        run::<Repository>(ctx, id.0, Command::TakeSnapshot { name, published_at }).await?;
        types::Repository::load(ctx, id).await
    }

    /// Takes a publication's name back. The publication stays; the name is given to no other.
    async fn remove_snapshot(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        name: String,
    ) -> Result<types::Repository> {
        let id = id_of(&organisation, &repository)?;
        let name: SnapshotName = name.parse().map_err(invalid)?;
        run::<Repository>(ctx, id.0, Command::RemoveSnapshot { name }).await?;
        types::Repository::load(ctx, id).await
    }
}
