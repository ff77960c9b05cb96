//! Packages that should not have been published: hidden or marked in the present, and unchanged in the past.

use domain::{
    digest::Sha256,
    package::{FileList, Format},
    repository,
};

use super::{resigning::resigned, *};

fn yanked(bytes: &str, policy: repository::YankPolicy) -> repository::Event {
    let reason = "it deletes mail".parse().unwrap();
    repository::Event::PackageYanked { sha256: Sha256::of(bytes.as_bytes()), reason, policy }
}

fn hidden(bytes: &str) -> repository::Event {
    yanked(bytes, repository::YankPolicy::Hide)
}

fn restored(bytes: &str) -> repository::Event {
    repository::Event::PackageRestored { sha256: Sha256::of(bytes.as_bytes()) }
}

async fn has(running: &Running, point: &PointInTime, path: &str) -> bool {
    locate(running, point, path).await.is_some()
}

fn reason(running: &Running, bytes: &str) -> Option<String> {
    let reason = running.repositories.yanked(ID, &Sha256::of(bytes.as_bytes()));
    reason.map(|reason| reason.to_string())
}

const ARM_64: &str = "pool/hello_1.0_arm64.deb";

async fn release(world: &World, running: &Running) -> String {
    let release = locate(running, &PointInTime::Newest, "dists/stable/Release").await.unwrap();
    String::from_utf8(bytes(world, release).await).unwrap()
}

#[tokio::test]
async fn a_hidden_package_is_absent_from_the_next_publication_and_stays_in_the_past() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    world.add(101, deb("1.0", "amd64"));
    running.shows(world.add(102, deb("1.0", "arm64"))).await;
    let before = PointInTime::At(publish(&world, &running, 103).await.published_at);
    running.shows(world.add(200, hidden("1.0arm64"))).await;
    assert_eq!(running.repositories.due(&signers()), [ID]);
    publish(&world, &running, 201).await;
    assert!(!has(&running, &PointInTime::Newest, ARM_64).await);
    assert!(has(&running, &PointInTime::Newest, "pool/hello_1.0_amd64.deb").await);
    assert!(has(&running, &before, ARM_64).await, "the past stays as it was");
    assert_eq!(reason(&running, "1.0arm64").as_deref(), Some("it deletes mail"));
    assert_eq!(reason(&running, "1.0amd64"), None);
    assert!(release(&world, &running).await.contains("Architectures: amd64 arm64\n"), "its machines still request it");
}

#[tokio::test]
async fn a_restored_package_is_there_again_at_its_path_and_absent_between() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, deb("1.0", "arm64"))).await;
    let points = async |second, event| {
        running.shows(world.add(second, event)).await;
        PointInTime::At(publish(&world, &running, second + 1).await.published_at)
    };
    let first = PointInTime::At(publish(&world, &running, 102).await.published_at);
    let without = points(200, hidden("1.0arm64")).await;
    let again = points(300, restored("1.0arm64")).await;
    assert_eq!(reason(&running, "1.0arm64"), None);
    assert!(has(&running, &PointInTime::Newest, ARM_64).await);
    let twice = points(400, hidden("1.0arm64")).await;
    let last = world.add(500, deb("2.0", "amd64"));
    running.shows(last).await;
    publish(&world, &running, 501).await;
    let histories = async |running: &Running| {
        let mut there = Vec::new();
        for point in [&first, &without, &again, &twice, &PointInTime::Newest] {
            there.push(has(running, point, ARM_64).await);
        }
        there
    };
    assert_eq!(histories(&running).await, [true, false, true, false, false]);

    let rebuilt = world.start_at("rebuilt.db").await;
    rebuilt.shows(last).await;
    rebuilt.repositories.wait_published(ID, running.repositories.newest_point(ID).unwrap()).await;
    running.stop().await;
    rebuilt.stop().await;
    assert_eq!(dump(world.read_models()).await, dump(world.folder.path().join("rebuilt.db")).await);
    let started = world.start().await;
    assert_eq!(histories(&started).await, [true, false, true, false, false], "a restart knows every life of it");
    assert!(reason(&started, "1.0arm64").is_some());
}

#[tokio::test]
async fn a_kept_package_stays_and_is_marked_in_the_file_that_takes_its_place_too() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Rpm));
    running.shows(world.add(101, rpm("1.0", FileList::Inline(vec![])))).await;
    publish(&world, &running, 102).await;
    running.shows(world.add(200, yanked("1.0", repository::YankPolicy::Keep))).await;
    assert_eq!(running.repositories.due(&signers()), [], "the index stays as it was");
    assert!(has(&running, &PointInTime::Newest, "packages/hello-1.0-1.x86_64.rpm").await);
    assert!(reason(&running, "1.0").is_some());
    running.shows(world.add(300, resigned("1.0", "1.0", "new"))).await;
    publish(&world, &running, 301).await;
    assert!(unpacked_primary(&world, &running).await.contains("packages=\"1\""));
    assert!(reason(&running, "new").is_some() && reason(&running, "1.0").is_some());
    running.shows(world.add(400, restored("new"))).await;
    assert_eq!(reason(&running, "new"), None);
}
