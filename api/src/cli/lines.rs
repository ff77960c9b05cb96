//! `pkgdeploy export` and `pkgdeploy import`.

use std::io::{BufReader, BufWriter};

use archive::{Step, data_folder::DataFolder};
use domain::recorded::Position;
use event_log::{
    event_store,
    log_lines::{self, Lines},
};

use super::{Outcome, progress::Progress};
use crate::settings::Settings;

const WRITING: Step = Step { words: "Writing lines", unit: "positions" };
const RECORDING: Step = Step { words: "Recording lines", unit: "lines" };

pub(super) async fn export(settings: &Settings, until: Option<u64>) -> Outcome {
    let data = DataFolder::existing(&settings.locations())?;
    let store = event_store::open_read_only(data.log()).await?;
    let head = store.head().await?;
    let until = until.map_or(head, |until| head.min(Position(until)));
    let progress = Progress::on_terminal();
    let mut out = BufWriter::new(std::io::stdout());
    let seen = |position: Position| progress.at(WRITING, position.0, until.0);
    let lines = log_lines::export(&*store, until, &mut out, seen).await?;
    drop(progress);
    say(lines);
    Ok(())
}

pub(super) async fn import(settings: &Settings) -> Outcome {
    let data = DataFolder::open(&settings.locations())?;
    let store = event_store::open(data.log()).await?;
    let progress = Progress::on_terminal();
    let mut lines = BufReader::new(std::io::stdin());
    let imported = log_lines::import(&*store, &mut lines, |line| progress.at(RECORDING, line, 0)).await;
    store.close().await;
    drop(progress);
    say(imported?);
    Ok(())
}

/// On standard error, so that the summary is not part of the lines.
#[expect(clippy::print_stderr, reason = "standard output is the log's lines")]
fn say(Lines { events, root }: Lines) {
    eprintln!("{events} events, Merkle root {root}");
}
