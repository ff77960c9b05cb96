//! Marks beside commits: on its way, installable, failed.

use domain::project::AtGithub;

use super::{backlog::Wanted, pass::Pass};
use crate::github::{CommitStatus, Trouble, access::Open};

impl Pass<'_> {
    /// Puts a mark beside a commit.
    pub(super) async fn report(&self, open: &Open, wanted: &Wanted) -> Result<(), Trouble> {
        let Wanted { release, commit, state, description } = wanted;
        let status = CommitStatus {
            state: *state,
            description: description.clone(),
            target_url: self.worker.addresses.release(*release),
        };
        open.session.create_status(&open.name, commit, &status).await?;
        let reported = AtGithub::CommitStatusReported { release: *release, commit: commit.clone(), state: *state };
        self.record(reported).await
    }
}
