//! The web pages: what an operator sees in a browser.
//!
//! Whoever signs in with the operator token gets a session cookie. GraphQL does not know the cookie; the few forms that change
//! something are taken only from a page of this very site, so no other site can make a signed-in browser change anything
//! (decision 0034).

mod assets;
mod attempts;
mod audit;
mod changes;
#[cfg(test)]
mod changes_tests;
mod door;
mod headers;
mod history;
mod keyring;
mod layout;
mod log;
mod overview;
mod problem;
mod project;
mod projects;
mod release;
mod releases;
mod repositories;
mod repository;
mod session;
mod show;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use axum::{
    Extension, Router, middleware,
    routing::{get, post},
};

use self::door::Door;
use crate::app::App;

/// `/`, `/projects`, `/releases`, `/repos`, `/audit` for who is signed in; `/login`, `/logout` and `/assets/…` for everybody;
/// and an answer for every address that does not exist.
pub fn routes(app: App) -> Router<App> {
    let door = Door::new(app.clone());
    let inside = Router::new()
        .route("/", get(overview::overview))
        .route("/projects", get(projects::projects))
        .route("/projects/{project}", get(project::project))
        .route("/releases", get(releases::releases))
        .route("/releases/{release}", get(release::release))
        .route("/releases/{release}/log", get(log::log))
        .route("/repos", get(repositories::repositories))
        .route("/repos/{organisation}/{repository}", get(repository::repository).post(changes::change))
        .route("/audit", get(audit::audit))
        .route_layer(middleware::from_fn_with_state(door.clone(), door::guard));
    Router::new()
        .merge(inside)
        .route("/login", get(door::login_page).post(door::login))
        .route("/logout", post(door::logout))
        .route("/assets/{name}", get(assets::asset))
        .fallback(problem::nothing_here)
        .layer(Extension(door))
        .layer(middleware::from_fn_with_state(app, headers::dress))
}
