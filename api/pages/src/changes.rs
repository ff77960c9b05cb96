//! `POST /repos/{organisation}/{repository}`: the forms of a repository's page.
//!
//! The session guard accepts only signed-in browsers and same-origin forms. A form runs the same command as the GraphQL mutation, as
//! the signed-in operator.

#[cfg(test)]
mod tests;

use api_http::{
    auth::Operator,
    problem::Problem,
    run_command::{CommandRunner, RunCommandError},
};
use axum::{
    Extension, Form,
    extract::{Path, State, rejection::FormRejection},
    response::Response,
};
use domain::{
    ids::RepositoryId,
    repository::{Command, PointInTime, Repository},
};
use event_log::execute::ExecuteError;
use index::{PointError, Repositories};
use serde::Deserialize;

use super::{
    layout::SiteInfo,
    problem::{PageProblem, not_found},
    session_guard::see_other,
};

/// One of the page's forms, chosen by the value of its button. Every field is text and is parsed as its type.
#[derive(Debug, Deserialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub(super) enum Change {
    /// Removes a package from new repository versions, or marks it.
    Yank { sha256: String, reason: String, page: String },
    /// Restores a yanked package.
    Restore { sha256: String, page: String },
    /// Names the repository version that the page showed as the newest.
    Snapshot { name: String, at: String },
}

/// `POST /repos/{organisation}/{repository}`.
pub(super) async fn change(
    State(repositories): State<Repositories>,
    State(commands): State<CommandRunner>,
    State(site): State<SiteInfo>,
    Extension(operator): Extension<Operator>,
    Path((organisation, name)): Path<(String, String)>,
    form: Result<Form<Change>, FormRejection>,
) -> Result<Response, PageProblem> {
    let names = organisation.parse().ok().zip(name.parse().ok());
    let id = names.map(|(organisation, name)| RepositoryId::named(&organisation, &name));
    let id = id.filter(|id| repositories.fixed(*id).is_some()).ok_or_else(|| not_found("repository"))?;
    let Form(change) = form.map_err(|error| bad_form(error.body_text()))?;
    let seen_at = change.seen_at();
    let command = change.command(&repositories, id).await?;
    commands.run::<Repository>(&operator, id.0, command).await.map_err(|error| match error {
        RunCommandError::Command(ExecuteError::Refused(refusal)) => {
            Problem::Conflict { code: "refused", detail: format!("Nothing was changed: {refusal}.") }
        }
        RunCommandError::Command(ExecuteError::Log(error)) => Problem::internal("record the change")(error.into()),
        RunCommandError::NotShown(error) => {
            Problem::internal("show the result of the change, which is recorded")(error.into())
        }
    })?;
    Ok(see_other(&site, &format!("/repos/{organisation}/{name}{seen_at}")))
}

impl Change {
    /// The command that the form runs.
    async fn command(self, repositories: &Repositories, id: RepositoryId) -> Result<Command, PageProblem> {
        Ok(match self {
            Self::Yank { sha256, reason, .. } => Command::YankPackage {
                sha256: sha256.parse().map_err(bad_form)?,
                reason: reason.trim().parse().map_err(bad_form)?,
            },
            Self::Restore { sha256, .. } => Command::RestorePackage { sha256: sha256.parse().map_err(bad_form)? },
            Self::Snapshot { name, at } => {
                let name = name.trim().parse().map_err(bad_form)?;
                let point: PointInTime = at.parse().map_err(bad_form)?;
                let published = repositories.history().meant(id, &point).await.map_err(|error| match error {
                    absent @ PointError::Absent { .. } => bad_form(absent),
                    PointError::Rows(error) => error.into(),
                })?;
                Command::TakeSnapshot { name, published_at: published.published_at }
            }
        })
    }

    /// The part of the repository's page that shows the change.
    fn seen_at(&self) -> String {
        match self {
            Self::Yank { page, .. } | Self::Restore { page, .. } => {
                let page: u32 = page.parse().unwrap_or(1);
                format!("?page={page}#packages")
            }
            Self::Snapshot { .. } => "#past".to_owned(),
        }
    }
}

fn bad_form(error: impl std::fmt::Display) -> PageProblem {
    PageProblem(Problem::BadRequest(format!("Nothing was changed: {error}.")))
}
