//! How a project gets at GitHub: its token unsealed for the time of use, and its repository found by number.

use std::{sync::Arc, time::Duration};

use building::source::{DeployKey, Git, SourceError};
use domain::{
    ids::{ProjectId, SecretId},
    project::{Github as AtGithub, GithubName, InvalidGitUrl, Project, Refusal},
};
use event_log::{
    event_store::BoxError,
    execute::{ExecuteError, Executor, LogError},
};
use stores::secrets::Secrets;
use zeroize::Zeroizing;

use super::{DEPLOY_KEY_PURPOSE, Github, GithubError, Session, TOKEN_PURPOSE};

/// What is needed to talk to GitHub for a project.
pub struct Access {
    /// Where events are recorded.
    pub executor: Arc<Executor>,
    /// Where tokens, webhook secrets and keys are sealed.
    pub secrets: Arc<Secrets>,
    /// Opens sessions.
    pub github: Github,
    /// Asks code repositories, for projects without a token.
    pub git: Git,
}

/// Why something is not done at GitHub.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// GitHub said no, or nothing.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// The repository of that name is another one than the project was connected to.
    #[error(
        "the name {name} now belongs to another GitHub repository (id {found}): connect the project again, by the new name of its repository"
    )]
    OtherRepository {
        /// What the project's repository was called.
        name: GithubName,
        /// Which repository has that name now.
        found: u64,
    },
    /// The project's token, webhook secret or key does not open.
    #[error("cannot use the project's sealed {what}: the server's log says why")]
    Secret {
        /// Which.
        what: &'static str,
        /// Why.
        source: BoxError,
    },
    /// The code repository does not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The code repository has an address that the operator does not allow.
    #[error("the URL of the project's Git repository is not allowed: {0}")]
    Address(#[from] InvalidGitUrl),
    /// The log is away.
    #[error("cannot read or write the event log")]
    Log(#[from] LogError),
    /// The project changed at the same time.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Trouble {
    pub(super) fn from_execute(error: ExecuteError<Refusal>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => Self::Refused(refusal),
            ExecuteError::Log(error) => Self::Log(error),
        }
    }

    /// How long GitHub asked to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Github(error) => error.retry_after(),
            _ => None,
        }
    }

    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Github(error) => error.code(),
            Self::OtherRepository { .. } => "other_repository",
            Self::Secret { .. } => "secret_unusable",
            Self::Source(error) => error.code(),
            Self::Address(_) => "source_refused",
            Self::Log(_) => "log_unavailable",
            Self::Refused(_) => "refused",
        }
    }
}

/// A project's repository, open.
pub(super) struct Open {
    pub(super) session: Session,
    /// What it is called now.
    pub(super) name: GithubName,
}

impl Access {
    /// Opens the repository of `at`, if it is still the one the project was connected to.
    pub(super) async fn open(&self, at: &AtGithub, credential: SecretId) -> Result<Open, Trouble> {
        let token = self.text(credential, TOKEN_PURPOSE, "token").await?;
        let session = self.github.session(&at.api_url, token)?;
        let facts = session.repository(&at.full_name).await?;
        if facts.id != at.repository_id {
            return Err(Trouble::OtherRepository { name: at.full_name.clone(), found: facts.id });
        }
        let name = facts.full_name.parse().map_err(|_| GithubError::NotUnderstood("repository"))?;
        Ok(Open { session, name })
    }

    /// Unseals a text.
    pub(super) async fn text(
        &self,
        id: SecretId,
        purpose: &'static str,
        what: &'static str,
    ) -> Result<Zeroizing<String>, Trouble> {
        let trouble = |source: BoxError| Trouble::Secret { what, source };
        let bytes = self.secrets.unseal(id.0, purpose).await.map_err(|error| trouble(error.into()))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| trouble(error.into()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// What a project has at GitHub, where its code comes from, and which secret its webhook must have.
    pub(super) async fn situation(&self, project: ProjectId) -> Result<Option<Situation>, LogError> {
        self.executor
            .inspect::<Project, _>(project.0, |project, _| {
                let project = project.added()?;
                Some(Situation {
                    github: project.github.clone()?,
                    live_secret: project.live_webhook_secret(),
                    webhook_secret: project.webhook_secret,
                    source: project.source.clone(),
                    triggers: project.live_webhook_secret().is_some(),
                })
            })
            .await
    }
}

/// What a project's events say about GitHub, as they were at one moment.
pub(super) struct Situation {
    pub(super) github: AtGithub,
    /// The secret that a webhook must have; none while GitHub does not trigger its releases.
    pub(super) live_secret: Option<SecretId>,
    /// The same, even while something else triggers its releases: it will be live again.
    pub(super) webhook_secret: Option<SecretId>,
    pub(super) source: String,
    /// Do its tags become releases by themselves?
    pub(super) triggers: bool,
}

/// The project's deploy key, if it has one that its source is fetched with.
///
/// # Errors
/// `Secret`: it does not open. `Log`: the log is away.
pub async fn source_key(
    executor: &Executor,
    secrets: &Arc<Secrets>,
    project: ProjectId,
) -> Result<Option<DeployKey>, Trouble> {
    let installed = |project: &Project, _| Some(project.added()?.github.as_ref()?.deploy_key.as_ref()?.secret);
    let Some(secret) = executor.inspect::<Project, _>(project.0, installed).await? else { return Ok(None) };
    let trouble = |source: BoxError| Trouble::Secret { what: "deploy key", source };
    let bytes = secrets.unseal(secret.0, DEPLOY_KEY_PURPOSE).await.map_err(|error| trouble(error.into()))?;
    Ok(Some(DeployKey::parse(&bytes).map_err(|error| trouble(error.into()))?))
}
