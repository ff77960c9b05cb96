#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crate::testing::World;
use domain::package::FileList;

use super::*;
use crate::tests::{ID, created, deb, rpm};

fn difference(architecture: &str, from: Option<&str>, to: Option<&str>, files: [u64; 2]) -> Difference {
    let [files_added, files_removed] = files;
    let owned = |version: Option<&str>| version.map(str::to_owned);
    let (from, to) = (owned(from), owned(to));
    Difference { name: "hello".into(), architecture: architecture.into(), from, to, files_added, files_removed }
}

#[tokio::test]
async fn added_removed_and_changed_packages_are_listed_by_their_newest_versions() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    let newer_last = [("1.9", "amd64"), ("1.10", "amd64"), ("1.0", "arm64"), ("1.1~rc1", "armhf"), ("1.1", "armhf")];
    for (version, architecture) in newer_last {
        running.shows(world.add(101, deb(version, architecture))).await;
    }
    let history = running.repositories.history();
    let all = DifferenceCursor::default();
    let between = async |from, to| history.differences(ID, [Revision(from), Revision(to)], &all, 10).await.unwrap();
    let changed = difference("amd64", Some("1.9"), Some("1.10"), [1, 0]);
    let new = difference("arm64", None, Some("1.0"), [1, 0]);
    let both = difference("armhf", None, Some("1.1"), [2, 0]);
    assert_eq!(between(2, 6).await, [changed.clone(), new.clone(), both]);
    assert_eq!(
        between(4, 2).await,
        [difference("amd64", Some("1.10"), Some("1.9"), [0, 1]), difference("arm64", Some("1.0"), None, [0, 1])]
    );
    assert_eq!(between(3, 3).await, []);
    let page =
        async |after: &DifferenceCursor| history.differences(ID, [Revision(2), Revision(6)], after, 1).await.unwrap();
    assert_eq!(page(&all).await, std::slice::from_ref(&changed));
    assert_eq!(page(&changed.cursor().to_string().parse().unwrap()).await, [new]);
}

#[tokio::test]
async fn a_package_signed_again_changed_although_its_version_did_not() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Rpm));
    world.add(101, rpm("1.0", FileList::Inline(vec![])));
    running.shows(world.add(102, crate::tests::resigning::resigned("1.0", "1.0", "new"))).await;
    let history = running.repositories.history();
    let found = history.differences(ID, [Revision(2), Revision(3)], &DifferenceCursor::default(), 10).await.unwrap();
    let [one] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&one.from, one.files_added, one.files_removed), (&one.to, 1, 1));
}
