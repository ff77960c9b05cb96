//! Folds a release's facts into its row, its steps and its packages.
//!
//! A release is at one step at a time: the furthest that one of its packages has come to. A step ends when the next
//! one starts. A release that failed is at the step of the package that failed.

use domain::{
    event::Event,
    recorded::Recorded,
    release::{self, BuiltPackage, PlannedPackage, Step},
};
use sqlx::{Row as _, SqliteConnection};

use super::projector::micros;
use crate::read_models::signed;

pub(super) async fn fold(
    rows: &mut SqliteConnection,
    recorded: &Recorded<Event>,
    event: &release::Event,
) -> Result<(), sqlx::Error> {
    let mut release = ReleaseRows { id: recorded.stream.id().to_string(), at: micros(recorded), rows };
    match event {
        release::Event::Received { organisation, project, tag, version } => {
            let version = serde_json::to_value(version).map_err(|error| sqlx::Error::Encode(error.into()))?;
            sqlx::query(
                "insert into release (id, position, organisation, project, tag, version, state, step, received_at)
                 values (?, ?, ?, ?, ?, ?, 'running', 'received', ?)",
            )
            .bind(&release.id)
            .bind(signed(recorded.position.0))
            .bind(organisation.as_str())
            .bind(project.to_string())
            .bind(tag.as_str())
            .bind(version.as_str().unwrap_or_default())
            .bind(release.at)
            .execute(&mut *release.rows)
            .await?;
            release.reach(Step::Received).await?;
            release.reach(Step::WaitingForBuildSlot).await
        }
        release::Event::BuildSlotGranted => release.reach(Step::CheckoutCode).await,
        release::Event::CodeCheckedOut { commit, .. } => {
            sqlx::query("update release set git_commit = ? where id = ?")
                .bind(commit.as_str())
                .bind(&release.id)
                .execute(&mut *release.rows)
                .await?;
            release.reach(Step::ValidateConfig).await
        }
        release::Event::ConfigValidated { packages } => {
            for package in packages {
                release.plan(package).await?;
            }
            release.reach(Step::SetupBuild).await
        }
        release::Event::BuildSetUp { config, root } => {
            sqlx::query("update release_package set root = ? where release = ? and config = ?")
                .bind(root)
                .bind(&release.id)
                .bind(config)
                .execute(&mut *release.rows)
                .await?;
            release.reach(Step::Building).await
        }
        release::Event::PackageBuilt { config, built } => {
            let BuiltPackage { file_name, sha256, size_bytes, log } = built;
            release.file(config, file_name, &sha256.to_string(), *size_bytes, Some(log.to_string()), false).await
        }
        release::Event::PackageReady { config, package, .. } => {
            let sha256 = package.sha256.to_string();
            release.file(config, &package.file_name, &sha256, package.size_bytes, None, true).await?;
            if release.is_ready().await? { release.reach(Step::Uploading).await } else { Ok(()) }
        }
        release::Event::PackageUploaded { config, repository } => {
            sqlx::query("update release_package set repository = ? where release = ? and config = ?")
                .bind(repository.to_string())
                .bind(&release.id)
                .bind(config)
                .execute(&mut *release.rows)
                .await?;
            Ok(())
        }
        release::Event::Uploaded => {
            release.reach(Step::Uploaded).await?;
            release.finish("uploaded", "done").await
        }
        release::Event::Failed { step, code, message, log } => {
            release.fail(*step, code, message, log.map(|log| log.to_string())).await?;
            release.finish("failed", "cancelled").await
        }
        release::Event::Cancelled => release.finish("cancelled", "cancelled").await,
    }
}

struct ReleaseRows<'a> {
    id: String,
    at: i64,
    rows: &'a mut SqliteConnection,
}

impl ReleaseRows<'_> {
    /// Ends the steps before `step` and starts it, unless it was started before.
    async fn reach(&mut self, step: Step) -> Result<(), sqlx::Error> {
        let started = sqlx::query(
            "insert into release_step (release, ordinal, step, state, started_at) values (?, ?, ?, 'running', ?)
             on conflict do nothing",
        )
        .bind(&self.id)
        .bind(ordinal(step))
        .bind(step.as_str())
        .bind(self.at)
        .execute(&mut *self.rows)
        .await?;
        if started.rows_affected() == 0 {
            return Ok(());
        }
        sqlx::query(
            "update release_step set state = 'done', ended_at = ?
             where release = ? and ordinal < ? and state = 'running'",
        )
        .bind(self.at)
        .bind(&self.id)
        .bind(ordinal(step))
        .execute(&mut *self.rows)
        .await?;
        self.stand_at(step).await
    }

    async fn stand_at(&mut self, step: Step) -> Result<(), sqlx::Error> {
        sqlx::query("update release set step = ? where id = ?")
            .bind(step.as_str())
            .bind(&self.id)
            .execute(&mut *self.rows)
            .await?;
        Ok(())
    }

    async fn plan(&mut self, planned: &PlannedPackage) -> Result<(), sqlx::Error> {
        let PlannedPackage { config, name, format, architecture, distribution } = planned;
        sqlx::query(
            "insert into release_package (release, config, name, format, architecture, distribution)
             values (?, ?, ?, ?, ?, ?)",
        )
        .bind(&self.id)
        .bind(config)
        .bind(name.as_str())
        .bind(format.as_str())
        .bind(architecture.in_format(*format))
        .bind(distribution)
        .execute(&mut *self.rows)
        .await?;
        Ok(())
    }

    async fn file(
        &mut self,
        config: &str,
        file_name: &str,
        sha256: &str,
        size_bytes: u64,
        log: Option<String>,
        is_ready: bool,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "update release_package set file_name = ?, sha256 = ?, size_bytes = ?, log = coalesce(?, log), is_ready = ?
             where release = ? and config = ?",
        )
        .bind(file_name)
        .bind(sha256)
        .bind(signed(size_bytes))
        .bind(log)
        .bind(is_ready)
        .bind(&self.id)
        .bind(config)
        .execute(&mut *self.rows)
        .await?;
        Ok(())
    }

    async fn is_ready(&mut self) -> Result<bool, sqlx::Error> {
        sqlx::query("select coalesce(min(is_ready), 0) = 1 from release_package where release = ?")
            .bind(&self.id)
            .fetch_one(&mut *self.rows)
            .await?
            .try_get(0)
    }

    /// Ends `step` with what went wrong. Another package may have come further than the one that failed: the release is
    /// at the step that failed all the same.
    async fn fail(&mut self, step: Step, code: &str, message: &str, log: Option<String>) -> Result<(), sqlx::Error> {
        self.reach(step).await?;
        sqlx::query(
            "update release_step set state = 'failed', ended_at = ?, code = ?, message = ?, log = ?
             where release = ? and ordinal = ?",
        )
        .bind(self.at)
        .bind(code)
        .bind(message)
        .bind(log)
        .bind(&self.id)
        .bind(ordinal(step))
        .execute(&mut *self.rows)
        .await?;
        self.stand_at(step).await
    }

    /// Ends the release, and the steps that are still running with `step_state`.
    async fn finish(&mut self, state: &str, step_state: &str) -> Result<(), sqlx::Error> {
        sqlx::query("update release set state = ?, finished_at = ? where id = ?")
            .bind(state)
            .bind(self.at)
            .bind(&self.id)
            .execute(&mut *self.rows)
            .await?;
        sqlx::query("update release_step set state = ?, ended_at = ? where release = ? and state = 'running'")
            .bind(step_state)
            .bind(self.at)
            .bind(&self.id)
            .execute(&mut *self.rows)
            .await?;
        Ok(())
    }
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
