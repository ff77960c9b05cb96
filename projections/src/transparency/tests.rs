#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::Path;

use domain::{
    canonical,
    event::Event,
    ids::{OrganisationId, ProjectId, ReleaseId},
    merkle::{Accumulator, leaf_hash, proves_consistency, proves_inclusion},
    organisation, project,
    recorded::{Position, RawEvent, Recorded},
    release,
};
use ports::log_reader::{Filter, LogReader as _};
use uuid::Uuid;

use super::*;
use crate::{
    read_models::ReadModels,
    runner::Replay,
    testing::{World, dump},
};

fn organisation(name: &str) -> (OrganisationId, Event) {
    let name = name.parse().unwrap();
    (OrganisationId::named(&name), organisation::Event::Created { name }.into())
}

/// Adds an organisation with a project, and `releases` of it that only begin.
fn append(world: &World, name: &str, releases: u128) {
    let (id, created) = organisation(name);
    world.log.append("organisation", id.0, 1, created);
    let project = ProjectId::named(&name.parse().unwrap(), &"web".parse().unwrap());
    let added = project::Event::Added {
        organisation: name.parse().unwrap(),
        name: "web".parse().unwrap(),
        source: "https://example.org/web.git".to_owned(),
        trigger: project::Trigger::ApiEndpoint,
    };
    world.log.append("project", project.0, 2, added);
    for n in 0..releases {
        let release = ReleaseId(Uuid::from_u128(project.0.as_u128().wrapping_add(n)));
        let received = release::Event::Received {
            organisation: name.parse().unwrap(),
            project,
            tag: "v1".parse().unwrap(),
            version: "1".parse().unwrap(),
        };
        world.log.append("release", release.0, 3, received);
        world.log.append("release", release.0, 4, release::Event::Cancelled);
    }
}

/// Projects what is in the log into the file at `path`, `at_once` events a transaction or more.
async fn projected(world: &World, path: &Path) -> Transparency {
    let ReadModels { writer, readers } = ReadModels::open(path).await.unwrap();
    let (read, projector) = transparency(readers);
    let mut replay = Replay::open(world.log.clone(), vec![(writer, Box::new(projector))]).await.unwrap();
    let healths = replay.run(|_| Position(1_000_000), |_| {}).await.unwrap();
    assert_eq!(healths[0].stopped, None);
    read
}

async fn events(world: &World) -> Vec<Recorded<RawEvent>> {
    world.log.read_all(Position(0), &Filter::all(), u32::MAX).await.unwrap().events
}

fn tree<'a>(events: impl IntoIterator<Item = &'a Recorded<RawEvent>>) -> LogState {
    let mut tree = Accumulator::default();
    for event in events {
        tree.push(leaf_hash(canonical::line(event).as_bytes()));
    }
    LogState { size: tree.size(), root: tree.root() }
}

#[tokio::test]
async fn a_log_is_the_tree_over_its_events_and_tenants_have_their_own() {
    let world = World::new();
    append(&world, "acme", 3);
    append(&world, "other", 2);
    let newer = RawEvent { name: "release.teleported".into(), schema_version: 7, payload: "{}".into() };
    world.log.append_raw("account", Uuid::from_u128(9), 5, newer.clone());
    let acme = OrganisationId::named(&"acme".parse().unwrap());
    world.log.append_raw("organisation", acme.0, 6, newer);

    let read = projected(&world, &world.folder.path().join("logs.db")).await;
    let all = events(&world).await;
    assert_eq!(read.state(LogName::Server), Some(tree(&all)));
    // An organisation, a project, three releases of two events each, and what a newer version wrote.
    let of_acme = all.iter().take(8).chain(all.last());
    assert_eq!(read.state(LogName::Organisation(acme)), Some(tree(of_acme)));
    let other = LogName::Organisation(OrganisationId::named(&"other".parse().unwrap()));
    assert_eq!(read.state(other), Some(tree(&all[8..14])));
    assert_eq!(read.inclusion(other, all[0].event_id, None).await.unwrap(), None, "it is another's");
    assert_eq!(read.state(LogName::Organisation(OrganisationId(Uuid::nil()))), None);
}

#[tokio::test]
async fn a_log_continues_after_a_restart_and_every_proof_is_valid() {
    let world = World::new();
    let file = world.folder.path().join("logs.db");
    let mut sizes = Vec::new();
    for name in ["a1", "b2", "c3"] {
        append(&world, name, 130);
        let read = projected(&world, &file).await;
        sizes.push(read.state(LogName::Server).unwrap());
    }
    let again = projected(&world, &world.folder.path().join("again.db")).await;
    let all = events(&world).await;
    let newest = tree(&all);
    assert_eq!(again.state(LogName::Server), Some(newest));
    assert_eq!(sizes[2], newest);
    let (one, other) = (dump(file).await, dump(world.folder.path().join("again.db")).await);
    assert_eq!(one, other, "rebuilt at once or in three parts");

    for (entry, event) in (0..).zip(&all) {
        let proof = again.inclusion(LogName::Server, event.event_id, None).await.unwrap().unwrap();
        assert_eq!((proof.entry, proof.size, proof.root), (entry, newest.size, newest.root));
        let leaf = leaf_hash(canonical::line(event).as_bytes());
        assert!(proves_inclusion(leaf, entry, newest.size, &proof.path, &newest.root));
    }
    let beyond = again.inclusion(LogName::Server, all[0].event_id, Some(newest.size + 1)).await.unwrap();
    assert_eq!(beyond, None, "the log never had so many entries");
    for old in &sizes {
        let proof = again.consistency(LogName::Server, old.size, newest.size).await.unwrap().unwrap();
        assert!(proves_consistency((old.size, old.root), (newest.size, newest.root), &proof));
        assert_eq!(again.root_at(LogName::Server, old.size).await.unwrap(), Some(old.root));
    }
    assert_eq!(again.consistency(LogName::Server, 1, newest.size + 1).await.unwrap(), None);
    let positions = again.entries(LogName::Server, 1).await.unwrap().unwrap();
    assert_eq!(positions.first(), all.get(256).map(|event| &event.position));
}
