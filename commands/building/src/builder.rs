//! Builds, one job at a time or many at once.

use std::{fs, io, sync::Arc};

use super::{BuildError, BuiltTree, Job, Root, Settings, job::RunningJob, probe, uids::Uids};

/// Builds packages, each job isolated from this machine and from the others. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) settings: Arc<Settings>,
    pub(super) uids: Uids,
}

impl Builder {
    /// A builder, its folder of jobs made, and cleared of what a crash left there.
    ///
    /// # Errors
    /// If that folder cannot be made or cleared.
    pub fn new(mut settings: Settings) -> io::Result<Self> {
        fs::create_dir_all(&settings.jobs)?;
        settings.jobs = fs::canonicalize(&settings.jobs)?;
        // Processes and mounts of a crashed server's jobs ended with it, see `namespace`. Folders are left.
        for entry in fs::read_dir(&settings.jobs)? {
            let entry = entry?;
            let path = entry.path();
            tracing::info!("removing what an interrupted build left at {}", path.display());
            if entry.file_type()?.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
        }
        Ok(Self { settings: Arc::new(settings), uids: Uids::default() })
    }

    /// Starts an empty job to see whether this machine can isolate builds; says how it would.
    ///
    /// # Errors
    /// `sandbox_unavailable`, with what is missing.
    pub async fn probe(&self) -> Result<String, BuildError> {
        probe::probe(self).await
    }

    /// What `distribution` is built on.
    ///
    /// # Errors
    /// `unmapped_distribution`, `sandbox_unavailable`.
    pub fn root(&self, distribution: &str) -> Result<Root, BuildError> {
        self.settings.roots.resolve(distribution)
    }

    /// Builds one package. `setup_done` is awaited between the steps Setup build and Building.
    ///
    /// Dropping the future kills the build and removes what it wrote.
    ///
    /// # Errors
    /// See [`BuildError`]; its `step` says which of the two steps failed.
    pub async fn build(
        &self,
        job: &Job<'_>,
        setup_done: impl Future<Output = ()> + Send,
    ) -> Result<BuiltTree, BuildError> {
        let mut running = RunningJob::open(self, job).await?;
        running.set_up().await?;
        setup_done.await;
        running.run_commands().await?;
        running.assemble().await
    }
}
