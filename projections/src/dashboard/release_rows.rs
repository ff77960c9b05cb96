//! The rows of a release: the release itself, its steps and its packages.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use domain::{ids::ReleaseId, release::Step};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::{
    bulk::{Insert, Statement},
    read_models::{parsed, signed, unsigned},
};

const RELEASE_COLUMNS: [&str; 11] = [
    "id",
    "position",
    "organisation",
    "project",
    "tag",
    "version",
    "state",
    "step",
    "git_commit",
    "received_at",
    "finished_at",
];
const STEP_COLUMNS: [&str; 9] =
    ["release", "ordinal", "step", "state", "started_at", "ended_at", "code", "message", "log"];
const PACKAGE_COLUMNS: [&str; 13] = [
    "release",
    "config",
    "name",
    "format",
    "architecture",
    "distribution",
    "root",
    "file_name",
    "sha256",
    "size_bytes",
    "log",
    "is_ready",
    "repository",
];

static ADD: LazyLock<Insert> = LazyLock::new(|| Insert::new("release", &RELEASE_COLUMNS));
/// Its other unique column, the position, never changes.
static CHANGE: LazyLock<Insert> = LazyLock::new(|| {
    let on_conflict = "on conflict (id) do update set state = excluded.state, step = excluded.step, \
                       git_commit = excluded.git_commit, finished_at = excluded.finished_at";
    Insert::or("release", &RELEASE_COLUMNS, on_conflict)
});
static STEPS: LazyLock<Insert> = LazyLock::new(|| Insert::or_replace("release_step", &STEP_COLUMNS));
static PACKAGES: LazyLock<Insert> = LazyLock::new(|| Insert::or_replace("release_package", &PACKAGE_COLUMNS));

/// Texts of the program, or read from a row.
type Text = Cow<'static, str>;

/// A release with all its rows. Times are microseconds since 1970.
#[derive(Debug)]
pub(super) struct ReleaseRows {
    pub(super) position: u64,
    pub(super) organisation: String,
    pub(super) project: String,
    pub(super) tag: String,
    pub(super) version: String,
    pub(super) state: Text,
    pub(super) step: Step,
    pub(super) git_commit: Option<String>,
    pub(super) received_at: i64,
    pub(super) finished_at: Option<i64>,
    pub(super) steps: BTreeMap<Step, StepRow>,
    /// By the path of their configs.
    pub(super) packages: BTreeMap<String, PackageRow>,
}

/// A step that was reached.
#[derive(Debug)]
pub(super) struct StepRow {
    pub(super) state: Text,
    pub(super) started_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) log: Option<String>,
}

/// A package that is planned, and what became of it.
#[derive(Debug)]
pub(super) struct PackageRow {
    pub(super) name: String,
    pub(super) format: Text,
    pub(super) architecture: Text,
    pub(super) distribution: String,
    pub(super) root: Option<String>,
    pub(super) file_name: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) size_bytes: Option<u64>,
    pub(super) log: Option<String>,
    pub(super) is_ready: bool,
    pub(super) repository: Option<String>,
}

impl ReleaseRows {
    /// The release's rows, if it has any.
    pub(super) async fn read(rows: &mut SqliteConnection, id: ReleaseId) -> Result<Option<Self>, sqlx::Error> {
        let id = id.to_string();
        let found = sqlx::query("select * from release where id = ?").bind(&id).fetch_optional(&mut *rows);
        let Some(row) = found.await? else { return Ok(None) };
        let steps = sqlx::query("select * from release_step where release = ?").bind(&id).fetch_all(&mut *rows).await?;
        let packages = sqlx::query("select * from release_package where release = ?").bind(&id).fetch_all(rows).await?;
        let mut release = release(&row)?;
        for row in &steps {
            release.steps.insert(parsed(row, "step")?, step(row)?);
        }
        for row in &packages {
            release.packages.insert(row.try_get("config")?, package(row)?);
        }
        Ok(Some(release))
    }
}

/// Writes releases that are new and releases that have changed.
pub(super) async fn write(
    rows: &mut SqliteConnection,
    added: &[(ReleaseId, &ReleaseRows)],
    changed: &[(ReleaseId, &ReleaseRows)],
) -> Result<(), sqlx::Error> {
    ADD.write(&mut *rows, added.iter(), bind_release).await?;
    CHANGE.write(&mut *rows, changed.iter(), bind_release).await?;
    let (mut steps, mut packages) = (Vec::new(), Vec::new());
    for (id, release) in added.iter().chain(changed) {
        let id = id.to_string();
        steps.extend(release.steps.iter().map(|(step, row)| (id.clone(), *step, row)));
        packages.extend(release.packages.iter().map(|(config, row)| (id.clone(), config, row)));
    }
    STEPS.write(&mut *rows, steps.into_iter(), bind_step).await?;
    PACKAGES.write(rows, packages.into_iter(), bind_package).await
}

fn bind_release<'q>(statement: Statement<'q>, (id, release): &(ReleaseId, &ReleaseRows)) -> Statement<'q> {
    statement
        .bind(id.to_string())
        .bind(signed(release.position))
        .bind(release.organisation.as_str())
        .bind(release.project.as_str())
        .bind(release.tag.as_str())
        .bind(release.version.as_str())
        .bind(&*release.state)
        .bind(release.step.as_str())
        .bind(release.git_commit.as_deref())
        .bind(release.received_at)
        .bind(release.finished_at)
}

fn bind_step<'q>(statement: Statement<'q>, (release, step, row): (String, Step, &StepRow)) -> Statement<'q> {
    statement
        .bind(release)
        .bind(ordinal(step))
        .bind(step.as_str())
        .bind(&*row.state)
        .bind(row.started_at)
        .bind(row.ended_at)
        .bind(row.code.as_deref())
        .bind(row.message.as_deref())
        .bind(row.log.as_deref())
}

fn bind_package<'q>(statement: Statement<'q>, (release, config, row): (String, &String, &PackageRow)) -> Statement<'q> {
    statement
        .bind(release)
        .bind(config.as_str())
        .bind(row.name.as_str())
        .bind(&*row.format)
        .bind(&*row.architecture)
        .bind(row.distribution.as_str())
        .bind(row.root.as_deref())
        .bind(row.file_name.as_deref())
        .bind(row.sha256.as_deref())
        .bind(row.size_bytes.map(signed))
        .bind(row.log.as_deref())
        .bind(row.is_ready)
        .bind(row.repository.as_deref())
}

/// Steps in the order in which they come.
fn ordinal(step: Step) -> i64 {
    match step {
        Step::Received => 0,
        Step::WaitingForBuildSlot => 1,
        Step::CheckoutCode => 2,
        Step::ValidateConfig => 3,
        Step::SetupBuild => 4,
        Step::Building => 5,
        Step::Uploading => 6,
        Step::Uploaded => 7,
    }
}

fn release(row: &SqliteRow) -> Result<ReleaseRows, sqlx::Error> {
    Ok(ReleaseRows {
        position: unsigned(row.try_get("position")?),
        organisation: row.try_get("organisation")?,
        project: row.try_get("project")?,
        tag: row.try_get("tag")?,
        version: row.try_get("version")?,
        state: row.try_get::<String, _>("state")?.into(),
        step: parsed(row, "step")?,
        git_commit: row.try_get("git_commit")?,
        received_at: row.try_get("received_at")?,
        finished_at: row.try_get("finished_at")?,
        steps: BTreeMap::new(),
        packages: BTreeMap::new(),
    })
}

fn step(row: &SqliteRow) -> Result<StepRow, sqlx::Error> {
    Ok(StepRow {
        state: row.try_get::<String, _>("state")?.into(),
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
        code: row.try_get("code")?,
        message: row.try_get("message")?,
        log: row.try_get("log")?,
    })
}

fn package(row: &SqliteRow) -> Result<PackageRow, sqlx::Error> {
    Ok(PackageRow {
        name: row.try_get("name")?,
        format: row.try_get::<String, _>("format")?.into(),
        architecture: row.try_get::<String, _>("architecture")?.into(),
        distribution: row.try_get("distribution")?,
        root: row.try_get("root")?,
        file_name: row.try_get("file_name")?,
        sha256: row.try_get("sha256")?,
        size_bytes: row.try_get::<Option<i64>, _>("size_bytes")?.map(unsigned),
        log: row.try_get("log")?,
        is_ready: row.try_get("is_ready")?,
        repository: row.try_get("repository")?,
    })
}
