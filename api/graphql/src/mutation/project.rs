//! Changes of projects and of how their releases are asked for.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use building::source::Git;
use domain::{
    ids::ProjectId,
    names::ProjectName,
    project::{CI_REF_PATTERN_DEFAULT, CiTrust, Command, GitUrl, NewApiToken, Project, Scopes},
};
use event_log::execute::Executor;

use super::{existing_organisation, run};
use crate::{
    error::{invalid, with_code},
    parts::part,
    types::{self, NewProject, TriggerWord},
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
        #[graphql(default_with = "TriggerWord::ApiEndpoint", desc = "How its releases are asked for")]
        trigger: TriggerWord,
    ) -> Result<NewProject> {
        let organisation = existing_organisation(ctx, &organisation).await?;
        let name: ProjectName = name.parse().map_err(invalid)?;
        let source = GitUrl::parse(&source, part::<Git>(ctx).allow_local).map_err(invalid)?;
        let id = ProjectId::named(&organisation, &name);
        let add = Command::Add { organisation, name, source, trigger: trigger.into() };
        run::<Project>(ctx, id.0, add).await?;
        let (token, token_id, secret_sha256) = super::api_token::new_token();
        let (name, scopes, expires_at, job) = (None, Scopes::default(), None, None);
        let new = NewApiToken { token: token_id, secret_sha256, name, scopes, expires_at, job };
        run::<Project>(ctx, id.0, Command::IssueApiToken { new, at: part::<Arc<Executor>>(ctx).now() }).await?;
        Ok(NewProject { project: types::Project::load(ctx, id).await?, api_token: token.text() })
    }

    /// Sets how a project's releases are asked for. Calls of the other kind are refused from now on.
    async fn choose_trigger(&self, ctx: &Context<'_>, project: ID, trigger: TriggerWord) -> Result<types::Project> {
        change(ctx, project, Command::ChooseTrigger { trigger: trigger.into() }).await
    }

    /// Sets which tags webhooks release: `v*`. `*` stands for any characters, `?` for one.
    async fn set_tag_pattern(&self, ctx: &Context<'_>, project: ID, pattern: String) -> Result<types::Project> {
        change(ctx, project, Command::SetTagPattern { pattern: pattern.parse().map_err(invalid)? }).await
    }

    /// Lets jobs at GitHub Actions exchange a proof of their identity for an API token of 15 minutes.
    async fn trust_github_actions(
        &self,
        ctx: &Context<'_>,
        project: ID,
        #[graphql(desc = "The numeric id of the code repository")] repository_id: ID,
        #[graphql(desc = "The numeric id of the account or organisation that owns it")] owner_id: ID,
        #[graphql(desc = "The refs that jobs run for; refs/tags/* if left out")] ref_pattern: Option<String>,
        #[graphql(desc = "Whom proofs have to be made out to; this server's address if left out")] audience: Option<
            String,
        >,
    ) -> Result<types::Project> {
        let ref_pattern = ref_pattern.as_deref().unwrap_or(CI_REF_PATTERN_DEFAULT).parse().map_err(invalid)?;
        let (repository_id, owner_id) = (numeric_id(&repository_id)?, numeric_id(&owner_id)?);
        let trust = CiTrust { repository_id, owner_id, ref_pattern, audience };
        change(ctx, project, Command::TrustCi(trust)).await
    }

    /// Lets them no more. Tokens that they hold work until they expire.
    async fn distrust_github_actions(&self, ctx: &Context<'_>, project: ID) -> Result<types::Project> {
        change(ctx, project, Command::DistrustCi).await
    }
}

/// Runs `command` on a project and answers with the project.
pub(super) async fn change(ctx: &Context<'_>, project: ID, command: Command) -> Result<types::Project> {
    let id: ProjectId = project.parse().map_err(invalid)?;
    run::<Project>(ctx, id.0, command).await?;
    types::Project::load(ctx, id).await
}

/// An id as GitHub counts them.
pub(super) fn numeric_id(id: &ID) -> Result<u64> {
    id.parse().map_err(|_| with_code("invalid", "not a numeric id of GitHub: expected digits, such as 1296269"))
}
