//! The read models of a process: which there are, and read access to them.

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use index::{REPOSITORIES, Repositories, repositories};
use ports::{BoxError, log_reader::LogReader};
use projections::{
    audit_index::{AUDIT_INDEX, AuditIndexProjector},
    credentials::{CREDENTIALS, Credentials, credentials},
    dashboard::{DASHBOARD, Dashboard, dashboard},
    projector::{MakeProjector, Projector},
    read_models::ReadModels,
    runner::{Progress, Runner},
    transparency::{TRANSPARENCY, Transparency, transparency},
};
use sqlx::SqlitePool;
use stores::blobs::Blobs;

/// Every projector, in the order in which they get events: the first one's answers are the freshest.
const PROJECTORS: [&str; 5] = [
    CREDENTIALS,
    // Before the repositories: what is to be published asks it whose a repository is.
    DASHBOARD,
    REPOSITORIES,
    TRANSPARENCY,
    AUDIT_INDEX,
];

/// Which read models a process keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of them: a server.
    Everything,
    /// What package clients ask for, keys and repositories: a replica.
    PackageClients,
}

impl Scope {
    fn has(self, projector: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::PackageClients => [CREDENTIALS, REPOSITORIES].contains(&projector),
        }
    }
}

/// Read access to the read models. Those that the process does not keep are empty. Cheap to clone.
#[derive(Clone)]
pub struct Projected {
    /// Keys and tokens.
    pub credentials: Credentials,
    /// What dashboards show.
    pub dashboard: Dashboard,
    /// What package clients see.
    pub repositories: Repositories,
    /// What can be proved of the event log.
    pub transparency: Transparency,
    /// The rows of all of them.
    pub readers: SqlitePool,
}

impl Projected {
    /// Opens the read models in `file` as far as they were projected. They move on along `log` while the runner runs.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub async fn open(
        file: impl AsRef<Path>,
        log: Arc<dyn LogReader>,
        blobs: &Blobs,
        scope: Scope,
    ) -> Result<(Self, Runner, Progress), BoxError> {
        let ReadModels { writer, readers } = ReadModels::open(file).await?;
        let (projected, projectors) = all(readers, blobs.clone());
        let kept = projectors.into_iter().filter(|projector| scope.has(projector.name())).collect();
        let (runner, progress) = Runner::open(writer, log, kept).await?;
        Ok((projected, runner, progress))
    }
}

/// Read access to all of them and the projector of each, in the order of [`PROJECTORS`].
fn all(readers: SqlitePool, blobs: Blobs) -> (Projected, Vec<Box<dyn Projector>>) {
    let (credentials, credentials_projector) = credentials(readers.clone());
    let (dashboard, dashboard_projector) = dashboard(readers.clone());
    let (repositories, repositories_projector) = repositories(readers.clone(), Arc::new(blobs));
    let (transparency, transparency_projector) = transparency(readers.clone());
    let projectors: Vec<Box<dyn Projector>> = vec![
        Box::new(credentials_projector),
        Box::new(dashboard_projector),
        Box::new(repositories_projector),
        Box::new(transparency_projector),
        Box::new(AuditIndexProjector::default()),
    ];
    (Projected { credentials, dashboard, repositories, transparency, readers }, projectors)
}

/// Every projector that a server has, by name, for a program that replays a log without serving anything; `blobs` are those
/// that the log's events name.
#[must_use]
pub fn every_projector(blobs: Blobs) -> Vec<(&'static str, MakeProjector)> {
    let make = |name| -> MakeProjector {
        let blobs = blobs.clone();
        Box::new(move |readers| {
            let found = all(readers, blobs).1.into_iter().find(|projector| projector.name() == name);
            found.expect("each name of the list has its projector")
        })
    };
    PROJECTORS.map(|name| (name, make(name))).into()
}
