//! `pkgdeploy verify`.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::Args;
use commands::{blobs::Blobs, event_store};
use domain::recorded::Position;

use super::Outcome;
use crate::{
    data_folder::DataFolder,
    settings::Settings,
    verify::{Silent, Sources, Span, Stage, Watch, verify},
};

#[derive(Debug, Args)]
pub(super) struct Command {
    /// First position whose signatures, blobs and index files are checked [default: the log's first]
    #[arg(long, value_name = "POSITION", default_value_t = 0, hide_default_value = true)]
    from: u64,
    /// Last position that is looked at [default: the log's last]
    #[arg(long, value_name = "POSITION")]
    until: Option<u64>,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

/// Something is not as it was recorded; the report says what.
#[derive(Debug, thiserror::Error)]
#[error("the log, or what belongs to it, is not what was recorded: see the report")]
struct NotAsRecorded;

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
pub(super) async fn run(command: Command, settings: &Settings) -> Outcome {
    let data = DataFolder::existing(settings)?;
    let live = data.read_models();
    let sources = Sources {
        log: event_store::open_read_only(data.log()).await?,
        blobs: Blobs::local(data.blobs())?,
        read_models: live.exists().then_some(live),
        scratch: data.path().to_owned(),
    };
    let span = Span { from: Position(command.from), until: command.until.map(Position) };
    let watch: Box<dyn Watch> =
        if std::io::stderr().is_terminal() { Box::new(Terminal::default()) } else { Box::new(Silent) };
    let report = verify(&sources, span, watch.as_ref()).await?;
    drop(watch);
    match command.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => println!("{report}"),
    }
    if report.is_good() { Ok(()) } else { Err(NotAsRecorded.into()) }
}

/// A line on standard error that is written over and over.
#[derive(Default)]
struct Terminal(Mutex<Option<Line>>);

struct Line {
    stage: Stage,
    began: Instant,
    shown: Instant,
}

/// How often the line is written.
const SHOW_EVERY: Duration = Duration::from_millis(200);

impl Watch for Terminal {
    fn at(&self, stage: Stage, done: u64, total: u64) {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let began = match &*line {
            Some(line) if line.stage == stage && now - line.shown < SHOW_EVERY && done < total => return,
            Some(line) if line.stage == stage => line.began,
            _ => now,
        };
        *line = Some(Line { stage, began, shown: now });
        let seconds = (now - began).as_secs_f64();
        let speed = if seconds > 0.0 { done as f64 / seconds } else { 0.0 };
        let remaining = if speed > 0.0 { total.saturating_sub(done) as f64 / speed } else { 0.0 };
        let (words, unit) = (stage.words(), stage.unit());
        // Whoever closed the terminal does not wait for this.
        let _gone = write!(
            std::io::stderr().lock(),
            "\r\x1b[K{words:<22} {done:>10} of {total} {unit}, {speed:.0}/s, {remaining:.0} s left"
        );
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _gone = write!(std::io::stderr().lock(), "\r\x1b[K");
    }
}
