//! An index must be what its packages render to: what was signed is rendered again and compared.

use super::*;

#[tokio::test]
async fn an_index_that_is_not_what_the_packages_render_to_stops_the_projector_and_no_other() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, deb("1.0", "amd64"))).await;
    let mut candidate = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    candidate.text = candidate.text.replace("Origin: acme", "Origin: evil");
    let index = sign(&candidate, &world).await;
    let position = world.add(102, repository::Event::IndexSigned(index));

    let Err(WaitError::Stopped { name, why }) = running.progress.wait_for(position).await else { panic!("went on") };
    assert_eq!(name, "repositories");
    assert!(why.contains("repository.index_signed at position 7"), "{why}");
    assert!(why.contains("line 1 was signed as \"Origin: evil\""), "{why}");
    assert!(!running.progress.health().is_good());
    assert_eq!(running.repositories.covers(ID), None, "nothing was promoted");
    running.progress.wait_for_projector("credentials", position).await.unwrap();
}

#[tokio::test]
async fn an_index_of_another_renderer_is_taken_as_it_was_recorded() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, deb("1.0", "amd64"))).await;
    let mut candidate = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    assert_eq!(candidate.renderer, RENDERER);
    candidate.renderer += 1;
    candidate.text = candidate.text.replace("Origin: acme", "Origin: Acme Inc.");
    candidate.files[0].sha256 = Sha256::of(b"rendered in another way");
    let index = sign(&candidate, &world).await;
    running.shows(world.add(102, repository::Event::IndexSigned(index))).await;
    let release = locate(&running, &PointInTime::Newest, "dists/stable/Release").await.unwrap();
    assert_eq!(bytes(&world, release).await, candidate.text.as_bytes());
    running.shows(world.add(103, deb("2.0", "amd64"))).await;
    assert_eq!(publish(&world, &running, 104).await.covers, Revision(4), "the next one is rendered here");
}

#[tokio::test]
async fn the_first_byte_of_a_list_that_is_rendered_in_another_way_is_named() {
    for (format, list, at_byte) in [
        (Format::Deb, "dists/stable/main/binary-amd64/Packages", "14, in line 1, signed as \"Package: hello\""),
        (Format::Rpm, "-primary.xml", "in line 4, signed as"),
    ] {
        let package = |version| match format {
            Format::Deb => deb(version, "amd64"),
            Format::Rpm => rpm(version, FileList::Inline(vec![])),
        };
        let world = World::new();
        let running = world.start().await;
        world.add(100, created(format));
        running.shows(world.add(101, package("1.0"))).await;
        let candidate = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
        let index = sign(&candidate, &world).await;
        // Another log says that another package was there.
        let mut other = World::new();
        other.blobs = world.blobs.clone();
        other.add(100, created(format));
        other.add(101, renamed(package("1.0")));
        let position = other.add(102, repository::Event::IndexSigned(index));
        let running = other.start().await;
        let Err(WaitError::Stopped { why, .. }) = running.progress.wait_for(position).await else { panic!("went on") };
        assert!(why.contains(&format!("{list} that differs is")) && why.contains(at_byte), "{why}");
    }
}

/// The same package by a longer name, in the same file.
fn renamed(mut event: repository::Event) -> repository::Event {
    let repository::Event::PackageAdded { package, .. } = &mut event else { panic!("a package") };
    match &mut package.facts {
        Facts::Deb(deb) => deb.control = deb.control.replace("hello", "hello-you"),
        Facts::Rpm(rpm) => rpm.name.push_str("-you"),
    }
    event
}

#[tokio::test]
async fn a_list_that_differs_is_named() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, deb("1.0", "amd64"))).await;
    let candidate = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    let mut index = sign(&candidate, &world).await;
    index.files[0].sha256 = Sha256::of(b"something else");
    let position = world.add(102, repository::Event::IndexSigned(index));
    let Err(WaitError::Stopped { why, .. }) = running.progress.wait_for(position).await else { panic!("went on") };
    assert!(why.contains("dists/stable/main/binary-amd64/Packages is recorded with"), "{why}");
}
