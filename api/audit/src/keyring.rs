//! Access keys: the history of a key, and who had access to a repository at a given time, from the events of its keyring.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use domain::{
    event::{self, Event, Subject},
    ids::{AccessKeyId, RepositoryId},
    keyring::{KeyHistories, KeyKind, Life},
    recorded::{RawEvent, Recorded, Revision, StreamId},
    stream_kind::StreamKind,
};
use projections::{audit_index::Wanted, dashboard::Repository};
use serde::Serialize;

use super::{
    AuditError, Auditor, Entry, FIRST_MAX, STORY_EVENTS_MAX,
    words::{Acted, FetchedPackage, shown},
};

/// The maximum number of packages in a key's history; `fetchedWith` lists all of them.
const FETCHED_MAX: u32 = 100;

/// Everything about one access key.
#[derive(Debug, Clone, Serialize, SimpleObject)]
pub struct KeyStory {
    /// The key's id, which is the user name for HTTP Basic.
    pub key: String,
    /// Its name, or its machine's name.
    pub name: String,
    /// `shared`, `machine` or `enrolment`.
    pub kind: String,
    /// The repository that it gives access to: `acme/debian`. An enrolment key gives no access to packages.
    pub repository: String,
    /// How many packages the repository has. The key gives access to all of them.
    pub packages: u64,
    /// Its generation.
    pub generation: u32,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// Who issued it, for display.
    pub issued_by: Option<String>,
    /// When it ended or will end. Null if no end is set.
    pub ends_at: Option<DateTime<Utc>>,
    /// Why it ended: `revoked`, `rolled`, `window_closed`, `replaced` or `expired`.
    pub ends_because: Option<String>,
    /// The key that it replaced.
    pub follows: Option<String>,
    /// The key that replaced it.
    pub successor: Option<String>,
    /// The enrolment key with which its machine was enrolled.
    pub enrolled_with: Option<String>,
    /// How often it was used, with the first and last time. Null if it was not used in the last 400 days.
    pub used: Option<Acted>,
    /// The packages downloaded with it, newest first.
    pub fetched: Vec<FetchedPackage>,
    /// Its events, oldest first.
    pub events: Vec<Entry>,
}

/// Who had access to a repository at a given time.
#[derive(Debug, Clone, Serialize, SimpleObject)]
pub struct Access {
    /// `acme/debian`.
    pub repository: String,
    /// The time.
    pub at: DateTime<Utc>,
    /// The number of keys that were valid then.
    pub keys: u64,
    /// A page of these keys, ordered by id.
    pub entrants: Vec<Entrant>,
    /// The cursor of the next page. Null on the last page.
    pub next: Option<String>,
}

/// A valid key.
#[derive(Debug, Clone, Serialize, SimpleObject)]
pub struct Entrant {
    /// The key's id.
    pub key: String,
    /// Its name, or its machine's name.
    pub name: String,
    /// `shared`, `machine` or `enrolment`. An enrolment key gives no access to packages.
    pub kind: String,
    /// Its generation.
    pub generation: u32,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// When it ended or will end. Null if no end is set.
    pub ends_at: Option<DateTime<Utc>>,
    /// Why it ended.
    pub ends_because: Option<String>,
}

impl Auditor {
    /// The history of an access key.
    ///
    /// # Errors
    /// `Unknown` if there never was such a key.
    pub async fn key(&self, key: AccessKeyId) -> Result<KeyStory, AuditError> {
        let unknown = || AuditError::Unknown(format!("access key {}", shown(key.0)));
        let about = Wanted { subject: Some(Subject::Key(key)), ..Wanted::default() };
        let first = self.first(&about, 1).await?.pop().ok_or_else(unknown)?;
        let repository = RepositoryId(first.stream.id());
        let mut histories = KeyHistories::default();
        let mut events: Vec<Recorded<RawEvent>> = Vec::new();
        self.each_of(&keyring(repository), Revision(0), |recorded| {
            if let Ok(Event::Keyring(event)) = event::decode(&recorded.event) {
                // A roll ends keys without naming them.
                let before = (histories.get(key).cloned(), histories.end(key));
                histories.evolve(&event, recorded.metadata.recorded_at);
                let is_about = before != (histories.get(key).cloned(), histories.end(key));
                if is_about && events.len() < STORY_EVENTS_MAX {
                    events.push(recorded);
                }
            }
            true
        })
        .await?;
        let life = histories.get(key).ok_or_else(unknown)?;
        let end = histories.end(key);
        let row = self.dashboard.repository(repository).await?;
        let (used, fetched) = self.used(key).await?;
        let events = self.entries(&events).await?;
        Ok(KeyStory {
            key: shown(key.0),
            name: life.name.clone(),
            kind: life.kind.to_string(),
            packages: row.as_ref().filter(|_| life.kind != KeyKind::Enrolment).map_or(0, |row| row.packages),
            repository: named(row, repository),
            generation: life.generation,
            issued_at: life.issued_at,
            ends_at: end.map(|end| end.at),
            ends_because: end.map(|end| end.because.as_str().to_owned()),
            follows: life.follows.map(|id| shown(id.0)),
            successor: life.successor.map(|id| shown(id.0)),
            enrolled_with: life.enrolled_with.map(|id| shown(id.0)),
            used,
            fetched,
            issued_by: events.first().map(|issued| issued.by.clone()),
            events,
        })
    }

    async fn used(&self, key: AccessKeyId) -> Result<(Option<Acted>, Vec<FetchedPackage>), AuditError> {
        let Some(key_usage) = &self.key_usage else { return Ok((None, Vec::new())) };
        let seen = key_usage.seen(&[key]).await?.remove(&key);
        let used =
            seen.map(|seen| Acted { events: seen.times, first_at: Some(seen.first_at), last_at: Some(seen.last_at) });
        let fetched = key_usage.fetched_with(key, FETCHED_MAX, 0).await?;
        Ok((used, fetched.iter().map(FetchedPackage::from).collect()))
    }

    /// The keys that were valid for `repository` at the time `at`, by id, after the key `after`; at most [`FIRST_MAX`].
    ///
    /// # Errors
    /// `Unknown` if there is no such repository.
    pub async fn access(
        &self,
        repository: RepositoryId,
        at: DateTime<Utc>,
        after: Option<AccessKeyId>,
        first: u32,
    ) -> Result<Access, AuditError> {
        let row = self.dashboard.repository(repository).await?;
        let row = row.ok_or_else(|| AuditError::Unknown("such repository".to_owned()))?;
        let histories = self.histories(repository).await?;
        let limit = first.min(FIRST_MAX) as usize;
        let keys = histories.entrants(at).count() as u64;
        let mut some: Vec<_> =
            histories.entrants(at).filter(|(key, _)| after.is_none_or(|after| *key > after)).collect();
        let has_more = some.len() > limit;
        some.truncate(limit);
        Ok(Access {
            repository: format!("{}/{}", row.organisation, row.name),
            at,
            keys,
            next: some.last().filter(|_| has_more).map(|(key, _)| shown(key.0)),
            entrants: some.into_iter().map(|(key, life)| Entrant::of(key, life, &histories)).collect(),
        })
    }

    /// The history of all keys that a repository ever had.
    pub(super) async fn histories(&self, repository: RepositoryId) -> Result<KeyHistories, AuditError> {
        let mut histories = KeyHistories::default();
        self.each_of(&keyring(repository), Revision(0), |recorded| {
            if let Ok(Event::Keyring(event)) = event::decode(&recorded.event) {
                histories.evolve(&event, recorded.metadata.recorded_at);
            }
            true
        })
        .await?;
        Ok(histories)
    }
}

impl Entrant {
    fn of(key: AccessKeyId, life: &Life, histories: &KeyHistories) -> Self {
        let end = histories.end(key);
        Self {
            key: shown(key.0),
            name: life.name.clone(),
            kind: life.kind.to_string(),
            generation: life.generation,
            issued_at: life.issued_at,
            ends_at: end.map(|end| end.at),
            ends_because: end.map(|end| end.because.as_str().to_owned()),
        }
    }
}

fn keyring(repository: RepositoryId) -> StreamId {
    StreamId::new(StreamKind::Keyring, repository.0)
}

/// `acme/debian`, or its id if it is not projected yet.
pub(super) fn named(row: Option<Repository>, repository: RepositoryId) -> String {
    row.map_or_else(|| repository.to_string(), |row| format!("{}/{}", row.organisation, row.name))
}
