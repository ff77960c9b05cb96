//! `pkgdeploy verify`.

use archive::{Step, data_folder::DataFolder};
use clap::Args;
use composition::every_projector;
use domain::recorded::Position;
use event_log::event_store;
use stores::blobs::Blobs;
use verify::{Sources, Span, Stage, Watch, verify};

use super::{Outcome, progress::Progress};
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(super) struct Command {
    /// First position whose signatures, blobs and index files to check [default: the log's first]
    #[arg(long, value_name = "POSITION", default_value_t = 0, hide_default_value = true)]
    from: u64,
    /// Last position to check [default: the log's last]
    #[arg(long, value_name = "POSITION")]
    until: Option<u64>,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

/// The check found a difference, which the report names.
#[derive(Debug, thiserror::Error)]
#[error(
    "the verification found faults: the event log, or the files and tables that belong to it, are not as they were recorded: see the report"
)]
struct NotAsRecorded;

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
pub(super) async fn run(command: Command, settings: &Settings) -> Outcome {
    let data = DataFolder::existing(&settings.locations())?;
    let live = data.read_models();
    let log = event_store::open_read_only(data.log()).await?;
    let sources = Sources {
        log,
        blobs: Blobs::local(data.blobs())?,
        projectors: every_projector,
        read_models: live.exists().then_some(live),
        signed_logs: Some(data.signed_logs()),
        scratch: data.path().to_owned(),
    };
    let span = Span { from: Position(command.from), until: command.until.map(Position) };
    let watch = Progress::on_terminal();
    let report = verify(&sources, span, &watch).await?;
    drop(watch);
    match command.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => println!("{report}"),
    }
    if report.is_good() { Ok(()) } else { Err(NotAsRecorded.into()) }
}

impl Watch for Progress {
    fn at(&self, stage: Stage, done: u64, total: u64) {
        self.at(Step { words: stage.words(), unit: stage.unit() }, done, total);
    }
}
