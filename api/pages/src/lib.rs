//! The web pages: what an operator sees in a browser.
//!
//! A login with the operator token sets a session cookie. GraphQL does not accept the cookie. Forms that change something are
//! accepted only from same-origin pages (CSRF protection, decision 0034).

mod assets;
mod audit;
mod changes;
mod headers;
mod history;
mod keyring;
mod layout;
mod log;
mod login_attempts;
mod overview;
mod problem;
mod project;
mod projects;
mod release;
mod releases;
mod repositories;
mod repository;
mod session;
mod session_guard;
mod show;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    extract::FromRef,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use commands::signing_keys::SigningKeys;
use event_log::execute::Executor;
use index::Repositories;
use projections::{credentials::Credentials, dashboard::Dashboard};

pub use self::log::BuildLogs;
use ::audit::Auditor;
use api_http::{auth::Authenticator, public_url::PublicUrl, run_command::CommandRunner};
use stores::key_usage::KeyUsage;

use self::{layout::SiteInfo, session_guard::SessionGuard};

/// The state of the handlers. A handler extracts the parts that it uses.
#[derive(Clone, FromRef)]
pub struct PagesState {
    /// Reads the aggregates.
    pub executor: Arc<Executor>,
    /// Runs the commands of forms.
    pub commands: CommandRunner,
    /// Checks operator tokens, and has the clock.
    pub authenticator: Authenticator,
    /// Answers questions about the event log.
    pub auditor: Auditor,
    /// The dashboard's read models.
    pub dashboard: Dashboard,
    /// Keys and tokens.
    pub credentials: Credentials,
    /// The published repositories.
    pub repositories: Repositories,
    /// When each access key was used.
    pub key_usage: KeyUsage,
    /// The keys that sign packages and indexes.
    pub signing_keys: SigningKeys,
    /// The build logs.
    pub build_logs: BuildLogs,
    /// The address under which clients reach the server.
    pub public_url: PublicUrl,
}

/// The routes: `/`, `/projects`, `/releases`, `/repos` and `/audit` for signed-in browsers; `/login`, `/logout` and `/assets/…` for
/// everyone; and a "not found" page for all other paths.
pub fn routes(state: PagesState) -> Router {
    let site = SiteInfo::from_ref(&state);
    let guard = SessionGuard::new(state.authenticator.clone(), site.clone());
    let guarded = Router::new()
        .route("/", get(overview::overview))
        .route("/projects", get(projects::projects))
        .route("/projects/{project}", get(project::project))
        .route("/releases", get(releases::releases))
        .route("/releases/{release}", get(release::release))
        .route("/releases/{release}/log", get(log::log))
        .route("/repos", get(repositories::repositories))
        .route("/repos/{organisation}/{repository}", get(repository::repository).post(changes::change))
        .route("/audit", get(audit::audit))
        .route_layer(from_fn_with_state(guard.clone(), session_guard::authorize))
        .with_state(state);
    let login = Router::new()
        .route("/login", get(session_guard::login_page).post(session_guard::login))
        .route("/logout", post(session_guard::logout))
        .with_state(guard);
    guarded
        .merge(login)
        .route("/assets/{name}", get(assets::asset))
        .fallback(problem::nothing_here)
        .layer(from_fn_with_state(site, headers::dress))
}
