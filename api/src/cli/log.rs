//! `pkgdeploy log copy`.

use archive::Step;
use clap::Subcommand;
use domain::recorded::Position;
use event_log::{
    event_store::{self, LogUrl},
    log_lines::{self, CopyStep, Lines},
};

use super::{Outcome, progress::Progress};

const COMPARING: Step = Step { words: "Comparing existing events", unit: "positions" };
const RECORDING: Step = Step { words: "Recording events", unit: "positions" };
const CHECKING: Step = Step { words: "Reading the copy", unit: "positions" };

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Copy a log into another store
    ///
    /// Events keep their ids and their order. The target must be empty, or hold a beginning of the log: an interrupted copy is
    /// repeated. In the end the copy is read again, and the Merkle roots of both are compared. A server may be writing to the
    /// source, whose events up to now are copied; stop it first to move to the copy. The target has no other writer meanwhile.
    Copy {
        /// The log to copy: sqlite:<path>, postgres://… or esdb://…
        #[arg(long, env = "PKGDEPLOY_COPY_FROM", hide_env_values = true, value_name = "URL")]
        from: String,
        /// The target
        #[arg(long, env = "PKGDEPLOY_COPY_TO", hide_env_values = true, value_name = "URL")]
        to: String,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(command: Command) -> Outcome {
    let Command::Copy { from, to, json } = command;
    // Parsed here and not by clap, whose error messages would repeat an invalid URL with its password.
    let (from, to): (LogUrl, LogUrl) = (from.parse()?, to.parse()?);
    let source = event_store::open_read_only(&from).await?;
    let target = event_store::open(&to).await?;
    let progress = Progress::on_terminal();
    let seen = |step, at: Position, end: Position| {
        let step = match step {
            CopyStep::Comparing => COMPARING,
            CopyStep::Recording => RECORDING,
            CopyStep::Checking => CHECKING,
        };
        progress.at(step, at.0, end.0);
    };
    let copied = log_lines::copy(&*source, &*target, seen).await;
    target.close().await;
    source.close().await;
    drop(progress);
    say(copied?, json);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(Lines { events, root }: Lines, json: bool) {
    if json {
        println!("{}", serde_json::json!({ "events": events, "root": root.to_string() }));
    } else {
        println!("{events} events, Merkle root {root}: the same in both logs");
    }
}
