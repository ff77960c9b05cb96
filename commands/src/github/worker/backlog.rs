//! Which projects have something to do with GitHub, and which marks are not beside their commits yet, folded from the log.

use domain::{
    event::Event,
    ids::{ProjectId, ReleaseId},
    names::TagName,
    project::{self, CommitId, CommitState},
    recorded::{Position, Recorded},
    release,
};
use serde::{Deserialize, Serialize};

use workers::Items;

/// Most marks of one project that wait for GitHub; the oldest are given up.
pub(super) const STATUSES_WAITING_MAX: usize = 100;
/// To be raised when [`fold`] or its rows change their meaning.
pub(super) const FOLD_VERSION: u32 = 1;
/// The only events that matter here.
pub(super) const EVENT_NAMES: [&str; 12] = [
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

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// A project that was connected.
    Project(ProjectId),
    /// A release on its way, or one whose mark waits. In order of time, because their ids are.
    Release(ReleaseId),
}

/// What is known of it. As small as the projects at GitHub, the releases on their way and the marks that wait, however long
/// the log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// Of a project.
    Project(Connected),
    /// Of a release.
    Release(ReleaseStatus),
}

/// A project that was connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    /// There is a token to act with.
    has_token: bool,
    /// The last event after which tags may have been missed.
    pub(super) look_for: Position,
}

/// What is known of a release, and what GitHub shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseStatus {
    project: ProjectId,
    tag: TagName,
    commit: Option<CommitId>,
    wanted: Option<(CommitState, String)>,
    reported: Option<CommitState>,
    has_ended: bool,
}

/// A mark that a commit should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) release: ReleaseId,
    pub(super) commit: CommitId,
    pub(super) state: CommitState,
    /// In words.
    pub(super) description: String,
}

type Rows = Items<Key, Row>;

impl ReleaseStatus {
    fn is_settled(&self) -> bool {
        self.has_ended && (self.commit.is_none() || self.wanted.as_ref().map(|(state, _)| *state) == self.reported)
    }
}

/// Takes one more fact in. The project that something follows for is looked after.
pub(super) fn fold(recorded: &Recorded<Event>, rows: &mut Rows) {
    let id = recorded.stream.id();
    match &recorded.event {
        Event::Project(event) => fold_project(ProjectId(id), event, recorded.position, rows),
        Event::Release(event) => fold_release(ReleaseId(id), event, rows),
        _ => {}
    }
}

/// The marks that a project's commits should have and have not, oldest first.
pub(super) fn statuses(project: ProjectId, rows: &Rows) -> Vec<Wanted> {
    let waiting = releases(rows).filter(|(_, status)| status.project == project).filter_map(|(release, status)| {
        let (state, description) = status.wanted.clone()?;
        let commit = status.commit.clone()?;
        (status.reported != Some(state)).then_some(Wanted { release, commit, state, description })
    });
    waiting.collect()
}

/// Forgets marks that GitHub will never show.
pub(super) fn give_up(marks: &[Wanted], rows: &mut Rows) {
    for Wanted { release, state, .. } in marks {
        report(*release, *state, rows);
    }
}

fn fold_project(id: ProjectId, event: &project::Event, position: Position, rows: &mut Rows) {
    let key = Key::Project(id);
    match event {
        project::Event::GithubConnected { credential, .. } => {
            rows.insert(key, Row::Project(Connected { has_token: credential.is_some(), look_for: position }));
        }
        project::Event::GithubDisconnected => {
            let look_for = connected(id, rows).map_or(position, |connected| connected.look_for);
            rows.insert(key, Row::Project(Connected { has_token: false, look_for }));
            rows.touch(&key);
            rows.retain(|_, row| !matches!(row, Row::Release(status) if status.project == id && status.has_ended));
        }
        // The live one may be among them.
        project::Event::WebhookRemoved { .. } => rows.touch(&key),
        // Until the new webhook is there, no delivery comes: once it is, tags may have been missed.
        project::Event::TriggerChosen { .. }
        | project::Event::WebhookSecretIssued { .. }
        | project::Event::WebhookRegistered { .. } => rows.update(&key, |row| {
            if let Row::Project(connected) = row {
                connected.look_for = position;
            }
        }),
        project::Event::TriggerAccepted { tag, release, .. } => {
            let tag = tag.clone();
            let status =
                ReleaseStatus { project: id, tag, commit: None, wanted: None, reported: None, has_ended: false };
            rows.insert(Key::Release(*release), Row::Release(status));
        }
        project::Event::CommitStatusReported { release, state, .. } => report(*release, *state, rows),
        _ => {}
    }
}

fn fold_release(id: ReleaseId, event: &release::Event, rows: &mut Rows) {
    let key = Key::Release(id);
    let Some(Row::Release(status)) = rows.get(&key) else { return };
    let mut status = status.clone();
    let tag = &status.tag;
    match event {
        release::Event::CodeCheckedOut { commit, .. } => {
            status.wanted = Some((CommitState::Pending, format!("{tag} is being released")));
            status.commit = Some(commit.clone());
        }
        release::Event::Uploaded => {
            status.wanted = Some((CommitState::Success, format!("{tag} can be installed")));
            status.has_ended = true;
        }
        release::Event::Failed { step, code, .. } => {
            // What failed on our side says nothing of the commit.
            let state = match code.as_str() {
                "machine" | "panicked" => CommitState::Error,
                _ => CommitState::Failure,
            };
            status.wanted = Some((state, format!("{tag} was not released: {code} at \"{step}\"")));
            status.has_ended = true;
        }
        release::Event::Cancelled => {
            status.wanted = Some((CommitState::Error, format!("The release of {tag} was stopped")));
            status.has_ended = true;
        }
        _ => return,
    }
    let (project, has_ended, is_settled) = (status.project, status.has_ended, status.is_settled());
    let has_token = connected(project, rows).is_some_and(|connected| connected.has_token);
    if has_ended && (is_settled || !has_token) {
        rows.remove(&key);
    } else {
        rows.insert(key, Row::Release(status));
        if has_ended {
            give_up_the_oldest(project, rows);
        }
    }
    if has_token {
        rows.touch(&Key::Project(project));
    }
}

/// GitHub shows this state, or never will.
fn report(release: ReleaseId, state: CommitState, rows: &mut Rows) {
    let key = Key::Release(release);
    rows.update(&key, |row| {
        if let Row::Release(status) = row {
            status.reported = Some(state);
        }
    });
    if matches!(rows.get(&key), Some(Row::Release(status)) if status.is_settled()) {
        rows.remove(&key);
    }
}

fn give_up_the_oldest(project: ProjectId, rows: &mut Rows) {
    let ended = |(_, status): &(ReleaseId, &ReleaseStatus)| status.project == project && status.has_ended;
    let waiting: Vec<ReleaseId> = releases(rows).filter(ended).map(|(release, _)| release).collect();
    for release in waiting.iter().take(waiting.len().saturating_sub(STATUSES_WAITING_MAX)) {
        rows.remove(&Key::Release(*release));
    }
}

fn connected(project: ProjectId, rows: &Rows) -> Option<&Connected> {
    match rows.get(&Key::Project(project))? {
        Row::Project(connected) => Some(connected),
        Row::Release(_) => None,
    }
}

fn releases(rows: &Rows) -> impl Iterator<Item = (ReleaseId, &ReleaseStatus)> {
    rows.iter().filter_map(|(key, row)| match (key, row) {
        (Key::Release(release), Row::Release(status)) => Some((*release, status)),
        _ => None,
    })
}
