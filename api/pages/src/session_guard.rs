//! Signing in and out, and the middleware that requires a session.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use api_http::{auth::Authenticator, problem::Problem};
use askama::Template;
use axum::{
    Form,
    extract::{
        Query, Request, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use domain::{
    ids::TokenId,
    token::{TOKEN_MAX_CHARS, Token, TokenKind},
};
use serde::Deserialize;

use super::{
    layout::{Layout, Section, SiteInfo, show},
    login_attempts::LoginAttempts,
    problem::PageProblem,
    session::Sessions,
};

/// The maximum length of the path that a login redirects to.
const NEXT_MAX_CHARS: usize = 1024;

/// Checks sessions and logins. Cheap to clone.
#[derive(Clone)]
pub(super) struct SessionGuard(Arc<Parts>);

struct Parts {
    authenticator: Authenticator,
    site: SiteInfo,
    sessions: Sessions,
    attempts: LoginAttempts,
}

impl SessionGuard {
    pub(super) fn new(authenticator: Authenticator, site: SiteInfo) -> Self {
        let sessions = Sessions::new(site.public_url.is_https());
        let attempts = LoginAttempts::new(site.clock);
        Self(Arc::new(Parts { authenticator, site, sessions, attempts }))
    }

    fn site(&self) -> &SiteInfo {
        &self.0.site
    }

    fn now(&self) -> DateTime<Utc> {
        (self.0.site.clock)()
    }

    /// The token of the request's session, if it is still valid.
    fn token(&self, headers: &HeaderMap) -> Option<TokenId> {
        let token = self.0.sessions.token(headers, self.now());
        token.filter(|token| self.0.authenticator.credentials.has_operator_token(*token))
    }

    /// Checks the operator token of a login.
    fn log_in(&self, text: &str) -> Result<TokenId, Refused> {
        let Parts { authenticator, attempts, .. } = &*self.0;
        let token = Token::parse(text.trim()).map_err(|error| Refused::Token(error.to_string()))?;
        if token.kind() != TokenKind::Operator {
            return Err(Refused::Token("this token is not an operator token: expected pkd_op_…".to_owned()));
        }
        let id = TokenId(token.id());
        attempts.begin(id).map_err(|retry_after_seconds| Refused::TooOften { retry_after_seconds })?;
        if !authenticator.credentials.is_operator(id, &token.secret_sha256()) {
            tracing::warn!(token.id = %id, "refused a login with operator token {id}");
            return Err(Refused::Token(
                "this token is not valid: it was replaced, or this server did not issue it".to_owned(),
            ));
        }
        attempts.succeeded(id);
        tracing::info!(token.id = %id, "browser session started with operator token {id}");
        Ok(id)
    }
}

enum Refused {
    Token(String),
    TooOften { retry_after_seconds: u32 },
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    layout: Layout,
    next: String,
    refused: Option<String>,
    token_max_chars: usize,
}

/// A page that reloads the URL, so that the request comes from this site.
#[derive(Template)]
#[template(path = "again.html")]
struct AgainPage {
    layout: Layout,
    address: String,
}

/// Requires a session: adds its [`api_http::auth::Operator`] to the request, or redirects to the login. A request that may change
/// something is accepted only from same-origin pages (CSRF protection).
pub(super) async fn authorize(State(guard): State<SessionGuard>, request: Request, next: Next) -> Response {
    if let Some(token) = guard.token(request.headers()) {
        if !request.method().is_safe()
            && let Err(elsewhere) = same_origin(guard.site(), request.headers())
        {
            return PageProblem(elsewhere).into_response();
        }
        let (mut parts, body) = request.into_parts();
        let operator = guard.0.authenticator.operator(token, &parts);
        parts.extensions.insert(operator);
        return next.run(Request::from_parts(parts, body)).await;
    }
    let address = request.uri().path_and_query().map_or("/", |address| address.as_str());
    let address = local(address).unwrap_or("/");
    // Browsers do not send a `SameSite=Strict` cookie when a link on another site led here. A reload from this site sends it.
    let from_elsewhere = request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if from_elsewhere && request.method() == Method::GET {
        let layout = Layout::of(guard.site(), "One moment", Section::None);
        let page = AgainPage { address: format!("{}{address}", layout.base), layout };
        return show(&page).into_response();
    }
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", address).finish();
    see_other(guard.site(), &format!("/login?{query}"))
}

#[derive(Deserialize)]
pub(super) struct LoginQuery {
    next: Option<String>,
}

/// `GET /login`.
pub(super) async fn login_page(
    State(guard): State<SessionGuard>,
    query: Result<Query<LoginQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    let next = query.ok().and_then(|Query(query)| query.next);
    let next = next.as_deref().and_then(local).unwrap_or("/");
    if guard.token(&headers).is_some() {
        return Ok(see_other(guard.site(), next));
    }
    login_form(&guard, next, None)
}

#[derive(Deserialize)]
pub(super) struct LoginForm {
    token: String,
    #[serde(default)]
    next: String,
}

/// `POST /login`.
pub(super) async fn login(
    State(guard): State<SessionGuard>,
    headers: HeaderMap,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Result<Response, PageProblem> {
    same_origin(guard.site(), &headers)?;
    let Form(form) = form.map_err(|error| Problem::BadRequest(format!("The form cannot be read: {error}")))?;
    let next = local(&form.next).unwrap_or("/");
    let (status, why) = match guard.log_in(&form.token) {
        Ok(token) => {
            let mut response = see_other(guard.site(), next);
            let cookie = guard.0.sessions.begin(token, guard.now());
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            return Ok(response);
        }
        Err(Refused::Token(why)) => (StatusCode::FORBIDDEN, why),
        Err(Refused::TooOften { retry_after_seconds }) => {
            let why = format!("too many failed logins with this token; try again in {retry_after_seconds} s");
            (StatusCode::TOO_MANY_REQUESTS, why)
        }
    };
    let mut response = login_form(&guard, next, Some(why))?;
    *response.status_mut() = status;
    Ok(response)
}

/// `POST /logout`.
pub(super) async fn logout(State(guard): State<SessionGuard>, headers: HeaderMap) -> Result<Response, PageProblem> {
    same_origin(guard.site(), &headers)?;
    let mut response = see_other(guard.site(), "/login");
    response.headers_mut().insert(header::SET_COOKIE, guard.0.sessions.end());
    Ok(response)
}

fn login_form(guard: &SessionGuard, next: &str, refused: Option<String>) -> Result<Response, PageProblem> {
    let layout = Layout::of(guard.site(), "Sign in", Section::None);
    let page = LoginPage { layout, next: next.to_owned(), refused, token_max_chars: TOKEN_MAX_CHARS };
    Ok(show(&page)?.into_response())
}

/// Accepts a form only from a same-origin page: the origin of the public URL, or the one that the browser used.
///
/// Browsers set `Origin` and `Host` themselves; a page of another site cannot change them. Under TLS,
/// `Sec-Fetch-Site` also separates this origin from one with the same host without TLS.
fn same_origin(site: &SiteInfo, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text("origin").unwrap_or_default();
    let host = text("host").filter(|host| !host.is_empty());
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return Err(elsewhere());
    }
    let is_ours = |scheme| scheme == "https" || scheme == "http" && !site.public_url.is_https();
    let reached =
        origin.split_once("://").is_some_and(|(scheme, authority)| is_ours(scheme) && Some(authority) == host);
    if reached || origin == site.public_url.origin() {
        return Ok(());
    }
    Err(elsewhere())
}

fn elsewhere() -> Problem {
    Problem::BadRequest("This form was sent from another site.".to_owned())
}

/// `next`, if it is a path of this site that a browser cannot take for another site's URL.
fn local(next: &str) -> Option<&str> {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (plain && next.len() <= NEXT_MAX_CHARS && next.starts_with('/') && !next.starts_with("//")).then_some(next)
}

/// Redirects the browser to `address` of this site.
pub(super) fn see_other(site: &SiteInfo, address: &str) -> Response {
    let location = format!("{}{address}", site.public_url.path());
    let location = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}
