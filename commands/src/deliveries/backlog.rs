//! Which tags are still to be released or forgotten, folded from the log.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    delivery::{self, Outcome},
    event::{self, Event},
    ids::{EventId, ProjectId},
    names::TagName,
    project,
    recorded::{RawEvent, Recorded},
};

/// One tag of one project.
type Tag = (ProjectId, TagName);

/// What is left to do, and each tag that had a release or is known to have none, some hundred bytes apiece.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    wanted: BTreeMap<Tag, EventId>,
    deleted: BTreeMap<Tag, EventId>,
    accepted: BTreeSet<Tag>,
    known: BTreeSet<Tag>,
}

impl Backlog {
    /// The only events that matter here.
    pub(super) const EVENT_NAMES: [&'static str; 4] =
        ["delivery.received", "project.trigger_accepted", "project.tags_known", "project.tag_deleted"];

    pub(super) fn fold(&mut self, recorded: Recorded<RawEvent>) {
        // What cannot be decoded was written by a newer version, which acts on it.
        let Ok(event) = event::decode(&recorded.event) else { return };
        let own = |tag| (ProjectId(recorded.stream.id()), tag);
        match event {
            Event::Delivery(delivery::Event::Received { project, outcome, .. }) => match outcome {
                Outcome::Tag { tag } => {
                    let tag = (project, tag);
                    if !self.accepted.contains(&tag) {
                        self.wanted.entry(tag).or_insert(recorded.event_id);
                    }
                }
                Outcome::TagDeleted { tag } => {
                    let tag = (project, tag);
                    self.wanted.remove(&tag);
                    // What comes after it is another tag of the same name.
                    if self.accepted.remove(&tag) | self.known.remove(&tag) {
                        self.deleted.insert(tag, recorded.event_id);
                    }
                }
                Outcome::Ping | Outcome::Ignored { .. } => {}
            },
            Event::Project(project::Event::TriggerAccepted { tag, .. }) => {
                let tag = own(tag);
                self.wanted.remove(&tag);
                self.deleted.remove(&tag);
                self.accepted.insert(tag);
            }
            Event::Project(project::Event::TagsKnown { tags, .. }) => {
                self.known.extend(tags.into_iter().map(own));
            }
            Event::Project(project::Event::TagDeleted { tag }) => {
                self.deleted.remove(&own(tag));
            }
            _ => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.deleted.is_empty()
    }

    /// Tags to be released, and the delivery that said so.
    pub(super) fn wanted(&self) -> Vec<(Tag, EventId)> {
        self.wanted.iter().map(|(tag, because)| (tag.clone(), *because)).collect()
    }

    /// Tags that are gone, and the delivery that said so.
    pub(super) fn deleted(&self) -> Vec<(Tag, EventId)> {
        self.deleted.iter().map(|(tag, because)| (tag.clone(), *because)).collect()
    }

    pub(super) fn is_done(&mut self, tag: &Tag) {
        self.wanted.remove(tag);
    }

    pub(super) fn deletion_is_known(&mut self, tag: &Tag) {
        self.deleted.remove(tag);
    }
}
