//! A release in JSON.

use api_http::{problem::Problem, public_url::PublicUrl};
use domain::{
    ids::{ProjectId, ReleaseId},
    release::Step,
};
use projections::dashboard::{Dashboard, Release, ReleaseState};
use serde::Serialize;

/// A release, as in the API trigger's response.
#[derive(Debug, Serialize)]
pub(super) struct ReleaseAnswer {
    release: ReleaseId,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<ProjectId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    state: &'static str,
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureAnswer>,
    url: String,
}

#[derive(Debug, Serialize)]
struct FailureAnswer {
    step: &'static str,
    code: String,
    message: String,
}

/// Reads the state of releases.
#[derive(Clone)]
pub struct ReleaseAnswers {
    /// The dashboard's read models.
    pub dashboard: Dashboard,
    /// The prefix of their URLs.
    pub public_url: PublicUrl,
}

impl ReleaseAnswers {
    /// The current state of the release. Before the dashboard shows it, its state is "received".
    pub(super) async fn find(&self, id: ReleaseId) -> Result<ReleaseAnswer, Problem> {
        match self.dashboard.release(id).await? {
            Some(row) => self.of(row).await,
            None => Ok(ReleaseAnswer {
                release: id,
                project: None,
                tag: None,
                version: None,
                state: ReleaseState::Running.as_str(),
                step: Step::Received.as_str(),
                failure: None,
                url: self.address(id),
            }),
        }
    }

    pub(super) async fn of(&self, row: Release) -> Result<ReleaseAnswer, Problem> {
        let failure = self.dashboard.steps(row.id).await?.into_iter().find_map(|step| {
            Some(FailureAnswer { step: step.step.as_str(), code: step.code?, message: step.message? })
        });
        Ok(ReleaseAnswer {
            url: self.address(row.id),
            release: row.id,
            project: Some(row.project),
            tag: Some(row.tag),
            version: Some(row.version),
            state: row.state.as_str(),
            step: row.step.as_str(),
            failure,
        })
    }

    fn address(&self, id: ReleaseId) -> String {
        format!("{}/api/v1/releases/{id}", self.public_url.as_str())
    }
}
