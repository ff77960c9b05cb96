//! The part of a repository's page that shows its access keys, and the progress of their newest roll.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{AccessKeyId, RepositoryId},
    token::id_text,
};
use projections::credentials::{AccessKey, Credentials, KeyringProgress};
use stores::key_usage::{KeyUsage, Seen};

use super::{
    layout::Layout,
    problem::PageProblem,
    show::{Moment, duration},
};

/// The maximum number of keys, and of machines not seen since the roll, on a page. GraphQL lists all of them.
const SHOWN_MAX: u32 = 50;

/// The access keys of a repository.
pub(super) struct KeyringPart {
    pub(super) generation: u32,
    pub(super) keys: Vec<KeyRow>,
    /// There are more than are shown.
    pub(super) more_keys: bool,
    pub(super) grace: Option<GracePanel>,
}

/// An active access key.
pub(super) struct KeyRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: &'static str,
    /// It stops working when the grace window closes.
    pub(super) is_older: bool,
    pub(super) enrolled: Option<String>,
    pub(super) issued: Moment,
    pub(super) ends: Option<String>,
    pub(super) last_seen: Option<Moment>,
}

/// The newest grace window.
pub(super) struct GracePanel {
    /// How long older keys still work, and until when. `None` if the window has closed.
    pub(super) open: Option<(String, String)>,
    pub(super) closed: Option<(Moment, &'static str)>,
    pub(super) machines: u32,
    pub(super) moved: u32,
    pub(super) silent: u32,
    pub(super) since: Moment,
    pub(super) silent_machines: Vec<SilentRow>,
}

/// A machine that has not used its new key.
pub(super) struct SilentRow {
    pub(super) name: String,
    pub(super) has_renewed: bool,
    pub(super) last_seen: Option<Moment>,
}

impl KeyringPart {
    pub(super) async fn load(
        credentials: &Credentials,
        key_usage: &KeyUsage,
        repository: RepositoryId,
        layout: &Layout,
    ) -> Result<Self, PageProblem> {
        let progress = credentials.keyring(repository, layout.now()).await?;
        let mut keys = credentials.access_keys(repository, layout.now(), None, SHOWN_MAX + 1).await?;
        let more_keys = keys.len() > SHOWN_MAX as usize;
        keys.truncate(SHOWN_MAX as usize);
        let ids: Vec<AccessKeyId> = keys.iter().map(|key| key.id).collect();
        let seen = key_usage.seen(&ids).await?;
        let generation = progress.generation;
        let keys = keys.into_iter().map(|key| KeyRow::of(key, &seen, layout)).collect();
        let grace = GracePanel::load(credentials, key_usage, repository, progress, layout).await?;
        Ok(Self { generation, keys, more_keys, grace })
    }
}

impl KeyRow {
    fn of(key: AccessKey, seen: &HashMap<AccessKeyId, Seen>, layout: &Layout) -> Self {
        Self {
            id: id_text(key.id.0),
            last_seen: seen.get(&key.id).map(|seen| layout.moment(seen.last_at)),
            name: key.name,
            kind: key.kind.as_str(),
            is_older: key.is_older,
            enrolled: key.enrols_max.map(|most| format!("{} of {most}", key.enrolled)),
            issued: layout.moment(key.issued_at),
            ends: key.expires_at.map(exact),
        }
    }
}

impl GracePanel {
    /// `None` if the newest roll had no grace window.
    async fn load(
        credentials: &Credentials,
        key_usage: &KeyUsage,
        repository: RepositoryId,
        progress: KeyringProgress,
        layout: &Layout,
    ) -> Result<Option<Self>, PageProblem> {
        let KeyringProgress { rolled_at, grace_until, machines, moved, closed_at, closed_by, .. } = progress;
        let Some(rolled_at) = rolled_at.filter(|_| grace_until.is_some() || closed_at.is_some()) else {
            return Ok(None);
        };
        let silent = credentials.silent_machines(repository, None, SHOWN_MAX).await?;
        let ids: Vec<AccessKeyId> = silent.iter().map(|machine| machine.key).collect();
        let seen = key_usage.seen(&ids).await?;
        let silent_machines = silent.into_iter().map(|machine| SilentRow {
            has_renewed: machine.renewed.is_some(),
            last_seen: seen.get(&machine.key).map(|seen| layout.moment(seen.last_at)),
            name: machine.name,
        });
        Ok(Some(Self {
            open: grace_until.map(|until| (left(until - layout.now()), exact(until))),
            closed: closed_at.map(|at| (layout.moment(at), reason(closed_by.as_deref()))),
            machines,
            moved,
            silent: machines.saturating_sub(moved),
            since: layout.moment(rolled_at),
            silent_machines: silent_machines.collect(),
        }))
    }
}

/// Describes why a grace window closed.
fn reason(closed_by: Option<&str>) -> &'static str {
    match closed_by {
        Some("everyone_moved") => "all machines had moved",
        Some("cut") => "it was closed early",
        _ => "its time had passed",
    }
}

/// `3 days`, or hours and minutes when less than two days are left.
fn left(length: TimeDelta) -> String {
    if length < TimeDelta::days(2) { duration(length) } else { format!("{} days", length.num_days()) }
}

fn exact(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
