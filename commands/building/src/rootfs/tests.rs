use super::*;

#[tokio::test]
async fn only_known_distributions_are_made_and_never_over_another() {
    let folder = TempDir::new().expect("a temporary folder");
    let unknown = create("../etc", folder.path(), None, |_| ()).await.expect_err("no recipe");
    assert!(unknown.to_string().contains("debian12"), "{unknown}");
    fs::create_dir(folder.path().join("debian12")).expect("a folder");
    let exists = create("debian12", folder.path(), None, |_| ()).await.expect_err("it is there");
    assert!(matches!(exists, RootfsError::Exists { .. }));
}

#[tokio::test]
async fn nothing_is_left_of_one_that_failed() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut said = Vec::new();
    let nowhere = Some("http://127.0.0.1:9/debian");
    let failed = create("debian12", folder.path(), nowhere, |line| said.push(line.to_owned())).await;
    assert!(matches!(failed, Err(RootfsError::Failed { .. })), "{failed:?}");
    assert!(!said.is_empty(), "its progress is passed through");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
}
