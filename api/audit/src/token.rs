//! API, operator and feed tokens: issued, used, ended.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use domain::{
    account,
    event::{self, Event, Subject},
    ids::{ProjectId, TokenId},
    organisation, project,
    recorded::{Actor, RawEvent, Recorded},
    stream_kind::StreamKind,
};
use projections::audit_index::{Page, Wanted};
use serde::Serialize;

use super::{
    AuditError, Auditor, Entry, STORY_EVENTS_MAX,
    words::{Acted, shown},
};

/// The maximum number of newest actions in a token's history; the list of events has all of them.
const ACTIONS_MAX: usize = 20;

/// Everything about one token.
#[derive(Debug, Clone, Serialize, SimpleObject)]
pub struct TokenStory {
    /// The token's id.
    pub token: String,
    /// `operator`, `api` or `feed`.
    pub kind: String,
    /// An API token's project: `acme/website`.
    pub project: Option<String>,
    /// The owner of an operator token, in words; none if it belongs to no person.
    pub holder: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// When it was issued.
    pub issued_at: Option<DateTime<Utc>>,
    /// Who issued it, for display.
    pub issued_by: Option<String>,
    /// When it ended or will end. Null if no end is set.
    pub ends_at: Option<DateTime<Utc>>,
    /// Why it ended: `revoked`, `rolled`, `replaced` or `expired`.
    pub ends_because: Option<String>,
    /// The token that replaced it.
    pub successor: Option<String>,
    /// How often it was used to change something. Reads are not counted.
    pub used: Acted,
    /// Its events, oldest first.
    pub events: Vec<Entry>,
    /// Its actions, newest first.
    pub actions: Vec<Entry>,
}

impl Auditor {
    /// The history of a token.
    ///
    /// # Errors
    /// `Unknown` if there never was such a token.
    pub async fn token(&self, token: TokenId) -> Result<TokenStory, AuditError> {
        let unknown = || AuditError::Unknown(format!("token {}", shown(token.0)));
        let about = Wanted { subject: Some(Subject::Token(token)), ..Wanted::default() };
        let mut events = self.first(&about, STORY_EVENTS_MAX).await?;
        let first = events.first().ok_or_else(unknown)?;
        let kind = match first.stream.kind() {
            Some(StreamKind::Account) => "operator",
            Some(StreamKind::Organisation) => "feed",
            _ => "api",
        };
        if let Some(replaced) = self.replaced(&events, token).await? {
            events.push(replaced);
        }
        let mut life = Life::default();
        for recorded in &events {
            life.evolve(recorded, token);
        }
        // A feed token only reads, so it has no actions.
        let actor = if kind == "operator" { Actor::Operator { token } } else { Actor::ApiToken { token } };
        let by = Wanted { actors: vec![actor], ..Wanted::default() };
        let newest = Page { after: None, newest_first: true, limit: ACTIONS_MAX };
        let project = match events.iter().find(|event| event.stream.kind() == Some(StreamKind::Project)) {
            Some(event) => self.dashboard.project(ProjectId(event.stream.id())).await?,
            None => None,
        };
        let end = [life.ended, life.expires_at.map(|at| (at, "expired"))].into_iter().flatten().min();
        Ok(TokenStory {
            token: shown(token.0),
            kind: kind.to_owned(),
            project: project.map(|row| format!("{}/{}", row.organisation, row.name)),
            holder: self.holder(token).await?,
            name: life.name,
            issued_at: life.issued.as_ref().map(|(at, _)| *at),
            issued_by: match &life.issued {
                Some((_, by)) => Some(self.words(by).await?),
                None => None,
            },
            ends_at: end.map(|(at, _)| at),
            ends_because: end.map(|(_, because)| because.to_owned()),
            successor: life.successor.map(|id| shown(id.0)),
            used: self.audit_index.tally(&by).await?.into(),
            events: self.entries(&events).await?,
            actions: self.entries(&self.some(&by, newest).await?).await?,
        })
    }

    /// In old logs a project has a single unnamed token, and a new token ends the old one implicitly.
    async fn replaced(
        &self,
        events: &[Recorded<RawEvent>],
        token: TokenId,
    ) -> Result<Option<Recorded<RawEvent>>, AuditError> {
        let Some(issued) = events.iter().find(|event| issues_default(event) == Some(token)) else { return Ok(None) };
        let wanted = Wanted {
            subject: Some(Subject::Project(ProjectId(issued.stream.id()))),
            names: vec!["project.api_token_issued".to_owned()],
            ..Wanted::default()
        };
        let later = Page { after: Some(issued.position), newest_first: false, limit: STORY_EVENTS_MAX };
        Ok(self.some(&wanted, later).await?.into_iter().find(|event| issues_default(event).is_some()))
    }
}

/// The token that an event issues without a name or a job.
fn issues_default(recorded: &Recorded<RawEvent>) -> Option<TokenId> {
    match event::decode(&recorded.event) {
        Ok(Event::Project(project::Event::ApiTokenIssued { token, name: None, job: None, .. })) => Some(token),
        _ => None,
    }
}

/// A token's state, from its events.
#[derive(Default)]
struct Life {
    name: Option<String>,
    issued: Option<(DateTime<Utc>, Actor)>,
    expires_at: Option<DateTime<Utc>>,
    successor: Option<TokenId>,
    ended: Option<(DateTime<Utc>, &'static str)>,
}

impl Life {
    fn evolve(&mut self, recorded: &Recorded<RawEvent>, own: TokenId) {
        let at = recorded.metadata.recorded_at;
        let begins = || Some((at, recorded.metadata.actor.clone()));
        match event::decode(&recorded.event) {
            Ok(Event::Account(account::Event::TokenIssued { token, .. })) if token == own => self.issued = begins(),
            Ok(Event::Account(account::Event::TokenRevoked { token })) if token == own => self.end(at, "revoked"),
            Ok(Event::Organisation(organisation::Event::FeedTokenIssued { token, name, .. })) if token == own => {
                (self.name, self.issued) = (Some(name.to_string()), begins());
            }
            Ok(Event::Organisation(organisation::Event::FeedTokenRevoked { token })) if token == own => {
                self.end(at, "revoked");
            }
            Ok(Event::Project(event)) => match event {
                project::Event::ApiTokenIssued { token, name, expires_at, .. } if token == own => {
                    self.name = Some(name.map_or(project::API_TOKEN_NAME_DEFAULT.to_owned(), |name| name.to_string()));
                    (self.issued, self.expires_at) = (begins(), expires_at);
                }
                project::Event::ApiTokenIssued { .. } => self.end(at, "replaced"),
                project::Event::ApiTokenRolled { old, token, old_works_until, .. } if old == own => {
                    self.successor = Some(token);
                    self.end(old_works_until.unwrap_or(at), "rolled");
                }
                project::Event::ApiTokenRolled { token, .. } if token == own => self.issued = begins(),
                project::Event::ApiTokenGraceClosed { token } if token == own => self.end(at, "rolled"),
                project::Event::ApiTokenRevoked { token } if token == own => self.end(at, "revoked"),
                _ => {}
            },
            _ => {}
        }
    }

    /// The earliest end counts.
    fn end(&mut self, at: DateTime<Utc>, because: &'static str) {
        if self.ended.is_none_or(|(known, _)| at < known) {
            self.ended = Some((at, because));
        }
    }
}
