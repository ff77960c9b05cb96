//! Packages that are listed, and how many each repository has: collected, and written together.

use std::{collections::BTreeMap, sync::LazyLock};

use domain::{event::Event, ids::ReleaseId, package::Package, recorded::Recorded};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::{
    bulk::{Insert, Statement},
    read_models::{micros, signed},
};

static ADD: LazyLock<Insert> = LazyLock::new(|| {
    let columns = [
        "repository",
        "revision",
        "file_name",
        "name",
        "version",
        "architecture",
        "sha256",
        "size_bytes",
        "release",
        "added_at",
    ];
    Insert::new("listed_package", &columns)
});

/// What was added and is not written yet.
#[derive(Default)]
pub(super) struct Listed {
    packages: Vec<Row>,
    /// How many, by repository.
    counts: BTreeMap<Uuid, u32>,
}

struct Row {
    repository: Uuid,
    revision: i64,
    file_name: String,
    name: String,
    version: String,
    architecture: String,
    sha256: String,
    size_bytes: i64,
    release: Option<String>,
    added_at: i64,
}

impl Listed {
    pub(super) fn add(&mut self, recorded: &Recorded<Event>, package: &Package, release: Option<ReleaseId>) {
        let repository = recorded.stream.id();
        self.packages.push(Row {
            repository,
            revision: signed(recorded.revision.0),
            file_name: package.file_name.clone(),
            name: package.name().to_owned(),
            version: package.version().to_owned(),
            architecture: package.architecture().to_owned(),
            sha256: package.sha256.to_string(),
            size_bytes: signed(package.size_bytes),
            release: release.map(|release| release.to_string()),
            added_at: micros(recorded),
        });
        *self.counts.entry(repository).or_default() += 1;
    }

    /// Writes everything that was added. Call it before changing rows of packages by SQL.
    pub(super) async fn write(&mut self, rows: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        self.packages.sort_unstable_by_key(|row| (row.repository, row.revision));
        ADD.write(&mut *rows, self.packages.iter(), bind).await?;
        self.packages.clear();
        for (repository, count) in std::mem::take(&mut self.counts) {
            sqlx::query("update listed_repository set packages = packages + ? where id = ?")
                .bind(count)
                .bind(repository.to_string())
                .execute(&mut *rows)
                .await?;
        }
        Ok(())
    }

    pub(super) fn abandoned(&mut self) {
        *self = Self::default();
    }
}

fn bind<'q>(statement: Statement<'q>, row: &Row) -> Statement<'q> {
    statement
        .bind(row.repository.to_string())
        .bind(row.revision)
        .bind(row.file_name.as_str())
        .bind(row.name.as_str())
        .bind(row.version.as_str())
        .bind(row.architecture.as_str())
        .bind(row.sha256.as_str())
        .bind(row.size_bytes)
        .bind(row.release.as_deref())
        .bind(row.added_at)
}
