//! Folds projects and their state at GitHub into rows.

use domain::{
    event::Event,
    project::{self, Github, TagPattern},
    recorded::Recorded,
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{Project, triggers};
use crate::read_models::{maybe_parsed, micros, parsed, time};

pub(super) async fn fold(
    rows: &mut SqliteConnection,
    recorded: &Recorded<Event>,
    event: &project::Event,
) -> Result<(), sqlx::Error> {
    let id = recorded.stream.id().to_string();
    let query = match event {
        project::Event::Added { organisation, name, source, trigger } => sqlx::query(
            "insert into project (id, organisation, name, source, trigger_kind, tag_pattern, added_at)
             values (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(id)
        .bind(organisation.as_str())
        .bind(name.as_str())
        .bind(source)
        .bind(trigger.as_str())
        .bind(TagPattern::default().as_str().to_owned())
        .bind(micros(recorded)),
        project::Event::TriggerChosen { trigger } => {
            sqlx::query("update project set trigger_kind = ? where id = ?").bind(trigger.as_str()).bind(id)
        }
        project::Event::TagPatternSet { pattern } => {
            sqlx::query("update project set tag_pattern = ? where id = ?").bind(pattern.as_str()).bind(id)
        }
        project::Event::CiIdentityTrusted(trust) => sqlx::query("update project set ci_trust = ? where id = ?")
            .bind(serde_json::to_string(trust).map_err(encode)?)
            .bind(id),
        project::Event::CiIdentityDistrusted => sqlx::query("update project set ci_trust = null where id = ?").bind(id),
        project::Event::WebhookSecretIssued { secret } => {
            sqlx::query("update project set webhook_secret = ? where id = ?").bind(secret.to_string()).bind(id)
        }
        project::Event::TriggerAccepted { tag, release, .. } => {
            sqlx::query("insert or replace into tag_release (project, tag, release) values (?, ?, ?)")
                .bind(id)
                .bind(tag.as_str())
                .bind(release.to_string())
        }
        project::Event::TagFreed { tag, .. } => {
            sqlx::query("delete from tag_release where project = ? and tag = ?").bind(id).bind(tag.as_str())
        }
        project::Event::GithubDisconnected => {
            fold_github(&mut *rows, &id, event).await?;
            sqlx::query("update project set webhook_secret = null where id = ?").bind(id)
        }
        project::Event::GithubConnected { .. }
        | project::Event::WebhookRegistered { .. }
        | project::Event::WebhookRemoved { .. }
        | project::Event::DeployKeyInstalled { .. }
        | project::Event::DeployKeyRemoved { .. }
        | project::Event::GithubStepFailed { .. }
        | project::Event::GithubStepRecovered { .. }
        | project::Event::CommitStatusReported { .. } => return fold_github(rows, &id, event).await,
        project::Event::TriggersRefused { .. } => return triggers::of_project(rows, recorded, event).await,
        // API tokens are among the credentials; tags that have no release are not shown.
        project::Event::ApiTokenIssued { .. }
        | project::Event::ApiTokenRolled { .. }
        | project::Event::ApiTokenGraceClosed { .. }
        | project::Event::ApiTokenRevoked { .. }
        | project::Event::TagDeleted { .. }
        | project::Event::TagsKnown { .. } => return Ok(()),
    };
    query.execute(rows).await?;
    Ok(())
}

/// Folds one more event into the project's state at GitHub, by the domain's own rule.
async fn fold_github(rows: &mut SqliteConnection, id: &str, event: &project::Event) -> Result<(), sqlx::Error> {
    let row = sqlx::query("select github from project where id = ?").bind(id).fetch_one(&mut *rows).await?;
    let before: Option<Github> = text(&row, "github")?.map(serde_json::from_str).transpose().map_err(decode)?;
    let github = match event {
        project::Event::GithubConnected { repository_id, full_name, api_url, credential } => {
            let at = (*repository_id, full_name.clone(), api_url.clone(), *credential);
            Some(Github::connected(before.clone(), at))
        }
        event => before.clone().map(|mut github| {
            github.evolve(event);
            github
        }),
    };
    let Some(github) = github.filter(|github| Some(github) != before.as_ref()) else { return Ok(()) };
    sqlx::query("update project set github = ? where id = ?")
        .bind(serde_json::to_string(&github).map_err(encode)?)
        .bind(id)
        .execute(rows)
        .await?;
    Ok(())
}

/// A row of `project`.
pub(super) fn project(row: &SqliteRow) -> Result<Project, sqlx::Error> {
    Ok(Project {
        id: parsed(row, "id")?,
        organisation: row.try_get("organisation")?,
        name: row.try_get("name")?,
        source: row.try_get("source")?,
        trigger: parsed(row, "trigger_kind")?,
        tag_pattern: parsed(row, "tag_pattern")?,
        ci_trust: text(row, "ci_trust")?.map(serde_json::from_str).transpose().map_err(decode)?,
        github: text(row, "github")?.map(serde_json::from_str).transpose().map_err(decode)?,
        webhook_secret: maybe_parsed(row, "webhook_secret")?,
        added_at: time(row, "added_at")?,
    })
}

fn text<'r>(row: &'r SqliteRow, column: &str) -> Result<Option<&'r str>, sqlx::Error> {
    row.try_get(column)
}

fn encode(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Encode(error.into())
}

fn decode(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
