//! Checkout code: the tag's commit, pinned by an event the first time and the same ever after.

use std::path::PathBuf;

use building::source::Checkout;
use domain::{
    error_chain::ErrorChain,
    ids::ReleaseId,
    project::{GitUrl, Project, Refusal},
    release::{self, Command, Step},
};
use event_log::execute::Context;

use super::{Pipeline, failure::Stop, job::JobFolder};
use crate::github::source_key;

/// The checked-out code.
pub(super) struct CheckedOut {
    /// A plain folder.
    pub(super) folder: PathBuf,
    /// What is pinned.
    pub(super) pinned: release::Checkout,
}

impl Pipeline {
    pub(super) async fn check_out(
        &self,
        id: ReleaseId,
        job: &JobFolder,
        context: &Context,
    ) -> Result<CheckedOut, Stop> {
        let running = self.running(id).await?;
        let origin = running.origin;
        let source = self
            .executor
            .inspect::<Project, _>(origin.project.0, |project, _| project.added().map(|added| added.source.clone()))
            .await?
            .ok_or_else(|| Stop::failed(Step::CheckoutCode, "unknown_project", Refusal::Unknown.to_string()))?;
        let failed = |code, cause: &(dyn std::error::Error + 'static)| {
            Stop::failed(Step::CheckoutCode, code, ErrorChain(cause).to_string())
        };
        let url = GitUrl::parse(&source, self.git.allow_local).map_err(|error| failed("source_refused", &error))?;
        let key = source_key(&self.executor, &self.secrets, origin.project).await;
        let key = key.map_err(|error| failed(error.code(), &error))?;
        let expected = running.checkout.map(|pinned| pinned.commit);
        let folder = job.path("checkout");
        let checkout = self
            .git
            .checkout(&url, &origin.tag, expected.as_ref(), key.as_ref(), &folder)
            .await
            .map_err(|error| failed(error.code(), &error))?;
        let Checkout { commit, committed_at } = checkout;
        self.record(id, Command::RecordCheckout { commit: commit.clone(), committed_at }, context).await?;
        Ok(CheckedOut { folder, pinned: release::Checkout { commit, committed_at } })
    }
}
