//! What every handler may use.

use std::{path::PathBuf, sync::Arc};

use commands::{blobs::Blobs, execute::Executor, signing::Signer, source::Git};
use projections::{board::Board, credentials::Credentials, index::Repositories, runner::Progress};

use crate::http::public_url::PublicUrl;

/// The running server, as handlers see it. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of a running server.
pub struct Parts {
    /// Runs commands.
    pub executor: Arc<Executor>,
    /// Who may do what.
    pub credentials: Credentials,
    /// What dashboards show.
    pub board: Board,
    /// The repositories that clients see.
    pub repositories: Repositories,
    /// How far the read models have come.
    pub progress: Progress,
    /// Packages, indexes and logs.
    pub blobs: Blobs,
    /// Asks code repositories for tags.
    pub git: Git,
    /// Signs uploaded rpms.
    pub signer: Arc<Signer>,
    /// The address under which clients reach the server.
    pub public_url: PublicUrl,
    /// Where running releases write their logs.
    pub jobs: PathBuf,
    /// Where uploads are kept while they come in.
    pub incoming: PathBuf,
}

impl App {
    /// A server made of `parts`.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
