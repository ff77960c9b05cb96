//! Points in time: dates, positions, snapshots, and releases by their tags.

use super::*;

#[tokio::test]
async fn a_point_serves_the_repository_as_it_was_then() {
    let world = World::new();
    let running = world.start().await;
    running.shows(world.add(100, created(Format::Rpm))).await;
    let first = publish(&world, &running, 100).await;
    running.shows(world.add(200, rpm("1.0", FileList::Inline(vec![])))).await;
    let second = publish(&world, &running, 200).await;
    let repomd = async |point: PointInTime| locate(&running, &point, yum::repomd::PATH).await;
    let found = repomd(PointInTime::At(at(150))).await.unwrap();
    assert_eq!((found.sha256, found.immutable, found.last_modified), (first.signed.sha256, true, at(100)));
    assert_eq!(repomd(PointInTime::At(at(100))).await.unwrap().sha256, first.signed.sha256);
    let newest = repomd(PointInTime::At(at(200))).await.unwrap();
    assert_eq!((newest.sha256, newest.immutable), (second.signed.sha256, true));
    assert!(!repomd(PointInTime::At(at(300))).await.unwrap().immutable, "a later publication may come");
    assert!(!repomd(PointInTime::Newest).await.unwrap().immutable);
    assert_eq!(repomd(PointInTime::At(at(99))).await, None);
    let package = "packages/hello-1.0-1.x86_64.rpm";
    assert_eq!(locate(&running, &PointInTime::At(at(150)), package).await, None);
    assert!(locate(&running, &PointInTime::At(at(200)), package).await.is_some());
}

#[tokio::test]
async fn a_position_is_what_clients_saw_when_the_log_had_come_to_it() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Rpm));
    let added = world.add(101, rpm("1.0", FileList::Inline(vec![])));
    running.shows(added).await;
    publish(&world, &running, 102).await;
    let history = running.repositories.history();
    let published = async |position| history.publication(ID, &PointInTime::Position(Position(position))).await;
    let first = history.publication(ID, &PointInTime::Newest).await.unwrap().unwrap();
    assert_eq!(published(added.0).await.unwrap(), None, "it was added then, and not published");
    assert_eq!(published(first.position.0).await.unwrap(), Some(Published { is_settled: true, ..first }));
    assert!(!published(first.position.0 + 1).await.unwrap().unwrap().is_settled, "the log may come to that");
    running.shows(world.add(200, rpm("2.0", FileList::Inline(vec![])))).await;
    let second = publish(&world, &running, 201).await;
    let before = PointInTime::Position(Position(first.position.0 + 1));
    assert!(locate(&running, &before, yum::repomd::PATH).await.unwrap().immutable);
    assert_eq!(locate(&running, &before, "packages/hello-2.0-1.x86_64.rpm").await, None);
    let newest = PointInTime::Position(Position(u64::MAX));
    assert_eq!(running.repositories.published_at(ID, &newest).await.unwrap(), Some(second.published_at));
    let all = history.publications(ID, None, 10).await.unwrap();
    assert_eq!(all.iter().map(|one| one.covers).collect::<Vec<_>>(), [Revision(4), Revision(2)]);
    let older = history.publications(ID, Some(all[0].published_at), 1).await.unwrap();
    assert_eq!(older, [all[1]]);
}

#[tokio::test]
async fn a_snapshot_is_its_publication_until_it_is_removed() {
    let world = World::new();
    let running = world.start().await;
    running.shows(world.add(100, created(Format::Rpm))).await;
    let first = publish(&world, &running, 100).await;
    running.shows(world.add(101, rpm("1.0", FileList::Inline(vec![])))).await;
    publish(&world, &running, 102).await;
    let name: SnapshotName = "before-1.0".parse().unwrap();
    let taken = repository::Event::SnapshotTaken { name: name.clone(), published_at: first.published_at };
    running.shows(world.add(103, taken)).await;
    assert_eq!(running.repositories.due(&signers()), [], "a name changes nothing that clients see");
    let (history, point) = (running.repositories.history(), PointInTime::Snapshot(name.clone()));
    let found = locate(&running, &point, yum::repomd::PATH).await.unwrap();
    assert_eq!((found.sha256, found.immutable), (first.signed.sha256, true));
    let snapshots = history.snapshots(ID, None, 10).await.unwrap();
    assert_eq!(snapshots.iter().map(|one| (&one.name, one.published_at)).collect::<Vec<_>>(), [(&name, at(100))]);
    assert_eq!(history.snapshots(ID, Some(&name), 10).await.unwrap(), []);
    assert_eq!(history.names_of(ID, at(100)).await.unwrap(), std::slice::from_ref(&name));
    running.shows(world.add(104, repository::Event::SnapshotRemoved { name })).await;
    assert_eq!(locate(&running, &point, yum::repomd::PATH).await, None);
    assert_eq!(history.snapshots(ID, None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_release_is_the_first_publication_with_all_that_it_put_there() {
    let world = World::new();
    let running = world.start().await;
    let of_release = |version: &str| {
        let repository::Event::PackageAdded { package, key_fingerprint, .. } = deb(version, "amd64") else { panic!() };
        repository::Event::PackageAdded { package, release: Some(RELEASE), key_fingerprint }
    };
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, of_release("1.0"))).await;
    publish(&world, &running, 102).await;
    running.shows(world.add(103, of_release("1.1"))).await;
    let both = publish(&world, &running, 104).await;
    running.shows(world.add(105, deb("2.0", "amd64"))).await;
    publish(&world, &running, 106).await;
    let point = PointInTime::Release(RELEASE);
    let release = locate(&running, &point, "dists/stable/Release").await.unwrap();
    assert_eq!(release.sha256, both.signed.sha256);
    assert!(locate(&running, &point, "pool/hello_1.1_amd64.deb").await.is_some());
    assert_eq!(locate(&running, &point, "pool/hello_2.0_amd64.deb").await, None);
    let stranger = PointInTime::Release(ReleaseId(REPOSITORY));
    assert_eq!(locate(&running, &stranger, "dists/stable/Release").await, None);
}

/// A deb that the release numbered `release` built.
fn deb_of(release: u128, version: &str) -> repository::Event {
    let repository::Event::PackageAdded { package, key_fingerprint, .. } = deb(version, "amd64") else { panic!() };
    let release = Some(ReleaseId(Uuid::from_u128(release)));
    repository::Event::PackageAdded { package, release, key_fingerprint }
}

impl World {
    fn receive(&self, release: u128, organisation: &str, project: &str, tag: &str) -> Position {
        let organisation = organisation.parse().unwrap();
        let received = domain::release::Event::Received {
            project: domain::ids::ProjectId::named(&organisation, &project.parse().unwrap()),
            organisation,
            tag: tag.parse().unwrap(),
            version: "1.0".parse().unwrap(),
        };
        self.log.append("release", Uuid::from_u128(release), 100, received)
    }
}

#[tokio::test]
async fn a_tag_is_the_newest_release_of_it_of_which_something_is_published() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    running.shows(world.receive(9, "acme", "hello", "release/1.0")).await;
    let point: PointInTime = "hello@release/1.0".parse().unwrap();
    let history = running.repositories.history();
    let found = async || history.publication(ID, &point).await.unwrap().map(|published| published.published_at);
    assert_eq!(found().await, None, "it has put nothing there");
    running.shows(world.add(101, deb_of(9, "1.0"))).await;
    assert_eq!(found().await, None, "it is not published");
    let failed = publish(&world, &running, 102).await;
    assert_eq!(found().await, Some(failed.published_at));
    // It failed with its next package, so the tag was released again.
    running.shows(world.receive(8, "acme", "hello", "release/1.0")).await;
    assert_eq!(found().await, Some(failed.published_at), "the second has put nothing there");
    running.shows(world.add(103, deb_of(8, "1.1"))).await;
    assert_eq!(found().await, Some(failed.published_at), "nor is it published");
    let again = publish(&world, &running, 104).await;
    running.shows(world.add(105, deb("2.0", "amd64"))).await;
    publish(&world, &running, 106).await;
    assert_eq!(found().await, Some(again.published_at));
    let release = locate(&running, &point, "dists/stable/Release").await.unwrap();
    assert_eq!((release.sha256, release.immutable), (again.signed.sha256, false), "it may be released again");
    assert_eq!(locate(&running, &point, "pool/hello_2.0_amd64.deb").await, None);
}

#[tokio::test]
async fn a_tag_is_of_a_project_of_the_repositorys_organisation_and_what_is_unknown_is_named() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    world.receive(1, "acme", "hello", "v1");
    world.receive(2, "acme", "world", "v1");
    world.receive(3, "other", "secret", "v1");
    world.receive(4, "acme", "hello", "v2");
    for (second, release) in [(101, 1), (103, 2), (105, 3)] {
        running.shows(world.add(second, deb_of(release, &format!("1.{release}")))).await;
        publish(&world, &running, second + 1).await;
    }
    let history = running.repositories.history();
    let meant = async |text: &str| history.meant(ID, &text.parse().unwrap()).await;
    assert_eq!(meant("hello@v1").await.unwrap().published_at, at(101));
    assert_eq!(meant("world@v1").await.unwrap().published_at, at(103));
    for (text, why) in [
        ("secret@v1", "acme has no project secret with a release"),
        ("hello@v3", "the project hello has no release of the tag v3"),
        ("hello@v2", "nothing of a release of that tag of that project is published in it"),
        ("golden", "none of its publications has that name"),
        ("1", "nothing was published in it by then"),
        ("00000000-0000-0000-0000-000000000005", "nothing of that release is published in it"),
    ] {
        let error = meant(text).await.unwrap_err().to_string();
        assert_eq!(error, format!("the repository has no version for the point in time {text}: {why}"));
    }
}
