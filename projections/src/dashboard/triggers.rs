//! Deliveries of webhooks and refused triggers, as dashboards show them.

use std::{collections::BTreeSet, sync::LazyLock};

use chrono::{DateTime, Utc};
use domain::{
    delivery,
    event::Event,
    ids::{ProjectId, ReleaseId},
    project,
    recorded::Recorded,
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::Dashboard;
use crate::{
    bulk::{Insert, Statement},
    read_models::{maybe_parsed, micros, signed, time, unsigned},
};

/// How many deliveries of a project are shown; the log has all of them.
pub const DELIVERIES_KEPT_MAX: u32 = 100;

/// A delivery of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What GitHub calls it.
    pub guid: String,
    /// What GitHub says it is about: `create`, `push`, …
    pub hook_event: String,
    /// What followed from it: `tag`, `ping`, or why it was ignored.
    pub outcome: String,
    /// The tag it reported, if something followed.
    pub tag: Option<String>,
    /// The release of that tag, but for one that failed.
    pub release: Option<ReleaseId>,
    /// When.
    pub received_at: DateTime<Utc>,
}

/// Triggers that were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedTriggers {
    /// Why: `wrong_signature`, …
    pub reason: String,
    /// How many so far.
    pub count: u64,
    /// When the first of them was received.
    pub first_at: DateTime<Utc>,
    /// When the last of them was received.
    pub last_at: DateTime<Utc>,
}

impl Dashboard {
    /// The newest deliveries of a project, at most [`DELIVERIES_KEPT_MAX`].
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn deliveries(&self, project: ProjectId, limit: u32) -> Result<Vec<Delivery>, sqlx::Error> {
        let found = sqlx::query(
            "select delivery.*, tag_release.release from delivery
             left join tag_release on tag_release.project = delivery.project and tag_release.tag = delivery.tag
             where delivery.project = ? order by position desc limit ?",
        )
        .bind(project.to_string())
        .bind(limit.min(DELIVERIES_KEPT_MAX))
        .fetch_all(&self.readers);
        let delivery = |row: &SqliteRow| {
            Ok(Delivery {
                guid: row.try_get("guid")?,
                hook_event: row.try_get("hook_event")?,
                outcome: row.try_get("outcome")?,
                tag: row.try_get("tag")?,
                release: maybe_parsed(row, "release")?,
                received_at: time(row, "received_at")?,
            })
        };
        found.await?.iter().map(delivery).collect()
    }

    /// How many triggers of a project were refused so far, for each reason.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn refused_triggers(&self, project: ProjectId) -> Result<Vec<RefusedTriggers>, sqlx::Error> {
        let found = sqlx::query("select * from refused_trigger where project = ? order by last_at desc, reason")
            .bind(project.to_string())
            .fetch_all(&self.readers);
        let refused = |row: &SqliteRow| {
            Ok(RefusedTriggers {
                reason: row.try_get("reason")?,
                count: unsigned(row.try_get("count")?),
                first_at: time(row, "first_at")?,
                last_at: time(row, "last_at")?,
            })
        };
        found.await?.iter().map(refused).collect()
    }
}

static ADD: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new("delivery", &["project", "position", "guid", "hook_event", "outcome", "tag", "received_at"])
});

/// Deliveries that are not written yet, in the log's order.
#[derive(Default)]
pub(super) struct Deliveries(Vec<(i64, i64, delivery::Event)>);

impl Deliveries {
    pub(super) fn add(&mut self, recorded: &Recorded<Event>, event: &delivery::Event) {
        self.0.push((signed(recorded.position.0), micros(recorded), event.clone()));
    }

    pub(super) async fn write(&mut self, rows: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        ADD.write(&mut *rows, self.0.iter(), bind).await?;
        let projects: BTreeSet<ProjectId> = self.0.drain(..).map(|(_, _, event)| project_of(&event)).collect();
        for project in projects {
            sqlx::query(
                "delete from delivery where project = ?1 and position <=
                 (select position from delivery where project = ?1 order by position desc limit 1 offset ?2)",
            )
            .bind(project.to_string())
            .bind(DELIVERIES_KEPT_MAX)
            .execute(&mut *rows)
            .await?;
        }
        Ok(())
    }

    pub(super) fn abandoned(&mut self) {
        self.0.clear();
    }
}

fn project_of(event: &delivery::Event) -> ProjectId {
    let delivery::Event::Received { project, .. } = event;
    *project
}

fn bind<'q>(statement: Statement<'q>, (position, at, event): &(i64, i64, delivery::Event)) -> Statement<'q> {
    let delivery::Event::Received { project, delivery, hook_event, outcome, .. } = event;
    statement
        .bind(project.to_string())
        .bind(*position)
        .bind(delivery.as_str())
        .bind(hook_event.as_str())
        .bind(outcome.as_str())
        .bind(outcome.tag().map(|tag| tag.as_str()))
        .bind(*at)
}

pub(super) async fn of_project(
    rows: &mut SqliteConnection,
    recorded: &Recorded<Event>,
    event: &project::Event,
) -> Result<(), sqlx::Error> {
    let project::Event::TriggersRefused { reason, count, first_at, last_at } = event else { return Ok(()) };
    sqlx::query(
        "insert into refused_trigger (project, reason, count, first_at, last_at) values (?, ?, ?, ?, ?)
         on conflict (project, reason) do update set count = count + excluded.count, last_at = excluded.last_at",
    )
    .bind(recorded.stream.id().to_string())
    .bind(reason.as_str())
    .bind(signed(*count))
    .bind(first_at.timestamp_micros())
    .bind(last_at.timestamp_micros())
    .execute(rows)
    .await?;
    Ok(())
}
