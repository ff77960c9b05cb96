//! Folds issued and revoked credentials into rows, and into memory when the rows are committed.

use std::sync::PoisonError;

use domain::{event::Event, recorded::Recorded};
use futures::future::BoxFuture;
use sqlx::SqliteConnection;

use super::{Credentials, Live, access_keys, api_tokens, feed_tokens, operators, webhooks};
use crate::projector::{ProjectionError, Projector};

const VERSION: u32 = 6;

/// Writes the credentials' rows, and their memory after each commit.
pub struct CredentialsProjector {
    credentials: Credentials,
    access_keys: access_keys::Rows,
    staged: Vec<Change>,
}

enum Change {
    AccessKey(access_keys::Change),
    ApiToken(api_tokens::Change),
    Webhook(webhooks::Change),
    OperatorToken(operators::Change),
    FeedToken(feed_tokens::Change),
}

impl CredentialsProjector {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials, access_keys: access_keys::Rows::default(), staged: Vec::new() }
    }

    async fn fold(&mut self, rows: &mut SqliteConnection, recorded: &Recorded<Event>) -> Result<(), ProjectionError> {
        match &recorded.event {
            Event::Keyring(event) => {
                let changes = access_keys::fold(rows, &mut self.access_keys, recorded, event).await?;
                self.staged.extend(changes.into_iter().map(Change::AccessKey));
            }
            Event::Project(event) => {
                let tokens = api_tokens::fold(rows, recorded, event).await?;
                self.staged.extend(tokens.into_iter().map(Change::ApiToken));
                self.staged.extend(webhooks::fold(rows, recorded, event).await?.map(Change::Webhook));
            }
            Event::Account(event) => {
                self.staged.extend(operators::fold(rows, recorded, event).await?.map(Change::OperatorToken));
            }
            Event::Organisation(event) => {
                self.staged.extend(feed_tokens::fold(rows, recorded, event).await?.map(Change::FeedToken));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Projector for CredentialsProjector {
    fn name(&self) -> &'static str {
        super::CREDENTIALS
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn tables(&self) -> &'static [&'static str] {
        &["keyring", "access_key", "sealed_keys", "api_token", "webhook", "operator", "operator_token", "feed_token"]
    }

    fn schema(&self) -> &'static str {
        concat!(
            include_str!("../../../migrations/read_models/sqlite/credentials.sql"),
            include_str!("../../../migrations/read_models/sqlite/access_keys.sql"),
            include_str!("../../../migrations/read_models/sqlite/feed_tokens.sql"),
        )
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["keyring", "project", "account", "organisation"]
    }

    fn load<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            self.access_keys = access_keys::Rows::default();
            let live = read(rows).await?;
            *self.credentials.live.write().unwrap_or_else(PoisonError::into_inner) = live;
            Ok(())
        })
    }

    fn apply<'a>(
        &'a mut self,
        rows: &'a mut SqliteConnection,
        recorded: &'a Recorded<Event>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(self.fold(rows, recorded))
    }

    fn finish<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move { Ok(self.access_keys.write(rows).await?) })
    }

    fn committed(&mut self) {
        self.access_keys.committed();
        if self.staged.is_empty() && !self.credentials.live().access_keys.has_forgettable() {
            return;
        }
        let windows = |change: &Change| matches!(change, Change::AccessKey(change) if change.concerns_windows());
        let windows_change = self.staged.iter().any(windows);
        let mut live = self.credentials.live.write().unwrap_or_else(PoisonError::into_inner);
        live.access_keys.forget_some();
        for change in self.staged.drain(..) {
            match change {
                Change::AccessKey(change) => live.access_keys.apply(change),
                Change::ApiToken(change) => change.apply(&mut live),
                Change::Webhook(change) => change.apply(&mut live),
                Change::OperatorToken(change) => change.apply(&mut live),
                Change::FeedToken(change) => change.apply(&mut live),
            }
        }
        drop(live);
        if windows_change {
            self.credentials.windows.send_modify(|changes| *changes += 1);
        }
    }

    fn abandoned(&mut self) {
        self.access_keys.abandoned();
        self.staged.clear();
    }
}

async fn read(rows: &mut SqliteConnection) -> Result<Live, sqlx::Error> {
    let mut live = Live::default();
    access_keys::load(rows, &mut live.access_keys).await?;
    api_tokens::load(rows, &mut live).await?;
    webhooks::load(rows, &mut live).await?;
    operators::load(rows, &mut live).await?;
    feed_tokens::load(rows, &mut live).await?;
    Ok(live)
}
