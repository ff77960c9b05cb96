//! Changes of projects and their API tokens.

use async_graphql::{Context, ID, Object, Result};
use domain::{
    ids::{ProjectId, TokenId},
    names::ProjectName,
    project::{self, GitUrl, NewApiToken, Project, Scopes, Trigger},
    token::TokenKind,
};

use super::{existing_organisation, run};
use crate::{
    app::App,
    graphql::{
        error::{internal, invalid},
        types::{self, NewProject},
    },
    mint,
};

#[derive(Default)]
pub(super) struct ProjectMutation;

#[Object]
impl ProjectMutation {
    /// Connects a code repository, and answers with the API token that releases it. The token is shown only now.
    async fn create_project(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        name: String,
        #[graphql(desc = "The git URL it is cloned from")] source: String,
    ) -> Result<NewProject> {
        let app = ctx.data_unchecked::<App>();
        let organisation = existing_organisation(app, &organisation).await?;
        let name: ProjectName = name.parse().map_err(invalid)?;
        let source = GitUrl::parse(&source, app.git.allow_local).map_err(invalid)?;
        let id = ProjectId::named(&organisation, &name);
        let add = project::Command::Add { organisation, name, source, trigger: Trigger::ApiEndpoint };
        run::<Project>(ctx, id.0, add).await?;
        issue_api_token(ctx, id).await
    }

    /// Makes a new API token for a project. The old one is dead when this answers; the new one is shown only now.
    async fn issue_api_token(&self, ctx: &Context<'_>, project: ID) -> Result<NewProject> {
        issue_api_token(ctx, project.parse().map_err(invalid)?).await
    }
}

async fn issue_api_token(ctx: &Context<'_>, id: ProjectId) -> Result<NewProject> {
    let app = ctx.data_unchecked::<App>();
    let (token, at) = (mint::token(TokenKind::Api), app.executor.now());
    let (id_of_token, secret_sha256) = (TokenId(token.id()), token.secret_sha256());
    let has_token = |project: &Project, _| project.added().is_some_and(|added| added.api_tokens.to_roll().is_ok());
    let has_token = app.executor.inspect::<Project, _>(id.0, has_token).await.map_err(|error| internal(&error))?;
    let command = if has_token {
        let (old, old_works_until, webhook_secret) = (None, None, None);
        project::Command::RollApiToken { old, token: id_of_token, secret_sha256, old_works_until, webhook_secret, at }
    } else {
        let (name, scopes, expires_at, job) = (None, Scopes::default(), None, None);
        let new = NewApiToken { token: id_of_token, secret_sha256, name, scopes, expires_at, job };
        project::Command::IssueApiToken { new, at }
    };
    run::<Project>(ctx, id.0, command).await?;
    let project = types::Project::load(ctx, id).await?;
    Ok(NewProject { project, api_token: token.text() })
}
