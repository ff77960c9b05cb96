use super::*;

#[tokio::test]
async fn a_folder_is_empty_when_it_is_made_again_and_gone_when_it_is_dropped() {
    let jobs = tempfile::tempdir().expect("a folder");
    let release = ReleaseId(Uuid::from_u128(1));
    let path = jobs.path().join(release.to_string());
    fs::create_dir_all(path.join("left over")).expect("a folder");
    let job = JobFolder::create(jobs.path(), release).await.expect("made");
    assert_eq!(fs::read_dir(&path).expect("a folder").count(), 0);
    drop(job);
    assert!(!path.exists(), "the next attempt may begin at once");
    JobFolder::create(jobs.path(), release).await.expect("made again");
}
