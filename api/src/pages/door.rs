//! Signing in and out, and the guard before every page.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension, Form,
    extract::{
        Query, Request, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use domain::{
    ids::TokenId,
    token::{TOKEN_MAX_CHARS, Token, TokenKind},
};
use serde::Deserialize;

use super::{
    attempts::{Attempts, WINDOW},
    layout::{Layout, Section, show},
    problem::PageProblem,
    session::Sessions,
};
use crate::{app::App, http::problem::Problem};

/// Longest address that a login leads back to.
const NEXT_MAX_CHARS: usize = 1024;

/// Who may see pages.
#[derive(Clone)]
pub(super) struct Door(Arc<Parts>);

struct Parts {
    app: App,
    sessions: Sessions,
    attempts: Attempts,
}

impl Door {
    pub(super) fn new(app: App) -> Self {
        let sessions = Sessions::new(app.public_url.is_https());
        Self(Arc::new(Parts { app, sessions, attempts: Attempts::default() }))
    }

    /// The token of the session that the request comes with, if it still works.
    fn token(&self, headers: &HeaderMap) -> Option<TokenId> {
        let Parts { app, sessions, .. } = &*self.0;
        sessions.token(headers, app.executor.now()).filter(|token| app.credentials.has_operator_token(*token))
    }

    /// Who shows this token, or in words why nobody does.
    fn admit(&self, text: &str) -> Result<TokenId, Refused> {
        let Parts { app, attempts, .. } = &*self.0;
        let token = Token::parse(text.trim()).map_err(|error| Refused::Token(error.to_string()))?;
        if token.kind() != TokenKind::Operator {
            return Err(Refused::Token("this is another kind of token: expected pkd_op_…".to_owned()));
        }
        let (id, now) = (TokenId(token.id()), app.executor.now());
        if !attempts.may_try(id, now) {
            return Err(Refused::TooOften);
        }
        if !app.credentials.is_operator(id, &token.secret_sha256()) {
            attempts.failed(id, now);
            tracing::warn!(token.id = %id, "refused a login with operator token {id}");
            return Err(Refused::Token("this token does not work: it was replaced, or never issued here".to_owned()));
        }
        tracing::info!(token.id = %id, "a browser session begins with operator token {id}");
        Ok(id)
    }
}

enum Refused {
    Token(String),
    TooOften,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    layout: Layout,
    next: String,
    refused: Option<String>,
    token_max_chars: usize,
}

/// A page that loads the address again, from this site.
#[derive(Template)]
#[template(path = "again.html")]
struct AgainPage {
    layout: Layout,
    address: String,
}

/// Lets in who is signed in, as an [`crate::auth::Operator`], and sends others to the login. What may change something comes from a form
/// of this site.
pub(super) async fn guard(State(door): State<Door>, request: Request, next: Next) -> Response {
    if let Some(token) = door.token(request.headers()) {
        let app = &door.0.app;
        if !request.method().is_safe()
            && let Err(elsewhere) = same_origin(app, request.headers())
        {
            return PageProblem(elsewhere).into_response();
        }
        let (mut parts, body) = request.into_parts();
        let operator = app.authenticator.operator(token, &parts);
        parts.extensions.insert(operator);
        return next.run(Request::from_parts(parts, body)).await;
    }
    let address = request.uri().path_and_query().map_or("/", |address| address.as_str());
    let address = local(address).unwrap_or("/");
    let app = &door.0.app;
    // Browsers keep a strict cookie back when a link on another site led here. Asked from here, they send it.
    let from_elsewhere = request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if from_elsewhere && request.method() == Method::GET {
        let layout = Layout::of(app, "One moment", Section::None);
        let page = AgainPage { address: format!("{}{address}", layout.base), layout };
        return show(&page).into_response();
    }
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", address).finish();
    see_other(app, &format!("/login?{query}"))
}

#[derive(Deserialize)]
pub(super) struct LoginQuery {
    next: Option<String>,
}

/// `GET /login`.
pub(super) async fn login_page(
    Extension(door): Extension<Door>,
    query: Result<Query<LoginQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    let next = query.ok().and_then(|Query(query)| query.next);
    let next = next.as_deref().and_then(local).unwrap_or("/");
    if door.token(&headers).is_some() {
        return Ok(see_other(&door.0.app, next));
    }
    ask(&door, next, None)
}

#[derive(Deserialize)]
pub(super) struct LoginForm {
    token: String,
    #[serde(default)]
    next: String,
}

/// `POST /login`.
pub(super) async fn login(
    Extension(door): Extension<Door>,
    headers: HeaderMap,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Result<Response, PageProblem> {
    let app = &door.0.app;
    same_origin(app, &headers)?;
    let Form(form) = form.map_err(|error| Problem::BadRequest(format!("The form cannot be read: {error}")))?;
    let next = local(&form.next).unwrap_or("/");
    let (status, why) = match door.admit(&form.token) {
        Ok(token) => {
            let mut response = see_other(app, next);
            let cookie = door.0.sessions.begin(token, app.executor.now());
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            return Ok(response);
        }
        Err(Refused::Token(why)) => (StatusCode::FORBIDDEN, why),
        Err(Refused::TooOften) => {
            let why = format!("too many logins with this token failed: wait {} s", WINDOW.num_seconds());
            (StatusCode::TOO_MANY_REQUESTS, why)
        }
    };
    let mut response = ask(&door, next, Some(why))?;
    *response.status_mut() = status;
    Ok(response)
}

/// `POST /logout`.
pub(super) async fn logout(Extension(door): Extension<Door>, headers: HeaderMap) -> Result<Response, PageProblem> {
    same_origin(&door.0.app, &headers)?;
    let mut response = see_other(&door.0.app, "/login");
    response.headers_mut().insert(header::SET_COOKIE, door.0.sessions.end());
    Ok(response)
}

fn ask(door: &Door, next: &str, refused: Option<String>) -> Result<Response, PageProblem> {
    let layout = Layout::of(&door.0.app, "Sign in", Section::None);
    let page = LoginPage { layout, next: next.to_owned(), refused, token_max_chars: TOKEN_MAX_CHARS };
    Ok(show(&page)?.into_response())
}

/// A form is taken only from a page of this server: as the public URL names it, or as the browser reached it.
///
/// A browser writes `Origin` and `Host` itself; no page of another site can change either. Under TLS it says by itself whether
/// the page was of this very origin, and not of one that has the same name without TLS.
fn same_origin(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text("origin").unwrap_or_default();
    let host = text("host").filter(|host| !host.is_empty());
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return Err(elsewhere());
    }
    let is_ours = |scheme| scheme == "https" || scheme == "http" && !app.public_url.is_https();
    let reached =
        origin.split_once("://").is_some_and(|(scheme, authority)| is_ours(scheme) && Some(authority) == host);
    if reached || origin == app.public_url.origin() {
        return Ok(());
    }
    Err(elsewhere())
}

fn elsewhere() -> Problem {
    Problem::BadRequest("This form was sent from another site.".to_owned())
}

/// `next`, if it is an address of this site and nothing that a browser could read as another.
fn local(next: &str) -> Option<&str> {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (plain && next.len() <= NEXT_MAX_CHARS && next.starts_with('/') && !next.starts_with("//")).then_some(next)
}

/// Sends the browser to `address` of this site.
pub(super) fn see_other(app: &App, address: &str) -> Response {
    let location = format!("{}{address}", app.public_url.path());
    let location = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_back_to_addresses_of_this_site_only() {
        for good in ["/", "/releases?of=acme", "/repos/acme/debs?page=2", "/a//b"] {
            assert_eq!(local(good), Some(good));
        }
        let long = format!("/{}", "a".repeat(NEXT_MAX_CHARS));
        for bad in [
            "",
            "releases",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/ü",
            &long,
        ] {
            assert_eq!(local(bad), None, "{bad}");
        }
    }
}
