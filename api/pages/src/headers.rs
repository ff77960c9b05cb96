//! Adds security headers to every page, and renders problems as pages.

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{Html, IntoResponse as _, Response},
};

use super::{
    layout::{Layout, Section, SiteInfo},
    problem::{PageProblem, ProblemText},
};

/// Pages load only from this server, have no inline scripts or styles, and cannot be framed by another site.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    layout: Layout,
    status: u16,
    text: String,
}

/// The text of the page that replaces the response: for our own problems, and for requests that the router rejects before a
/// handler runs, with plain text or an empty body.
fn problem_text(response: &mut Response) -> Option<String> {
    let ours = response.extensions_mut().remove::<ProblemText>().map(|ProblemText(text)| text);
    let is_plain =
        response.headers().get(header::CONTENT_TYPE).is_none_or(|plain| plain.as_bytes().starts_with(b"text/plain"));
    let refused = (response.status().is_client_error() && is_plain).then(|| "The request is not valid.".to_owned());
    ours.or(refused)
}

/// Adds the headers, and renders a [`PageProblem`] as a page.
pub(super) async fn dress(State(site): State<SiteInfo>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let title = status.canonical_reason().unwrap_or("Problem");
    if let Some(text) = problem_text(&mut response) {
        let page = ProblemPage { layout: Layout::of(&site, title, Section::None), status: status.as_u16(), text };
        let body = page
            .render()
            .map_or_else(|error| PageProblem::from(error).into_response(), |html| Html(html).into_response());
        let (parts, body) = (response.into_parts().0, body.into_body());
        response = Response::from_parts(parts, body);
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: browsers would then send `Origin: null` with our own forms too.
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
