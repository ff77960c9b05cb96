//! What became of a repository from one point to another.

use async_graphql::{ComplexObject, Context, Enum, Result, SimpleObject};
use domain::{ids::RepositoryId, recorded::Revision};
use index::{Difference, HISTORY_PAGE_MAX, Repositories};

use super::Publication;
use crate::{
    error::{internal, invalid},
    lists::{FIRST_DEFAULT, cost, within},
    parts::part,
};

/// Two publications, and what is between them.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Diff {
    /// The publication that is compared.
    pub(super) from: Publication,
    /// What it is compared with.
    pub(super) to: Publication,
    #[graphql(skip)]
    pub(super) repository: RepositoryId,
    #[graphql(skip)]
    pub(super) states: [Revision; 2],
}

#[ComplexObject]
impl Diff {
    /// The packages whose files are not the same in both, by name and architecture.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "The cursor of the last change of the page before")] after: Option<String>,
    ) -> Result<Vec<PackageChange>> {
        let after = after.map(|cursor| cursor.parse()).transpose().map_err(invalid)?.unwrap_or_default();
        let history = part::<Repositories>(ctx).history();
        let found = history.differences(self.repository, self.states, &after, within(first, HISTORY_PAGE_MAX)?).await;
        Ok(found.map_err(|error| internal(&error))?.into_iter().map(PackageChange::of).collect())
    }
}

/// What became of a package, for one architecture.
#[derive(SimpleObject)]
pub(crate) struct PackageChange {
    /// Where the next page starts.
    cursor: String,
    /// In a word.
    change: ChangeWord,
    /// Its name.
    name: String,
    /// In the format's own word.
    architecture: String,
    /// The newest version before.
    from: Option<String>,
    /// The newest version after.
    to: Option<String>,
    /// How many of its files came.
    files_added: u64,
    /// How many of its files went.
    files_removed: u64,
}

/// What became of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "Change", remote = "index::Change")]
pub(crate) enum ChangeWord {
    /// There was no package of that name.
    Added,
    /// There is no longer a package of that name.
    Removed,
    /// Other files, of other versions or signed by another key.
    Changed,
}

impl PackageChange {
    fn of(difference: Difference) -> Self {
        let (cursor, change) = (difference.cursor().to_string(), difference.change().into());
        let index::Difference { name, architecture, from, to, files_added, files_removed } = difference;
        Self { cursor, change, name, architecture, from, to, files_added, files_removed }
    }
}
