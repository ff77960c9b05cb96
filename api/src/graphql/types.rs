//! What the GraphQL API shows, one object for each noun.

mod organisation;
mod release;
mod repository;
mod signing_key;

use async_graphql::{Context, Enum, Result, SimpleObject};
use domain::{ids::ProjectId, package::Format};
use projections::board;

pub(super) use self::{organisation::Organisation, release::Release, repository::Repository, signing_key::SigningKey};
use super::error::{internal, not_found};
use crate::app::App;

/// How many items a list has if the query does not say.
pub(super) const FIRST_DEFAULT: u32 = 20;

/// A package format, and the kind of repository that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "Format")]
pub(super) enum FormatWord {
    /// Debian packages; an APT repository.
    Deb,
    /// rpm packages; a YUM repository.
    Rpm,
}

impl From<FormatWord> for Format {
    fn from(word: FormatWord) -> Self {
        match word {
            FormatWord::Deb => Self::Deb,
            FormatWord::Rpm => Self::Rpm,
        }
    }
}

impl From<Format> for FormatWord {
    fn from(format: Format) -> Self {
        match format {
            Format::Deb => Self::Deb,
            Format::Rpm => Self::Rpm,
        }
    }
}

/// A connected code repository.
#[derive(Debug, SimpleObject)]
pub(super) struct Project {
    /// Its id, as the API trigger's URL names it.
    id: async_graphql::ID,
    /// The organisation whose it is.
    organisation: String,
    /// What it is called.
    name: String,
    /// The git URL it is cloned from.
    source: String,
    /// Where a POST with the project's API token releases a tag.
    trigger_url: String,
}

impl Project {
    pub(super) fn of(app: &App, row: board::Project) -> Self {
        Self {
            trigger_url: format!("{}/api/v1/projects/{}/releases", app.public_url.as_str(), row.id),
            id: row.id.to_string().into(),
            organisation: row.organisation,
            name: row.name,
            source: row.source,
        }
    }

    pub(super) async fn load(ctx: &Context<'_>, id: ProjectId) -> Result<Self> {
        let app = ctx.data_unchecked::<App>();
        let row = app.board.project(id).await.map_err(|error| internal(&error))?;
        row.map(|row| Self::of(app, row)).ok_or_else(|| not_found(format!("project {id}")))
    }
}

/// A project and its API token, which is shown only now.
#[derive(Debug, SimpleObject)]
pub(super) struct NewProject {
    pub(super) project: Project,
    /// The token that releases the project. Keep it: it cannot be shown again.
    pub(super) api_token: String,
}

/// A repository and its first access key, which is shown only now.
#[derive(SimpleObject)]
pub(super) struct NewRepository {
    pub(super) repository: Repository,
    pub(super) access_key: IssuedKey,
    /// The one line, run by root, that gives a machine access.
    pub(super) install_command: String,
}

/// An access key, which is shown only now.
#[derive(Debug, SimpleObject)]
pub(super) struct NewKey {
    pub(super) access_key: IssuedKey,
    /// The one line, run by root, that gives a machine access.
    pub(super) install_command: String,
}

/// What opens a repository.
#[derive(Debug, SimpleObject)]
pub(super) struct IssuedKey {
    /// The login of HTTP Basic.
    pub(super) id: String,
    /// The password. Keep it: it cannot be shown again.
    pub(super) secret: String,
}
