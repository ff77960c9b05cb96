use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

#[test]
fn no_link_is_followed_and_no_parent_is_climbed_to() {
    let folder = TempDir::new().expect("a temporary folder");
    let root = folder.path();
    fs::create_dir_all(root.join("a/b")).expect("folders");
    fs::write(root.join("a/b/c"), "").expect("a file");
    symlink("/etc", root.join("a/out")).expect("a link");

    assert_eq!(locate(root, "/a/b/c").expect("it is there"), root.join("a/b/c"));
    assert_eq!(locate(root, "./").expect("it is there"), root);
    assert_eq!(locate(root, "a/out").expect("a link itself may be named"), root.join("a/out"));
    assert!(matches!(locate(root, "a/out/passwd"), Err(Escape::Link(link)) if link == "/a/out"));
    assert!(matches!(locate_folder(root, "a/out"), Err(Escape::Link(_))));
    assert!(matches!(locate(root, "a/../../etc"), Err(Escape::NotNormal)));
    assert!(matches!(locate(root, "a/nothing"), Err(Escape::Missing)));
    assert!(matches!(locate(root, "a/b/c/d"), Err(Escape::Missing)));
    assert!(refuse_links(root, Path::new("/a/b/new/folder")).is_ok());
    assert!(matches!(refuse_links(root, Path::new("/a/out")), Err(Escape::Link(_))));
    assert!(matches!(refuse_links(root, Path::new("/a/out/new")), Err(Escape::Link(_))));
    assert!(matches!(locate_folder(root, "a/b/c"), Err(Escape::Missing)));
}
