//! Repositories, their access keys and packages.

use std::sync::Arc;

use api_http::public_url::PublicUrl;
use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    ids::RepositoryId,
    repository::{NEWEST, PointInTime},
};
use event_log::execute::Executor;
use index::{HISTORY_PAGE_MAX, PointError, Published, Repositories};
use projections::{
    credentials::{ACCESS_KEYS_PAGE_MAX, Credentials},
    dashboard::{self, Dashboard, PAGE_MAX},
};

use super::{
    Diff, FormatWord, IssuedKey, Publication, Snapshot, YankPolicyWord,
    history::root,
    keyring::{AccessKey, Keyring},
};
use crate::{
    error::{internal, invalid, not_found, with_code},
    lists::{FIRST_DEFAULT, cost, within},
    parts::part,
};

/// An APT or YUM repository.
pub(crate) struct Repository(dashboard::Repository);

impl Repository {
    pub(super) fn of(row: dashboard::Repository) -> Self {
        Self(row)
    }

    pub(crate) async fn load(ctx: &Context<'_>, id: RepositoryId) -> Result<Self> {
        let row = part::<Dashboard>(ctx).repository(id).await.map_err(|error| internal(&error))?;
        row.map(Self).ok_or_else(|| not_found("such repository"))
    }

    /// The publication that the point written as `text` means.
    pub(crate) async fn published(&self, ctx: &Context<'_>, text: &str) -> Result<Published> {
        let history = part::<Repositories>(ctx).history();
        history.meant(self.0.id, &text.parse().map_err(invalid)?).await.map_err(|error| match error {
            absent @ PointError::Absent { .. } => with_code("not_found", absent),
            PointError::Rows(error) => internal(&error),
        })
    }

    /// The one line, run by root, that gives a machine access with `key`.
    pub(crate) fn install_command(&self, ctx: &Context<'_>, key: &IssuedKey) -> String {
        let dashboard::Repository { organisation, name, .. } = &self.0;
        let url = format!("{}/install/{organisation}/{name}", part::<PublicUrl>(ctx).as_str());
        // The shell's own printf hands curl the key: arguments of programs are for everyone on the machine to see.
        // Not a pipe from curl: its end would be the shell's, 0 even when nothing could be fetched.
        let fetch = format!("printf 'user = \"{}:{}\"' | curl -fsS -K - {url}", key.id, key.secret);
        format!("installer=$({fetch}) && printf '%s\\n' \"$installer\" | sh")
    }
}

#[Object]
impl Repository {
    /// Its id.
    #[graphql(name = "id")]
    async fn id_text(&self) -> String {
        self.0.id.to_string()
    }

    /// The organisation whose it is.
    async fn organisation(&self) -> &str {
        &self.0.organisation
    }

    /// What it is called in URLs.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it holds.
    async fn format(&self) -> FormatWord {
        self.0.format.into()
    }

    /// The APT suite; unused by YUM.
    async fn codename(&self) -> &str {
        &self.0.codename
    }

    /// Its root, as package clients are configured with it.
    async fn url(&self, ctx: &Context<'_>) -> String {
        root(ctx, &self.0)
    }

    /// Its publications, newest first. Each is served at its own address for ever.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn publications(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "When the last publication of the page before was made")] before: Option<DateTime<Utc>>,
    ) -> Result<Vec<Publication>> {
        let history = part::<Repositories>(ctx).history();
        let found = history
            .publications(self.0.id, before, within(first, HISTORY_PAGE_MAX)?)
            .await
            .map_err(|error| internal(&error))?;
        Ok(found.iter().map(|published| Publication::of(ctx, &self.0, published)).collect())
    }

    /// The publication that a point means; none if there is no such point.
    async fn publication(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "A time, a project and its tag (hello@v1.2.3), a position of the log, a release's id, a snapshot's name, or newest"
        )]
        at: String,
    ) -> Result<Option<Publication>> {
        let point: PointInTime = at.parse().map_err(invalid)?;
        let history = part::<Repositories>(ctx).history();
        let found = history.publication(self.0.id, &point).await.map_err(|error| internal(&error))?;
        Ok(found.map(|published| Publication::of(ctx, &self.0, &published)))
    }

    /// What became of it from one point to another.
    async fn diff(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "A time, a project and its tag (hello@v1.2.3), a position of the log, a release's id, a snapshot's name, or newest"
        )]
        from: String,
        #[graphql(default_with = "NEWEST.to_owned()")] to: String,
    ) -> Result<Diff> {
        let (from, to) = (self.published(ctx, &from).await?, self.published(ctx, &to).await?);
        Ok(Diff {
            repository: self.0.id,
            states: [from.covers, to.covers],
            from: Publication::of(ctx, &self.0, &from),
            to: Publication::of(ctx, &self.0, &to),
        })
    }

    /// The publications that were given a name, by name.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn snapshots(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "The last name of the page before")] after: Option<String>,
    ) -> Result<Vec<Snapshot>> {
        let after = after.map(|name| name.parse()).transpose().map_err(invalid)?;
        let history = part::<Repositories>(ctx).history();
        let found = history
            .snapshots(self.0.id, after.as_ref(), within(first, HISTORY_PAGE_MAX)?)
            .await
            .map_err(|error| internal(&error))?;
        Ok(found.into_iter().map(|snapshot| Snapshot::of(ctx, &self.0, snapshot)).collect())
    }

    /// The keys that open it, newest first.
    async fn access_keys(&self, ctx: &Context<'_>) -> Result<Vec<AccessKey>> {
        let keys = part::<Credentials>(ctx)
            .access_keys(self.0.id, part::<Arc<Executor>>(ctx).now(), None, ACCESS_KEYS_PAGE_MAX)
            .await;
        AccessKey::all(ctx, keys.map_err(|error| internal(&error))?).await
    }

    /// Its access keys by pages, and how far their newest roll has come.
    async fn keyring(&self, ctx: &Context<'_>) -> Result<Keyring> {
        Keyring::load(ctx, self.0.id).await
    }

    /// What the next yank does.
    async fn yank_policy(&self) -> YankPolicyWord {
        self.0.yank_policy.into()
    }

    /// How many packages it holds, hidden ones not counted.
    async fn package_count(&self) -> u64 {
        self.0.packages
    }

    /// Its packages, newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn packages(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(default)] offset: u32,
    ) -> Result<Vec<RepositoryPackage>> {
        let rows = part::<Dashboard>(ctx).repository_packages(self.0.id, offset, within(first, PAGE_MAX)?).await;
        let rows = rows.map_err(|error| internal(&error))?.into_iter();
        Ok(rows
            .map(|row| RepositoryPackage {
                file_name: row.file_name,
                name: row.name,
                version: row.version,
                architecture: row.architecture,
                sha256: row.sha256.to_string(),
                size_bytes: row.size_bytes,
                release: row.release.map(|release| release.to_string()),
                added_at: row.added_at,
                yank_reason: row.yank_reason,
                is_hidden: row.is_hidden,
            })
            .collect())
    }
}

/// A package in a repository.
#[derive(SimpleObject)]
pub(crate) struct RepositoryPackage {
    /// Its file's name.
    file_name: String,
    /// Its name.
    name: String,
    /// Its version, as its package manager writes it.
    version: String,
    /// In the format's own word.
    architecture: String,
    /// Its file's digest.
    sha256: String,
    /// Its file's length.
    size_bytes: u64,
    /// The release that built it; none if it was uploaded.
    release: Option<String>,
    /// When.
    added_at: DateTime<Utc>,
    /// Why it is yanked, if it is.
    yank_reason: Option<String>,
    /// It is yanked, and not in the newest publications.
    is_hidden: bool,
}
