//! `/releases`: every release, newest first; and the table of releases that other pages show too.

use std::collections::{HashMap, hash_map::Entry};

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use domain::{
    ids::ProjectId,
    names::{OrganisationName, ProjectName},
    recorded::Position,
};
use projections::dashboard::{Dashboard, PAGE_MAX, Release};
use serde::Deserialize;

use super::{
    layout::{Layout, Section, SiteInfo, show},
    problem::{PageProblem, bad_query, not_found},
    show::{Badge, Moment, took},
};

/// How many releases a page shows.
const RELEASES_SHOWN: u32 = 25;

/// One row of the table.
pub(super) struct ReleaseRow {
    pub(super) id: String,
    pub(super) organisation: String,
    pub(super) project: String,
    pub(super) tag: String,
    pub(super) version: String,
    pub(super) badge: Badge,
    pub(super) step: String,
    pub(super) received: Moment,
    pub(super) took: String,
}

impl ReleaseRow {
    /// One row for each release.
    pub(super) async fn of(
        dashboard: &Dashboard,
        releases: Vec<Release>,
        layout: &Layout,
    ) -> Result<Vec<Self>, PageProblem> {
        let mut names: HashMap<ProjectId, String> = HashMap::new();
        for release in &releases {
            if let Entry::Vacant(unknown) = names.entry(release.project) {
                let project = dashboard.project(release.project).await?.ok_or_else(|| not_found("project"))?;
                unknown.insert(project.name);
            }
        }
        let row = |release: Release| Self {
            badge: Badge::of(release.state),
            step: release.step.to_string(),
            received: layout.moment(release.received_at),
            took: took(&release, layout.now()),
            id: release.id.to_string(),
            project: names.get(&release.project).cloned().unwrap_or_default(),
            organisation: release.organisation,
            tag: release.tag,
            version: release.version,
        };
        Ok(releases.into_iter().map(row).collect())
    }
}

/// The filter: all releases, those of `acme`, or those of `acme/website`.
enum Of {
    All,
    Organisation(OrganisationName),
    Project(OrganisationName, ProjectName),
}

impl Of {
    fn read(text: &str) -> Result<Self, PageProblem> {
        Ok(match text.split_once('/') {
            _ if text.is_empty() => Self::All,
            None => Self::Organisation(text.parse().map_err(bad_query)?),
            Some((organisation, project)) => {
                Self::Project(organisation.parse().map_err(bad_query)?, project.parse().map_err(bad_query)?)
            }
        })
    }
}

/// An option of the filter.
struct Choice {
    name: String,
    is_chosen: bool,
}

#[derive(Deserialize)]
pub(super) struct ReleasesQuery {
    #[serde(default)]
    of: String,
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "releases.html")]
struct ReleasesPage {
    layout: Layout,
    releases: Vec<ReleaseRow>,
    organisations: Vec<Choice>,
    projects: Vec<Choice>,
    of: String,
    is_newest: bool,
    older: Option<Position>,
}

/// `GET /releases`.
pub(super) async fn releases(
    State(dashboard): State<Dashboard>,
    State(site): State<SiteInfo>,
    Query(query): Query<ReleasesQuery>,
) -> Result<Html<String>, PageProblem> {
    let (organisation, project) = match Of::read(&query.of)? {
        Of::All => (None, None),
        Of::Organisation(organisation) => (Some(organisation), None),
        Of::Project(organisation, project) => {
            let id = ProjectId::named(&organisation, &project);
            (Some(organisation), Some(id))
        }
    };
    let before = query.before.map(Position);
    let mut rows = dashboard.releases(organisation.as_ref(), project, before, RELEASES_SHOWN + 1).await?;
    let has_older = rows.len() > RELEASES_SHOWN as usize;
    rows.truncate(RELEASES_SHOWN as usize);
    let older = rows.last().filter(|_| has_older).map(|release| release.cursor);
    let layout = Layout::of(&site, "Releases", Section::Releases);
    let choice = |name: String| Choice { is_chosen: name == query.of, name };
    let organisations = dashboard.organisations(None, PAGE_MAX).await?;
    let projects = dashboard.projects(None, 0, PAGE_MAX).await?;
    show(&ReleasesPage {
        releases: ReleaseRow::of(&dashboard, rows, &layout).await?,
        organisations: organisations.into_iter().map(|row| choice(row.name)).collect(),
        projects: projects.into_iter().map(|row| choice(format!("{}/{}", row.organisation, row.name))).collect(),
        is_newest: before.is_none(),
        older,
        layout,
        of: query.of,
    })
}
