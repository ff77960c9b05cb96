//! A package file: its origin, which machines downloaded it, and which keys can still download it.

use std::collections::{HashMap, hash_map};

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    event::{self, Event, Subject},
    ids::{AccessKeyId, RepositoryId},
    keyring::{KeyHistories, KeyKind},
    repository,
};
use projections::audit_index::Wanted;
use serde::Serialize;
use stores::key_usage::Fetch;

use super::{
    AuditError, Auditor, Entry, STORY_EVENTS_MAX,
    keyring::named,
    words::{FetchedWith, shown},
};

/// Everything about one package file.
#[derive(Debug, Clone, Serialize, SimpleObject)]
pub struct PackageStory {
    /// The file's digest.
    pub sha256: String,
    /// The repositories that contain it.
    pub repositories: Vec<Holding>,
    /// The keys with which it was downloaded. Counted with a delay of a few seconds, and kept for 400 days.
    pub fetched: Vec<FetchedWith>,
    /// The cursor of the next page. Null on the last page.
    pub next: Option<String>,
    /// Its events, oldest first.
    pub events: Vec<Entry>,
}

/// A repository that contains a package.
#[derive(Debug, Clone, Serialize, SimpleObject)]
pub struct Holding {
    /// `acme/debian`.
    pub repository: String,
    /// When it was added.
    pub since: DateTime<Utc>,
    /// The file name.
    pub file_name: String,
    /// Whether it is in the newest version. If not, it is only in earlier versions, under `…/at/…`.
    pub is_newest: bool,
    /// How many keys can download it now: shared keys, each of any number of machines, and machine keys.
    pub keys: u64,
    /// How many of them are machine keys.
    pub machines: u64,
}

impl Auditor {
    /// The history of a package file, with the keys that downloaded it after the key `after`; at most `first` keys.
    ///
    /// # Errors
    /// `Unknown` if no event is about it.
    pub async fn package(
        &self,
        sha256: Sha256,
        now: DateTime<Utc>,
        after: Option<AccessKeyId>,
        first: u32,
    ) -> Result<PackageStory, AuditError> {
        let about = Wanted { subject: Some(Subject::Package(sha256)), ..Wanted::default() };
        let events = self.first(&about, STORY_EVENTS_MAX).await?;
        if events.is_empty() {
            return Err(AuditError::Unknown(format!("package {sha256}")));
        }
        let mut held: Vec<(RepositoryId, Holding)> = Vec::new();
        let mut histories: HashMap<RepositoryId, KeyHistories> = HashMap::new();
        for recorded in &events {
            let repository = RepositoryId(recorded.stream.id());
            match event::decode(&recorded.event) {
                Ok(Event::Repository(
                    repository::Event::PackageAdded { package, .. }
                    | repository::Event::PackageResigned { package, .. },
                )) if package.sha256 == sha256 => {
                    let keys = self.histories(repository).await?;
                    let kinds = keys.entrants(now).map(|(_, life)| life.kind);
                    let (mut opening, mut machines) = (0, 0);
                    for kind in kinds.filter(|kind| *kind != KeyKind::Enrolment) {
                        opening += 1;
                        machines += u64::from(kind == KeyKind::Machine);
                    }
                    histories.insert(repository, keys);
                    held.push((
                        repository,
                        Holding {
                            repository: named(self.dashboard.repository(repository).await?, repository),
                            since: recorded.metadata.recorded_at,
                            file_name: package.file_name.clone(),
                            is_newest: true,
                            keys: opening,
                            machines,
                        },
                    ));
                }
                Ok(Event::Repository(repository::Event::PackageResigned { replaces, .. })) if replaces == sha256 => {
                    for (_, holding) in held.iter_mut().filter(|(of, _)| *of == repository) {
                        holding.is_newest = false;
                    }
                }
                _ => {}
            }
        }
        let fetches = match &self.key_usage {
            Some(key_usage) => key_usage.fetched_by(&sha256, after, first).await?,
            None => Vec::new(),
        };
        let next = fetches.last().filter(|_| fetches.len() >= first as usize).map(|last| shown(last.key.0));
        Ok(PackageStory {
            sha256: sha256.to_string(),
            repositories: held.into_iter().map(|(_, holding)| holding).collect(),
            fetched: self.fetchers(&fetches, &histories, now).await?,
            next,
            events: self.entries(&events).await?,
        })
    }

    async fn fetchers(
        &self,
        fetches: &[Fetch],
        histories: &HashMap<RepositoryId, KeyHistories>,
        now: DateTime<Utc>,
    ) -> Result<Vec<FetchedWith>, AuditError> {
        let ids: Vec<_> = fetches.iter().map(|fetch| fetch.key).collect();
        let known = self.credentials.known_keys(&ids).await?;
        let known: HashMap<_, _> = known.into_iter().map(|key| (key.id, key)).collect();
        let mut names: HashMap<RepositoryId, String> = HashMap::new();
        for key in known.values() {
            if let hash_map::Entry::Vacant(unknown) = names.entry(key.repository) {
                unknown.insert(named(self.dashboard.repository(key.repository).await?, key.repository));
            }
        }
        let fetcher = |fetch: &Fetch| {
            let key = known.get(&fetch.key);
            let histories = key.and_then(|key| histories.get(&key.repository));
            FetchedWith {
                key: shown(fetch.key.0),
                name: key.map(|key| key.name.clone()),
                kind: key.map(|key| key.kind.to_string()),
                repository: key.and_then(|key| names.get(&key.repository).cloned()),
                first_at: fetch.seen.first_at,
                last_at: fetch.seen.last_at,
                times: fetch.seen.times,
                still_works: histories.is_some_and(|histories| works(histories, fetch.key, now)),
            }
        };
        Ok(fetches.iter().map(fetcher).collect())
    }
}

fn works(histories: &KeyHistories, key: AccessKeyId, now: DateTime<Utc>) -> bool {
    histories.get(key).is_some() && histories.end(key).is_none_or(|end| now < end.at)
}
