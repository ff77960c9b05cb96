//! A project's API tokens: several at the same time, each rolled at once or with a grace window.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{API_TOKEN_NAME_DEFAULT, ApiTokenName, CiJob, Event, Refusal, Scopes};
use crate::{digest::Sha256, ids::TokenId, weight::of_entries};

/// Most named API tokens that a project has at the same time: one for each CI system, and some more.
pub(crate) const API_TOKENS_MAX: usize = 20;
/// Most tokens that CI jobs hold at the same time: as many jobs as run in a quarter of an hour.
pub(crate) const CI_TOKENS_MAX: usize = 200;
/// How long a CI job's token works.
pub const CI_TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// Longest grace window: long enough for the slowest team, short enough that it ends.
pub(crate) const API_TOKEN_GRACE_MAX: TimeDelta = TimeDelta::days(30);

/// An API token to issue.
#[derive(Debug, Clone)]
pub struct NewApiToken {
    /// Its public id.
    pub token: TokenId,
    /// SHA-256 of its secret.
    pub secret_sha256: Sha256,
    /// What people call it.
    pub name: Option<ApiTokenName>,
    /// What it may do.
    pub scopes: Scopes,
    /// When it stops working by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// The CI job that gets it.
    pub job: Option<CiJob>,
}

/// The API tokens of one project.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ApiTokens(BTreeMap<TokenId, ApiToken>);

/// An API token that is not dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// SHA-256 of its secret.
    pub secret_sha256: Sha256,
    /// What people call it.
    pub name: ApiTokenName,
    /// What it may do.
    pub scopes: Scopes,
    /// When it stops working by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// It was rolled, and works beside the token that replaced it until then.
    pub grace: Option<Grace>,
    /// It was issued to a CI job.
    pub of_ci_job: bool,
}

/// The last days of a token that was rolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// The token that replaced it.
    pub successor: TokenId,
    /// When it ends.
    pub until: DateTime<Utc>,
}

impl ApiToken {
    /// Is it good at this time?
    #[must_use]
    pub fn works(&self, at: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| at < end) && self.grace.is_none_or(|grace| at < grace.until)
    }
}

fn default_name() -> ApiTokenName {
    API_TOKEN_NAME_DEFAULT.parse().expect("the default name fits its grammar")
}

impl ApiTokens {
    pub(super) fn weight_bytes(&self) -> usize {
        of_entries::<TokenId, ApiToken>(self.0.len(), 2)
    }

    /// The token with this id, unless it is dead.
    #[must_use]
    pub fn get(&self, token: TokenId) -> Option<&ApiToken> {
        self.0.get(&token)
    }

    /// The token to roll by default: the only one of people, or the one called `default`.
    ///
    /// # Errors
    /// There is no token, or there are several and no token is called `default`.
    pub(crate) fn to_roll(&self) -> Result<TokenId, Refusal> {
        let current: Vec<(&TokenId, &ApiToken)> = self.current().collect();
        match current.as_slice() {
            [] => Err(Refusal::NoSuchApiToken),
            [(only, _)] => Ok(**only),
            several => {
                let default = several.iter().find(|(_, token)| token.name == default_name());
                default.map(|(id, _)| **id).ok_or(Refusal::WhichApiToken)
            }
        }
    }

    /// Those of people that were not rolled.
    fn current(&self) -> impl Iterator<Item = (&TokenId, &ApiToken)> {
        self.0.iter().filter(|(_, token)| !token.of_ci_job && token.grace.is_none())
    }

    pub(super) fn issue(&self, new: NewApiToken, at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        if self.0.contains_key(&new.token) {
            return Ok(vec![]);
        }
        if new.expires_at.is_some_and(|end| end <= at) {
            return Err(Refusal::ExpiryOver);
        }
        let alive = |token: &&ApiToken| token.works(at);
        if new.job.is_some() {
            if self.0.values().filter(|token| token.of_ci_job).filter(alive).count() >= CI_TOKENS_MAX {
                return Err(Refusal::TooManyCiTokens);
            }
        } else {
            let current: Vec<&ApiToken> = self.current().map(|(_, token)| token).filter(alive).collect();
            let name = new.name.clone().unwrap_or_else(default_name);
            if current.iter().any(|token| token.name == name) {
                return Err(Refusal::ApiTokenNameTaken(name));
            }
            if current.len() >= API_TOKENS_MAX {
                return Err(Refusal::TooManyApiTokens);
            }
        }
        let NewApiToken { token, secret_sha256, name, scopes, expires_at, job } = new;
        Ok(vec![Event::ApiTokenIssued { token, secret_sha256, name, scopes, expires_at, job }])
    }

    pub(super) fn roll(
        &self,
        old: TokenId,
        (token, secret_sha256): (TokenId, Sha256),
        old_works_until: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        if self.0.contains_key(&token) {
            return Ok(vec![]);
        }
        let rolled = self.0.get(&old).filter(|token| token.works(at) && token.grace.is_none() && !token.of_ci_job);
        if rolled.is_none() {
            return Err(Refusal::NoSuchApiToken);
        }
        if old_works_until.is_some_and(|until| until <= at || until > at + API_TOKEN_GRACE_MAX) {
            return Err(Refusal::GraceOutOfBounds);
        }
        let mut events = Vec::new();
        if old_works_until.is_none() {
            // "Dead at once" is said of every text that ever stood for this token.
            events.extend(self.predecessors(old).into_iter().map(|token| Event::ApiTokenGraceClosed { token }));
        }
        events.push(Event::ApiTokenRolled { old, token, secret_sha256, old_works_until });
        Ok(events)
    }

    pub(super) fn close_grace(&self, old: TokenId) -> Result<Vec<Event>, Refusal> {
        let in_grace = self.0.get(&old).is_some_and(|token| token.grace.is_some());
        if in_grace { Ok(vec![Event::ApiTokenGraceClosed { token: old }]) } else { Err(Refusal::NoSuchApiToken) }
    }

    pub(super) fn revoke(&self, token: TokenId) -> Result<Vec<Event>, Refusal> {
        if !self.0.contains_key(&token) {
            return Err(Refusal::NoSuchApiToken);
        }
        // Who ends a token does not mean to leave open what it once replaced.
        let before = self.predecessors(token).into_iter().map(|token| Event::ApiTokenGraceClosed { token });
        Ok(before.chain([Event::ApiTokenRevoked { token }]).collect())
    }

    /// The tokens that this one replaced, one after the other, and that still work.
    fn predecessors(&self, token: TokenId) -> Vec<TokenId> {
        let mut line = vec![token];
        loop {
            let before = |(id, other): (&TokenId, &ApiToken)| {
                let follows = other.grace.is_some_and(|grace| line.contains(&grace.successor));
                (follows && !line.contains(id)).then_some(*id)
            };
            let found: Vec<TokenId> = self.0.iter().filter_map(before).collect();
            if found.is_empty() {
                return line.split_off(1);
            }
            line.extend(found);
        }
    }

    pub(super) fn evolve(&mut self, event: &Event) {
        match event {
            Event::ApiTokenIssued { token, secret_sha256, name, scopes, expires_at, job } => {
                match (name, expires_at) {
                    // Before tokens had names, a project had one: the new one ended the one before.
                    (None, _) if job.is_none() => self.0.retain(|_, other| other.name != default_name()),
                    // Each lives as long as the others, so those that have ended are known without a clock.
                    (_, Some(end)) if job.is_some() => self.0.retain(|_, other| {
                        !other.of_ci_job || other.expires_at.is_none_or(|other| other > *end - CI_TOKEN_LIFETIME)
                    }),
                    _ => {}
                }
                let issued = ApiToken {
                    secret_sha256: *secret_sha256,
                    name: name.clone().unwrap_or_else(default_name),
                    scopes: scopes.clone(),
                    expires_at: *expires_at,
                    grace: None,
                    of_ci_job: job.is_some(),
                };
                self.0.insert(*token, issued);
            }
            Event::ApiTokenRolled { old, token, secret_sha256, old_works_until } => {
                let Some(mut rolled) = self.0.remove(old) else { return };
                if let Some(until) = *old_works_until {
                    let grace = Some(Grace { successor: *token, until });
                    self.0.insert(*old, ApiToken { grace, ..rolled.clone() });
                }
                rolled.secret_sha256 = *secret_sha256;
                self.0.insert(*token, rolled);
            }
            Event::ApiTokenGraceClosed { token } | Event::ApiTokenRevoked { token } => {
                self.0.remove(token);
            }
            _ => {}
        }
    }
}
