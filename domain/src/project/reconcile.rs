//! Reconciliation: what follows from the list of a code repository's tags, for tags that no delivery reported.

use std::{cmp::Ordering, collections::BTreeSet};

use super::{Added, Event, Refusal, Trigger};
use crate::{
    ids::ReleaseId,
    names::TagName,
    version::{ReleaseVersion, compare_deb},
    weight::of_entries,
};

/// Most releases that one reading of the tags triggers: a repository that suddenly has hundreds of new tags is released
/// bit by bit, look by look.
pub(crate) const RECONCILED_RELEASES_MAX: usize = 20;
/// Most tags that one event records as known.
pub(crate) const TAGS_KNOWN_MAX: usize = 500;
/// Most tags that one reading records as known, so that they fit one append; the others wait for the next reading.
const TAGS_NOTED_MAX: usize = 2_000;

/// A tag that the code repository has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTag {
    /// The git tag.
    pub tag: TagName,
    /// The id the release gets if one is made.
    pub release: ReleaseId,
}

/// What is known of tags that have no release.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct KnownTags {
    /// Were the tags that were there from the beginning taken note of?
    pub is_complete: bool,
    /// Tags that are not released unless a delivery asks for it.
    tags: BTreeSet<TagName>,
}

impl KnownTags {
    pub(super) fn weight_bytes(&self) -> usize {
        of_entries::<TagName, ()>(self.tags.len(), 1)
    }

    /// Does reconciliation leave this tag alone?
    #[must_use]
    pub fn contains(&self, tag: &TagName) -> bool {
        self.tags.contains(tag)
    }

    pub(super) fn evolve(&mut self, event: &Event) {
        match event {
            Event::TagsKnown { tags, is_complete } => {
                self.tags.extend(tags.iter().cloned());
                self.is_complete |= *is_complete;
            }
            // Tags that were pushed meanwhile were not meant for us: they are not released all at once now.
            Event::GithubDisconnected | Event::TriggerChosen { .. } => self.is_complete = false,
            Event::TagDeleted { tag } => {
                self.tags.remove(tag);
            }
            _ => {}
        }
    }
}

/// New tags become releases; tags that were there before the project was connected, and those that a delivery would not
/// release either, are only taken note of, each once.
pub(super) fn reconcile(project: &Added, repository_id: u64, listed: Vec<ListedTag>) -> Result<Vec<Event>, Refusal> {
    if project.trigger != Trigger::GithubWebhook {
        return Err(Refusal::OtherTrigger(project.trigger));
    }
    // The list may have been read before another repository was connected.
    project.connected().filter(|github| github.repository_id == repository_id).ok_or(Refusal::GithubNotConnected)?;
    let mut seen = BTreeSet::new();
    let is_new = |tag: &TagName| !project.known_tags.contains(tag) && !project.tried_tags.contains(tag);
    let mut new: Vec<ListedTag> = listed.into_iter().filter(|listed| is_new(&listed.tag)).collect();
    new.retain(|listed| seen.insert(listed.tag.clone()));
    if !project.known_tags.is_complete {
        let tags = new.into_iter().map(|listed| listed.tag).collect();
        return Ok(noted(tags, true));
    }
    let mut accepted = Vec::new();
    let mut others = Vec::new();
    for ListedTag { tag, release } in new {
        match ReleaseVersion::from_tag(&tag) {
            Ok(version) if project.tag_pattern.matches(tag.as_str()) => accepted.push((version, tag, release)),
            _ => others.push(tag),
        }
    }
    // Oldest first, so that the newest is what people see last, and so that what waits for the next look is the newest.
    accepted.sort_by(|(one, tag, _), (other, other_tag, _)| {
        compare_deb(one.as_str(), other.as_str()).unwrap_or(Ordering::Equal).then_with(|| tag.cmp(other_tag))
    });
    let accepted = accepted
        .into_iter()
        .take(RECONCILED_RELEASES_MAX)
        .map(|(version, tag, release)| Event::TriggerAccepted { tag, version, release, idempotency_key: None });
    let noted = if others.is_empty() { vec![] } else { noted(others, false) };
    Ok(accepted.chain(noted).collect())
}

/// Notes, at least one, the last of which may say that this was all.
fn noted(mut tags: Vec<TagName>, completes: bool) -> Vec<Event> {
    let is_all = tags.len() <= TAGS_NOTED_MAX;
    tags.truncate(TAGS_NOTED_MAX);
    let mut chunks: Vec<Vec<TagName>> = tags.chunks(TAGS_KNOWN_MAX).map(<[TagName]>::to_vec).collect();
    if chunks.is_empty() {
        chunks.push(Vec::new());
    }
    let last = chunks.len() - 1;
    let note = |(index, tags)| Event::TagsKnown { tags, is_complete: completes && is_all && index == last };
    chunks.into_iter().enumerate().map(note).collect()
}
