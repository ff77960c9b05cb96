//! Which organisation an event belongs to: tenants see only their own events.

#[cfg(test)]
mod tests;

use crate::{
    ci_proof, delivery,
    event::Event,
    ids::OrganisationId,
    project,
    recorded::{Recorded, StreamId},
    release, repository,
    stream_kind::StreamKind,
};

/// The owner of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The operator's only: signing keys, accounts.
    Server,
    /// This organisation's, and so is everything that follows in its stream.
    Organisation(OrganisationId),
    /// The owner of that stream's first event. That event is earlier in the log, and may be in this event's own stream.
    OwnerOf(StreamId),
}

/// The owner of an event of `stream`; A newer version may have written it: then there is no `event`.
#[must_use]
pub fn owner(stream: &StreamId, event: Option<&Event>) -> Owner {
    let of = |kind, id| Owner::OwnerOf(StreamId::new(kind, id));
    match event {
        Some(
            Event::Project(project::Event::Added { organisation, .. })
            | Event::Release(release::Event::Received { organisation, .. })
            | Event::Repository(repository::Event::Created { organisation, .. }),
        ) => return Owner::Organisation(OrganisationId::named(organisation)),
        Some(
            Event::Delivery(delivery::Event::Received { project, .. })
            | Event::CiProof(ci_proof::Event::Spent { project, .. }),
        ) => return of(StreamKind::Project, project.0),
        _ => {}
    }
    match stream.kind() {
        Some(StreamKind::Organisation) => Owner::Organisation(OrganisationId(stream.id())),
        Some(StreamKind::Keyring) => of(StreamKind::Repository, stream.id()),
        Some(
            StreamKind::Project
            | StreamKind::Release
            | StreamKind::Repository
            | StreamKind::Delivery
            | StreamKind::CiProof,
        ) => Owner::OwnerOf(stream.clone()),
        // Of a kind that a newer version wrote, this one cannot know the owner.
        Some(StreamKind::Account | StreamKind::SigningKey) | None => Owner::Server,
    }
}

/// The owner of `recorded`.
#[must_use]
pub fn owner_of(recorded: &Recorded<Event>) -> Owner {
    owner(&recorded.stream, Some(&recorded.event))
}
