//! Which releases still have to be brought to an end, folded from the log.

use std::collections::BTreeMap;

use domain::{
    event::{self, Event},
    ids::{EventId, ProjectId, ReleaseId},
    names::TagName,
    organisation, project,
    recorded::{RawEvent, Recorded},
    release,
    version::ReleaseVersion,
};

/// A trigger that was accepted.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    /// The project.
    pub(super) project: ProjectId,
    /// The git tag.
    pub(super) tag: TagName,
    /// What the packages are called by.
    pub(super) version: ReleaseVersion,
    /// The event that said so.
    pub(super) because: EventId,
}

/// What is left to do. As small as the releases that are on their way, however long the log is.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Releases that have to be brought to an end.
    pub(super) unfinished: BTreeMap<ReleaseId, Accepted>,
    /// Releases that ended without a package, whose tags have to be freed.
    pub(super) to_free: BTreeMap<ReleaseId, Accepted>,
    /// An organisation's number of build slots has changed: those who wait have to look again.
    pub(super) slots_set: bool,
}

impl Backlog {
    /// The only events that matter here.
    pub(super) const EVENT_NAMES: [&'static str; 6] = [
        "project.trigger_accepted",
        "project.tag_freed",
        "organisation.build_slots_set",
        "release.uploaded",
        "release.failed",
        "release.cancelled",
    ];

    pub(super) fn fold(&mut self, recorded: Recorded<RawEvent>) {
        // What cannot be decoded was written by a newer version, which brings it to an end.
        let Ok(event) = event::decode(&recorded.event) else { return };
        let id = recorded.stream.id();
        match event {
            Event::Project(project::Event::TriggerAccepted { tag, version, release, .. }) => {
                let because = recorded.event_id;
                self.unfinished.insert(release, Accepted { project: ProjectId(id), tag, version, because });
            }
            Event::Project(project::Event::TagFreed { release, .. }) => {
                self.to_free.remove(&release);
            }
            Event::Release(release::Event::Uploaded) => {
                self.unfinished.remove(&ReleaseId(id));
            }
            Event::Release(release::Event::Failed { .. } | release::Event::Cancelled) => {
                if let Some(accepted) = self.unfinished.remove(&ReleaseId(id)) {
                    self.to_free.insert(ReleaseId(id), accepted);
                }
            }
            Event::Organisation(organisation::Event::BuildSlotsSet { .. }) => self.slots_set = true,
            _ => {}
        }
    }
}
