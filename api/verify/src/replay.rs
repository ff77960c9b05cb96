//! The second pass: all projectors replay the log into scratch read models. The projector of repositories renders every index and
//! compares it with the signed one.

use std::{path::Path, time::Instant};

use domain::recorded::Position;
use projections::{
    projector::Projector,
    read_models::ReadModels,
    runner::{ProjectorHealth, Replay},
};
use sqlx::SqliteConnection;

use super::{
    Finding, Place, Sources, Stage, VerifyError, Watch,
    read_models::{Comparable, Snapshot},
    watch::at_position,
};

/// The result of the pass.
#[derive(Default)]
pub(super) struct Projected {
    pub(super) findings: Vec<Finding>,
    pub(super) compared_tables: u64,
    pub(super) not_compared: Option<String>,
    pub(super) events_a_second: u64,
}

impl Projected {
    /// The result if nothing was replayed.
    pub(super) fn none(why: &str) -> Self {
        Self { not_compared: Some(why.to_owned()), ..Self::default() }
    }
}

/// Replays the log up to `until` (its end if `sees_all`), and compares the result with `live`.
pub(super) async fn run(
    sources: &Sources,
    until: Position,
    sees_all: bool,
    live: Option<&Snapshot>,
    scratch: &Path,
    watch: &dyn Watch,
) -> Result<Projected, VerifyError> {
    let failed = |source| VerifyError::Rows { action: "write scratch read models", source };
    let mut lanes: Vec<(SqliteConnection, Box<dyn Projector>)> = Vec::new();
    let mut files = Vec::new();
    for (name, make) in (sources.projectors)(sources.blobs.clone()) {
        let file = scratch.join(format!("{name}.sqlite"));
        let ReadModels { writer, readers } = ReadModels::scratch(&file).await.map_err(failed)?;
        lanes.push((writer, make(readers)));
        files.push(file);
    }
    let tables: Vec<_> =
        lanes.iter().zip(files).map(|((_, p), file)| (p.name(), p.version(), p.tables(), file)).collect();
    let mut replay = Replay::open(sources.log.clone(), lanes).await?;
    let mut projected = Projected::default();
    let started = Instant::now();
    let seen = |position| at_position(watch, Stage::Projections, position, until);

    let mut working = started.elapsed();
    if let Some(live) = live {
        let healths = replay.run(|name| live.position(name).unwrap_or_default().min(until), seen).await?;
        working = started.elapsed();
        projected.findings.extend(live.made_by_others(until));
        if sees_all {
            projected.findings.extend(live.beyond(until));
        }
        for (done, (name, version, tables, file)) in (1..).zip(&tables) {
            let at = healths.iter().find(|health| health.name == *name).map(|health| health.position);
            match live.comparable(name, *version, tables, at) {
                Comparable::Yes => {
                    projected.findings.extend(live.differences(tables, file, at.unwrap_or_default()).await?);
                    projected.compared_tables += tables.len() as u64;
                }
                Comparable::No(why) => projected.not_compared = Some(why),
                Comparable::Damaged(what) => projected.findings.push(Finding::new(Place::at(until), what)),
            }
            watch.at(Stage::ReadModels, done, live.len());
        }
    } else {
        projected.not_compared = Some("there are no live ones".to_owned());
    }
    let resumed = Instant::now();
    let healths = replay.run(|_| until, seen).await?;
    working += resumed.elapsed();
    projected.findings.extend(healths.iter().filter_map(stopped));
    projected.events_a_second = (until.0 as f64 / working.as_secs_f64().max(0.001)) as u64;
    Ok(projected)
}

/// A finding for a projector that stopped, at the event that it could not process.
fn stopped(health: &ProjectorHealth) -> Option<Finding> {
    let why = health.stopped.as_ref()?;
    let at = health.stopped_at.unwrap_or(health.position);
    Some(Finding::new(Place::at(at), format!("projector {} stopped at {why}", health.name)))
}
