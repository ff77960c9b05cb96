//! What an auditor asks of the log: what happened, who wanted it, because of what, and who could do what when.
//!
//! The events are found by the projected history and read from the log, which alone says what they are. Nothing here writes:
//! the same answers come from a server, and from a data folder beside one.

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

/// Most events of a story that are shown; the list of events has all of them.
pub const STORY_EVENTS_MAX: usize = 200;

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

/// Why a question is not answered.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no such thing.
    #[error("there is no {0}")]
    Unknown(String),
    /// A filter cannot be understood.
    #[error(transparent)]
    Invalid(#[from] InvalidQuestion),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The read models, or the counts of uses, cannot be read.
    #[error("the read models cannot be read")]
    Rows(#[from] sqlx::Error),
    /// They were never made.
    #[error("{0} is not there: start the server once, which makes it from the log")]
    NotProjected(String),
}

impl Auditor {
    /// Answers from a log and its read models; `readers` are theirs. Without `persons`, names and addresses stay sealed.
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

    /// Answers beside a server that is running, or without one.
    ///
    /// # Errors
    /// `NotProjected` if no server ever made the read models of this log, or one that did not know the history yet.
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
