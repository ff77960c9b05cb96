//! Who is asking: the token of an `Authorization: Bearer` or `X-API-Token` header, checked before a handler runs.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use commands::execute::Context;
use domain::{
    digest::Sha256,
    ids::{OrganisationId, ProjectId, TokenId},
    project::Scope,
    recorded::Actor,
    token::{Token, TokenKind},
};

use crate::{
    app::App,
    http::{client_address::Peer, problem::Problem},
};

/// The holder of an operator token, and where the request came from.
#[derive(Clone, Copy)]
pub struct Operator {
    token: TokenId,
    address: Option<IpAddr>,
}

impl Operator {
    /// Whoever has shown `token`, which works, and now sends the request with these parts.
    #[must_use]
    pub fn who_sent(app: &App, token: TokenId, parts: &Parts) -> Self {
        Self { token, address: app.trusted_proxies.client(parts.extensions.get::<Peer>().copied(), &parts.headers) }
    }

    /// A new wish of the operator's. A person's address goes with it, sealed under the person's key, so that it can be erased;
    /// for the server's first token, which belongs to no person, there is no key, and so no address.
    ///
    /// May block on the disk for one small file.
    #[must_use]
    pub fn context(self, app: &App) -> Context {
        let context = Context::of(Actor::Operator { token: self.token });
        let origin = || app.persons.seal_origin(app.credentials.person(self.token)?, context.command_id, self.address?);
        Context { origin: origin(), ..context }
    }
}

/// The holder of an API token that may ask for releases of its project.
#[derive(Debug, Clone, Copy)]
pub struct ProjectToken {
    /// Which token.
    pub token: TokenId,
    /// The project it may release.
    pub project: ProjectId,
}

impl ProjectToken {
    /// As events name it.
    #[must_use]
    pub fn actor(self) -> Actor {
        Actor::ApiToken { token: self.token }
    }
}

/// Anyone who may read about a project's releases.
#[derive(Debug, Clone, Copy)]
pub enum Reader {
    /// May read everything.
    Operator,
    /// May read about its own project.
    Project(ProjectId),
}

impl Reader {
    /// May this reader see `project`?
    #[must_use]
    pub fn may_read(self, project: ProjectId) -> bool {
        match self {
            Self::Operator => true,
            Self::Project(own) => own == project,
        }
    }
}

/// The holder of a feed token: a replica of one organisation.
#[derive(Debug, Clone, Copy)]
pub struct Follower {
    /// Which token.
    pub token: TokenId,
    /// Whom it may follow.
    pub organisation: OrganisationId,
    secret_sha256: Sha256,
}

impl Follower {
    fn of(app: &App, token: &Token) -> Option<Self> {
        let (id, secret_sha256) = (TokenId(token.id()), token.secret_sha256());
        let organisation = app.credentials.feed_of(id, &secret_sha256).filter(|_| token.kind() == TokenKind::Feed)?;
        Some(Self { token: id, organisation, secret_sha256 })
    }

    /// Whether the token still works: whoever waits may see it end.
    #[must_use]
    pub fn may_go_on(&self, app: &App) -> bool {
        app.credentials.feed_of(self.token, &self.secret_sha256) == Some(self.organisation)
    }
}

/// The presented token. A text that is not one is refused before anything is looked up.
fn presented(headers: &HeaderMap) -> Result<Token, Problem> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let alias = headers.get("x-api-token").and_then(|value| value.to_str().ok());
    let text = bearer.or(alias).ok_or(Problem::NeedsToken)?;
    Token::parse(text).map_err(|_| Problem::NeedsToken)
}

fn operator(app: &App, token: &Token) -> Option<TokenId> {
    let id = TokenId(token.id());
    let valid = token.kind() == TokenKind::Operator && app.credentials.is_operator(id, &token.secret_sha256());
    valid.then_some(id)
}

/// A token whose time is over, or which may do other things, is none here: the answer never says what a text lacks.
fn project(app: &App, token: &Token, scope: Scope) -> Option<ProjectToken> {
    let id = TokenId(token.id());
    let grant = app.credentials.api_grant(id, &token.secret_sha256(), app.executor.now());
    let allowed = grant.filter(|grant| token.kind() == TokenKind::Api && grant.allows(scope));
    allowed.map(|grant| ProjectToken { token: id, project: grant.project })
}

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = operator(app, &presented(&parts.headers)?).ok_or(Problem::NeedsToken)?;
        Ok(Self::who_sent(app, token, parts))
    }
}

impl FromRequestParts<App> for ProjectToken {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        project(app, &presented(&parts.headers)?, Scope::Release).ok_or(Problem::NeedsToken)
    }
}

impl FromRequestParts<App> for Reader {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = presented(&parts.headers)?;
        let reader = operator(app, &token).map(|_| Self::Operator);
        reader
            .or_else(|| project(app, &token, Scope::Read).map(|own| Self::Project(own.project)))
            .ok_or(Problem::NeedsToken)
    }
}

impl FromRequestParts<App> for Follower {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Self::of(app, &presented(&parts.headers)?).ok_or(Problem::NeedsToken)
    }
}
