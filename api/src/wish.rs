//! What an operator wants changed: decided, recorded, and shown before it is answered, whichever way it was asked for.

use commands::execute::ExecuteError;
use domain::aggregate::Aggregate;
use projections::{board::BOARD, credentials::CREDENTIALS, index::REPOSITORIES, runner::WaitError};
use uuid::Uuid;

use crate::{app::App, auth::Operator};

/// The projectors of what dashboards show.
pub const DASHBOARDS: [&str; 2] = [BOARD, REPOSITORIES];

/// Why a wish is not fulfilled, or nobody can say so.
#[derive(Debug, thiserror::Error)]
pub enum WishError<R: std::error::Error + 'static> {
    /// The rules say no, or the log is away.
    #[error(transparent)]
    Command(#[from] ExecuteError<R>),
    /// It is recorded, and what lets people in does not follow the log any more.
    #[error(transparent)]
    Shown(#[from] WaitError),
}

/// Runs `command` for the operator, and waits until every query shows what it changed.
///
/// # Errors
/// See [`WishError`].
pub async fn fulfil<A: Aggregate>(
    app: &App,
    operator: Operator,
    id: Uuid,
    command: A::Command,
) -> Result<(), WishError<A::Refusal>> {
    let executed = app.executor.execute::<A>(id, command, &operator.context(app)).await?;
    if let Some(position) = executed.position {
        // What the change opened or closed holds before the answer; what dashboards show of it may come a little later.
        app.progress.wait_for_projector(CREDENTIALS, position).await?;
        app.shown(&DASHBOARDS, position).await;
    }
    Ok(())
}
