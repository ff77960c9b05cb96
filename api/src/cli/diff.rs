//! `pkgdeploy diff`: compares two versions of a repository.
//!
//! Reads the read models in the data folder, like `verify`: needs no token and no running server.

#[cfg(test)]
mod tests;

use std::io::Write as _;

use archive::data_folder::DataFolder;
use clap::Args;
use domain::{
    ids::RepositoryId,
    names::{OrganisationName, RepositoryName},
    repository::{Compact, NEWEST, PointInTime},
};
use index::{Difference, DifferenceCursor, HISTORY_PAGE_MAX, History};
use serde::Serialize;

use super::Outcome;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(super) struct Command {
    /// The repository
    #[arg(value_name = "ORGANISATION/REPOSITORY", value_parser = names)]
    repository: (OrganisationName, RepositoryName),
    /// First version: a time, a project and tag (hello@v1.2.3), a position in the log, a release's id, a snapshot's name
    from: PointInTime,
    /// Second version
    #[arg(default_value = NEWEST)]
    to: PointInTime,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// There is nothing to compare.
#[derive(Debug, thiserror::Error)]
enum DiffError {
    #[error("no such repository: {0}")]
    NoRepository(String),
}

fn names(text: &str) -> Result<(OrganisationName, RepositoryName), String> {
    let (organisation, repository) = text
        .split_once('/')
        .ok_or_else(|| format!("\"{text}\" is not a repository: expected <organisation>/<repository>"))?;
    let organisation = organisation.parse().map_err(|error: domain::names::InvalidName| error.to_string())?;
    Ok((organisation, repository.parse().map_err(|error: domain::names::InvalidName| error.to_string())?))
}

pub(super) async fn run(command: Command, settings: &Settings) -> Outcome {
    let Command { repository: (organisation, name), from, to, json } = command;
    let id = RepositoryId::named(&organisation, &name);
    let history = History::open(&DataFolder::existing(&settings.locations())?.read_models()).await?;
    if history.format(id).await?.is_none() {
        return Err(DiffError::NoRepository(format!("{organisation}/{name}")).into());
    }
    let (from, to) = (history.meant(id, &from).await?, history.meant(id, &to).await?);
    let mut changes = Vec::new();
    let mut after = DifferenceCursor::default();
    loop {
        let page = history.differences(id, [from.covers, to.covers], &after, HISTORY_PAGE_MAX).await?;
        let Some(last) = page.last() else { break };
        after = last.cursor();
        changes.extend(page.into_iter().map(Change::from));
    }
    let report = Report {
        repository: format!("{organisation}/{name}"),
        from: Compact(from.published_at).to_string(),
        to: Compact(to.published_at).to_string(),
        changes,
    };
    let text = if json { serde_json::to_string(&report)? } else { report.to_string() };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

/// The output of `--json`.
#[derive(Debug, Serialize)]
struct Report {
    repository: String,
    /// When the version was published: `20261126T100000Z`.
    from: String,
    to: String,
    changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct Change {
    change: &'static str,
    name: String,
    architecture: String,
    /// The newest version before.
    from: Option<String>,
    /// The newest version after.
    to: Option<String>,
    files_added: u64,
    files_removed: u64,
}

impl From<Difference> for Change {
    fn from(difference: Difference) -> Self {
        let change = match difference.change() {
            index::Change::Added => "added",
            index::Change::Removed => "removed",
            index::Change::Changed => "changed",
        };
        let Difference { name, architecture, from, to, files_added, files_removed } = difference;
        Self { change, name, architecture, from, to, files_added, files_removed }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { repository, from, to, changes } = self;
        writeln!(f, "{repository} from {from} to {to}")?;
        let width = |of: fn(&Change) -> &str| changes.iter().map(|change| of(change).len()).max().unwrap_or_default();
        let (names, architectures) = (width(|change| &change.name), width(|change| &change.architecture));
        for Change { change, name, architecture, from, to, files_added, files_removed } in changes {
            write!(f, "{change:<7}  {name:<names$}  {architecture:<architectures$}  ")?;
            match (from, to) {
                (Some(from), Some(to)) if from == to => write!(f, "{to}")?,
                (Some(from), Some(to)) => write!(f, "{from} -> {to}")?,
                (from, to) => write!(f, "{}", from.as_ref().or(to.as_ref()).map_or("", String::as_str))?,
            }
            writeln!(f, "  (+{files_added} -{files_removed})")?;
        }
        let count = |word: &str| changes.iter().filter(|change| change.change == word).count();
        write!(f, "{} added, {} removed, {} changed", count("added"), count("removed"), count("changed"))
    }
}
