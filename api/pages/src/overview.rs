//! `/`: the latest releases, and every organisation with its projects and repositories.

use api_http::problem::Problem;
use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use commands::signing_keys::SigningKeys;
use commands::signing_keys::health;
use domain::{names::OrganisationName, signing_key::Standing};
use projections::dashboard::{self, Dashboard};
use serde::Deserialize;

use super::{
    layout::{Layout, Section, SiteInfo, show},
    problem::PageProblem,
    projects::ProjectRow,
    releases::ReleaseRow,
    repositories::RepositoryRow,
};

/// How many releases the dashboard shows.
const RELEASES_SHOWN: u32 = 10;
/// How many organisations a page shows.
const ORGANISATIONS_SHOWN: u32 = 20;
/// How many projects, and how many repositories, are shown for each organisation.
const ITEMS_SHOWN: u32 = 6;

/// A current or future signing key.
struct SigningKeyRow {
    epoch: u32,
    fingerprint: String,
    /// Its state.
    state: &'static str,
    ends: Option<String>,
    warning: Option<&'static str>,
}

impl SigningKeyRow {
    fn all(keys: &SigningKeys, layout: &Layout) -> Vec<Self> {
        let set = keys.now();
        let rows = health::of(&set, layout.now()).into_iter().map(|key| Self {
            state: match set.keys.iter().find(|one| one.epoch == key.epoch).map(|one| one.standing) {
                Some(Standing::Current) => "signs",
                Some(Standing::Overlapping) => "also signs indexes",
                _ => "waits",
            },
            epoch: key.epoch,
            fingerprint: key.fingerprint.to_string(),
            ends: key.expires_at.map(|end| end.format("%Y-%m-%d").to_string()),
            warning: key.warning,
        });
        rows.collect()
    }
}

/// An organisation with its projects and repositories.
struct OrganisationCard {
    name: String,
    build_slots: u16,
    projects: Vec<ProjectRow>,
    has_more_projects: bool,
    repositories: Vec<RepositoryRow>,
    has_more_repositories: bool,
}

impl OrganisationCard {
    async fn of(dashboard: &Dashboard, row: dashboard::Organisation, layout: &Layout) -> Result<Self, PageProblem> {
        let name: OrganisationName =
            row.name.parse().map_err(|error| Problem::internal("read an organisation's name")(Box::new(error)))?;
        let mut projects = dashboard.projects(Some(&name), 0, ITEMS_SHOWN + 1).await?;
        let mut repositories = dashboard.repositories(Some(&name), 0, ITEMS_SHOWN + 1).await?;
        let (has_more_projects, has_more_repositories) =
            (projects.len() > ITEMS_SHOWN as usize, repositories.len() > ITEMS_SHOWN as usize);
        projects.truncate(ITEMS_SHOWN as usize);
        repositories.truncate(ITEMS_SHOWN as usize);
        Ok(Self {
            name: row.name,
            build_slots: row.build_slots,
            projects: projects.into_iter().map(|row| ProjectRow::of(row, layout)).collect(),
            has_more_projects,
            repositories: repositories.into_iter().map(|row| RepositoryRow::of(row, layout)).collect(),
            has_more_repositories,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct OverviewQuery {
    /// The last organisation of the previous page.
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    layout: Layout,
    releases: Vec<ReleaseRow>,
    organisations: Vec<OrganisationCard>,
    signing_keys: Vec<SigningKeyRow>,
    is_first: bool,
    next_after: Option<String>,
}

/// `GET /`.
pub(super) async fn overview(
    State(dashboard): State<Dashboard>,
    State(signing_keys): State<SigningKeys>,
    State(site): State<SiteInfo>,
    Query(query): Query<OverviewQuery>,
) -> Result<Html<String>, PageProblem> {
    let layout = Layout::of(&site, "Overview", Section::Overview);
    let releases = dashboard.releases(None, None, None, RELEASES_SHOWN).await?;
    let mut rows = dashboard.organisations(query.after.as_deref(), ORGANISATIONS_SHOWN + 1).await?;
    let has_more = rows.len() > ORGANISATIONS_SHOWN as usize;
    rows.truncate(ORGANISATIONS_SHOWN as usize);
    let next_after = rows.last().filter(|_| has_more).map(|row| row.name.clone());
    let mut organisations = Vec::with_capacity(rows.len());
    for row in rows {
        organisations.push(OrganisationCard::of(&dashboard, row, &layout).await?);
    }
    show(&OverviewPage {
        releases: ReleaseRow::of(&dashboard, releases, &layout).await?,
        organisations,
        is_first: query.after.is_none(),
        signing_keys: SigningKeyRow::all(&signing_keys, &layout),
        next_after,
        layout,
    })
}
