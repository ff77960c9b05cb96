//! API tokens: what each may do, until when, and the list of a project's tokens for people.

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    ids::{ProjectId, TokenId},
    project::{self, API_TOKEN_NAME_DEFAULT, Scope, Scopes},
    recorded::Recorded,
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{Credentials, Live};
use crate::read_models::{maybe_time, parsed, time};

/// Most tokens in one answer.
pub(crate) const API_TOKENS_PAGE_MAX: u32 = 1_000;

/// What the holder of an API token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiGrant {
    /// The project it is for.
    pub project: ProjectId,
    may_release: bool,
    may_read: bool,
    ends_at: Option<DateTime<Utc>>,
}

impl ApiGrant {
    /// May its holder do this?
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        match scope {
            Scope::Release => self.may_release,
            Scope::Read => self.may_read,
        }
    }
}

/// An API token, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its public id.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When.
    pub issued_at: DateTime<Utc>,
    /// When it stops working by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// It was rolled, and works until then.
    pub grace_until: Option<DateTime<Utc>>,
    /// A CI job holds it.
    pub is_of_ci_job: bool,
}

/// A change of the memory.
pub(super) enum Change {
    Put(TokenId, Sha256, ApiGrant),
    Removed(TokenId),
}

impl Change {
    pub(super) fn apply(self, live: &mut Live) {
        match self {
            Self::Put(token, sha256, grant) => live.api_tokens.insert(token, sha256, grant),
            Self::Removed(token) => live.api_tokens.remove(&token),
        }
    }
}

impl Credentials {
    /// What this API token allows at this time, if it is one.
    #[must_use]
    pub fn api_grant(&self, token: TokenId, presented_sha256: &Sha256, at: DateTime<Utc>) -> Option<ApiGrant> {
        let grant = self.live().api_tokens.owner(token, presented_sha256)?;
        Some(grant).filter(|grant| grant.ends_at.is_none_or(|end| at < end))
    }

    /// The tokens of `project`, newest first; at most [`API_TOKENS_PAGE_MAX`]. Expired ones are among them
    /// until the next one is issued.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn api_tokens(&self, project: ProjectId) -> Result<Vec<ApiToken>, sqlx::Error> {
        let found = sqlx::query(
            "select id, name, scopes, issued_at, expires_at, grace_until, of_ci_job from api_token
             where project = ? order by issued_at desc, id desc limit ?",
        )
        .bind(project.to_string())
        .bind(API_TOKENS_PAGE_MAX)
        .fetch_all(&self.readers);
        let token = |row: &SqliteRow| {
            Ok(ApiToken {
                id: parsed(row, "id")?,
                name: row.try_get("name")?,
                scopes: parsed(row, "scopes")?,
                issued_at: time(row, "issued_at")?,
                expires_at: maybe_time(row, "expires_at")?,
                grace_until: maybe_time(row, "grace_until")?,
                is_of_ci_job: row.try_get("of_ci_job")?,
            })
        };
        found.await?.iter().map(token).collect()
    }
}

/// Writes what `event` changes of the project's tokens.
pub(super) async fn fold<E: Sync>(
    rows: &mut SqliteConnection,
    recorded: &Recorded<E>,
    event: &project::Event,
) -> Result<Vec<Change>, sqlx::Error> {
    let project = ProjectId(recorded.stream.id());
    let now = recorded.metadata.recorded_at.timestamp_micros();
    match event {
        project::Event::ApiTokenIssued { token, secret_sha256, name, scopes, expires_at, job } => {
            let mut changes = over(rows, project, now).await?;
            if name.is_none() && job.is_none() {
                changes.extend(ended_by_an_unnamed_one(rows, project).await?);
            }
            let row = sqlx::query(
                "insert into api_token (id, project, name, secret_sha256, scopes, issued_at, expires_at, of_ci_job)
                 values (?, ?, ?, ?, ?, ?, ?, ?)
                 returning id, project, secret_sha256, scopes, expires_at, grace_until",
            )
            .bind(token.to_string())
            .bind(project.to_string())
            .bind(name.as_ref().map_or(API_TOKEN_NAME_DEFAULT, |name| name.as_str()))
            .bind(secret_sha256.to_string())
            .bind(scopes.to_string())
            .bind(now)
            .bind(expires_at.map(|end| end.timestamp_micros()))
            .bind(job.is_some())
            .fetch_one(rows)
            .await?;
            changes.push(put(&row)?);
            Ok(changes)
        }
        project::Event::ApiTokenRolled { old, token, secret_sha256, old_works_until } => {
            let new = sqlx::query(
                "insert into api_token (id, project, name, secret_sha256, scopes, issued_at, expires_at, of_ci_job)
                 select ?, project, name, ?, scopes, ?, expires_at, of_ci_job from api_token where id = ?
                 returning id, project, secret_sha256, scopes, expires_at, grace_until",
            )
            .bind(token.to_string())
            .bind(secret_sha256.to_string())
            .bind(now)
            .bind(old.to_string())
            .fetch_one(&mut *rows)
            .await?;
            let mut changes = vec![put(&new)?];
            match old_works_until {
                None => changes.push(remove(rows, *old).await?),
                Some(until) => {
                    let row = sqlx::query(
                        "update api_token set grace_until = ? where id = ?
                         returning id, project, secret_sha256, scopes, expires_at, grace_until",
                    )
                    .bind(until.timestamp_micros())
                    .bind(old.to_string())
                    .fetch_one(rows)
                    .await?;
                    changes.push(put(&row)?);
                }
            }
            Ok(changes)
        }
        project::Event::ApiTokenGraceClosed { token } | project::Event::ApiTokenRevoked { token } => {
            Ok(vec![remove(rows, *token).await?])
        }
        _ => Ok(vec![]),
    }
}

/// Expired tokens are forgotten when the next token is issued.
async fn over(rows: &mut SqliteConnection, project: ProjectId, now: i64) -> Result<Vec<Change>, sqlx::Error> {
    let over =
        sqlx::query("delete from api_token where project = ? and (expires_at <= ? or grace_until <= ?) returning id")
            .bind(project.to_string())
            .bind(now)
            .bind(now)
            .fetch_all(rows);
    over.await?.iter().map(|row| Ok(Change::Removed(parsed(row, "id")?))).collect()
}

/// Before tokens had names, a new one ended the one before.
async fn ended_by_an_unnamed_one(rows: &mut SqliteConnection, project: ProjectId) -> Result<Vec<Change>, sqlx::Error> {
    let ended = sqlx::query("delete from api_token where project = ? and name = ? and of_ci_job = 0 returning id")
        .bind(project.to_string())
        .bind(API_TOKEN_NAME_DEFAULT)
        .fetch_all(rows);
    ended.await?.iter().map(|row| Ok(Change::Removed(parsed(row, "id")?))).collect()
}

async fn remove(rows: &mut SqliteConnection, token: TokenId) -> Result<Change, sqlx::Error> {
    sqlx::query("delete from api_token where id = ?").bind(token.to_string()).execute(rows).await?;
    Ok(Change::Removed(token))
}

fn put(row: &SqliteRow) -> Result<Change, sqlx::Error> {
    let scopes: Scopes = parsed(row, "scopes")?;
    let ends = [maybe_time(row, "expires_at")?, maybe_time(row, "grace_until")?];
    let grant = ApiGrant {
        project: parsed(row, "project")?,
        may_release: scopes.contains(Scope::Release),
        may_read: scopes.contains(Scope::Read),
        ends_at: ends.into_iter().flatten().min(),
    };
    Ok(Change::Put(parsed(row, "id")?, parsed(row, "secret_sha256")?, grant))
}

/// Fills the memory from the rows.
pub(super) async fn load(rows: &mut SqliteConnection, live: &mut Live) -> Result<(), sqlx::Error> {
    let all = sqlx::query("select id, project, secret_sha256, scopes, expires_at, grace_until from api_token");
    for row in all.fetch_all(rows).await? {
        put(&row)?.apply(live);
    }
    Ok(())
}
