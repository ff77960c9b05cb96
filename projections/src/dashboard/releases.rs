//! Folds a release's events into its row, its steps and its packages.
//!
//! A release is at one step at a time: the furthest that one of its packages has reached. A step ends when the next
//! one starts. A release that failed is at the step of the package that failed.

use std::collections::BTreeMap;

use domain::{
    event::Event,
    ids::ReleaseId,
    recorded::Recorded,
    release::{self, BuiltPackage, PlannedPackage, Step},
};
use sqlx::SqliteConnection;

use super::release_rows::{self, PackageRow, ReleaseRows, StepRow};
use crate::{projector::ProjectionError, read_models::micros, row_cache::RowCache};

/// Most releases remembered from one transaction to the next: about 20 MB. Others are read.
const RELEASES_REMEMBERED_MAX: usize = 10_000;

/// The releases that events change.
pub(super) struct Releases(RowCache<ReleaseId, ReleaseRows>);

impl Default for Releases {
    fn default() -> Self {
        Self(RowCache::new(RELEASES_REMEMBERED_MAX))
    }
}

impl Releases {
    pub(super) async fn fold(
        &mut self,
        rows: &mut SqliteConnection,
        recorded: &Recorded<Event>,
        event: &release::Event,
    ) -> Result<(), ProjectionError> {
        let id = ReleaseId(recorded.stream.id());
        if let Some(release) = ReleaseRows::received(recorded, event) {
            return self.0.add(id, release);
        }
        self.0.get_or_read(id, ReleaseRows::read(rows, id)).await?;
        let unknown = || ProjectionError::Contradiction(format!("release {id} was never received"));
        self.0.change(id).ok_or_else(unknown)?.take(micros(recorded), event);
        Ok(())
    }

    pub(super) async fn write(&mut self, rows: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        release_rows::write(rows, &self.0.added(), &self.0.changed()).await?;
        self.0.written();
        Ok(())
    }

    pub(super) fn committed(&mut self) {
        self.0.committed();
    }

    pub(super) fn abandoned(&mut self) {
        self.0.forget();
    }
}

impl ReleaseRows {
    /// The release that `event` begins, if it begins one.
    fn received(recorded: &Recorded<Event>, event: &release::Event) -> Option<Self> {
        let release::Event::Received { organisation, project, tag, version } = event else { return None };
        let at = micros(recorded);
        let mut release = Self {
            position: recorded.position.0,
            organisation: organisation.to_string(),
            project: project.to_string(),
            tag: tag.to_string(),
            version: version.as_str().to_owned(),
            state: "running".into(),
            step: Step::Received,
            git_commit: None,
            received_at: at,
            finished_at: None,
            steps: BTreeMap::new(),
            packages: BTreeMap::new(),
        };
        release.reach(at, Step::Received);
        release.reach(at, Step::WaitingForBuildSlot);
        Some(release)
    }

    /// What happened to it at `at`.
    fn take(&mut self, at: i64, event: &release::Event) {
        match event {
            // It began with that.
            release::Event::Received { .. } => {}
            release::Event::BuildSlotGranted => self.reach(at, Step::CheckoutCode),
            release::Event::CodeCheckedOut { commit, .. } => {
                self.git_commit = Some(commit.as_str().to_owned());
                self.reach(at, Step::ValidateConfig);
            }
            release::Event::ConfigValidated { packages } => {
                self.packages.extend(packages.iter().map(planned));
                self.reach(at, Step::SetupBuild);
            }
            release::Event::BuildSetUp { config, root } => {
                if let Some(package) = self.packages.get_mut(config) {
                    package.root = Some(root.clone());
                }
                self.reach(at, Step::Building);
            }
            release::Event::PackageBuilt { config, built } => {
                let BuiltPackage { file_name, sha256, size_bytes, log } = built;
                if let Some(package) = self.packages.get_mut(config) {
                    package.holds(file_name, sha256.to_string(), *size_bytes);
                    package.log = Some(log.to_string());
                    package.is_ready = false;
                }
            }
            release::Event::PackageReady { config, package: ready, .. } => {
                if let Some(package) = self.packages.get_mut(config) {
                    package.holds(&ready.file_name, ready.sha256.to_string(), ready.size_bytes);
                    package.is_ready = true;
                }
                if !self.packages.is_empty() && self.packages.values().all(|package| package.is_ready) {
                    self.reach(at, Step::Uploading);
                }
            }
            release::Event::PackageUploaded { config, repository } => {
                if let Some(package) = self.packages.get_mut(config) {
                    package.repository = Some(repository.to_string());
                }
            }
            release::Event::Uploaded => {
                self.reach(at, Step::Uploaded);
                self.finish(at, "uploaded", "done");
            }
            release::Event::Failed { step, code, message, log } => {
                self.reach(at, *step);
                if let Some(row) = self.steps.get_mut(step) {
                    (row.state, row.ended_at) = ("failed".into(), Some(at));
                    (row.code, row.message) = (Some(code.clone()), Some(message.clone()));
                    row.log = log.map(|log| log.to_string());
                }
                // Another package may have reached a later step than the one that failed.
                self.step = *step;
                self.finish(at, "failed", "cancelled");
            }
            release::Event::Cancelled => self.finish(at, "cancelled", "cancelled"),
        }
    }

    /// Ends the steps before `step` and starts it, unless it was started before.
    fn reach(&mut self, at: i64, step: Step) {
        if self.steps.contains_key(&step) {
            return;
        }
        for row in self.steps.range_mut(..step).map(|(_, row)| row) {
            row.end(at, "done");
        }
        let row =
            StepRow { state: "running".into(), started_at: at, ended_at: None, code: None, message: None, log: None };
        self.steps.insert(step, row);
        self.step = step;
    }

    /// Ends the release, and the steps that are still running with `step_state`.
    fn finish(&mut self, at: i64, state: &'static str, step_state: &'static str) {
        self.state = state.into();
        self.finished_at = Some(at);
        self.steps.values_mut().for_each(|row| row.end(at, step_state));
    }
}

impl StepRow {
    /// Ends it, if it is running.
    fn end(&mut self, at: i64, state: &'static str) {
        if self.state == "running" {
            (self.state, self.ended_at) = (state.into(), Some(at));
        }
    }
}

impl PackageRow {
    fn holds(&mut self, file_name: &str, sha256: String, size_bytes: u64) {
        (self.file_name, self.sha256) = (Some(file_name.to_owned()), Some(sha256));
        self.size_bytes = Some(size_bytes);
    }
}

fn planned(planned: &PlannedPackage) -> (String, PackageRow) {
    let PlannedPackage { config, name, format, architecture, distribution } = planned;
    let row = PackageRow {
        name: name.as_str().to_owned(),
        format: format.as_str().into(),
        architecture: architecture.in_format(*format).into(),
        distribution: distribution.clone(),
        root: None,
        file_name: None,
        sha256: None,
        size_bytes: None,
        log: None,
        is_ready: false,
        repository: None,
    };
    (config.clone(), row)
}
