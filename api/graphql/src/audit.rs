//! What auditors ask.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result};
use audit::{
    Access, Auditor, Entry, EventPage, FIRST_MAX, KeyStory, PackageStory, Question, ReleaseStory, TokenStory,
    key_or_token,
};
use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    ids::{AccessKeyId, EventId, ReleaseId, RepositoryId, TokenId},
    recorded::Position,
};
use event_log::execute::Executor;
use projections::audit_index::Page;

use super::{
    error::{invalid, unanswered},
    lists::{FIRST_DEFAULT, cost, within},
};
use crate::parts::part;

/// Questions about the event log. Answers show all that was recorded when they were asked.
#[derive(Default)]
pub(super) struct AuditQuestions;

/// Which events. All that is set must fit.
#[derive(Debug, Default, InputObject)]
struct EventFilter {
    /// They speak of this: `key:<id>`, `token:<id>`, `release:<id>`, `repository:<id>`, `project:<id>`, `delivery:<id>`,
    /// `machine:<name>`, `package:<sha256>`, `signing-key:<fingerprint>`.
    about: Option<String>,
    /// Their names: `keyring.rolled`.
    #[graphql(default)]
    names: Vec<String>,
    /// The kinds of streams that they are in: `keyring`.
    #[graphql(default)]
    kinds: Vec<String>,
    /// The name of the organisation whose they are.
    organisation: Option<String>,
    /// Who wanted them: `operator:<token>`, `person:<id>`, `api-token:<token>`, `access-key:<key>`, `worker:<name>`, `ci-job:<repository>`,
    /// `github-webhook`, `command-line`.
    actor: Option<String>,
    /// Not before this time.
    from: Option<String>,
    /// Before this time.
    until: Option<String>,
}

#[Object]
impl AuditQuestions {
    /// The events that fit, newest first; at most a thousand at a time.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: EventFilter,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "`next` of the page before")] after: Option<u64>,
        #[graphql(default, desc = "Oldest first")] oldest_first: bool,
    ) -> Result<EventPage> {
        let EventFilter { about, names, kinds, organisation, actor, from, until } = filter;
        let question = Question { about, names, kinds, organisation, actor, from, until };
        let auditor = auditor(ctx).await?;
        let wanted = auditor.wanted(&question).await.map_err(unanswered)?;
        let page =
            Page { after: after.map(Position), newest_first: !oldest_first, limit: within(first, FIRST_MAX)? as usize };
        auditor.page(&wanted, page).await.map_err(unanswered)
    }

    /// What led to an event, the beginning first and the event last.
    async fn chain(&self, ctx: &Context<'_>, event: String) -> Result<Vec<Entry>> {
        let event: EventId = event.parse().map_err(invalid)?;
        auditor(ctx).await?.chain(event).await.map_err(unanswered)
    }

    /// An API or operator token: issued, used, ended.
    async fn token_story(&self, ctx: &Context<'_>, id: String) -> Result<TokenStory> {
        auditor(ctx).await?.token(TokenId(key_or_token(&id).map_err(invalid)?)).await.map_err(unanswered)
    }

    /// An access key: issued, used, ended; what it could reach, and what it fetched.
    async fn key_story(&self, ctx: &Context<'_>, id: String) -> Result<KeyStory> {
        auditor(ctx).await?.key(AccessKeyId(key_or_token(&id).map_err(invalid)?)).await.map_err(unanswered)
    }

    /// A release: what asked for it, what became of it, and the signatures that show it.
    async fn release_story(&self, ctx: &Context<'_>, id: String) -> Result<ReleaseStory> {
        let id: ReleaseId = id.parse().map_err(invalid)?;
        auditor(ctx).await?.release(id).await.map_err(unanswered)
    }

    /// A package file: where it came from, which machines have it, and which still could get it.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn package_story(
        &self,
        ctx: &Context<'_>,
        sha256: String,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "`next` of the page before")] after: Option<String>,
    ) -> Result<PackageStory> {
        let sha256: Sha256 = sha256.parse().map_err(invalid)?;
        let now = part::<Arc<Executor>>(ctx).now();
        auditor(ctx).await?.package(sha256, now, key(after)?, within(first, FIRST_MAX)?).await.map_err(unanswered)
    }

    /// Who could enter a repository at a time: every key that worked then.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn access(
        &self,
        ctx: &Context<'_>,
        organisation: String,
        repository: String,
        #[graphql(desc = "Now if it is left out")] at: Option<DateTime<Utc>>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "`next` of the page before")] after: Option<String>,
    ) -> Result<Access> {
        let (organisation, name) = (organisation.parse().map_err(invalid)?, repository.parse().map_err(invalid)?);
        let at = at.unwrap_or_else(|| part::<Arc<Executor>>(ctx).now());
        let repository = RepositoryId::named(&organisation, &name);
        auditor(ctx).await?.access(repository, at, key(after)?, within(first, FIRST_MAX)?).await.map_err(unanswered)
    }
}

async fn auditor<'a>(ctx: &Context<'a>) -> Result<&'a Auditor> {
    part::<Auditor>(ctx).up_to_date().await.map_err(unanswered)
}

fn key(text: Option<String>) -> Result<Option<AccessKeyId>> {
    Ok(text.map(|text| key_or_token(&text)).transpose().map_err(invalid)?.map(AccessKeyId))
}
