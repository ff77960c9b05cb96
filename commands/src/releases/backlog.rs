//! Which releases still have to be brought to an end, folded from the log.

use domain::{
    event::Event,
    ids::{EventId, OrganisationId, ProjectId, ReleaseId},
    names::TagName,
    organisation, project,
    recorded::Recorded,
    release,
    version::ReleaseVersion,
};
use serde::{Deserialize, Serialize};

use workers::Items;

/// The only events that matter here.
pub(super) const EVENT_NAMES: [&str; 6] = [
    "project.trigger_accepted",
    "project.tag_freed",
    "organisation.build_slots_set",
    "release.uploaded",
    "release.failed",
    "release.cancelled",
];
/// To be raised when [`fold`] or its rows change their meaning.
pub(super) const FOLD_VERSION: u32 = 1;

/// What there is to do for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// A release that is on its way, or whose tag is to be freed.
    Release(ReleaseId),
    /// An organisation whose number of build slots has changed.
    BuildSlots(OrganisationId),
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// The release has to be brought to an end.
    Unfinished(Accepted),
    /// The release ended without a package: its tag has to be freed.
    TagToFree(Accepted),
    /// Those who wait for a slot have to look again.
    SlotsSet,
}

/// A trigger that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The project.
    pub(super) project: ProjectId,
    /// The git tag.
    pub(super) tag: TagName,
    /// What the packages are called by.
    pub(super) version: ReleaseVersion,
    /// The event that said so.
    pub(super) because: EventId,
}

/// Takes one more fact in. There are as many rows as releases on their way, however long the log is.
pub(super) fn fold(recorded: &Recorded<Event>, items: &mut Items<Key, Work>) {
    let id = recorded.stream.id();
    match &recorded.event {
        Event::Project(project::Event::TriggerAccepted { tag, version, release, .. }) => {
            let (project, tag, version) = (ProjectId(id), tag.clone(), version.clone());
            let accepted = Accepted { project, tag, version, because: recorded.event_id };
            items.insert(Key::Release(*release), Work::Unfinished(accepted));
        }
        Event::Project(project::Event::TagFreed { release, .. }) => {
            items.remove(&Key::Release(*release));
        }
        Event::Release(release::Event::Uploaded) => {
            items.remove(&Key::Release(ReleaseId(id)));
        }
        Event::Release(release::Event::Failed { .. } | release::Event::Cancelled) => {
            items.update(&Key::Release(ReleaseId(id)), |work| {
                if let Work::Unfinished(accepted) = work {
                    *work = Work::TagToFree(accepted.clone());
                }
            });
        }
        Event::Organisation(organisation::Event::BuildSlotsSet { .. }) => {
            items.insert(Key::BuildSlots(OrganisationId(id)), Work::SlotsSet);
        }
        _ => {}
    }
}
