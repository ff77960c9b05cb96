//! Parses the filters of questions, and defines types that several answers share.

#[cfg(test)]
mod tests;

use async_graphql::SimpleObject;
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use domain::{
    event,
    ids::{OrganisationId, PersonId},
    names::OrganisationName,
    recorded::Actor,
    stream_kind::StreamKind,
    token::{id_text, parse_id_text},
};
use projections::audit_index::{Tally, Wanted};
use serde::Serialize;
use stores::key_usage::{Fetch, Seen};
use uuid::Uuid;

/// The filters of a question, as text. An event must match all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// Subjects: `key:<id>`, `release:<id>`, `package:<sha256>`.
    pub about: Option<String>,
    /// Event names: `keyring.rolled`.
    pub names: Vec<String>,
    /// Kinds of streams: `keyring`.
    pub kinds: Vec<String>,
    /// The organisation's name.
    pub organisation: Option<String>,
    /// The actor: `operator:<id>`, `person:<id>`, `worker:signing`.
    pub actor: Option<String>,
    /// At or after this time.
    pub from: Option<String>,
    /// Before this time.
    pub until: Option<String>,
}

/// A filter that is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct InvalidQuestion {
    field: &'static str,
    why: String,
}

fn invalid<E: std::fmt::Display>(field: &'static str) -> impl Fn(E) -> InvalidQuestion {
    move |why| InvalidQuestion { field, why: why.to_string() }
}

/// An actor to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// This actor, as recorded.
    Actor(Actor),
    /// This person, with all current and former operator tokens.
    Person(PersonId),
}

impl Question {
    /// The organisation that it is about.
    pub(super) fn organisation(&self) -> Result<Option<OrganisationName>, InvalidQuestion> {
        self.organisation.as_ref().map(|name| name.parse()).transpose().map_err(invalid("organisation"))
    }

    /// The filter for the audit index, with these `actors`; any actor if there are no `actors`.
    pub(super) fn wanted(&self, actors: Vec<Actor>) -> Result<Wanted, InvalidQuestion> {
        let from = self.from.as_deref().map(|text| time("from", text)).transpose()?;
        let until = self.until.as_deref().map(|text| time("until", text)).transpose()?;
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            let why =
                format!("expected a time after from, which is {}", from.to_rfc3339_opts(SecondsFormat::AutoSi, true));
            return Err(InvalidQuestion { field: "until", why });
        }
        Ok(Wanted {
            subject: self.about.as_deref().map(about).transpose()?,
            caused_by: None,
            names: self.all_names()?,
            organisation: self.organisation()?.as_ref().map(OrganisationId::named),
            actors,
            from,
            until,
        })
    }

    fn all_names(&self) -> Result<Vec<String>, InvalidQuestion> {
        let mut names = Vec::new();
        for name in &self.names {
            if !event::NAMES.contains(&name.as_str()) {
                let why = format!("there is no event \"{name}\": expected a name such as keyring.rolled");
                return Err(InvalidQuestion { field: "name", why });
            }
            names.push(name.clone());
        }
        for kind in &self.kinds {
            let kind: StreamKind = kind.parse().map_err(invalid("kind"))?;
            let is_of_kind = |name: &&&str| name.split_once('.').is_some_and(|(of, _)| of == kind.as_str());
            names.extend(event::NAMES.iter().filter(is_of_kind).map(|name| (*name).to_owned()));
        }
        Ok(names)
    }
}

/// Parses a subject. Ids of keys and tokens may be written as their holders see them.
fn about(text: &str) -> Result<event::Subject, InvalidQuestion> {
    as_uuid(text).parse().map_err(invalid("about"))
}

/// Parses an actor as recorded, or `person:<id>`. Ids of keys and tokens may be written as their holders see them.
///
/// # Errors
/// The text is not a valid actor.
pub fn who(text: &str) -> Result<Who, InvalidQuestion> {
    if let Some(id) = text.strip_prefix("person:") {
        return Ok(Who::Person(id.parse().map_err(invalid("actor"))?));
    }
    let not_an_actor = |error| format!("{error}, or person:<id> for everything that a person did");
    as_uuid(text).parse().map(Who::Actor).map_err(not_an_actor).map_err(invalid("actor"))
}

/// Parses the id of a key or a token: as its holder sees it, or as in events.
///
/// # Errors
/// It is neither.
pub fn key_or_token(text: &str) -> Result<Uuid, InvalidQuestion> {
    Uuid::parse_str(text).ok().or_else(|| parse_id_text(text)).ok_or_else(|| InvalidQuestion {
        field: "id",
        why: "not a valid id: expected the id of an access key or a token (no secret), such as the user name of HTTP Basic".to_owned(),
    })
}

fn as_uuid(text: &str) -> String {
    let found = text.split_once(':').and_then(|(kind, id)| Some((kind, parse_id_text(id)?)));
    found.map_or_else(|| text.to_owned(), |(kind, id)| format!("{kind}:{id}"))
}

/// Parses a time: RFC 3339, or a day, which means midnight UTC.
///
/// # Errors
/// It is neither.
pub fn time(field: &'static str, text: &str) -> Result<DateTime<Utc>, InvalidQuestion> {
    let exact = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    exact().or_else(day).ok_or_else(|| InvalidQuestion {
        field,
        why: "not a valid time: expected one such as 2026-11-22T10:00:00Z, or a day such as 2026-11-22".to_owned(),
    })
}

/// How often an actor did something, and from when to when.
#[derive(Debug, Clone, Serialize, SimpleObject)]
pub struct Acted {
    /// The number of events it caused.
    pub events: u64,
    /// When the first was recorded.
    pub first_at: Option<DateTime<Utc>>,
    /// When the last was recorded.
    pub last_at: Option<DateTime<Utc>>,
}

impl From<Tally> for Acted {
    fn from(Tally { events, first_at, last_at }: Tally) -> Self {
        Self { events, first_at, last_at }
    }
}

/// A package that was downloaded with a key.
#[derive(Debug, Clone, Serialize, SimpleObject)]
pub struct FetchedPackage {
    /// The package file.
    pub sha256: String,
    /// The first time.
    pub first_at: DateTime<Utc>,
    /// The last time.
    pub last_at: DateTime<Utc>,
    /// The number of downloads.
    pub times: u64,
}

impl From<&Fetch> for FetchedPackage {
    fn from(Fetch { sha256, seen: Seen { first_at, last_at, times }, .. }: &Fetch) -> Self {
        Self { sha256: sha256.to_string(), first_at: *first_at, last_at: *last_at, times: *times }
    }
}

/// A key with which a package was downloaded.
#[derive(Debug, Clone, Serialize, SimpleObject)]
pub struct FetchedWith {
    /// The key's id.
    pub key: String,
    /// Its name, or its machine's.
    pub name: Option<String>,
    /// Its kind: `machine`, `shared`.
    pub kind: Option<String>,
    /// The repository it gives access to: `acme/debian`.
    pub repository: Option<String>,
    /// The first time.
    pub first_at: DateTime<Utc>,
    /// The last time.
    pub last_at: DateTime<Utc>,
    /// The number of downloads.
    pub times: u64,
    /// Whether it is still valid.
    pub still_works: bool,
}

/// A key's or token's id as its holder sees it.
pub(super) fn shown(id: impl Into<Uuid>) -> String {
    id_text(id.into())
}
