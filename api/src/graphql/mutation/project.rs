//! Changes of projects and their API tokens.

use async_graphql::{Context, ID, Object, Result};
use domain::{
    ids::{ProjectId, TokenId},
    names::ProjectName,
    project::{self, GitUrl, Project, Trigger},
    token::TokenKind,
};

use super::{existing_organisation, run};
use crate::{
    app::App,
    graphql::{
        error::invalid,
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
    let token = mint::token(TokenKind::Api);
    let issue = project::Command::IssueApiToken { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
    run::<Project>(ctx, id.0, issue).await?;
    let project = types::Project::load(ctx, id).await?;
    Ok(NewProject { project, api_token: token.text() })
}
