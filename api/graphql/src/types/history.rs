//! The past of a repository: its publications, and those that were given a name.

use api_http::public_url::PublicUrl;
use async_graphql::{ComplexObject, Context, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{package::Format, repository::Compact};
use index::Repositories;
use projections::dashboard;

use crate::{error::internal, parts::part};

/// A state of a repository that was signed, and is served at its own address for ever.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Publication {
    /// When.
    published_at: DateTime<Utc>,
    /// Its name in addresses: `20261126T100000Z`.
    point: String,
    /// Where its event is in this server's log.
    position: u64,
    /// Its root, as package clients are configured with it.
    url: String,
    #[graphql(skip)]
    repository: domain::ids::RepositoryId,
}

#[ComplexObject]
impl Publication {
    /// The names it was given.
    #[graphql(complexity = "10")]
    async fn snapshots(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        let history = part::<Repositories>(ctx).history();
        let names = history.names_of(self.repository, self.published_at).await.map_err(|error| internal(&error))?;
        Ok(names.into_iter().map(|name| name.to_string()).collect())
    }
}

impl Publication {
    pub(super) fn of(ctx: &Context<'_>, repository: &dashboard::Repository, published: &index::Published) -> Self {
        let point = Compact(published.published_at).to_string();
        Self {
            published_at: published.published_at,
            position: published.position.0,
            url: format!("{}at/{point}/", root(ctx, repository)),
            point,
            repository: repository.id,
        }
    }
}

/// A publication's name.
#[derive(SimpleObject)]
pub(crate) struct Snapshot {
    /// The name.
    name: String,
    /// When the publication that has it was made.
    published_at: DateTime<Utc>,
    /// When it was given the name.
    taken_at: DateTime<Utc>,
    /// Its root, as package clients are configured with it.
    url: String,
}

impl Snapshot {
    pub(super) fn of(ctx: &Context<'_>, repository: &dashboard::Repository, snapshot: index::Snapshot) -> Self {
        let index::Snapshot { name, published_at, taken_at } = snapshot;
        Self { url: format!("{}at/{name}/", root(ctx, repository)), name: name.to_string(), published_at, taken_at }
    }
}

/// The root URL of a repository, as package clients are configured with it.
pub(super) fn root(ctx: &Context<'_>, repository: &dashboard::Repository) -> String {
    let kind = match repository.format {
        Format::Deb => "apt",
        Format::Rpm => "yum",
    };
    let public_url = part::<PublicUrl>(ctx).as_str();
    format!("{public_url}/{kind}/{}/{}/", repository.organisation, repository.name)
}
