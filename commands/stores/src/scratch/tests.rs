use std::fs;

use super::*;

#[test]
fn folders_of_killed_commands_are_removed_and_those_in_use_stay() {
    let data = TempDir::new().expect("a folder");
    let used = Scratch::new(data.path()).expect("scratch");
    fs::write(used.path().join("file"), "used").expect("a file");
    let left = data.path().join(FOLDER).join("left");
    fs::create_dir(&left).expect("a folder");
    fs::write(left.join("secret"), "sealed").expect("a file");

    let next = Scratch::new(data.path()).expect("scratch");
    assert!(!left.exists());
    assert!(used.path().join("file").exists() && next.path().exists());
    let removed = used.path().to_owned();
    drop(used);
    assert!(!removed.exists());
    fs::create_dir(&left).expect("a folder");
    clear(data.path()).expect("cleared");
    assert!(!left.exists() && next.path().exists());
}
