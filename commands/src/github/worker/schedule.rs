//! When each project is looked after: at once when its events ask for it, again when what failed may be tried again, and
//! now and then to see what nobody told us.

use std::collections::BTreeMap;

use domain::ids::ProjectId;
use rand::Rng as _;
use tokio::{task, time::Instant};

use super::{Pace, attempts::Attempts, pass::Passed};

/// What an event asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    /// Something may have to be done.
    Act,
    /// And tags may have been missed.
    Look,
}

/// How a pass begins.
#[derive(Debug)]
pub(super) struct Start {
    /// What failed before.
    pub(super) attempts: Attempts,
    /// Whether tags and webhooks are looked at, although no event asks for anything.
    pub(super) looks: bool,
}

/// The projects that have, or had, something to do with GitHub.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    projects: BTreeMap<ProjectId, Entry>,
    running: BTreeMap<task::Id, ProjectId>,
}

#[derive(Debug)]
struct Entry {
    /// When to act; never without an event.
    act_at: Option<Instant>,
    look_at: Instant,
    attempts: Attempts,
    is_running: bool,
}

impl Entry {
    /// What failed is not tried earlier because it is looked at.
    fn due(&self) -> Option<Instant> {
        let due = self.act_at.into_iter().chain([self.look_at]).min();
        due.filter(|_| !self.is_running)
    }
}

impl Schedule {
    pub(super) fn touch(&mut self, project: ProjectId, touch: Touch, now: Instant) {
        let new = || Entry { act_at: None, look_at: now, attempts: Attempts::default(), is_running: false };
        let entry = self.projects.entry(project).or_insert_with(new);
        entry.act_at = Some(now);
        if touch == Touch::Look {
            entry.look_at = now;
        }
    }

    /// When the next pass is due.
    pub(super) fn earliest(&self) -> Option<Instant> {
        self.projects.values().filter_map(Entry::due).min()
    }

    /// The project that has been due for longest, if one is.
    pub(super) fn start(&mut self, now: Instant) -> Option<(ProjectId, Start)> {
        let due = self.projects.iter_mut().filter_map(|(project, entry)| Some((entry.due()?, *project, entry)));
        let (_, project, entry) =
            due.filter(|(due, ..)| *due <= now).min_by_key(|(due, project, _)| (*due, *project))?;
        entry.is_running = true;
        entry.act_at = None;
        Some((project, Start { attempts: entry.attempts.clone(), looks: entry.look_at <= now }))
    }

    pub(super) fn started(&mut self, project: ProjectId, pass: task::Id) {
        self.running.insert(pass, project);
    }

    /// A pass has ended; without an outcome it broke off by a defect, and is tried again like a failure.
    pub(super) fn ended(&mut self, pass: task::Id, passed: Option<Passed>, pace: &Pace) {
        let project = self.running.remove(&pass);
        let Some(entry) = project.and_then(|project| self.projects.get_mut(&project)) else { return };
        let now = Instant::now();
        entry.is_running = false;
        let Some(Passed { attempts, began_at, looked, looks_again_at, .. }) = passed else {
            entry.look_at = now + pace.retry_max;
            return;
        };
        // An event that came meanwhile may have asked for another look.
        if looked && entry.look_at <= began_at {
            entry.look_at = looks_again_at.unwrap_or_else(|| now + jittered(pace));
        }
        // A step that waits for another one, which waits itself, must not keep us busy.
        let again = attempts.earliest().map(|at| at.max(now + pace.retry_first / 2));
        entry.act_at = [entry.act_at, again].into_iter().flatten().min();
        entry.attempts = attempts;
    }
}

/// So that the projects of a server are not all looked at in the same moment.
fn jittered(pace: &Pace) -> std::time::Duration {
    pace.look_every.mul_f64(rand::thread_rng().gen_range(0.9..1.1))
}
