//! Access keys, and how far their newest roll has come.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    ids::{AccessKeyId, RepositoryId},
    token::{id_text, parse_id_text},
};
use event_log::execute::Executor;
use projections::{
    credentials::{self, ACCESS_KEYS_PAGE_MAX, Credentials, KeyringProgress, SILENT_PAGE_MAX},
    dashboard::Dashboard,
};
use stores::key_usage::{self, KeyUsage};

use super::{IssuedKey, Repository};
use crate::{
    error::{internal, not_found},
    lists::{FIRST_DEFAULT, cost, within},
    parts::part,
};

/// What an access key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "AccessKeyKind", remote = "domain::keyring::KeyKind")]
pub(crate) enum KeyKindWord {
    /// Opens the repository for any number of machines.
    Shared,
    /// Opens the repository for one machine.
    Machine,
    /// Lets machines enrol, each for a key of its own.
    Enrolment,
}

/// What a roll of access keys led to. The keys are shown only now.
#[derive(SimpleObject)]
pub(crate) struct RolledKeys {
    /// The generation of keys that began.
    pub(crate) generation: u32,
    /// When older keys end; none if they are dead already.
    pub(crate) grace_until: Option<DateTime<Utc>>,
    /// The new shared and enrolment keys.
    pub(crate) access_keys: Vec<NamedNewKey>,
    /// The one line, run by root, that gives a machine access, with the first of the keys; none if there is no key.
    pub(crate) install_command: Option<String>,
    /// The repository, with its keyring as it is now.
    pub(crate) repository: Repository,
}

/// A key that a roll made.
#[derive(SimpleObject)]
pub(crate) struct NamedNewKey {
    /// What people call it.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) kind: KeyKindWord,
    pub(crate) access_key: IssuedKey,
    /// The one line, run by root, that gives a machine access with this key.
    pub(crate) install_command: String,
}

/// A key that opens a repository. Its secret was shown when it was issued.
#[derive(SimpleObject)]
pub(crate) struct AccessKey {
    /// The login of HTTP Basic.
    id: String,
    /// What people call it, or what its machine calls itself.
    name: String,
    /// What it is for.
    kind: KeyKindWord,
    /// Which generation it belongs to.
    generation: u32,
    /// It ends with the grace window.
    is_older: bool,
    /// When it was made.
    issued_at: DateTime<Utc>,
    /// When it ends by itself.
    expires_at: Option<DateTime<Utc>>,
    /// How many machines may enrol with it.
    enrols_max: Option<u32>,
    /// How many have.
    enrolled: u32,
    /// When it was last used; none if it was not, or not for 400 days. A few seconds late.
    last_seen: Option<DateTime<Utc>>,
}

impl AccessKey {
    /// Keys, with when they were seen.
    pub(super) async fn all(ctx: &Context<'_>, keys: Vec<credentials::AccessKey>) -> Result<Vec<Self>> {
        let key_usage = part::<KeyUsage>(ctx);
        let ids: Vec<_> = keys.iter().map(|key| key.id).collect();
        let seen = key_usage.seen(&ids).await.map_err(|error| internal(&error))?;
        Ok(keys
            .into_iter()
            .map(|key| Self { last_seen: seen.get(&key.id).map(|seen| seen.last_at), ..Self::of(key) })
            .collect())
    }

    fn of(key: credentials::AccessKey) -> Self {
        let credentials::AccessKey { kind, generation, is_older, issued_at, expires_at, enrols_max, enrolled, .. } =
            key;
        Self {
            id: id_text(key.id.0),
            name: key.name,
            kind: kind.into(),
            generation,
            is_older,
            issued_at,
            expires_at,
            enrols_max,
            enrolled,
            last_seen: None,
        }
    }
}

/// A package that the holder of a key fetched.
#[derive(SimpleObject)]
pub(crate) struct Fetch {
    /// The key's id. It may have ended since.
    key: String,
    /// What people call the key, or what its machine calls itself.
    name: Option<String>,
    /// What the key is or was for.
    kind: Option<KeyKindWord>,
    /// The organisation whose repository the key opens or opened.
    organisation: Option<String>,
    /// That repository.
    repository: Option<String>,
    /// The package file.
    sha256: String,
    /// When it was first fetched with this key.
    first_at: DateTime<Utc>,
    /// When last.
    last_at: DateTime<Utc>,
    /// How often.
    times: u64,
}

impl Fetch {
    /// Fetches, with whose keys they were made.
    pub(crate) async fn all(ctx: &Context<'_>, fetches: Vec<key_usage::Fetch>) -> Result<Vec<Self>> {
        let ids: Vec<_> = fetches.iter().map(|fetch| fetch.key).collect();
        let known = part::<Credentials>(ctx).known_keys(&ids).await.map_err(|error| internal(&error))?;
        let known: HashMap<_, _> = known.into_iter().map(|key| (key.id, key)).collect();
        let mut repositories = HashMap::new();
        for key in known.values() {
            if let Entry::Vacant(unknown) = repositories.entry(key.repository) {
                let row = part::<Dashboard>(ctx).repository(key.repository).await.map_err(|error| internal(&error))?;
                unknown.insert(row);
            }
        }
        let fetch = |fetch: key_usage::Fetch| {
            let key = known.get(&fetch.key);
            let repository = key.and_then(|key| repositories.get(&key.repository)?.as_ref());
            Self {
                key: id_text(fetch.key.0),
                name: key.map(|key| key.name.clone()),
                kind: key.map(|key| key.kind.into()),
                organisation: repository.map(|repository| repository.organisation.clone()),
                repository: repository.map(|repository| repository.name.clone()),
                sha256: fetch.sha256.to_string(),
                first_at: fetch.seen.first_at,
                last_at: fetch.seen.last_at,
                times: fetch.seen.times,
            }
        };
        Ok(fetches.into_iter().map(fetch).collect())
    }
}

/// The access keys of a repository, and how far their newest roll has come.
pub(crate) struct Keyring {
    repository: RepositoryId,
    progress: KeyringProgress,
}

impl Keyring {
    pub(super) async fn load(ctx: &Context<'_>, repository: RepositoryId) -> Result<Self> {
        let progress = part::<Credentials>(ctx).keyring(repository, part::<Arc<Executor>>(ctx).now()).await;
        Ok(Self { repository, progress: progress.map_err(|error| internal(&error))? })
    }
}

#[Object]
impl Keyring {
    /// Which generation of keys is the newest, from 1.
    async fn generation(&self) -> u32 {
        self.progress.generation
    }

    /// When it began; none before the first roll.
    async fn rolled_at(&self) -> Option<DateTime<Utc>> {
        self.progress.rolled_at
    }

    /// The newest roll's grace window, open or closed; none if it had none.
    async fn grace(&self) -> Option<Grace> {
        let had_one = self.progress.grace_until.is_some() || self.progress.closed_at.is_some();
        had_one.then(|| Grace { repository: self.repository, progress: self.progress.clone() })
    }

    /// The keys that work, newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "The id of the last key of the page before")] after: Option<String>,
    ) -> Result<Vec<AccessKey>> {
        let key = |id: String| parse_id_text(&id).map(AccessKeyId).ok_or_else(|| not_found("such access key"));
        let after = after.map(key).transpose()?;
        let keys = part::<Credentials>(ctx)
            .access_keys(self.repository, part::<Arc<Executor>>(ctx).now(), after, within(first, ACCESS_KEYS_PAGE_MAX)?)
            .await;
        AccessKey::all(ctx, keys.map_err(|error| internal(&error))?).await
    }
}

/// The time in which keys of two generations work.
pub(crate) struct Grace {
    repository: RepositoryId,
    progress: KeyringProgress,
}

#[Object]
impl Grace {
    /// Whether older keys still work.
    async fn is_open(&self) -> bool {
        self.progress.grace_until.is_some()
    }

    /// When older keys end; none if the window has closed.
    async fn until(&self) -> Option<DateTime<Utc>> {
        self.progress.grace_until
    }

    /// When it closed.
    async fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.progress.closed_at
    }

    /// Why it closed: `everyone_moved`, `time_over` or `cut`.
    async fn closed_because(&self) -> Option<&str> {
        self.progress.closed_by.as_deref()
    }

    /// How many machines had an older key when it opened, and were not cut off since.
    async fn machines(&self) -> u32 {
        self.progress.machines
    }

    /// How many of them have used their new key.
    async fn moved(&self) -> u32 {
        self.progress.moved
    }

    /// The machines that have not used their new key, by name.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn silent(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "The name of the last machine of the page before")] after: Option<String>,
    ) -> Result<Vec<SilentMachine>> {
        let silent = part::<Credentials>(ctx)
            .silent_machines(self.repository, after.as_deref(), within(first, SILENT_PAGE_MAX)?)
            .await;
        let silent = silent.map_err(|error| internal(&error))?;
        let ids: Vec<_> = silent.iter().map(|machine| machine.key).collect();
        let seen = part::<KeyUsage>(ctx).seen(&ids).await.map_err(|error| internal(&error))?;
        let machine = |machine: credentials::SilentMachine| SilentMachine {
            name: machine.name,
            key: id_text(machine.key.0),
            has_renewed: machine.renewed.is_some(),
            last_seen: seen.get(&machine.key).map(|seen| seen.last_at),
        };
        Ok(silent.into_iter().map(machine).collect())
    }
}

/// A machine that has not used its new key.
#[derive(SimpleObject)]
pub(crate) struct SilentMachine {
    /// What it calls itself.
    name: String,
    /// The id of its older key.
    key: String,
    /// It has asked for its new key, and not used it yet.
    has_renewed: bool,
    /// When its older key was last used; none if it was not, or not for 400 days. A few seconds late.
    last_seen: Option<DateTime<Utc>>,
}
