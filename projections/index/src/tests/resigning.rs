//! What changes when keys change: publications and rpms are signed again with another key.

use domain::{
    digest::Sha256,
    package::{FileList, Format},
    repository::{self, CoSigner, IndexFile, PointInTime, SignedIndex, Stated, Stored},
};

use super::*;

pub(crate) fn resigned(version: &str, was: &str, now: &str) -> repository::Event {
    let repository::Event::PackageAdded { mut package, .. } = rpm(version, FileList::Inline(vec![])) else { panic!() };
    package.sha256 = Sha256::of(now.as_bytes());
    let replaces = Sha256::of(was.as_bytes());
    repository::Event::PackageResigned { replaces, package, key_fingerprint: "CD".into() }
}

fn old_path(version: &str) -> String {
    format!("packages/hello-{version}-1.x86_64.rpm")
}

fn new_path(version: &str, bytes: &str) -> String {
    format!("packages/{}/hello-{version}-1.x86_64.rpm", Sha256::of(bytes.as_bytes()))
}

async fn has(running: &Running, point: &PointInTime, path: &str) -> bool {
    locate(running, point, path).await.is_some()
}

#[tokio::test]
async fn a_published_state_is_due_again_when_other_keys_are_to_sign_it() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, deb("1.0", "amd64"))).await;
    publish(&world, &running, 102).await;
    let due = |keys: &[&str]| running.repositories.due(&keys.iter().map(|key| (*key).into()).collect());
    assert_eq!(due(&["AB"]), []);
    assert_eq!(due(&["AB", "CD"]), [ID]);
    assert_eq!(due(&["CD"]), [ID]);

    let candidate = running.repositories.candidate(ID, at(500), Stated::default()).await.unwrap();
    assert_eq!((candidate.covers, candidate.published_at), (Revision(2), at(500)), "signed again when keys changed");
    let mut index = sign(&candidate, &world).await;
    index.co_signers = vec![CoSigner { key_fingerprint: "CD".into(), epoch: 2, signature: None }];
    running.shows(world.add(501, repository::Event::IndexSigned(index))).await;
    assert_eq!((due(&["AB"]), due(&["AB", "CD"])), (vec![ID], vec![]));
    assert_eq!(running.repositories.newest_point(ID), Some(at(500)));
    running.repositories.wait_published(ID, at(500)).await;
}

#[tokio::test]
async fn a_publication_signed_again_is_a_second_later_even_if_the_keys_changed_before() {
    let world = World::new();
    let running = world.start().await;
    running.shows(world.add(100, created(Format::Deb))).await;
    publish(&world, &running, 100).await;
    assert_eq!(running.repositories.candidate(ID, at(50), Stated::default()).await.unwrap().published_at, at(101));
    running.shows(world.add(200, deb("1.0", "amd64"))).await;
    let candidate = running.repositories.candidate(ID, at(150), Stated::default()).await.unwrap();
    assert_eq!(candidate.published_at, at(200), "new content has its own time");
}

#[tokio::test]
async fn each_keys_own_signature_is_at_its_own_path() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Rpm));
    running.shows(world.add(101, rpm("1.0", FileList::Inline(vec![])))).await;
    let candidate = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    let (path, text) = ("key/2/repodata/repomd.xml.asc", b"signed by CD");
    world.blobs.put(text.to_vec().into()).await.unwrap();
    let signature =
        IndexFile { path: path.into(), sha256: Sha256::of(text), size_bytes: text.len() as u64, stored: Stored::Blob };
    let co_signers = vec![CoSigner { key_fingerprint: "CD".into(), epoch: 2, signature: Some(signature) }];
    let index = SignedIndex { co_signers, ..sign(&candidate, &world).await };
    running.shows(world.add(102, repository::Event::IndexSigned(index))).await;
    let located = locate(&running, &PointInTime::Newest, path).await.unwrap();
    assert_eq!(bytes(&world, located).await, text);
    assert!(!has(&running, &PointInTime::Newest, "key/3/repodata/repomd.xml.asc").await);
}

#[tokio::test]
async fn a_package_signed_again_is_in_the_present_and_its_old_file_in_the_past() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Rpm));
    world.add(101, rpm("1.0", FileList::Inline(vec![])));
    running.shows(world.add(102, rpm("2.0", FileList::Inline(vec![])))).await;
    let before = publish(&world, &running, 103).await.published_at;
    running.shows(world.add(200, resigned("1.0", "1.0", "new"))).await;
    assert_eq!(running.repositories.due(&signers()), [ID]);
    assert!(has(&running, &PointInTime::Newest, &old_path("1.0")).await, "until the new state is published");
    assert!(!has(&running, &PointInTime::Newest, &new_path("1.0", "new")).await);

    publish(&world, &running, 201).await;
    let primary = unpacked_primary(&world, &running).await;
    assert!(primary.contains("packages=\"2\""), "{primary}");
    assert!(primary.contains(&new_path("1.0", "new")) && !primary.contains(&old_path("1.0")), "{primary}");
    assert!(primary.contains(&old_path("2.0")));
    assert!(
        !has(&running, &PointInTime::Newest, &old_path("1.0")).await,
        "nothing present is signed by the stolen key"
    );
    assert!(has(&running, &PointInTime::Newest, &new_path("1.0", "new")).await);
    assert!(has(&running, &PointInTime::At(before), &old_path("1.0")).await, "the past stays as it was");
    assert!(!has(&running, &PointInTime::At(before), &new_path("1.0", "new")).await);
}

#[tokio::test]
async fn a_signature_that_comes_after_a_package_was_signed_again_promotes_the_state_before() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Rpm));
    running.shows(world.add(101, rpm("1.0", FileList::Inline(vec![])))).await;
    let candidate = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    world.add(102, resigned("1.0", "1.0", "new"));
    running.shows(world.add(103, rpm("2.0", FileList::Inline(vec![])))).await;
    // The renderer is filled for the newest era here, and needed for the one before by the late signature.
    running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    let index = sign(&candidate, &world).await;
    running.shows(world.add(104, repository::Event::IndexSigned(index))).await;
    assert!(has(&running, &PointInTime::Newest, &old_path("1.0")).await);
    publish(&world, &running, 105).await;
    assert!(!has(&running, &PointInTime::Newest, &old_path("1.0")).await);
    assert!(has(&running, &PointInTime::Newest, &old_path("2.0")).await);
}

#[tokio::test]
async fn a_rebuild_renders_every_era_as_it_was_signed() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Rpm));
    running.shows(world.add(101, rpm("1.0", FileList::Inline(vec![])))).await;
    publish(&world, &running, 102).await;
    running.shows(world.add(103, rpm("2.0", FileList::Inline(vec![])))).await;
    publish(&world, &running, 104).await;
    for (second, version, was, now) in [(200, "1.0", "1.0", "a"), (210, "2.0", "2.0", "b"), (220, "1.0", "a", "c")] {
        running.shows(world.add(second, resigned(version, was, now))).await;
        publish(&world, &running, second + 1).await;
    }
    let last = world.add(300, rpm("3.0", FileList::Inline(vec![])));
    running.shows(last).await;
    publish(&world, &running, 301).await;
    let primary = unpacked_primary(&world, &running).await;
    assert!(primary.contains("packages=\"3\"") && primary.contains(&new_path("1.0", "c")), "{primary}");

    let rebuilt = world.start_at("rebuilt.db").await;
    rebuilt.shows(last).await;
    rebuilt.repositories.wait_published(ID, running.repositories.newest_point(ID).unwrap()).await;
    running.stop().await;
    rebuilt.stop().await;
    assert_eq!(dump(world.read_models()).await, dump(world.folder.path().join("rebuilt.db")).await);
    let again = world.start().await;
    assert!(!has(&again, &PointInTime::Newest, &new_path("1.0", "a")).await, "a restart knows what was replaced");
    assert!(has(&again, &PointInTime::Newest, &new_path("1.0", "c")).await);
}

#[tokio::test]
async fn a_replacement_of_what_is_not_there_stops_the_projector() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Rpm));
    let position = world.add(101, resigned("1.0", "1.0", "new"));
    let Err(projections::runner::WaitError::Stopped { why, .. }) = running.progress.wait_for(position).await else {
        panic!("went on")
    };
    assert!(why.contains("to replace"), "{why}");
}
