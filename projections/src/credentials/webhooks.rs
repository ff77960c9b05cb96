//! Webhooks: which sealed secret each project's deliveries must be signed with, and which deliveries count.

use std::{collections::HashMap, sync::Arc};

use domain::{
    ids::{ProjectId, SecretId},
    project::{self, TagPattern, Trigger},
    recorded::Recorded,
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{Credentials, Live};
use crate::read_models::parsed;

/// What a project's deliveries are judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// How its releases are asked for.
    pub trigger: Trigger,
    /// Which tags are released.
    pub tag_pattern: TagPattern,
    /// The numeric id of the only code repository that counts.
    pub repository_id: u64,
    /// The sealed secret that deliveries are signed with.
    pub secret: SecretId,
}

/// Every project, with its webhook if it is connected.
pub(super) type Webhooks = HashMap<ProjectId, Option<Arc<Webhook>>>;

/// A change of the memory.
pub(super) struct Change(ProjectId, Option<Webhook>);

impl Change {
    pub(super) fn apply(self, live: &mut Live) {
        live.webhooks.insert(self.0, self.1.map(Arc::new));
    }
}

impl Credentials {
    /// The webhook of `project`, if it is connected to a code repository.
    #[must_use]
    pub fn webhook(&self, project: ProjectId) -> Option<Arc<Webhook>> {
        self.live().webhooks.get(&project).cloned().flatten()
    }

    /// Is there such a project?
    #[must_use]
    pub fn has_project(&self, project: ProjectId) -> bool {
        self.live().webhooks.contains_key(&project)
    }
}

/// Writes what `event` changes of the project's webhook.
pub(super) async fn fold<E: Sync>(
    rows: &mut SqliteConnection,
    recorded: &Recorded<E>,
    event: &project::Event,
) -> Result<Option<Change>, sqlx::Error> {
    let project = ProjectId(recorded.stream.id());
    let id = project.to_string();
    let query = match event {
        project::Event::Added { trigger, .. } => {
            sqlx::query("insert into webhook (project, trigger_kind, tag_pattern) values (?, ?, ?) returning *")
                .bind(id)
                .bind(trigger.as_str())
                .bind(TagPattern::default().as_str().to_owned())
        }
        project::Event::TriggerChosen { trigger } => {
            let set = sqlx::query("update webhook set trigger_kind = ? where project = ? returning *");
            set.bind(trigger.as_str()).bind(id)
        }
        project::Event::TagPatternSet { pattern } => {
            let set = sqlx::query("update webhook set tag_pattern = ? where project = ? returning *");
            set.bind(pattern.as_str()).bind(id)
        }
        project::Event::GithubConnected { repository_id, .. } => {
            let set = sqlx::query("update webhook set repository_id = ? where project = ? returning *");
            set.bind(repository_id.to_string()).bind(id)
        }
        project::Event::WebhookSecretIssued { secret } => {
            let set = sqlx::query("update webhook set secret = ? where project = ? returning *");
            set.bind(secret.to_string()).bind(id)
        }
        project::Event::GithubDisconnected => {
            sqlx::query("update webhook set repository_id = null, secret = null where project = ? returning *").bind(id)
        }
        _ => return Ok(None),
    };
    // A project without a row was added before the log began: only in tests.
    let row = query.fetch_optional(rows).await?;
    row.map(|row| Ok(Change(project, webhook(&row)?))).transpose()
}

/// The webhook in a row, if the project is connected.
fn webhook(row: &SqliteRow) -> Result<Option<Webhook>, sqlx::Error> {
    if row.try_get::<Option<&str>, _>("secret")?.is_none() || row.try_get::<Option<&str>, _>("repository_id")?.is_none()
    {
        return Ok(None);
    }
    let is_github = row.try_get::<&str, _>("trigger_kind")? == Trigger::GithubWebhook.as_str();
    Ok(Some(Webhook {
        trigger: if is_github { Trigger::GithubWebhook } else { Trigger::ApiEndpoint },
        tag_pattern: parsed(row, "tag_pattern")?,
        repository_id: parsed(row, "repository_id")?,
        secret: parsed(row, "secret")?,
    }))
}

/// Fills the memory from the rows.
pub(super) async fn load(rows: &mut SqliteConnection, live: &mut Live) -> Result<(), sqlx::Error> {
    for row in sqlx::query("select * from webhook").fetch_all(rows).await? {
        Change(parsed(&row, "project")?, webhook(&row)?).apply(live);
    }
    Ok(())
}
