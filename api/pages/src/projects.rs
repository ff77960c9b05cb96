//! `/projects`: all projects.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use domain::{names::OrganisationName, project::Trigger};
use projections::dashboard::{self, Dashboard};
use serde::Deserialize;

use super::{
    layout::{Layout, Section, SiteInfo, show},
    problem::{PageProblem, bad_query},
    show::Moment,
};

/// How many projects, or repositories, a page shows.
pub(super) const ITEMS_SHOWN: u32 = 50;

/// A project in a list.
pub(super) struct ProjectRow {
    pub(super) id: String,
    pub(super) organisation: String,
    pub(super) name: String,
    pub(super) source: String,
    pub(super) trigger: &'static str,
    pub(super) added: Moment,
}

impl ProjectRow {
    pub(super) fn of(row: dashboard::Project, layout: &Layout) -> Self {
        Self {
            id: row.id.to_string(),
            added: layout.moment(row.added_at),
            trigger: if row.trigger == Trigger::GithubWebhook { "GitHub webhook" } else { "API endpoint" },
            organisation: row.organisation,
            name: row.name,
            source: row.source,
        }
    }
}

/// Which page of a list is shown.
#[derive(Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    organisation: String,
    /// From 1.
    page: Option<u32>,
}

/// The query of a list page.
pub(super) struct Part {
    pub(super) organisation: Option<OrganisationName>,
    pub(super) page: u32,
}

impl Part {
    pub(super) fn read(query: &ListQuery) -> Result<Self, PageProblem> {
        let named = Some(&query.organisation).filter(|name| !name.is_empty());
        let organisation = named.map(|name| name.parse()).transpose().map_err(bad_query)?;
        Ok(Self { organisation, page: query.page.unwrap_or(1).max(1) })
    }

    pub(super) fn offset(&self) -> u32 {
        (self.page - 1).saturating_mul(ITEMS_SHOWN)
    }
}

/// Links to the pages before and after this one.
pub(super) struct Pager {
    /// The URL of the list, ending in `?` or `&`.
    pub(super) address: String,
    pub(super) before: Option<u32>,
    pub(super) after: Option<u32>,
}

impl Pager {
    /// Links for a list that was read with one row more than is shown. Removes that row.
    pub(super) fn of<T>(address: &str, part: &Part, rows: &mut Vec<T>) -> Self {
        let has_more = rows.len() > ITEMS_SHOWN as usize;
        rows.truncate(ITEMS_SHOWN as usize);
        let filter = part.organisation.as_ref().map(|name| format!("organisation={name}&")).unwrap_or_default();
        Self {
            address: format!("{address}?{filter}"),
            before: (part.page > 1).then(|| part.page - 1),
            after: has_more.then(|| part.page.saturating_add(1)),
        }
    }
}

#[derive(Template)]
#[template(path = "projects.html")]
struct ProjectsPage {
    layout: Layout,
    organisation: Option<String>,
    projects: Vec<ProjectRow>,
    pager: Pager,
}

/// `GET /projects`.
pub(super) async fn projects(
    State(dashboard): State<Dashboard>,
    State(site): State<SiteInfo>,
    Query(query): Query<ListQuery>,
) -> Result<Html<String>, PageProblem> {
    let part = Part::read(&query)?;
    let mut rows = dashboard.projects(part.organisation.as_ref(), part.offset(), ITEMS_SHOWN + 1).await?;
    let layout = Layout::of(&site, "Projects", Section::Projects);
    let pager = Pager::of(&format!("{}/projects", layout.base), &part, &mut rows);
    let projects = rows.into_iter().map(|row| ProjectRow::of(row, &layout)).collect();
    let organisation = part.organisation.map(|name| name.to_string());
    show(&ProjectsPage { layout, organisation, projects, pager })
}
