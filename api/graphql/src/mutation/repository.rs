//! Changes of repositories.

use async_graphql::{Context, Object, Result};
use commands::installers::PublishedInstallers;
use domain::{
    ids::RepositoryId,
    keyring::Terms,
    names::RepositoryName,
    repository::{self, Repository},
};
use index::Repositories;
use tokio::time::timeout;

use super::{access_key::issue_access_key, existing_organisation, run};
use crate::{
    error::invalid,
    parts::{InstallableWithin, part},
    types::{self, FormatWord, NewRepository},
};

/// The name of the access key that a repository is born with.
const FIRST_KEY: &str = "default";

#[derive(Default)]
pub(super) struct RepositoryMutation;

#[Object]
impl RepositoryMutation {
    /// Creates a repository and its first access key. The key is shown only now.
    async fn create_repository(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        name: String,
        format: FormatWord,
    ) -> Result<NewRepository> {
        let organisation = existing_organisation(ctx, &organisation).await?;
        let name: RepositoryName = name.parse().map_err(invalid)?;
        let id = RepositoryId::named(&organisation, &name);
        let create = repository::Command::Create {
            organisation: organisation.clone(),
            name: name.clone(),
            format: format.into(),
        };
        run::<Repository>(ctx, id.0, create).await?;
        let access_key = issue_access_key(ctx, id, FIRST_KEY, Terms::Shared { expires_at: None }).await?;
        // The installer is there when the install command runs next, unless the server is very busy.
        let limit = part::<InstallableWithin>(ctx).0;
        if let Some(revision) = part::<PublishedInstallers>(ctx).first(id, limit).await {
            let _shown = timeout(limit, part::<Repositories>(ctx).wait_covers(id, revision)).await;
        }
        let repository = types::Repository::load(ctx, id).await?;
        Ok(NewRepository { install_command: repository.install_command(ctx, &access_key), access_key, repository })
    }
}
