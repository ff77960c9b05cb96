//! Packages that should not have been published.

use async_graphql::{Context, Object, Result};
use domain::{
    digest::Sha256,
    repository::{Command, Repository},
};

use super::{id_of, run};
use crate::{
    error::invalid,
    types::{self, YankPolicyWord},
};

#[derive(Default)]
pub(super) struct YankMutation;

#[Object]
impl YankMutation {
    /// Takes a package out of the next publications, or marks it, as the repository's policy says. It stays in those from
    /// before, where its file is answered with the reason in a header. Who did it is recorded.
    async fn yank_package(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        #[graphql(desc = "The package file's digest")] sha256: String,
        #[graphql(desc = "For people, in one line of at most 200 characters")] reason: String,
    ) -> Result<types::Repository> {
        let id = id_of(&organisation, &repository)?;
        let sha256: Sha256 = sha256.parse().map_err(invalid)?;
        let reason = reason.parse().map_err(invalid)?;
        run::<Repository>(ctx, id.0, Command::YankPackage { sha256, reason }).await?;
        types::Repository::load(ctx, id).await
    }

    /// Takes a yank back: the same file is in the next publications again.
    async fn restore_package(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        #[graphql(desc = "The package file's digest")] sha256: String,
    ) -> Result<types::Repository> {
        let id = id_of(&organisation, &repository)?;
        let sha256: Sha256 = sha256.parse().map_err(invalid)?;
        run::<Repository>(ctx, id.0, Command::RestorePackage { sha256 }).await?;
        types::Repository::load(ctx, id).await
    }

    /// Says what later yanks do. What is yanked already stays as it is.
    async fn set_yank_policy(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        policy: YankPolicyWord,
    ) -> Result<types::Repository> {
        let id = id_of(&organisation, &repository)?;
        run::<Repository>(ctx, id.0, Command::SetYankPolicy { policy: policy.into() }).await?;
        types::Repository::load(ctx, id).await
    }
}
