//! `/projects/{project}`: how to release a project, its tokens, and its latest releases.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Html,
};
use domain::{
    ids::ProjectId,
    project::{CiTrust, Trigger},
    token::id_text,
};
use projections::{
    credentials::{self, Credentials},
    dashboard::{self, Dashboard},
};

use super::{
    layout::{Layout, Section, SiteInfo, show},
    problem::{PageProblem, not_found},
    projects::ProjectRow,
    releases::ReleaseRow,
    show::Moment,
};

/// How many releases the page shows.
const RELEASES_SHOWN: u32 = 20;
/// How many deliveries the page shows.
const DELIVERIES_SHOWN: u32 = 20;
/// How many characters of a token's id are shown: enough to identify the token.
const ID_SHOWN_CHARS: usize = 4;

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    layout: Layout,
    project: ProjectRow,
    has_api_trigger: bool,
    trigger_url: String,
    webhook_url: String,
    tag_pattern: String,
    github: Option<GithubFacts>,
    jobs: Option<JobFacts>,
    tokens: Vec<TokenRow>,
    releases: Vec<ReleaseRow>,
    has_older: bool,
    deliveries: Vec<DeliveryRow>,
    refused: Vec<RefusedRow>,
}

/// The project's connection to GitHub.
struct GithubFacts {
    full_name: String,
    repository_id: u64,
    by_hand: bool,
    is_registered: bool,
    failing: Vec<(&'static str, String, String)>,
}

/// The CI jobs that sign in with OIDC instead of a stored token.
struct JobFacts {
    repository_id: u64,
    ref_pattern: String,
}

/// An API token without its secret.
struct TokenRow {
    name: String,
    id: String,
    id_end: String,
    scopes: String,
    issued: Moment,
    ends: Option<Moment>,
    is_over: bool,
    in_grace: bool,
    of_ci_job: bool,
}

/// A delivery of the webhook.
struct DeliveryRow {
    guid: String,
    hook_event: String,
    outcome: String,
    tag: String,
    received: Moment,
}

/// How many triggers were refused for one reason.
struct RefusedRow {
    reason: String,
    count: u64,
    last: Moment,
}

/// `GET /projects/{project}`.
pub(super) async fn project(
    State(dashboard): State<Dashboard>,
    State(credentials): State<Credentials>,
    State(site): State<SiteInfo>,
    Path(project): Path<String>,
) -> Result<Html<String>, PageProblem> {
    let id: ProjectId = project.parse().map_err(|_| not_found("project"))?;
    let row = dashboard.project(id).await?.ok_or_else(|| not_found("project"))?;
    let mut releases = dashboard.releases(None, Some(id), None, RELEASES_SHOWN + 1).await?;
    let has_older = releases.len() > RELEASES_SHOWN as usize;
    releases.truncate(RELEASES_SHOWN as usize);
    let layout = Layout::of(&site, format!("{}/{}", row.organisation, row.name), Section::Projects);
    let tokens = credentials.api_tokens(id).await?;
    let deliveries = dashboard.deliveries(id, DELIVERIES_SHOWN).await?;
    let refused = dashboard.refused_triggers(id).await?;
    show(&ProjectPage {
        trigger_url: format!("{}/api/v1/projects/{id}/releases", site.public_url),
        webhook_url: format!("{}/webhooks/github/{id}", site.public_url),
        has_api_trigger: row.trigger == Trigger::ApiEndpoint,
        tag_pattern: row.tag_pattern.to_string(),
        github: github(&row),
        jobs: row.ci_trust.as_ref().map(JobFacts::of),
        tokens: tokens.into_iter().map(|token| TokenRow::of(token, &layout)).collect(),
        releases: ReleaseRow::of(&dashboard, releases, &layout).await?,
        project: ProjectRow::of(row, &layout),
        has_older,
        deliveries: deliveries.into_iter().map(|delivery| DeliveryRow::of(delivery, &layout)).collect(),
        refused: refused.into_iter().map(|refused| RefusedRow::of(refused, &layout)).collect(),
        layout,
    })
}

fn github(project: &dashboard::Project) -> Option<GithubFacts> {
    let github = project.connected()?;
    let failing = github.failing.iter().map(|(step, (code, message))| (step.as_str(), code.clone(), message.clone()));
    Some(GithubFacts {
        full_name: github.full_name.to_string(),
        repository_id: github.repository_id,
        by_hand: github.credential.is_none(),
        is_registered: project.has_webhook(),
        failing: failing.collect(),
    })
}

impl JobFacts {
    fn of(trust: &CiTrust) -> Self {
        Self { repository_id: trust.repository_id, ref_pattern: trust.ref_pattern.to_string() }
    }
}

impl TokenRow {
    fn of(token: credentials::ApiToken, layout: &Layout) -> Self {
        let ends = [token.expires_at, token.grace_until].into_iter().flatten().min();
        let id = id_text(token.id.0);
        Self {
            name: token.name,
            id_end: id[id.len() - ID_SHOWN_CHARS..].to_owned(),
            id,
            scopes: token.scopes.to_string().replace(',', ", "),
            issued: layout.moment(token.issued_at),
            is_over: ends.is_some_and(|end| end <= layout.now()),
            ends: ends.map(|end| layout.moment(end)),
            in_grace: token.grace_until.is_some(),
            of_ci_job: token.is_of_ci_job,
        }
    }
}

impl DeliveryRow {
    fn of(delivery: dashboard::Delivery, layout: &Layout) -> Self {
        Self {
            guid: delivery.guid,
            hook_event: delivery.hook_event,
            outcome: delivery.outcome.replace('_', " "),
            tag: delivery.tag.unwrap_or_default(),
            received: layout.moment(delivery.received_at),
        }
    }
}

impl RefusedRow {
    fn of(refused: dashboard::RefusedTriggers, layout: &Layout) -> Self {
        let reason = refused.reason.replace('_', " ");
        Self { reason, count: refused.count, last: layout.moment(refused.last_at) }
    }
}
