//! Which projects have something to do with GitHub, and which marks are not beside their commits yet, folded from the log.

use std::collections::BTreeMap;

use domain::{
    event::{self, Event},
    ids::{ProjectId, ReleaseId},
    names::TagName,
    project::{self, CommitId, CommitState},
    recorded::{RawEvent, Recorded},
    release,
};

use super::schedule::Touch;

/// Most marks of one project that wait for GitHub; the oldest are given up.
pub(super) const STATUSES_WAITING_MAX: usize = 100;

/// A mark that a commit should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) release: ReleaseId,
    pub(super) commit: CommitId,
    pub(super) state: CommitState,
    /// In words.
    pub(super) description: String,
}

/// As small as the projects at GitHub, the releases on their way and the marks that wait, however long the log is.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Each project that was connected, and whether there is a token to act with.
    projects: BTreeMap<ProjectId, bool>,
    /// In order of time, because their ids are.
    releases: BTreeMap<ReleaseId, Told>,
}

#[derive(Debug)]
struct Told {
    project: ProjectId,
    tag: TagName,
    commit: Option<CommitId>,
    wanted: Option<(CommitState, String)>,
    reported: Option<CommitState>,
    has_ended: bool,
}

impl Told {
    fn is_settled(&self) -> bool {
        self.has_ended && (self.commit.is_none() || self.wanted.as_ref().map(|(state, _)| *state) == self.reported)
    }
}

impl Backlog {
    /// The only events that matter here.
    pub(super) const EVENT_NAMES: [&'static str; 12] = [
        "project.github_connected",
        "project.github_disconnected",
        "project.trigger_chosen",
        "project.webhook_secret_issued",
        "project.webhook_registered",
        "project.webhook_removed",
        "project.trigger_accepted",
        "project.commit_status_reported",
        "release.code_checked_out",
        "release.uploaded",
        "release.failed",
        "release.cancelled",
    ];

    /// Takes one more fact in; says which project it is about, if something follows from it.
    pub(super) fn fold(&mut self, recorded: &Recorded<RawEvent>) -> Option<(ProjectId, Touch)> {
        // What cannot be decoded was written by a newer version, which acts on it.
        let event = event::decode(&recorded.event).ok()?;
        let id = recorded.stream.id();
        match event {
            Event::Project(event) => self.of_project(ProjectId(id), event),
            Event::Release(event) => self.of_release(ReleaseId(id), event),
            _ => None,
        }
    }

    /// The marks that a project's commits should have and have not, oldest first.
    pub(super) fn statuses(&self, project: ProjectId) -> Vec<Wanted> {
        let waiting = self.releases.iter().filter(|(_, told)| told.project == project).filter_map(|(release, told)| {
            let (state, description) = told.wanted.clone()?;
            let commit = told.commit.clone()?;
            (told.reported != Some(state)).then_some(Wanted { release: *release, commit, state, description })
        });
        waiting.collect()
    }

    /// Forgets marks that GitHub will never show. The next start asks for them once more.
    pub(super) fn give_up(&mut self, marks: Vec<Wanted>) {
        for Wanted { release, state, .. } in marks {
            if let Some(told) = self.releases.get_mut(&release) {
                told.reported = Some(state);
                if told.is_settled() {
                    self.releases.remove(&release);
                }
            }
        }
    }

    fn of_project(&mut self, id: ProjectId, event: project::Event) -> Option<(ProjectId, Touch)> {
        match event {
            project::Event::GithubConnected { credential, .. } => {
                self.projects.insert(id, credential.is_some());
                Some((id, Touch::Look))
            }
            project::Event::GithubDisconnected => {
                self.projects.insert(id, false);
                self.releases.retain(|_, told| told.project != id || !told.has_ended);
                Some((id, Touch::Act))
            }
            // The live one may be among them.
            project::Event::WebhookRemoved { .. } => Some((id, Touch::Act)),
            // Until the new webhook is there, no delivery comes: once it is, tags may have been missed.
            project::Event::TriggerChosen { .. }
            | project::Event::WebhookSecretIssued { .. }
            | project::Event::WebhookRegistered { .. } => self.projects.contains_key(&id).then_some((id, Touch::Look)),
            project::Event::TriggerAccepted { tag, release, .. } => {
                let told = Told { project: id, tag, commit: None, wanted: None, reported: None, has_ended: false };
                self.releases.insert(release, told);
                None
            }
            project::Event::CommitStatusReported { release, state, .. } => {
                if let Some(told) = self.releases.get_mut(&release) {
                    told.reported = Some(state);
                    if told.is_settled() {
                        self.releases.remove(&release);
                    }
                }
                None
            }
            _ => None,
        }
    }

    fn of_release(&mut self, id: ReleaseId, event: release::Event) -> Option<(ProjectId, Touch)> {
        let told = self.releases.get_mut(&id)?;
        let tag = told.tag.clone();
        match event {
            release::Event::CodeCheckedOut { commit, .. } => {
                told.commit = Some(commit);
                told.wanted = Some((CommitState::Pending, format!("{tag} is being released")));
            }
            release::Event::Uploaded => {
                told.wanted = Some((CommitState::Success, format!("{tag} can be installed")));
                told.has_ended = true;
            }
            release::Event::Failed { step, code, .. } => {
                // What failed on our side says nothing of the commit.
                let state = match code.as_str() {
                    "machine" | "panicked" => CommitState::Error,
                    _ => CommitState::Failure,
                };
                told.wanted = Some((state, format!("{tag} was not released: {code} at \"{step}\"")));
                told.has_ended = true;
            }
            release::Event::Cancelled => {
                told.wanted = Some((CommitState::Error, format!("The release of {tag} was stopped")));
                told.has_ended = true;
            }
            _ => return None,
        }
        let (project, has_ended, is_settled) = (told.project, told.has_ended, told.is_settled());
        let has_token = self.projects.get(&project) == Some(&true);
        if has_ended && (is_settled || !has_token) {
            self.releases.remove(&id);
        } else if has_ended {
            self.give_up_the_oldest(project);
        }
        has_token.then_some((project, Touch::Act))
    }

    fn give_up_the_oldest(&mut self, project: ProjectId) {
        let ended = |(_, told): &(&ReleaseId, &Told)| told.project == project && told.has_ended;
        let waiting: Vec<ReleaseId> = self.releases.iter().filter(ended).map(|(release, _)| *release).collect();
        for release in waiting.iter().take(waiting.len().saturating_sub(STATUSES_WAITING_MAX)) {
            self.releases.remove(release);
        }
    }
}
