//! `/repos`: every package repository.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use domain::package::Format;
use projections::dashboard::{self, Dashboard};

use super::{
    layout::{Layout, Section, SiteInfo, show},
    problem::PageProblem,
    projects::{ITEMS_SHOWN, ListQuery, Pager, Part},
    show::Moment,
};

/// A repository in a list.
pub(super) struct RepositoryRow {
    pub(super) organisation: String,
    pub(super) name: String,
    pub(super) format: &'static str,
    pub(super) codename: String,
    pub(super) packages: u64,
    pub(super) created: Moment,
    /// Its base URL, as configured on package clients.
    pub(super) url: String,
}

impl RepositoryRow {
    pub(super) fn of(row: dashboard::Repository, layout: &Layout) -> Self {
        let folder = match row.format {
            Format::Deb => "apt",
            Format::Rpm => "yum",
        };
        Self {
            url: format!("{}/{folder}/{}/{}/", layout.public_url, row.organisation, row.name),
            format: row.format.as_str(),
            packages: row.packages,
            created: layout.moment(row.created_at),
            codename: row.codename,
            organisation: row.organisation,
            name: row.name,
        }
    }
}

#[derive(Template)]
#[template(path = "repositories.html")]
struct RepositoriesPage {
    layout: Layout,
    organisation: Option<String>,
    repositories: Vec<RepositoryRow>,
    pager: Pager,
}

/// `GET /repos`.
pub(super) async fn repositories(
    State(dashboard): State<Dashboard>,
    State(site): State<SiteInfo>,
    Query(query): Query<ListQuery>,
) -> Result<Html<String>, PageProblem> {
    let part = Part::read(&query)?;
    let mut rows = dashboard.repositories(part.organisation.as_ref(), part.offset(), ITEMS_SHOWN + 1).await?;
    let layout = Layout::of(&site, "Repositories", Section::Repositories);
    let pager = Pager::of(&format!("{}/repos", layout.base), &part, &mut rows);
    let repositories = rows.into_iter().map(|row| RepositoryRow::of(row, &layout)).collect();
    let organisation = part.organisation.map(|name| name.to_string());
    show(&RepositoriesPage { layout, organisation, repositories, pager })
}
