#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    digest::Sha256,
    event::{Event, Subject, subjects},
    ids::{AccessKeyId, OrganisationId, RepositoryId},
    keyring,
    names::OrganisationName,
    organisation,
    package::Format,
    recorded::{Actor, Position, RawEvent},
    repository,
};
use ports::log_reader::{Filter, LogReader as _};
use uuid::Uuid;

use super::*;
use crate::{
    read_models::ReadModels,
    runner::Replay,
    testing::{World, at, dump},
};

fn key(n: u128) -> AccessKeyId {
    AccessKeyId(Uuid::from_u128(n))
}

/// An organisation with a repository, and in it so many keys, of which every second one is revoked.
fn append(world: &World, name: &str, keys: u128) -> RepositoryId {
    let organisation: OrganisationName = name.parse().unwrap();
    let created = organisation::Event::Created { name: organisation.clone() };
    world.log.append("organisation", OrganisationId::named(&organisation).0, 1, created);
    let debian = "debian".parse().unwrap();
    let id = RepositoryId::named(&organisation, &debian);
    let created = repository::Event::Created {
        organisation,
        name: debian,
        format: Format::Deb,
        origin: "o".to_owned(),
        label: "l".to_owned(),
        codename: "stable".to_owned(),
    };
    world.log.append("repository", id.0, 2, created);
    for n in 0..keys {
        let key = key(id.0.as_u128().wrapping_add(n));
        let issued = keyring::Event::AccessKeyIssued {
            key,
            name: "ci".parse().unwrap(),
            secret_sha256: Sha256::of(b"secret"),
            kind: keyring::NamedKind::Shared,
            expires_at: None,
            enrols_max: None,
        };
        let second = i64::try_from(10 + n).unwrap();
        world.log.append("keyring", id.0, second, issued);
        if n.is_multiple_of(2) {
            world.log.append("keyring", id.0, second, keyring::Event::AccessKeyRevoked { key });
        }
    }
    id
}

/// Projects what is in the log into `file`, and says what can be found there.
async fn projected(world: &World, file: &str) -> AuditIndex {
    let ReadModels { writer, readers } = ReadModels::open(world.folder.path().join(file)).await.unwrap();
    let (read, projector) = audit_index(readers);
    let mut replay = Replay::open(world.log.clone(), vec![(writer, Box::new(projector))]).await.unwrap();
    let healths = replay.run(|_| Position(1_000_000), |_| {}).await.unwrap();
    assert_eq!(healths[0].stopped, None);
    read
}

async fn find(read: &AuditIndex, wanted: &Wanted) -> Vec<Position> {
    read.positions(wanted, Page { after: None, newest_first: false, limit: usize::MAX }).await.unwrap()
}

async fn positions(world: &World, fits: impl Fn(&Event, &str) -> bool) -> Vec<Position> {
    let all = world.log.read_all(Position(0), &Filter::all(), u32::MAX).await.unwrap().events;
    let fits =
        all.iter().filter(|e| domain::event::decode(&e.event).is_ok_and(|event| fits(&event, e.stream.as_str())));
    fits.map(|event| event.position).collect()
}

#[tokio::test]
async fn what_is_found_is_what_a_search_through_the_whole_log_finds() {
    let world = World::new();
    let (acme, other) = (append(&world, "acme", 400), append(&world, "other", 300));
    let read = projected(&world, "history.db").await;
    let all = Wanted::default();
    assert_eq!(find(&read, &all).await, positions(&world, |_, _| true).await);

    let about_key = key(acme.0.as_u128() + 4);
    for subject in [Subject::Key(about_key), Subject::Repository(other)] {
        let wanted = Wanted { subject: Some(subject.clone()), ..all.clone() };
        let speaks = |event: &Event, stream: &str| subjects(&stream.parse().unwrap(), Some(event)).contains(&subject);
        assert_eq!(find(&read, &wanted).await, positions(&world, speaks).await, "{subject}");
    }
    let names = vec!["keyring.access_key_revoked".to_owned()];
    let wanted = Wanted { names: names.clone(), ..all.clone() };
    assert_eq!(find(&read, &wanted).await, positions(&world, |event, _| event.name() == names[0]).await);
    let organisation = OrganisationId::named(&"other".parse().unwrap());
    let wanted = Wanted { organisation: Some(organisation), names: names.clone(), ..all.clone() };
    let of_other = format!("keyring-{other}");
    let revoked = positions(&world, |event, stream| event.name() == names[0] && stream == of_other).await;
    assert_eq!(find(&read, &wanted).await, revoked);
    assert_eq!(read.tally(&wanted).await.unwrap().events, 150);
    let no_events = Wanted { actors: vec![Actor::GithubWebhook], ..all.clone() };
    assert_eq!(find(&read, &no_events).await, []);
    assert_eq!(read.tally(&no_events).await.unwrap(), Tally::default());
    let here = Wanted { actors: vec![Actor::GithubWebhook, Actor::CommandLine], ..all };
    assert_eq!(read.tally(&here).await.unwrap().events, 2 + 600 + 2 + 450);
}

#[tokio::test]
async fn pages_in_both_directions_are_the_whole_list_and_times_are_half_open() {
    let world = World::new();
    let repository = append(&world, "acme", 500);
    let read = projected(&world, "history.db").await;
    for subject in [None, Some(Subject::Repository(repository))] {
        let wanted = Wanted { subject, ..Wanted::default() };
        let mut expected = find(&read, &wanted).await;
        for newest_first in [false, true] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let some = read.positions(&wanted, Page { after, newest_first, limit: 37 }).await.unwrap();
                found.extend_from_slice(&some);
                after = some.last().copied();
                if some.len() < 37 {
                    break;
                }
            }
            assert_eq!(found, expected, "newest first: {newest_first}");
            expected.reverse();
        }
    }
    let recorded = |second: i64| -> DateTime<Utc> { at(second) + TimeDelta::milliseconds(250) };
    let span = Wanted { from: Some(recorded(20)), until: Some(recorded(22)), ..Wanted::default() };
    // Key 10 with its end, and key 11.
    assert_eq!(find(&read, &span).await.len(), 3);
}

#[tokio::test]
async fn rows_are_the_same_whether_the_log_came_at_once_or_bit_by_bit() {
    let world = World::new();
    for (name, keys) in [("a1", 3), ("b2", 200), ("c3", 90), ("d4", 1)] {
        append(&world, name, keys);
        let newer = RawEvent { name: "keyring.sung".into(), schema_version: 7, payload: "{}".into() };
        let id = RepositoryId::named(&name.parse().unwrap(), &"debian".parse().unwrap());
        world.log.append_raw("keyring", id.0, 5, newer);
        drop(projected(&world, "parts.db").await);
    }
    drop(projected(&world, "whole.db").await);
    let (parts, whole) = (world.folder.path().join("parts.db"), world.folder.path().join("whole.db"));
    assert_eq!(dump(parts).await, dump(whole).await);
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_its_streams_and_its_organisations() {
    let world = World::new();
    let repository = append(&world, "acme", 1);
    drop(projected(&world, "history.db").await);
    let newer = RawEvent { name: "keyring.sung".into(), schema_version: 7, payload: "{}".into() };
    let position = world.log.append_raw("keyring", repository.0, 9, newer);
    // The projector starts again without any stream's owner in memory.
    let read = projected(&world, "history.db").await;
    let wanted = Wanted {
        subject: Some(Subject::Repository(repository)),
        organisation: Some(OrganisationId::named(&"acme".parse().unwrap())),
        ..Wanted::default()
    };
    assert_eq!(find(&read, &wanted).await.last(), Some(&position));
}
