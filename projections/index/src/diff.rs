//! The difference between two states of a repository, by package name and architecture.

#[cfg(test)]
mod tests;

use std::{cmp::Ordering, fmt, str::FromStr};

use domain::{
    ids::RepositoryId,
    package::Format,
    recorded::Revision,
    version::{compare_deb, compare_rpm_evr},
};
use projections::read_models::{signed, unsigned};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::history::{HISTORY_PAGE_MAX, History};

/// A package, for one architecture, whose files are not the same in two states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub name: String,
    /// In the format's own word.
    pub architecture: String,
    /// The newest version before; none if there was none: the package is new.
    pub from: Option<String>,
    /// The newest version after; none if the package was removed.
    pub to: Option<String>,
    /// How many of its files were added.
    pub files_added: u64,
    /// How many of its files were removed: an older version, or one that was signed again.
    pub files_removed: u64,
}

/// How a package changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was no package of that name.
    Added,
    /// There is no package of that name any more.
    Removed,
    /// Other files, of other versions or signed by another key.
    Changed,
}

impl Difference {
    /// What became of it.
    #[must_use]
    pub fn change(&self) -> Change {
        match (&self.from, &self.to) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        }
    }

    /// Where the next page starts.
    #[must_use]
    pub fn cursor(&self) -> DifferenceCursor {
        DifferenceCursor { name: self.name.clone(), architecture: self.architecture.clone() }
    }
}

/// The last difference of a page, as text: `name architecture`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DifferenceCursor {
    name: String,
    architecture: String,
}

/// The text is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not valid: expected the one of the last change of the previous page")]
pub struct InvalidCursor;

impl FromStr for DifferenceCursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (name, architecture) = text.split_once(' ').ok_or(InvalidCursor)?;
        Ok(Self { name: name.to_owned(), architecture: architecture.to_owned() })
    }
}

impl fmt::Display for DifferenceCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.architecture)
    }
}

/// Which files each of the two states has.
const HELD: &str = "select name, architecture, version,
     revision <= ?2 and coalesce(ended_revision > ?2, true) as was,
     revision <= ?3 and coalesce(ended_revision > ?3, true) as is_now
   from package_file where repository = ?1";

impl History {
    /// What became of the state `from` in the state `to`, which may be the older one: by name and architecture, after
    /// `after`; `limit` of them, at most [`HISTORY_PAGE_MAX`].
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn differences(
        &self,
        repository: RepositoryId,
        [from, to]: [Revision; 2],
        after: &DifferenceCursor,
        limit: u32,
    ) -> Result<Vec<Difference>, sqlx::Error> {
        let Some(format) = self.format(repository).await? else { return Ok(vec![]) };
        let text = format!(
            "select name, architecture, sum(is_now and not was) as added, sum(was and not is_now) as removed
             from ({HELD} and (name, architecture) > (?4, ?5))
             group by name, architecture having sum(was <> is_now) > 0 order by name, architecture limit ?6"
        );
        let found = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(repository.to_string())
            .bind(signed(from.0))
            .bind(signed(to.0))
            .bind(&after.name)
            .bind(&after.architecture)
            .bind(limit.min(HISTORY_PAGE_MAX))
            .fetch_all(&self.readers);
        let mut differences = Vec::new();
        for row in found.await? {
            let (name, architecture): (String, String) = (row.try_get("name")?, row.try_get("architecture")?);
            let text = format!("{HELD} and name = ?4 and architecture = ?5");
            let versions = sqlx::query(sqlx::AssertSqlSafe(text))
                .bind(repository.to_string())
                .bind(signed(from.0))
                .bind(signed(to.0))
                .bind(&name)
                .bind(&architecture)
                .fetch_all(&self.readers)
                .await?;
            differences.push(Difference {
                name,
                architecture,
                from: newest(format, &versions, "was")?,
                to: newest(format, &versions, "is_now")?,
                files_added: unsigned(row.try_get("added")?),
                files_removed: unsigned(row.try_get("removed")?),
            });
        }
        Ok(differences)
    }
}

/// The newest version among those rows of which `state` holds.
fn newest(format: Format, rows: &[SqliteRow], state: &str) -> Result<Option<String>, sqlx::Error> {
    let mut newest: Option<String> = None;
    for row in rows {
        let version: String = row.try_get("version")?;
        if row.try_get(state)? && newest.as_ref().is_none_or(|newest| compare(format, &version, newest).is_gt()) {
            newest = Some(version);
        }
    }
    Ok(newest)
}

fn compare(format: Format, a: &str, b: &str) -> Ordering {
    match format {
        // Only versions that dpkg can compare enter a repository.
        Format::Deb => compare_deb(a, b).unwrap_or(Ordering::Equal),
        Format::Rpm => compare_rpm_evr(a, b),
    }
}
