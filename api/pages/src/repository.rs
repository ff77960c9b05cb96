//! `/repos/{organisation}/{repository}`: a repository's packages, its access keys, and how to set up a machine.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Html,
};
use domain::{
    ids::RepositoryId,
    names::{OrganisationName, PackageName, RepositoryName, SNAPSHOT_NAME_MAX_CHARS},
    package::Format,
    repository::{Compact, YANK_REASON_MAX_CHARS, YankPolicy},
};
use index::Repositories;
use projections::{credentials::Credentials, dashboard::Dashboard};
use stores::key_usage::KeyUsage;

use super::{
    history::HistoryPart,
    keyring::KeyringPart,
    layout::{Layout, Section, SiteInfo, show},
    problem::{PageProblem, not_found},
    projects::{ITEMS_SHOWN, ListQuery, Pager, Part},
    repositories::RepositoryRow,
    show::{Moment, size},
};

struct PackageRow {
    file_name: String,
    name: String,
    version: String,
    architecture: String,
    size: String,
    sha256: String,
    release: Option<String>,
    added: Moment,
    /// It is the repository's installer package, which every repository has.
    is_installer: bool,
    /// Why it is yanked, if it is.
    yank_reason: Option<String>,
    /// It is yanked, and no longer in the newest version.
    is_hidden: bool,
}

#[derive(Template)]
#[template(path = "repository.html")]
struct RepositoryPage {
    layout: Layout,
    repository: RepositoryRow,
    is_deb: bool,
    newest_publication: Option<Moment>,
    /// Its name in URLs. A snapshot is taken of this version.
    newest_point: Option<String>,
    packages: Vec<PackageRow>,
    /// It contains only the installer package.
    is_empty: bool,
    /// The name of a package for the example command.
    example: String,
    pager: Pager,
    /// Which page of packages this is, from 1.
    page: u32,
    /// Yanking a package only marks it.
    yank_keeps: bool,
    yank_reason_max_chars: usize,
    snapshot_name_max_chars: usize,
    keyring: KeyringPart,
    history: HistoryPart,
}

/// `GET /repos/{organisation}/{repository}`.
pub(super) async fn repository(
    State(dashboard): State<Dashboard>,
    State(repositories): State<Repositories>,
    State(credentials): State<Credentials>,
    State(key_usage): State<KeyUsage>,
    State(site): State<SiteInfo>,
    Path((organisation, name)): Path<(String, String)>,
    Query(query): Query<ListQuery>,
) -> Result<Html<String>, PageProblem> {
    let organisation: OrganisationName = organisation.parse().map_err(|_| not_found("repository"))?;
    let name: RepositoryName = name.parse().map_err(|_| not_found("repository"))?;
    let id = RepositoryId::named(&organisation, &name);
    let row = dashboard.repository(id).await?.ok_or_else(|| not_found("repository"))?;
    let part = Part { organisation: None, ..Part::read(&query)? };
    let mut packages = dashboard.repository_packages(id, part.offset(), ITEMS_SHOWN + 1).await?;
    let layout = Layout::of(&site, format!("{organisation}/{name}"), Section::Repositories);
    let pager = Pager::of(&format!("{}/repos/{organisation}/{name}", layout.base), &part, &mut packages);
    let installer = PackageName::of_installer(&organisation, &name).map(|name| name.to_string()).unwrap_or_default();
    // Prefers a package that can be installed.
    let installable =
        packages.iter().filter(|package| package.name != installer).min_by_key(|package| package.is_hidden);
    let example = installable.map(|package| package.name.clone());
    let packages = packages.into_iter().map(|package| PackageRow {
        is_installer: package.name == installer,
        file_name: package.file_name,
        name: package.name,
        version: package.version,
        architecture: package.architecture,
        size: size(package.size_bytes),
        sha256: package.sha256.to_string(),
        release: package.release.map(|release| release.to_string()),
        added: layout.moment(package.added_at),
        yank_reason: package.yank_reason,
        is_hidden: package.is_hidden,
    });
    let newest = repositories.newest_point(id);
    show(&RepositoryPage {
        is_deb: row.format == Format::Deb,
        newest_publication: newest.map(|at| layout.moment(at)),
        newest_point: newest.map(|at| Compact(at).to_string()),
        page: part.page,
        yank_keeps: row.yank_policy == YankPolicy::Keep,
        yank_reason_max_chars: YANK_REASON_MAX_CHARS,
        snapshot_name_max_chars: SNAPSHOT_NAME_MAX_CHARS,
        is_empty: example.is_none(),
        example: example.unwrap_or_else(|| "PACKAGE".to_owned()),
        packages: packages.collect(),
        history: HistoryPart::load(&repositories, id, &layout).await?,
        keyring: KeyringPart::load(&credentials, &key_usage, id, &layout).await?,
        repository: RepositoryRow::of(row, &layout),
        pager,
        layout,
    })
}
