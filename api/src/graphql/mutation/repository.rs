//! Changes of repositories.

use async_graphql::{Context, Object, Result};
use domain::{
    ids::RepositoryId,
    names::RepositoryName,
    repository::{self, Repository},
};

use super::{access_key::issue_access_key, existing_organisation, run};
use crate::{
    app::App,
    graphql::{
        error::invalid,
        types::{self, FormatWord, NewRepository},
    },
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
        let app = ctx.data_unchecked::<App>();
        let organisation = existing_organisation(app, &organisation).await?;
        let name: RepositoryName = name.parse().map_err(invalid)?;
        let id = RepositoryId::named(&organisation, &name);
        let create = repository::Command::Create {
            organisation: organisation.clone(),
            name: name.clone(),
            format: format.into(),
        };
        run::<Repository>(ctx, id.0, create).await?;
        let access_key = issue_access_key(ctx, id, FIRST_KEY).await?;
        let repository = types::Repository::load(ctx, id).await?;
        Ok(NewRepository { install_command: repository.install_command(app, &access_key), access_key, repository })
    }
}
