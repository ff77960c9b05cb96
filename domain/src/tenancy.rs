//! Which organisation an event belongs to: tenants see only their own events.

use crate::{
    ci_proof, delivery,
    event::Event,
    ids::OrganisationId,
    project,
    recorded::{Recorded, StreamId},
    release, repository,
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

/// The owner of an event of `stream`; `event` is none if a newer version wrote it.
#[must_use]
pub fn owner(stream: &StreamId, event: Option<&Event>) -> Owner {
    let of = |kind: &str, id| Owner::OwnerOf(StreamId::new(kind, id));
    match event {
        Some(
            Event::Project(project::Event::Added { organisation, .. })
            | Event::Release(release::Event::Received { organisation, .. })
            | Event::Repository(repository::Event::Created { organisation, .. }),
        ) => return Owner::Organisation(OrganisationId::named(organisation)),
        Some(
            Event::Delivery(delivery::Event::Received { project, .. })
            | Event::CiProof(ci_proof::Event::Spent { project, .. }),
        ) => return of("project", project.0),
        _ => {}
    }
    match stream.kind() {
        "organisation" => Owner::Organisation(OrganisationId(stream.id())),
        // A keyring has its repository's id.
        "keyring" => of("repository", stream.id()),
        "project" | "release" | "repository" | "delivery" | "ci-proof" => Owner::OwnerOf(stream.clone()),
        _ => Owner::Server,
    }
}

/// The owner of `recorded`.
#[must_use]
pub fn owner_of(recorded: &Recorded<Event>) -> Owner {
    owner(&recorded.stream, Some(&recorded.event))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{digest::Sha256, ids::TokenId};

    fn stream(kind: &str) -> StreamId {
        StreamId::new(kind, Uuid::from_u128(1))
    }

    #[test]
    fn the_first_event_of_a_stream_decides_its_owner() {
        let acme: crate::names::OrganisationName = "acme".parse().expect("a name");
        let created = Event::Repository(repository::Event::Created {
            organisation: acme.clone(),
            name: "debian".parse().expect("a name"),
            format: crate::package::Format::Deb,
            origin: "o".to_owned(),
            label: "l".to_owned(),
            codename: "stable".to_owned(),
        });
        let acme = Owner::Organisation(OrganisationId::named(&acme));
        assert_eq!(owner(&stream("repository"), Some(&created)), acme);
        assert_eq!(owner(&stream("repository"), None), Owner::OwnerOf(stream("repository")));
    }

    #[test]
    fn a_keyring_belongs_to_the_owner_of_the_repository() {
        assert_eq!(owner(&stream("keyring"), None), Owner::OwnerOf(stream("repository")));
    }

    #[test]
    fn an_organisations_stream_is_its_own_and_accounts_are_the_servers() {
        let issued = crate::account::Event::TokenIssued {
            token: TokenId(Uuid::from_u128(2)),
            secret_sha256: Sha256::of(b"secret"),
        };
        assert_eq!(owner(&stream("organisation"), None), Owner::Organisation(OrganisationId(Uuid::from_u128(1))));
        assert_eq!(owner(&stream("account"), Some(&Event::Account(issued))), Owner::Server);
        assert_eq!(owner(&stream("signing-key"), None), Owner::Server);
        assert_eq!(owner(&stream("something-new"), None), Owner::Server);
    }
}
