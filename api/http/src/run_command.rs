//! Runs an operator's command for GraphQL and pages, and waits until its effect is visible.

use std::{sync::Arc, time::Duration};

use domain::recorded::Position;
use event_log::execute::{ExecuteError, Executor, Recordable};
use projections::{
    credentials::CREDENTIALS,
    runner::{Progress, WaitError},
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::auth::Operator;

/// How long to wait until read models show a change. After that, the response is sent anyway.
pub(crate) const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// Runs commands of operators. Cheap to clone.
#[derive(Clone)]
pub struct CommandRunner {
    /// Decides and records commands.
    pub executor: Arc<Executor>,
    /// The progress of the read models.
    pub progress: Progress,
    /// The projectors of the dashboards.
    pub dashboards: &'static [&'static str],
}

/// Why a command was not run, or its effect cannot be awaited.
#[derive(Debug, thiserror::Error)]
pub enum RunCommandError<R: std::error::Error + 'static> {
    /// The command is refused, or the event log failed.
    #[error(transparent)]
    Command(#[from] ExecuteError<R>),
    /// The command is recorded, but the projector of credentials has stopped.
    #[error(transparent)]
    NotShown(#[from] WaitError),
}

impl CommandRunner {
    /// Runs `command` for the operator, and waits until every query shows what it changed.
    ///
    /// # Errors
    /// See [`RunCommandError`].
    pub async fn run<A: Recordable>(
        &self,
        operator: &Operator,
        id: Uuid,
        command: A::Command,
    ) -> Result<(), RunCommandError<A::Refusal>> {
        let executed = self.executor.execute::<A>(id, command, &operator.context().await).await?;
        if let Some(position) = executed.position {
            self.visible(position).await?;
        }
        Ok(())
    }

    /// Waits until every query shows what happened up to `position`, as [`Self::run`] does for its own command.
    ///
    /// # Errors
    /// The projector of credentials has stopped.
    pub async fn visible(&self, position: Position) -> Result<(), WaitError> {
        self.in_force(position).await?;
        self.dashboards_show(position).await;
        Ok(())
    }

    /// Waits until the credentials that were issued or ended up to `position` are accepted or refused.
    ///
    /// # Errors
    /// The projector of credentials has stopped.
    pub async fn in_force(&self, position: Position) -> Result<(), WaitError> {
        self.progress.wait_for_projector(CREDENTIALS, position).await
    }

    /// Waits until dashboards show what happened up to `position`, at most [`SHOWN_WITHIN`].
    pub async fn dashboards_show(&self, position: Position) {
        self.shown(self.dashboards, position).await;
    }

    /// Waits until `projectors` show what happened up to `position`, at most [`SHOWN_WITHIN`].
    pub async fn shown(&self, projectors: &[&str], position: Position) {
        let all = async {
            for projector in projectors {
                if let Err(error) = self.progress.wait_for_projector(projector, position).await {
                    tracing::warn!("a change is recorded, but will not become visible: {error}");
                }
            }
        };
        if timeout(SHOWN_WITHIN, all).await.is_err() {
            tracing::warn!("a change is recorded, but not yet visible in {}", projectors.join(" and "));
        }
    }
}
