//! Signing in and out, and the guard before every page.

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

/// Longest address that a login leads back to.
const NEXT_MAX_CHARS: usize = 1024;

/// Knows who is signed in. Cheap to clone.
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

    /// The token of the session that the request comes with, if it still works.
    fn token(&self, headers: &HeaderMap) -> Option<TokenId> {
        let token = self.0.sessions.token(headers, self.now());
        token.filter(|token| self.0.authenticator.credentials.has_operator_token(*token))
    }

    /// Checks the operator token that a login presents.
    fn log_in(&self, text: &str) -> Result<TokenId, Refused> {
        let Parts { authenticator, attempts, .. } = &*self.0;
        let token = Token::parse(text.trim()).map_err(|error| Refused::Token(error.to_string()))?;
        if token.kind() != TokenKind::Operator {
            return Err(Refused::Token("this is another kind of token: expected pkd_op_…".to_owned()));
        }
        let id = TokenId(token.id());
        attempts.begin(id).map_err(|retry_after_seconds| Refused::TooOften { retry_after_seconds })?;
        if !authenticator.credentials.is_operator(id, &token.secret_sha256()) {
            tracing::warn!(token.id = %id, "refused a login with operator token {id}");
            return Err(Refused::Token("this token does not work: it was replaced, or never issued here".to_owned()));
        }
        attempts.succeeded(id);
        tracing::info!(token.id = %id, "a browser session begins with operator token {id}");
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

/// A page that loads the address again, from this site.
#[derive(Template)]
#[template(path = "again.html")]
struct AgainPage {
    layout: Layout,
    address: String,
}

/// Passes on the requests of a session with its [`api_http::auth::Operator`], and redirects others to the login. A request that may change
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
    // Browsers keep a strict cookie back when a link on another site led here. Asked from here, they send it.
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
            let why = format!("too many logins with this token failed: wait {retry_after_seconds} s");
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

/// A form is accepted only from a page of this server: as the public URL names it, or as the browser reached it.
///
/// A browser writes `Origin` and `Host` itself; no page of another site can change either. Under TLS it says by itself whether
/// the page was of this very origin, and not of one that has the same name without TLS.
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

/// `next`, if it is an address of this site and nothing that a browser could read as another.
fn local(next: &str) -> Option<&str> {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (plain && next.len() <= NEXT_MAX_CHARS && next.starts_with('/') && !next.starts_with("//")).then_some(next)
}

/// Sends the browser to `address` of this site.
pub(super) fn see_other(site: &SiteInfo, address: &str) -> Response {
    let location = format!("{}{address}", site.public_url.path());
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
