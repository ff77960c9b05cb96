//! Releases, their steps and packages.

use api_http::public_url::PublicUrl;
use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    ids::{ProjectId, ReleaseId},
    names::OrganisationName,
    recorded::Position,
};
use projections::dashboard::{self, Dashboard};

use super::FormatWord;
use crate::{error::internal, parts::part};

/// One tag on its way into the repositories.
pub(crate) struct Release(dashboard::Release);

impl Release {
    pub(crate) async fn load(ctx: &Context<'_>, id: ReleaseId) -> Result<Option<Self>> {
        let row = part::<Dashboard>(ctx).release(id).await.map_err(|error| internal(&error))?;
        Ok(row.map(Self))
    }

    pub(crate) async fn list(
        ctx: &Context<'_>,
        organisation: Option<&OrganisationName>,
        project: Option<ProjectId>,
        before: Option<Position>,
        first: u32,
    ) -> Result<Vec<Self>> {
        let dashboard = part::<Dashboard>(ctx);
        let rows = dashboard.releases(organisation, project, before, first).await.map_err(|error| internal(&error))?;
        Ok(rows.into_iter().map(Self).collect())
    }
}

#[Object]
impl Release {
    /// Its id.
    async fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// Pass it as `before` to get the releases that are older.
    async fn cursor(&self) -> String {
        self.0.cursor.to_string()
    }

    /// The organisation whose it is.
    async fn organisation(&self) -> &str {
        &self.0.organisation
    }

    /// Its project's id.
    async fn project(&self) -> String {
        self.0.project.to_string()
    }

    /// The git tag.
    async fn tag(&self) -> &str {
        &self.0.tag
    }

    /// What its packages are called by.
    async fn version(&self) -> &str {
        &self.0.version
    }

    /// The commit that is built, once it is checked out.
    async fn commit(&self) -> Option<&str> {
        self.0.commit.as_deref()
    }

    /// How it stands.
    async fn state(&self) -> ReleaseState {
        self.0.state.into()
    }

    /// The step it has come to.
    async fn step(&self) -> StepWord {
        self.0.step.into()
    }

    /// When it was received.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.received_at
    }

    /// When it was uploaded, failed or cancelled.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// Where its log is.
    async fn log_url(&self, ctx: &Context<'_>) -> String {
        self.log_address(ctx)
    }

    /// The steps it has come to, in order.
    async fn steps(&self, ctx: &Context<'_>) -> Result<Vec<ReleaseStep>> {
        Ok(self.step_rows(ctx).await?.into_iter().map(ReleaseStep::of).collect())
    }

    /// Why it failed, if it did.
    async fn failure(&self, ctx: &Context<'_>) -> Result<Option<Failure>> {
        let log_url = self.log_address(ctx);
        Ok(self.step_rows(ctx).await?.into_iter().find_map(|step| {
            let (code, message) = (step.code?, step.message?);
            Some(Failure { step: step.step.into(), code, message, log_url: log_url.clone() })
        }))
    }

    /// Its packages, by config file.
    async fn packages(&self, ctx: &Context<'_>) -> Result<Vec<ReleasePackage>> {
        let rows = part::<Dashboard>(ctx).packages(self.0.id).await;
        Ok(rows.map_err(|error| internal(&error))?.into_iter().map(ReleasePackage::of).collect())
    }
}

impl Release {
    fn log_address(&self, ctx: &Context<'_>) -> String {
        format!("{}/api/v1/releases/{}/log", part::<PublicUrl>(ctx).as_str(), self.0.id)
    }

    async fn step_rows(&self, ctx: &Context<'_>) -> Result<Vec<dashboard::ReleaseStep>> {
        part::<Dashboard>(ctx).steps(self.0.id).await.map_err(|error| internal(&error))
    }
}

/// How a release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "dashboard::ReleaseState")]
pub(crate) enum ReleaseState {
    /// It is on its way.
    Running,
    /// Its packages can be installed.
    Uploaded,
    /// It will not be made.
    Failed,
    /// An operator stopped it.
    Cancelled,
}

/// The steps of a release, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "Step", remote = "domain::release::Step")]
pub(crate) enum StepWord {
    /// A trigger asked for it.
    Received,
    /// Other releases of the organisation are being built.
    WaitingForBuildSlot,
    /// The tag is fetched and its commit pinned.
    CheckoutCode,
    /// Every config file is read.
    ValidateConfig,
    /// A sandbox is prepared and build requirements are installed.
    SetupBuild,
    /// The commands run and the package file is made.
    Building,
    /// The packages enter the repositories.
    Uploading,
    /// The packages can be installed.
    Uploaded,
}

/// One step that a release has come to.
#[derive(SimpleObject)]
pub(crate) struct ReleaseStep {
    /// Which.
    step: StepWord,
    /// When it began.
    at: DateTime<Utc>,
    /// When it ended.
    ended_at: Option<DateTime<Utc>>,
    /// What went wrong in it.
    detail: Option<String>,
}

impl ReleaseStep {
    fn of(row: dashboard::ReleaseStep) -> Self {
        Self { step: row.step.into(), at: row.started_at, ended_at: row.ended_at, detail: row.message }
    }
}

/// Why a release failed.
#[derive(SimpleObject)]
pub(crate) struct Failure {
    /// Where it stopped.
    step: StepWord,
    /// What went wrong, in one stable word.
    code: String,
    /// What went wrong, for people.
    message: String,
    /// Where the build's log is.
    log_url: String,
}

/// One package of a release.
#[derive(SimpleObject)]
pub(crate) struct ReleasePackage {
    /// Its config file.
    config: String,
    /// Its name.
    name: String,
    /// Deb or rpm.
    format: FormatWord,
    /// In the format's own word.
    architecture: String,
    /// What it is built on, as the config says.
    distribution: String,
    /// What it is built on, in words, once its sandbox stands.
    root: Option<String>,
    /// Its file's name, once it is built.
    file_name: Option<String>,
    /// Its file's digest: of what clients get, once that is ready.
    sha256: Option<String>,
    /// Its file's length.
    size_bytes: Option<u64>,
}

impl ReleasePackage {
    fn of(row: dashboard::ReleasePackage) -> Self {
        Self {
            config: row.config,
            name: row.name,
            format: row.format.into(),
            architecture: row.architecture,
            distribution: row.distribution,
            root: row.root,
            file_name: row.file_name,
            sha256: row.sha256.map(|digest| digest.to_string()),
            size_bytes: row.size_bytes,
        }
    }
}
