//! The state of a replica's connection to its server: when it was last up to date, and the current error.

#[cfg(test)]
mod tests;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

/// The file that keeps it across restarts.
const CONTACT: &str = "contact";
/// The minimum time between writes. After a restart, the recorded contact may be this much too old.
const WRITTEN_EVERY: TimeDelta = TimeDelta::seconds(10);

/// The state of the connection to the server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Contact(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    refuse_after: Option<TimeDelta>,
    now: fn() -> DateTime<Utc>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// When the replica was last up to date.
    current_at: Option<DateTime<Utc>>,
    written_at: Option<DateTime<Utc>>,
    entries: u64,
    server_entries: u64,
    missing_blobs: usize,
    trouble: Option<String>,
}

impl Contact {
    /// Reads the state from the folder. With `refuse_after`, the replica refuses clients when its last contact is longer ago than that.
    #[must_use]
    pub fn open(folder: &Path, refuse_after: Option<TimeDelta>, now: fn() -> DateTime<Utc>) -> Self {
        let path = folder.join(CONTACT);
        // An unreadable file counts as no contact, which is the safe choice.
        let current_at = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
        let seen = Mutex::new(Seen { current_at, ..Seen::default() });
        Self(Arc::new(Inner { path, refuse_after, now, seen }))
    }

    /// Records how many entries the replica has, and how many the server has.
    pub(super) fn has(&self, entries: u64, server_entries: u64) {
        let mut seen = self.seen();
        (seen.entries, seen.server_entries) = (entries, server_entries.max(entries));
    }

    /// Records the number of blobs that the server has lost.
    pub(super) fn lacks(&self, missing_blobs: usize) {
        self.seen().missing_blobs = missing_blobs;
    }

    /// Records that the replica was up to date at that time, including what clients see.
    pub(super) fn is_current(&self, at: DateTime<Utc>) {
        let mut seen = self.seen();
        (seen.current_at, seen.trouble) = (Some(at), None);
        if seen.written_at.is_some_and(|written| (TimeDelta::zero()..WRITTEN_EVERY).contains(&(at - written))) {
            return;
        }
        seen.written_at = Some(at);
        drop(seen);
        if let Err(error) = self.write(at) {
            tracing::warn!("cannot write {}: {error}", self.0.path.display());
        }
    }

    /// Records why it cannot follow the server. Returns whether the reason is new.
    pub(super) fn has_trouble(&self, why: String) -> bool {
        let mut seen = self.seen();
        let is_new = seen.trouble.as_ref() != Some(&why);
        seen.trouble = Some(why);
        is_new
    }

    /// The current time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.0.now)()
    }

    /// Whether the last contact is too long ago to serve clients. A clock that was set back counts as too long, too.
    #[must_use]
    pub(crate) fn is_lost(&self) -> bool {
        let Some(refuse_after) = self.0.refuse_after else { return false };
        let current_at = self.seen().current_at;
        current_at.is_none_or(|at| !(-WRITTEN_EVERY..=refuse_after).contains(&((self.0.now)() - at)))
    }

    /// The state as JSON, for the operator.
    #[must_use]
    pub fn shown(&self) -> Value {
        let is_lost = self.is_lost();
        let Seen { current_at, entries, server_entries, missing_blobs, trouble, .. } = &*self.seen();
        json!({
            "entries": entries,
            "server_entries": server_entries,
            "behind": server_entries - entries,
            "missing_blobs": missing_blobs,
            "current_at": current_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true)),
            "serves": !is_lost,
            "trouble": trouble,
        })
    }

    /// Writes the file atomically. A power cut may lose it, which counts as no contact.
    fn write(&self, at: DateTime<Utc>) -> std::io::Result<()> {
        let path = &self.0.path;
        let folder = path.parent().ok_or_else(|| std::io::Error::other("the path has no parent folder"))?;
        let mut new = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(folder)?;
        writeln!(new, "{}", at.to_rfc3339_opts(SecondsFormat::Micros, true))?;
        new.persist(path).map_err(|refused| refused.error)?;
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
