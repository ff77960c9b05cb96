//! Errors as pages.

use api_http::problem::Problem;
use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

/// A problem that [`super::headers::dress`] writes as a page.
#[derive(Debug)]
pub(super) struct PageProblem(pub(super) Problem);

/// The text of the page.
#[derive(Debug, Clone)]
pub(super) struct ProblemText(pub(super) String);

impl IntoResponse for PageProblem {
    fn into_response(self) -> Response {
        let text = ProblemText(self.0.to_string());
        let mut response = self.0.into_response();
        response.extensions_mut().insert(text);
        response
    }
}

impl From<Problem> for PageProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<sqlx::Error> for PageProblem {
    fn from(error: sqlx::Error) -> Self {
        Self(Problem::internal("read what this page shows")(error.into()))
    }
}

impl From<askama::Error> for PageProblem {
    fn from(error: askama::Error) -> Self {
        Self(Problem::internal("write this page")(error.into()))
    }
}

/// The resource that the URL names does not exist.
pub(super) fn not_found(what: &str) -> PageProblem {
    PageProblem(Problem::NotFound(format!("There is no such {what}.")))
}

/// The URL's query is not valid.
pub(super) fn bad_query(expected: impl std::fmt::Display) -> PageProblem {
    PageProblem(Problem::BadRequest(format!("The address is not valid: {expected}.")))
}

/// Answers unknown paths: a page for browsers, JSON for other clients.
pub(super) async fn nothing_here(headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let problem = Problem::NotFound("This page does not exist.".to_owned());
    if accept.contains("text/html") { PageProblem(problem).into_response() } else { problem.into_response() }
}
