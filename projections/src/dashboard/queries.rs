//! The queries of dashboards, newest first, in pages.

use domain::{
    digest::Sha256,
    ids::{OrganisationId, ProjectId, ReleaseId, RepositoryId},
    names::OrganisationName,
    recorded::Position,
};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{
    Dashboard, Organisation, Project, Release, ReleasePackage, ReleaseStep, Repository, RepositoryPackage, projects,
};
use crate::read_models::{maybe_time, parsed, signed, time, unsigned};

/// Most items in one answer.
pub const PAGE_MAX: u32 = 200;

impl Dashboard {
    /// All organisations by name, after `after`.
    ///
    /// # Errors
    /// The read models cannot be read; so in all of these.
    pub async fn organisations(&self, after: Option<&str>, limit: u32) -> Result<Vec<Organisation>, sqlx::Error> {
        let found = sqlx::query(
            "select id, name, build_slots, created_at from organisation where name > ? order by name limit ?",
        )
        .bind(after.unwrap_or_default().to_owned())
        .bind(limit.min(PAGE_MAX))
        .fetch_all(&self.readers);
        found.await?.iter().map(organisation).collect()
    }

    /// The organisation called `name`.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn organisation(&self, name: &OrganisationName) -> Result<Option<Organisation>, sqlx::Error> {
        let found = sqlx::query("select id, name, build_slots, created_at from organisation where id = ?")
            .bind(OrganisationId::named(name).to_string())
            .fetch_optional(&self.readers);
        found.await?.as_ref().map(organisation).transpose()
    }

    /// Projects, newest first: of one organisation or of all; `limit` after the first `offset`.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn projects(
        &self,
        organisation: Option<&OrganisationName>,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Project>, sqlx::Error> {
        let found = sqlx::query(
            "select * from project
             where ?1 is null or organisation = ?1 order by added_at desc, id limit ?2 offset ?3",
        )
        .bind(organisation.map(|name| name.as_str().to_owned()))
        .bind(limit.min(PAGE_MAX))
        .bind(offset)
        .fetch_all(&self.readers);
        found.await?.iter().map(projects::project).collect()
    }

    /// The project with this id: its names, and where its code is.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn project(&self, id: ProjectId) -> Result<Option<Project>, sqlx::Error> {
        let found =
            sqlx::query("select * from project where id = ?").bind(id.to_string()).fetch_optional(&self.readers);
        found.await?.as_ref().map(projects::project).transpose()
    }

    /// Repositories, newest first: of one organisation or of all; `limit` after the first `offset`.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn repositories(
        &self,
        organisation: Option<&OrganisationName>,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Repository>, sqlx::Error> {
        let found = sqlx::query(
            "select id, organisation, name, format, codename, packages, yank_policy, created_at
             from listed_repository
             where ?1 is null or organisation = ?1 order by created_at desc, id limit ?2 offset ?3",
        )
        .bind(organisation.map(|name| name.as_str().to_owned()))
        .bind(limit.min(PAGE_MAX))
        .bind(offset)
        .fetch_all(&self.readers);
        found.await?.iter().map(repository).collect()
    }

    /// The repository with this id.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn repository(&self, id: RepositoryId) -> Result<Option<Repository>, sqlx::Error> {
        let found = sqlx::query(
            "select id, organisation, name, format, codename, packages, yank_policy, created_at
             from listed_repository where id = ?",
        )
        .bind(id.to_string())
        .fetch_optional(&self.readers);
        found.await?.as_ref().map(repository).transpose()
    }

    /// The packages of a repository, newest first; `limit` after the first `offset`.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn repository_packages(
        &self,
        repository: RepositoryId,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<RepositoryPackage>, sqlx::Error> {
        let found =
            sqlx::query("select * from listed_package where repository = ? order by revision desc limit ? offset ?")
                .bind(repository.to_string())
                .bind(limit.min(PAGE_MAX))
                .bind(offset)
                .fetch_all(&self.readers);
        found.await?.iter().map(repository_package).collect()
    }

    /// Releases, newest first: of one organisation, of one project or of all; those before `before`, which is the last
    /// one's cursor on the page before.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn releases(
        &self,
        organisation: Option<&OrganisationName>,
        project: Option<ProjectId>,
        before: Option<Position>,
        limit: u32,
    ) -> Result<Vec<Release>, sqlx::Error> {
        let before = before.map_or(i64::MAX, |before| signed(before.0));
        let query = match (organisation, project) {
            (_, Some(project)) => sqlx::query(
                "select * from release where project = ?1 and position < ?2 order by position desc limit ?3",
            )
            .bind(project.to_string()),
            (Some(organisation), None) => sqlx::query(
                "select * from release where organisation = ?1 and position < ?2 order by position desc limit ?3",
            )
            .bind(organisation.as_str().to_owned()),
            (None, None) => {
                sqlx::query("select * from release where ?1 is null and position < ?2 order by position desc limit ?3")
                    .bind(None::<String>)
            }
        };
        let found = query.bind(before).bind(limit.min(PAGE_MAX)).fetch_all(&self.readers);
        found.await?.iter().map(release).collect()
    }

    /// The release with this id.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn release(&self, id: ReleaseId) -> Result<Option<Release>, sqlx::Error> {
        let found =
            sqlx::query("select * from release where id = ?").bind(id.to_string()).fetch_optional(&self.readers);
        found.await?.as_ref().map(release).transpose()
    }

    /// The steps that a release has reached, in order.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn steps(&self, id: ReleaseId) -> Result<Vec<ReleaseStep>, sqlx::Error> {
        let found = sqlx::query(
            "select step, state, started_at, ended_at, code, message, log from release_step
             where release = ? order by ordinal",
        )
        .bind(id.to_string())
        .fetch_all(&self.readers);
        found.await?.iter().map(step).collect()
    }

    /// The logs of a release's builds: of every package that was built, in the order of the configs, and of the one
    /// that failed.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn logs(&self, id: ReleaseId) -> Result<Vec<Sha256>, sqlx::Error> {
        let built = self.packages(id).await?.into_iter().filter_map(|package| package.log);
        let failed = self.steps(id).await?.into_iter().filter_map(|step| step.log);
        Ok(built.chain(failed).collect())
    }

    /// The packages of a release, by config file.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn packages(&self, id: ReleaseId) -> Result<Vec<ReleasePackage>, sqlx::Error> {
        let found = sqlx::query("select * from release_package where release = ? order by config")
            .bind(id.to_string())
            .fetch_all(&self.readers);
        found.await?.iter().map(package).collect()
    }
}

fn organisation(row: &SqliteRow) -> Result<Organisation, sqlx::Error> {
    Ok(Organisation {
        id: parsed(row, "id")?,
        name: row.try_get("name")?,
        build_slots: row.try_get("build_slots")?,
        created_at: time(row, "created_at")?,
    })
}

fn repository(row: &SqliteRow) -> Result<Repository, sqlx::Error> {
    Ok(Repository {
        id: parsed(row, "id")?,
        organisation: row.try_get("organisation")?,
        name: row.try_get("name")?,
        format: parsed(row, "format")?,
        codename: row.try_get("codename")?,
        packages: unsigned(row.try_get("packages")?),
        yank_policy: parsed(row, "yank_policy")?,
        created_at: time(row, "created_at")?,
    })
}

fn release(row: &SqliteRow) -> Result<Release, sqlx::Error> {
    Ok(Release {
        id: parsed(row, "id")?,
        cursor: Position(unsigned(row.try_get("position")?)),
        organisation: row.try_get("organisation")?,
        project: parsed(row, "project")?,
        tag: row.try_get("tag")?,
        version: row.try_get("version")?,
        state: parsed(row, "state")?,
        step: parsed(row, "step")?,
        commit: row.try_get("git_commit")?,
        received_at: time(row, "received_at")?,
        finished_at: maybe_time(row, "finished_at")?,
    })
}

fn step(row: &SqliteRow) -> Result<ReleaseStep, sqlx::Error> {
    Ok(ReleaseStep {
        step: parsed(row, "step")?,
        state: row.try_get("state")?,
        started_at: time(row, "started_at")?,
        ended_at: maybe_time(row, "ended_at")?,
        code: row.try_get("code")?,
        message: row.try_get("message")?,
        log: maybe_parsed(row, "log")?,
    })
}

fn package(row: &SqliteRow) -> Result<ReleasePackage, sqlx::Error> {
    Ok(ReleasePackage {
        config: row.try_get("config")?,
        name: row.try_get("name")?,
        format: parsed(row, "format")?,
        architecture: row.try_get("architecture")?,
        distribution: row.try_get("distribution")?,
        root: row.try_get("root")?,
        file_name: row.try_get("file_name")?,
        sha256: maybe_parsed(row, "sha256")?,
        size_bytes: row.try_get::<Option<i64>, _>("size_bytes")?.map(unsigned),
        log: maybe_parsed(row, "log")?,
        repository: maybe_parsed(row, "repository")?,
    })
}

fn repository_package(row: &SqliteRow) -> Result<RepositoryPackage, sqlx::Error> {
    Ok(RepositoryPackage {
        file_name: row.try_get("file_name")?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        architecture: row.try_get("architecture")?,
        sha256: parsed(row, "sha256")?,
        size_bytes: unsigned(row.try_get("size_bytes")?),
        release: maybe_parsed(row, "release")?,
        added_at: time(row, "added_at")?,
        yank_reason: row.try_get("yank_reason")?,
        is_hidden: row.try_get("is_hidden")?,
    })
}

fn maybe_parsed<T>(row: &SqliteRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: Option<&str> = row.try_get(column)?;
    text.map(str::parse).transpose().map_err(|error: T::Err| sqlx::Error::Decode(error.into()))
}
