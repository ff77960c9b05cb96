//! Which steps failed lately, and when each may be tried again.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use domain::project::GithubStep;
use rand::Rng as _;
use tokio::time::Instant;

use super::Pace;

/// The failures of one project. Forgotten with the process: a start tries everything at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempts {
    failed: BTreeMap<GithubStep, Failed>,
    /// GitHub asked to be left alone until then, whatever is wanted of it.
    quiet_until: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Failed {
    times: u32,
    not_before: Instant,
}

impl Attempts {
    /// May this step be tried now?
    pub(super) fn may(&self, step: GithubStep, now: Instant) -> bool {
        self.not_before(step).is_none_or(|at| at <= now)
    }

    /// When this step may be tried.
    pub(super) fn not_before(&self, step: GithubStep) -> Option<Instant> {
        // Every other step begins with the repository.
        let failed = [step, GithubStep::FindRepository].into_iter().filter_map(|step| self.failed.get(&step));
        failed.map(|failed| failed.not_before).chain(self.quiet_until).max()
    }

    /// The step failed once more; GitHub may have said how long it wants to be left alone.
    pub(super) fn failed(&mut self, step: GithubStep, now: Instant, pace: &Pace, retry_after: Option<Duration>) {
        let times = self.failed.get(&step).map_or(0, |failed| failed.times).saturating_add(1);
        // Projects that failed together are not tried again together.
        let wait = pace.retry().doubled(times).mul_f64(rand::thread_rng().gen_range(0.9..1.1));
        self.failed.insert(step, Failed { times, not_before: now + wait.max(retry_after.unwrap_or_default()) });
        self.quiet_until = retry_after.map(|wait| now + wait).max(self.quiet_until);
    }

    /// Did it fail, the last time that it was tried?
    pub(super) fn has_failed(&self, step: GithubStep) -> bool {
        self.failed.contains_key(&step)
    }

    /// Steps that failed and may be tried again now.
    pub(super) fn due(&self, now: Instant) -> Vec<GithubStep> {
        self.failed.keys().copied().filter(|step| self.may(*step, now)).collect()
    }

    pub(super) fn succeeded(&mut self, step: GithubStep) {
        self.failed.remove(&step);
    }

    /// When something that failed may be tried again, if anything failed.
    pub(super) fn earliest(&self) -> Option<Instant> {
        self.failed.keys().filter_map(|step| self.not_before(*step)).min()
    }
}
