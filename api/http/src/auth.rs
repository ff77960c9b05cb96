//! Authentication: the token of an `Authorization: Bearer` or `X-API-Token` header, checked before a handler runs.

use std::net::IpAddr;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use domain::{
    digest::Sha256,
    ids::{CommandId, OrganisationId, PersonId, ProjectId, TokenId},
    personal::Personal,
    project::Scope,
    recorded::Actor,
    token::{Token, TokenKind},
};
use event_log::execute::{Clock, Context};
use projections::credentials::Credentials;
use stores::personal::Persons;

use crate::{
    client_address::{Peer, TrustedProxies},
    problem::Problem,
};

/// Checks the tokens of requests. Cheap to clone. A router whose state has one can use the extractors of this module.
#[derive(Clone)]
pub struct Authenticator {
    /// The valid tokens with their scopes.
    pub credentials: Credentials,
    /// Encrypts the IP addresses of operators.
    pub persons: Persons,
    /// The proxies that may say where a request came from.
    pub trusted_proxies: TrustedProxies,
    /// The clock for the expiry of tokens.
    pub clock: Clock,
}

impl Authenticator {
    /// The holder of the valid operator token `token`, with the origin of the request with these parts.
    #[must_use]
    pub fn operator(&self, token: TokenId, parts: &Parts) -> Operator {
        let peer = parts.extensions.get::<Peer>().copied();
        Operator {
            token,
            person: self.credentials.person(token),
            address: self.trusted_proxies.client(peer, &parts.headers),
            persons: self.persons.clone(),
        }
    }

    fn operator_token(&self, token: &Token) -> Option<TokenId> {
        let id = TokenId(token.id());
        let valid = token.kind() == TokenKind::Operator && self.credentials.is_operator(id, &token.secret_sha256());
        valid.then_some(id)
    }

    /// An expired token, or one without the scope, is refused like an unknown one. The response never says why.
    fn project_token(&self, token: &Token, scope: Scope) -> Option<ProjectToken> {
        let id = TokenId(token.id());
        let grant = self.credentials.api_grant(id, &token.secret_sha256(), (self.clock)());
        let allowed = grant.filter(|grant| token.kind() == TokenKind::Api && grant.allows(scope));
        allowed.map(|grant| ProjectToken { token: id, project: grant.project })
    }

    fn follower(&self, token: &Token) -> Option<Follower> {
        let (id, secret_sha256) = (TokenId(token.id()), token.secret_sha256());
        let organisation = self.credentials.feed_of(id, &secret_sha256).filter(|_| token.kind() == TokenKind::Feed)?;
        Some(Follower { token: id, organisation, secret_sha256 })
    }
}

/// The holder of an operator token, with the origin of the request.
#[derive(Clone)]
pub struct Operator {
    token: TokenId,
    /// The person. `None` for the server's first token, which belongs to no person.
    person: Option<PersonId>,
    address: Option<IpAddr>,
    persons: Persons,
}

impl Operator {
    /// The context of a new command of the operator. It includes the person's IP address, sealed under the person's key so that it can
    /// be erased. Without a person there is no key, so no address is recorded.
    pub async fn context(&self) -> Context {
        let context = Context::of(Actor::Operator { token: self.token });
        let origin = self.sealed_origin(context.command_id).await;
        Context { origin, ..context }
    }

    async fn sealed_origin(&self, command: CommandId) -> Option<Personal> {
        self.persons.seal_origin(self.person?, command, self.address?).await
    }
}

/// The holder of an API token that may request releases of its project.
#[derive(Debug, Clone, Copy)]
pub struct ProjectToken {
    /// The token's id.
    pub token: TokenId,
    /// The project that it may release.
    pub project: ProjectId,
}

impl ProjectToken {
    /// The actor in events.
    #[must_use]
    pub fn actor(self) -> Actor {
        Actor::ApiToken { token: self.token }
    }
}

/// Anyone who may read about a project's releases.
#[derive(Debug, Clone, Copy)]
pub enum Reader {
    /// An operator, who may read everything.
    Operator,
    /// An API token, which may read about its own project.
    Project(ProjectId),
}

impl Reader {
    /// Whether this reader may see `project`.
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
    /// The token's id.
    pub token: TokenId,
    /// The organisation that it may follow.
    pub organisation: OrganisationId,
    secret_sha256: Sha256,
}

impl Follower {
    /// Whether the token is still valid: it may be revoked while a request waits.
    #[must_use]
    pub fn is_still_valid(&self, authenticator: &Authenticator) -> bool {
        authenticator.credentials.feed_of(self.token, &self.secret_sha256) == Some(self.organisation)
    }
}

/// The token in the request. A malformed token is refused before anything is looked up.
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

impl<S: Send + Sync> FromRequestParts<S> for Operator
where
    Authenticator: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let authenticator = Authenticator::from_ref(state);
        let token = authenticator.operator_token(&presented(&parts.headers)?).ok_or(Problem::NeedsToken)?;
        Ok(authenticator.operator(token, parts))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ProjectToken
where
    Authenticator: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let authenticator = Authenticator::from_ref(state);
        authenticator.project_token(&presented(&parts.headers)?, Scope::Release).ok_or(Problem::NeedsToken)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader
where
    Authenticator: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (authenticator, token) = (Authenticator::from_ref(state), presented(&parts.headers)?);
        if authenticator.operator_token(&token).is_some() {
            return Ok(Self::Operator);
        }
        let own = authenticator.project_token(&token, Scope::Read).ok_or(Problem::NeedsToken)?;
        Ok(Self::Project(own.project))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Follower
where
    Authenticator: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = presented(&parts.headers)?;
        Authenticator::from_ref(state).follower(&token).ok_or(Problem::NeedsToken)
    }
}
