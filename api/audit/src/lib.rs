//! Answers an auditor's questions: what happened, who did it, why, and who had access when.
//!
//! Events are found with the audit index and read from the log, which is the only source of truth. Nothing here writes. A server and
//! the command line on its data folder give the same answers.

mod caught_up;
mod cause;
mod entry;
mod export;
mod find;
mod keyring;
pub mod operators;
mod package;
mod release;
pub mod schema;
mod shown;
mod token;
mod who;
mod words;

use std::{path::Path, sync::Arc};

use event_log::event_store::{EventStore, ReadError};
use projections::{
    audit_index::AuditIndex,
    credentials::{Credentials, credentials},
    dashboard::{Dashboard, dashboard},
    transparency::{Transparency, transparency},
};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use stores::personal::Persons;

pub use self::{
    caught_up::Behind,
    entry::Entry,
    export::{ExportState, routes},
    find::{EventPage, FIRST_MAX},
    keyring::{Access, Entrant, KeyStory},
    package::{Holding, PackageStory},
    release::ReleaseStory,
    shown::{Shown, Story, Table, when},
    token::TokenStory,
    words::{Acted, FetchedPackage, FetchedWith, InvalidQuestion, Question, Who, key_or_token, time, who},
};
use stores::key_usage::KeyUsage;

/// The maximum number of events in a history; the list of events has all of them.
pub(crate) const STORY_EVENTS_MAX: usize = 200;

/// Answers questions about the log. Cheap to clone.
#[derive(Clone)]
pub struct Auditor {
    log: Arc<dyn EventStore>,
    readers: SqlitePool,
    audit_index: AuditIndex,
    transparency: Transparency,
    dashboard: Dashboard,
    credentials: Credentials,
    key_usage: Option<KeyUsage>,
    persons: Option<Persons>,
}

/// Why a question cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The subject does not exist.
    #[error("there is no {0}")]
    Unknown(String),
    /// A filter is not valid.
    #[error(transparent)]
    Invalid(#[from] InvalidQuestion),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The read models or the key usage cannot be read.
    #[error("cannot read the read models (tables built from the event log)")]
    Rows(#[from] sqlx::Error),
    /// The read models do not exist.
    #[error("{0} does not exist yet: start the server once to build it from the event log")]
    NotProjected(String),
}

impl Auditor {
    /// Answers from a log and its read models, read with `readers`. Without `persons`, names and addresses stay sealed.
    #[must_use]
    pub fn new(
        log: Arc<dyn EventStore>,
        readers: &SqlitePool,
        key_usage: Option<KeyUsage>,
        persons: Option<Persons>,
    ) -> Self {
        Self {
            log,
            readers: readers.clone(),
            audit_index: AuditIndex::new(readers.clone()),
            transparency: transparency(readers.clone()).0,
            dashboard: dashboard(readers.clone()).0,
            credentials: credentials(readers.clone()).0,
            key_usage,
            persons,
        }
    }

    /// Answers from a data folder, whether a server is running on it or not.
    ///
    /// # Errors
    /// `NotProjected` if the read models do not exist, or were built by a version without the audit index.
    pub async fn beside(
        log: Arc<dyn EventStore>,
        read_models: &Path,
        key_usage: &Path,
        persons: Option<Persons>,
    ) -> Result<Self, AuditError> {
        let missing = || AuditError::NotProjected(read_models.display().to_string());
        if !read_models.exists() {
            return Err(missing());
        }
        let options = SqliteConnectOptions::new().filename(read_models).read_only(true);
        let readers = SqlitePoolOptions::new().max_connections(2).connect_lazy_with(options);
        let made = sqlx::query("select 1 from sqlite_schema where name = 'history_span'").fetch_optional(&readers);
        if made.await?.is_none() {
            return Err(missing());
        }
        let key_usage = key_usage.exists().then(|| KeyUsage::read_only(key_usage));
        Ok(Self::new(log, &readers, key_usage, persons))
    }
}
