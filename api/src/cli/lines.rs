//! `pkgdeploy export` and `pkgdeploy import`.

use std::io::{BufReader, BufWriter, IsTerminal as _, Write as _};

use commands::{
    event_store,
    log_lines::{self, Lines},
};
use domain::recorded::Position;

use super::Outcome;
use crate::{data_folder::DataFolder, settings::Settings};

pub(super) async fn export(settings: &Settings, until: Option<u64>) -> Outcome {
    let data = DataFolder::existing(settings)?;
    let store = event_store::open_read_only(data.log()).await?;
    let head = store.head().await?;
    let until = until.map_or(head, |until| head.min(Position(until)));
    let shows = std::io::stderr().is_terminal();
    let mut out = BufWriter::new(std::io::stdout());
    let seen = |position| show(shows, "written up to position", position, until);
    let lines = log_lines::export(&*store, until, &mut out, seen).await?;
    say(shows, lines);
    Ok(())
}

pub(super) async fn import(settings: &Settings) -> Outcome {
    let data = DataFolder::open(settings)?;
    let store = event_store::open(data.log()).await?;
    let shows = std::io::stderr().is_terminal();
    let mut lines = BufReader::new(std::io::stdin());
    let imported = log_lines::import(&*store, &mut lines, |line| show(shows, "lines recorded:", line, "")).await;
    store.close().await;
    say(shows, imported?);
    Ok(())
}

fn show(shows: bool, words: &str, done: impl std::fmt::Display, total: impl std::fmt::Display) {
    if shows {
        // Whoever closed the terminal does not wait for this.
        let _gone = write!(std::io::stderr().lock(), "\r\x1b[K{words} {done} {total}");
    }
}

/// The last words go beside the lines, not among them.
#[expect(clippy::print_stderr, reason = "standard output is the log's lines")]
fn say(shows: bool, Lines { events, root }: Lines) {
    let start = if shows { "\r\x1b[K" } else { "" };
    eprintln!("{start}{events} events, Merkle root {root}");
}
