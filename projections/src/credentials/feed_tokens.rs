//! Feed tokens: which organisation each lets a replica follow, and the list of an organisation's tokens for people.

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    ids::{OrganisationId, TokenId},
    organisation,
    recorded::Recorded,
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{Credentials, Live};
use crate::read_models::{parsed, time};

/// A feed token, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedToken {
    /// Its public id.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub issued_at: DateTime<Utc>,
}

/// A change of the memory.
pub(super) enum Change {
    Issued(TokenId, Sha256, OrganisationId),
    Revoked(TokenId),
}

impl Change {
    pub(super) fn apply(self, live: &mut Live) {
        match self {
            Self::Issued(token, sha256, organisation) => live.feed_tokens.insert(token, sha256, organisation),
            Self::Revoked(token) => live.feed_tokens.remove(&token),
        }
    }
}

impl Credentials {
    /// The organisation that the holder of this token may follow, if it is a feed token.
    #[must_use]
    pub fn feed_of(&self, token: TokenId, presented_sha256: &Sha256) -> Option<OrganisationId> {
        self.live().feed_tokens.owner(token, presented_sha256)
    }

    /// The feed tokens of `organisation` that work, newest first.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn feed_tokens(&self, organisation: OrganisationId) -> Result<Vec<FeedToken>, sqlx::Error> {
        let found = sqlx::query(
            "select id, name, issued_at from feed_token where organisation = ? order by issued_at desc, id desc",
        )
        .bind(organisation.to_string())
        .fetch_all(&self.readers);
        let token = |row: &SqliteRow| {
            Ok(FeedToken { id: parsed(row, "id")?, name: row.try_get("name")?, issued_at: time(row, "issued_at")? })
        };
        found.await?.iter().map(token).collect()
    }
}

/// Writes what `event` changes of the organisation's tokens.
pub(super) async fn fold<E: Sync>(
    rows: &mut SqliteConnection,
    recorded: &Recorded<E>,
    event: &organisation::Event,
) -> Result<Option<Change>, sqlx::Error> {
    let organisation = OrganisationId(recorded.stream.id());
    match event {
        organisation::Event::FeedTokenIssued { token, secret_sha256, name } => {
            let insert =
                "insert into feed_token (id, organisation, name, secret_sha256, issued_at) values (?, ?, ?, ?, ?)";
            sqlx::query(insert)
                .bind(token.to_string())
                .bind(organisation.to_string())
                .bind(name.as_str())
                .bind(secret_sha256.to_string())
                .bind(recorded.metadata.recorded_at.timestamp_micros())
                .execute(rows)
                .await?;
            Ok(Some(Change::Issued(*token, *secret_sha256, organisation)))
        }
        organisation::Event::FeedTokenRevoked { token } => {
            sqlx::query("delete from feed_token where id = ?").bind(token.to_string()).execute(rows).await?;
            Ok(Some(Change::Revoked(*token)))
        }
        organisation::Event::Created { .. } | organisation::Event::BuildSlotsSet { .. } => Ok(None),
    }
}

/// Fills the memory from the rows.
pub(super) async fn load(rows: &mut SqliteConnection, live: &mut Live) -> Result<(), sqlx::Error> {
    for row in sqlx::query("select id, organisation, secret_sha256 from feed_token").fetch_all(rows).await? {
        Change::Issued(parsed(&row, "id")?, parsed(&row, "secret_sha256")?, parsed(&row, "organisation")?).apply(live);
    }
    Ok(())
}
