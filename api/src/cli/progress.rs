//! How far a long work has come: a line on standard error that is written over and over, if it is a terminal.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use archive::Step;

/// How often the line is updated.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// The progress line. It is removed when this is dropped.
pub(super) struct Progress(Option<Mutex<Option<Line>>>);

struct Line {
    step: Step,
    began: Instant,
    shown: Instant,
}

impl Progress {
    /// A progress line if standard error is a terminal, otherwise nothing.
    pub(super) fn on_terminal() -> Self {
        Self(std::io::stderr().is_terminal().then(Mutex::default))
    }

    /// Shows `done` of `total`. A `total` of 0 means unknown.
    pub(super) fn at(&self, step: Step, done: u64, total: u64) {
        let Some(line) = &self.0 else { return };
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let began = match &*line {
            Some(line) if line.step == step && now - line.shown < SHOW_EVERY && done != total => return,
            Some(line) if line.step == step => line.began,
            _ => now,
        };
        *line = Some(Line { step, began, shown: now });
        let seconds = (now - began).as_secs_f64();
        let speed = if seconds > 0.0 { done as f64 / seconds } else { 0.0 };
        let Step { words, unit } = step;
        let rest = match total {
            0 => String::new(),
            _ if speed > 0.0 => format!(", {:.0} s left", total.saturating_sub(done) as f64 / speed),
            _ => String::new(),
        };
        let of = if total == 0 { String::new() } else { format!(" of {total}") };
        // Ignored: the terminal may be closed.
        let _gone = write!(std::io::stderr().lock(), "\r\x1b[K{words:<22} {done:>10}{of} {unit}, {speed:.0}/s{rest}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.0.is_some() {
            let _gone = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
