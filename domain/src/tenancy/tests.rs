use uuid::Uuid;

use super::*;
use crate::{digest::Sha256, ids::TokenId};

fn stream(kind: &str) -> StreamId {
    format!("{kind}-{}", Uuid::from_u128(1)).parse().expect("a stream")
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
    let issued =
        crate::account::Event::TokenIssued { token: TokenId(Uuid::from_u128(2)), secret_sha256: Sha256::of(b"secret") };
    assert_eq!(owner(&stream("organisation"), None), Owner::Organisation(OrganisationId(Uuid::from_u128(1))));
    assert_eq!(owner(&stream("account"), Some(&Event::Account(issued))), Owner::Server);
    assert_eq!(owner(&stream("signing-key"), None), Owner::Server);
    assert_eq!(owner(&stream("something-new"), None), Owner::Server);
}
