//! Unit tests have one place: `<module>/tests.rs`, or files below it. What several tests share is in `testing` modules.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::import_circles::find_sources;

#[test]
fn unit_tests_are_in_files_named_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut folders = Vec::new();
    find_sources(root, &mut folders).expect("the workspace can be read");
    assert!(folders.len() > 20, "the crates of the workspace are found: {folders:?}");
    let mut wrong = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.extension() {
                None if path.is_dir() => folders.push(path),
                Some(extension) if extension == "rs" => wrong.extend(wrong_lines(path)),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "tests that are not in a file called tests.rs: {wrong:#?}");
}

/// Modules that only tests have, and that are neither called `tests` nor `testing`.
fn wrong_lines(path: PathBuf) -> Option<(PathBuf, Vec<String>)> {
    let text = fs::read_to_string(&path).expect("a source file");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let wrong = lines.windows(2).filter(|pair| {
        let module = pair[1].split_once("mod ").map(|(_, module)| module);
        pair[0] == "#[cfg(test)]" && module.is_some_and(|module| !["tests;", "testing;"].contains(&module))
    });
    let wrong: Vec<String> = wrong.map(|pair| pair[1].to_owned()).collect();
    (!wrong.is_empty()).then_some((path, wrong))
}
