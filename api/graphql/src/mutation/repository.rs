//! Changes of repositories.

use std::time::Duration;

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
    parts::part,
    types::{self, FormatWord, NewRepository},
};

/// The name of the access key that a repository is born with.
const FIRST_KEY: &str = "default";

/// How long to wait for the first publication of a new repository, which has its installer.
const INSTALLABLE_WITHIN: Duration = Duration::from_secs(5);

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
        if let Some(revision) = part::<PublishedInstallers>(ctx).first(id, INSTALLABLE_WITHIN).await {
            let _shown = timeout(INSTALLABLE_WITHIN, part::<Repositories>(ctx).wait_covers(id, revision)).await;
        }
        let repository = types::Repository::load(ctx, id).await?;
        Ok(NewRepository { install_command: repository.install_command(ctx, &access_key), access_key, repository })
    }
}
