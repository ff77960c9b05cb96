//! What an operator can do.

use std::time::Duration;

use async_graphql::{Context, ID, Object, Result};
use commands::execute;
use domain::{
    aggregate::Aggregate,
    ids::{AccessKeyId, OrganisationId, ProjectId, ReleaseId, RepositoryId, TokenId},
    keyring::{self, Keyring},
    names::{OrganisationName, ProjectName, RepositoryName},
    organisation::{self, Organisation},
    project::{self, GitUrl, Project, Trigger},
    release::{self, Release},
    repository::{self, Repository},
    token::{TokenKind, id_text},
};
use projections::{board::BOARD, credentials::CREDENTIALS, index::REPOSITORIES};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    error::{internal, invalid, not_found, refused},
    types::{self, FormatWord, IssuedKey, NewKey, NewProject, NewRepository},
};
use crate::{app::App, auth::Operator, mint};

/// How long dashboards and indexes may take to show a change before it is answered all the same.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
/// The name of the access key that a repository is born with.
const FIRST_KEY: &str = "default";

/// Changes. Each is recorded with the operator's token id, and visible to queries once it is answered.
pub struct Mutation;

#[Object]
impl Mutation {
    /// Creates an organisation.
    async fn create_organisation(&self, ctx: &Context<'_>, name: String) -> Result<types::Organisation> {
        let name: OrganisationName = name.parse().map_err(invalid)?;
        let id = OrganisationId::named(&name);
        run::<Organisation>(ctx, id.0, organisation::Command::Create { name: name.clone() }).await?;
        types::Organisation::load(ctx, &name).await
    }

    /// Sets how many releases of an organisation are built at the same time.
    async fn set_build_slots(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        slots: u16,
    ) -> Result<types::Organisation> {
        let name: OrganisationName = organisation.parse().map_err(invalid)?;
        let id = OrganisationId::named(&name);
        run::<Organisation>(ctx, id.0, organisation::Command::SetBuildSlots { slots }).await?;
        types::Organisation::load(ctx, &name).await
    }

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

    /// Makes one more access key for a repository. The key is shown only now.
    async fn issue_access_key(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        name: String,
    ) -> Result<NewKey> {
        let app = ctx.data_unchecked::<App>();
        let id = RepositoryId::named(&organisation.parse().map_err(invalid)?, &repository.parse().map_err(invalid)?);
        let repository = types::Repository::load(ctx, id).await?;
        let access_key = issue_access_key(ctx, id, &name).await?;
        Ok(NewKey { install_command: repository.install_command(app, &access_key), access_key })
    }

    /// Ends an access key. No request that starts after the answer is let in with it.
    async fn revoke_access_key(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        #[graphql(desc = "The key's id, as its holders use it for a login")] key: String,
    ) -> Result<types::Repository> {
        let id = RepositoryId::named(&organisation.parse().map_err(invalid)?, &repository.parse().map_err(invalid)?);
        let key = domain::token::parse_id_text(&key).ok_or_else(|| not_found("such access key"))?;
        run::<Keyring>(ctx, id.0, keyring::Command::RevokeAccessKey { key: AccessKeyId(key) }).await?;
        types::Repository::load(ctx, id).await
    }

    /// Stops a release. Its tag may be released again.
    async fn cancel_release(&self, ctx: &Context<'_>, id: ID) -> Result<types::Release> {
        let id: ReleaseId = id.parse().map_err(invalid)?;
        run::<Release>(ctx, id.0, release::Command::Cancel).await?;
        types::Release::load(ctx, id).await?.ok_or_else(|| not_found(format!("release {id}")))
    }
}

/// Runs `command` for the operator, and waits until every query shows what it changed.
async fn run<A: Aggregate>(ctx: &Context<'_>, id: Uuid, command: A::Command) -> Result<()> {
    let (app, operator) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Operator>());
    let executed =
        app.executor.execute::<A>(id, command, &execute::Context::of(operator.actor())).await.map_err(refused)?;
    if let Some(position) = executed.position {
        // What the change opened or closed holds before the answer; what dashboards show of it may come a little later.
        app.progress.wait_for_projector(CREDENTIALS, position).await.map_err(|error| internal(&error))?;
        for late in [BOARD, REPOSITORIES] {
            if timeout(SHOWN_WITHIN, app.progress.wait_for_projector(late, position)).await.is_err() {
                tracing::warn!("what an operator changed does not show in {late} yet");
            }
        }
    }
    Ok(())
}

async fn existing_organisation(app: &App, name: &str) -> Result<OrganisationName> {
    let name: OrganisationName = name.parse().map_err(invalid)?;
    let id = OrganisationId::named(&name);
    let exists = app.executor.inspect::<Organisation, _>(id.0, |state, _| *state != Organisation::Unknown).await;
    if exists.map_err(|error| internal(&error))? { Ok(name) } else { Err(not_found(format!("organisation {name}"))) }
}

async fn issue_api_token(ctx: &Context<'_>, id: ProjectId) -> Result<NewProject> {
    let token = mint::token(TokenKind::Api);
    let issue = project::Command::IssueApiToken { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
    run::<Project>(ctx, id.0, issue).await?;
    let project = types::Project::load(ctx, id).await?;
    Ok(NewProject { project, api_token: token.text() })
}

async fn issue_access_key(ctx: &Context<'_>, repository: RepositoryId, name: &str) -> Result<IssuedKey> {
    let key = mint::token(TokenKind::AccessKey);
    let issue = keyring::Command::IssueAccessKey {
        key: AccessKeyId(key.id()),
        name: name.parse().map_err(invalid)?,
        secret_sha256: key.secret_sha256(),
    };
    run::<Keyring>(ctx, repository.0, issue).await?;
    Ok(IssuedKey { id: id_text(key.id()), secret: key.text() })
}
