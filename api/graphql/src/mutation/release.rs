//! Changes of releases.

use async_graphql::{Context, ID, Object, Result};
use domain::{
    ids::ReleaseId,
    release::{self, Release},
};

use super::run;
use crate::{
    error::{invalid, not_found},
    types,
};

#[derive(Default)]
pub(super) struct ReleaseMutation;

#[Object]
impl ReleaseMutation {
    /// Stops a release. Its tag may be released again.
    async fn cancel_release(&self, ctx: &Context<'_>, id: ID) -> Result<types::Release> {
        let id: ReleaseId = id.parse().map_err(invalid)?;
        run::<Release>(ctx, id.0, release::Command::Cancel).await?;
        types::Release::load(ctx, id).await?.ok_or_else(|| not_found(format!("release {id}")))
    }
}
