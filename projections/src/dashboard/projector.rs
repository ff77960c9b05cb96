//! Folds names, projects and repositories into rows; releases are in `releases.rs`.

use domain::{
    digest::Sha256,
    event::Event,
    organisation,
    recorded::Recorded,
    repository::{self, YankPolicy},
};
use futures::future::BoxFuture;
use sqlx::SqliteConnection;

use super::{listed::Listed, projects, releases::Releases, triggers::Deliveries};
use crate::{
    projector::{ProjectionError, Projector},
    read_models::{micros, signed},
};

const VERSION: u32 = 6;

/// Writes the dashboards' rows. In memory it keeps what the batch changes, and the releases that were changed last.
#[derive(Default)]
pub struct DashboardProjector {
    releases: Releases,
    listed: Listed,
    deliveries: Deliveries,
}

impl Projector for DashboardProjector {
    fn name(&self) -> &'static str {
        super::DASHBOARD
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "organisation",
            "project",
            "listed_repository",
            "listed_package",
            "release",
            "release_step",
            "release_package",
            "tag_release",
            "delivery",
            "refused_trigger",
        ]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../../migrations/read_models/sqlite/dashboard.sql")
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["organisation", "project", "repository", "release", "delivery"]
    }

    fn load<'a>(&'a mut self, _rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        *self = Self::default();
        Box::pin(async { Ok(()) })
    }

    fn apply<'a>(
        &'a mut self,
        rows: &'a mut SqliteConnection,
        recorded: &'a Recorded<Event>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            match &recorded.event {
                Event::Organisation(event) => of_organisation(rows, recorded, event).await?,
                Event::Project(event) => projects::fold(rows, recorded, event).await?,
                Event::Repository(event) => of_repository(rows, &mut self.listed, recorded, event).await?,
                Event::Release(event) => self.releases.fold(rows, recorded, event).await?,
                Event::Delivery(event) => self.deliveries.add(recorded, event),
                Event::Account(_) | Event::CiProof(_) | Event::Keyring(_) | Event::SigningKey(_) => {}
            }
            Ok(())
        })
    }

    fn finish<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            self.releases.write(&mut *rows).await?;
            self.listed.write(&mut *rows).await?;
            self.deliveries.write(rows).await?;
            Ok(())
        })
    }

    fn committed(&mut self) {
        self.releases.committed();
    }

    fn abandoned(&mut self) {
        self.releases.abandoned();
        self.listed.abandoned();
        self.deliveries.abandoned();
    }
}

async fn of_organisation(
    rows: &mut SqliteConnection,
    recorded: &Recorded<Event>,
    event: &organisation::Event,
) -> Result<(), sqlx::Error> {
    let id = recorded.stream.id().to_string();
    let query = match event {
        organisation::Event::Created { name } => {
            sqlx::query("insert into organisation (id, name, build_slots, created_at) values (?, ?, ?, ?)")
                .bind(id)
                .bind(name.as_str())
                .bind(organisation::BUILD_SLOTS_DEFAULT)
                .bind(micros(recorded))
        }
        organisation::Event::BuildSlotsSet { slots } => {
            sqlx::query("update organisation set build_slots = ? where id = ?").bind(*slots).bind(id)
        }
        organisation::Event::FeedTokenIssued { .. } | organisation::Event::FeedTokenRevoked { .. } => return Ok(()),
    };
    query.execute(rows).await?;
    Ok(())
}

async fn of_repository(
    rows: &mut SqliteConnection,
    listed: &mut Listed,
    recorded: &Recorded<Event>,
    event: &repository::Event,
) -> Result<(), sqlx::Error> {
    let id = recorded.stream.id().to_string();
    let query = match event {
        repository::Event::Created { organisation, name, format, codename, .. } => sqlx::query(
            "insert into listed_repository (id, organisation, name, format, codename, packages, created_at)
             values (?, ?, ?, ?, ?, 0, ?)",
        )
        .bind(id)
        .bind(organisation.as_str())
        .bind(name.as_str())
        .bind(format.as_str())
        .bind(codename)
        .bind(micros(recorded)),
        repository::Event::PackageAdded { package, release, .. } => {
            listed.add(recorded, package, *release);
            return Ok(());
        }
        // The same package in another file: it keeps its place in the list.
        repository::Event::PackageResigned { replaces, package, .. } => {
            listed.write(&mut *rows).await?;
            sqlx::query(
                "update listed_package set sha256 = ?, size_bytes = ?, file_name = ?
                 where repository = ? and sha256 = ?",
            )
            .bind(package.sha256.to_string())
            .bind(signed(package.size_bytes))
            .bind(&package.file_name)
            .bind(id)
            .bind(replaces.to_string())
        }
        repository::Event::PackageYanked { sha256, reason, policy } => {
            listed.write(&mut *rows).await?;
            let is_hidden = *policy == YankPolicy::Hide;
            let marked = mark(rows, &id, *sha256, Some(reason.as_str()), is_hidden);
            marked.await?;
            sqlx::query("update listed_repository set packages = packages - ? where id = ?").bind(is_hidden).bind(id)
        }
        repository::Event::PackageRestored { sha256 } => {
            listed.write(&mut *rows).await?;
            let was_hidden: bool =
                sqlx::query_scalar("select is_hidden from listed_package where repository = ? and sha256 = ?")
                    .bind(&id)
                    .bind(sha256.to_string())
                    .fetch_one(&mut *rows)
                    .await?;
            mark(rows, &id, *sha256, None, false).await?;
            sqlx::query("update listed_repository set packages = packages + ? where id = ?").bind(was_hidden).bind(id)
        }
        repository::Event::YankPolicySet { policy } => {
            sqlx::query("update listed_repository set yank_policy = ? where id = ?").bind(policy.as_str()).bind(id)
        }
        repository::Event::SnapshotTaken { .. }
        | repository::Event::SnapshotRemoved { .. }
        | repository::Event::IndexSigned(_) => return Ok(()),
    };
    query.execute(rows).await?;
    Ok(())
}

async fn mark(
    rows: &mut SqliteConnection,
    repository: &str,
    sha256: Sha256,
    reason: Option<&str>,
    is_hidden: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query("update listed_package set yank_reason = ?, is_hidden = ? where repository = ? and sha256 = ?")
        .bind(reason)
        .bind(is_hidden)
        .bind(repository)
        .bind(sha256.to_string())
        .execute(rows)
        .await?;
    Ok(())
}
