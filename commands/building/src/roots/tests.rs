use tempfile::TempDir;

use super::*;

fn roots(unmapped: Unmapped) -> (TempDir, RootFilesystems) {
    let folder = TempDir::new().expect("a temporary folder");
    fs::create_dir_all(folder.path().join("debian12/usr")).expect("a folder");
    fs::create_dir_all(folder.path().join("debian12/etc")).expect("a folder");
    fs::create_dir_all(folder.path().join("broken")).expect("a folder");
    let mapped = BTreeMap::from([("ubuntu18".to_owned(), folder.path().join("debian12"))]);
    let roots = RootFilesystems { mapped, folder: folder.path().to_owned(), unmapped };
    (folder, roots)
}

#[test]
fn a_name_is_looked_up_in_the_map_and_then_in_the_folder() {
    let (_folder, roots) = roots(Unmapped::Refuse);
    let alias = roots.resolve("ubuntu18").expect("mapped");
    assert!(alias.folder().ends_with("debian12"));
    assert!(alias.to_string().starts_with("root filesystem ubuntu18 at /"), "{alias}");
    assert!(roots.resolve("debian12").expect("in the folder").folder().ends_with("debian12"));
    assert_eq!(roots.resolve("broken").expect_err("no usr").code(), "sandbox_unavailable");
}

#[test]
fn an_unmapped_name_follows_the_operators_policy() {
    let (_folder, refusing) = roots(Unmapped::Refuse);
    let refusal = refusing.resolve("centos7").expect_err("refused");
    assert_eq!(refusal.code(), "unmapped_distribution");
    assert!(refusal.to_string().contains("broken, debian12, ubuntu18"), "{refusal}");
    let (_folder, lenient) = roots(Unmapped::HostRoot);
    let root = lenient.resolve("centos7").expect("the host's");
    assert_eq!(root.to_string(), "the host's own root, read-only (no root filesystem is mapped to centos7)");
}

#[test]
fn a_name_cannot_leave_the_folder() {
    let (_folder, roots) = roots(Unmapped::Refuse);
    for name in ["../../etc", "/", "..", "", ".debian12.new"] {
        assert_eq!(roots.resolve(name).expect_err(name).code(), "unmapped_distribution");
    }
}
