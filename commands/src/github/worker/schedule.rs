//! What the last pass of each project left: what failed, and when tags and webhooks are looked at, to find what no event reports.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::{ids::ProjectId, recorded::Position};
use rand::Rng as _;
use tokio::time::Instant;

use super::{Pace, attempts::Attempts, backlog::Wanted, pass::Passed};

/// How a pass begins.
#[derive(Debug)]
pub(super) struct Start {
    /// What failed before.
    pub(super) attempts: Attempts,
    /// Whether tags and webhooks are looked at, although no event asks for anything.
    pub(super) looks: bool,
    /// Marks that GitHub will never show.
    pub(super) given_up: Vec<Wanted>,
}

/// The projects of which there was a pass. Forgotten with the process: a start looks at everything.
#[derive(Debug, Default)]
pub(super) struct Schedule(Mutex<BTreeMap<ProjectId, Entry>>);

#[derive(Debug, Default)]
struct Entry {
    look_at: Option<Instant>,
    /// The event that the last look was for.
    looked_for: Position,
    attempts: Attempts,
    given_up: Vec<Wanted>,
}

impl Schedule {
    /// A pass begins. `look_for` is the last event after which tags may have been missed.
    pub(super) fn start(&self, project: ProjectId, look_for: Position, now: Instant) -> Start {
        let mut entries = self.entries();
        let entry = entries.entry(project).or_default();
        Start {
            attempts: entry.attempts.clone(),
            looks: look_for > entry.looked_for || entry.look_at.is_none_or(|at| at <= now),
            given_up: std::mem::take(&mut entry.given_up),
        }
    }

    /// A pass has ended, which began with `look_for`. Says when the next one is due, if no event asks for one.
    pub(super) fn ended(&self, project: ProjectId, look_for: Position, passed: Passed, pace: &Pace) -> Instant {
        let Passed { attempts, looked, looks_again_at, given_up } = passed;
        let (mut entries, now) = (self.entries(), Instant::now());
        let entry = entries.entry(project).or_default();
        if looked {
            entry.looked_for = look_for;
            entry.look_at = Some(looks_again_at.unwrap_or_else(|| now + jittered(pace)));
        }
        let look_at = entry.look_at.unwrap_or(now);
        // A step that waits for another one, which waits itself, must not keep us busy.
        let again = attempts.earliest().map(|at| at.max(now + pace.retry_first / 2));
        (entry.attempts, entry.given_up) = (attempts, given_up);
        again.map_or(look_at, |again| again.min(look_at))
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<ProjectId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So that the projects of a server are not all looked at in the same moment.
fn jittered(pace: &Pace) -> std::time::Duration {
    pace.look_every.mul_f64(rand::thread_rng().gen_range(0.9..1.1))
}
