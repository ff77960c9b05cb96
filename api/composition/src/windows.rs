//! The projected grace windows, as the worker that closes them needs them.

use commands::rolls::{ClosedWindow, OpenWindow, Windows};
use projections::credentials::{self, Credentials};
use tokio::sync::watch;

/// Answers from the projected credentials.
pub struct ProjectedWindows(pub Credentials);

impl Windows for ProjectedWindows {
    fn open(&self) -> Vec<OpenWindow> {
        let window = |window| {
            let credentials::OpenWindow { repository, generation, until, every_machine_moved } = window;
            OpenWindow { repository, generation, until, every_machine_moved }
        };
        self.0.open_windows().into_iter().map(window).collect()
    }

    fn closed(&self) -> Vec<ClosedWindow> {
        let window = |(repository, generation)| ClosedWindow { repository, generation };
        self.0.sealed_keys().into_iter().map(window).collect()
    }

    fn wake(&self) -> watch::Receiver<u64> {
        self.0.windows_changes()
    }
}
