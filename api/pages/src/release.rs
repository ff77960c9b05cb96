//! `/releases/{release}`: the steps of one release, its packages, why it failed, and its log.

use askama::Template;
use audit::{Auditor, Entry};
use axum::{
    extract::{Path, State},
    response::Html,
};
use chrono::{DateTime, Utc};
use domain::{ids::ReleaseId, release::Step};
use projections::dashboard::{Dashboard, Release, ReleasePackage, ReleaseState, ReleaseStep};

use super::{
    layout::{Layout, Section, SiteInfo, show},
    log::{self, BuildLogs},
    problem::{PageProblem, not_found},
    show::{Badge, Moment, duration, size, took},
};

/// One of the eight steps, reached or not.
struct StepRow {
    name: String,
    /// `running`, `done`, `failed`, `cancelled`, `waiting` or `unreached`.
    state: String,
    started: Option<Moment>,
    took: Option<String>,
}

impl StepRow {
    fn of(step: Step, reached: Option<&ReleaseStep>, release: &Release, now: DateTime<Utc>) -> Self {
        let Some(reached) = reached else {
            let state = if release.state == ReleaseState::Running { "waiting" } else { "unreached" };
            return Self { name: step.to_string(), state: state.to_owned(), started: None, took: None };
        };
        let ended_at = reached.ended_at.unwrap_or(now);
        // The last step has no duration.
        let took = (step != Step::Uploaded).then(|| duration(ended_at - reached.started_at));
        let started = Some(Moment::of(reached.started_at, now));
        Self { name: step.to_string(), state: reached.state.clone(), started, took }
    }
}

/// Why the release failed.
struct Failure {
    step: String,
    code: String,
    message: String,
}

struct PackageCard {
    row: ReleasePackage,
    size: Option<String>,
    /// `acme/debs`.
    repository: Option<String>,
}

impl PackageCard {
    async fn of(dashboard: &Dashboard, row: ReleasePackage) -> Result<Self, PageProblem> {
        let repository = match row.repository {
            Some(id) => dashboard.repository(id).await?,
            None => None,
        };
        Ok(Self {
            size: row.size_bytes.map(size),
            repository: repository.map(|repository| format!("{}/{}", repository.organisation, repository.name)),
            row,
        })
    }
}

#[derive(Template)]
#[template(path = "release.html")]
struct ReleasePage {
    layout: Layout,
    release: Release,
    badge: Badge,
    is_running: bool,
    project: String,
    received: Moment,
    /// The event that started the release, and its actor.
    beginning: Option<Entry>,
    took: String,
    steps: Vec<StepRow>,
    failure: Option<Failure>,
    packages: Vec<PackageCard>,
    log: log::Tail,
}

/// `GET /releases/{release}`.
pub(super) async fn release(
    State(dashboard): State<Dashboard>,
    State(auditor): State<Auditor>,
    State(logs): State<BuildLogs>,
    State(site): State<SiteInfo>,
    Path(release): Path<String>,
) -> Result<Html<String>, PageProblem> {
    let id: ReleaseId = release.parse().map_err(|_| not_found("release"))?;
    let release = dashboard.release(id).await?.ok_or_else(|| not_found("release"))?;
    let project = dashboard.project(release.project).await?.ok_or_else(|| not_found("project"))?.name;
    let title = format!("{project} {}", release.tag);
    let layout = Layout::of(&site, title, Section::Releases);
    let reached = dashboard.steps(id).await?;
    let of = |step| StepRow::of(step, reached.iter().find(|row| row.step == step), &release, layout.now());
    let steps = Step::ALL.into_iter().map(of).collect();
    let failure = reached.iter().find_map(|row| {
        Some(Failure { step: row.step.to_string(), code: row.code.clone()?, message: row.message.clone()? })
    });
    let mut packages = Vec::new();
    for row in dashboard.packages(id).await? {
        packages.push(PackageCard::of(&dashboard, row).await?);
    }
    show(&ReleasePage {
        badge: Badge::of(release.state),
        is_running: release.state == ReleaseState::Running,
        received: layout.moment(release.received_at),
        beginning: auditor.beginning(id).await?,
        took: took(&release, layout.now()),
        log: logs.tail(&release).await?,
        project,
        steps,
        failure,
        packages,
        release,
        layout,
    })
}
