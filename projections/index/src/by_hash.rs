//! Index files that are named by their digest, as their rows will be: each answers for days after it was replaced.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    sync::LazyLock,
};

use domain::{
    digest::Sha256,
    ids::RepositoryId,
    repository::{IndexFile, SignedIndex, Stored},
};
use projections::{
    bulk::{Insert, Statement},
    read_models::{parsed, signed, unsigned},
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::publication::{by_hash, kept_since};

/// Most files remembered from one transaction to the next: about 50 MB. Those of other repositories are read.
const FILES_REMEMBERED_MAX: usize = 200_000;

static WRITE: LazyLock<Insert> = LazyLock::new(|| {
    let columns = ["repository", "path", "sha256", "size_bytes", "stored", "published_at", "superseded_at"];
    Insert::or_replace("by_hash", &columns)
});

/// The named files of the repositories that were published last.
#[derive(Default)]
pub(super) struct NamedFiles(HashMap<RepositoryId, Named>);

/// Those of one repository.
#[derive(Default)]
struct Named {
    files: BTreeMap<String, File>,
    /// Those of the newest publication.
    current: BTreeSet<String>,
    changed: BTreeSet<String>,
    /// What was superseded before is deleted.
    kept_since: Option<i64>,
}

/// Times are seconds since 1970.
#[derive(Debug)]
struct File {
    sha256: Sha256,
    size_bytes: u64,
    /// JSON of the event's [`Stored`].
    stored: String,
    published_at: i64,
    superseded_at: Option<i64>,
}

impl NamedFiles {
    /// Files that `index` still has are current again; the others are superseded from now on, and what was superseded so
    /// long ago that it no longer answers is deleted.
    pub(super) async fn publish(
        &mut self,
        rows: &mut SqliteConnection,
        id: RepositoryId,
        index: &SignedIndex,
    ) -> Result<(), sqlx::Error> {
        let named = match self.0.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(read(rows, id).await?),
        };
        named.publish(index);
        Ok(())
    }

    pub(super) async fn write(&mut self, rows: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let mut changed = Vec::new();
        for (id, named) in &mut self.0 {
            if let Some(kept_since) = named.kept_since.take() {
                sqlx::query("delete from by_hash where repository = ? and superseded_at < ?")
                    .bind(id.to_string())
                    .bind(kept_since)
                    .execute(&mut *rows)
                    .await?;
            }
            let paths = std::mem::take(&mut named.changed);
            let files = &named.files;
            changed.extend(paths.into_iter().filter_map(|path| files.get(&path).map(|file| (*id, path, file))));
        }
        changed.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        WRITE.write(rows, changed.into_iter(), bind).await
    }

    pub(super) fn committed(&mut self) {
        if self.0.values().map(|named| named.files.len()).sum::<usize>() > FILES_REMEMBERED_MAX {
            self.0.clear();
        }
    }

    pub(super) fn abandoned(&mut self) {
        self.0.clear();
    }
}

impl Named {
    fn publish(&mut self, index: &SignedIndex) {
        let published_at = index.published_at.timestamp();
        // Two lists with the same content have the same name.
        let files: BTreeMap<String, &IndexFile> = by_hash(index).collect();
        for path in std::mem::take(&mut self.current) {
            if !files.contains_key(&path)
                && let Some(file) = self.files.get_mut(&path)
            {
                file.superseded_at = Some(published_at);
                self.changed.insert(path);
            }
        }
        for (path, index_file) in files {
            let file = self.files.entry(path.clone()).or_insert_with(|| File::of(index_file, published_at));
            if file.superseded_at.take().is_some() || file.published_at == published_at {
                self.changed.insert(path.clone());
            }
            self.current.insert(path);
        }
        let kept_since = kept_since(published_at);
        self.files.retain(|_, file| file.superseded_at.is_none_or(|at| at >= kept_since));
        self.kept_since = Some(kept_since);
    }
}

impl File {
    fn of(file: &IndexFile, published_at: i64) -> Self {
        let IndexFile { sha256, size_bytes, stored, .. } = file;
        Self { sha256: *sha256, size_bytes: *size_bytes, stored: json(stored), published_at, superseded_at: None }
    }
}

fn json(stored: &Stored) -> String {
    serde_json::to_string(stored).expect("plain data")
}

fn bind<'q>(statement: Statement<'q>, (id, path, file): (RepositoryId, String, &File)) -> Statement<'q> {
    statement
        .bind(id.to_string())
        .bind(path)
        .bind(file.sha256.to_string())
        .bind(signed(file.size_bytes))
        .bind(file.stored.as_str())
        .bind(file.published_at)
        .bind(file.superseded_at)
}

async fn read(rows: &mut SqliteConnection, id: RepositoryId) -> Result<Named, sqlx::Error> {
    let found = sqlx::query("select * from by_hash where repository = ?").bind(id.to_string());
    let mut named = Named::default();
    for row in found.fetch_all(rows).await? {
        let (path, file): (String, File) = (row.try_get("path")?, file(&row)?);
        if file.superseded_at.is_none() {
            named.current.insert(path.clone());
        }
        named.files.insert(path, file);
    }
    Ok(named)
}

fn file(row: &SqliteRow) -> Result<File, sqlx::Error> {
    Ok(File {
        sha256: parsed(row, "sha256")?,
        size_bytes: unsigned(row.try_get("size_bytes")?),
        stored: row.try_get("stored")?,
        published_at: row.try_get("published_at")?,
        superseded_at: row.try_get("superseded_at")?,
    })
}
