//! Files that cannot be read without each other stay few: no circle of imports is larger than three files.
//!
//! A file imports another if it names something that is defined there, in a `use` or by its path. A re-export counts as
//! the file that it leads to. A module that names its own children does not count: it is their table of contents. Tests
//! and what only tests use are left out.

mod graph;
mod tokens;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Most files that may import each other in a circle.
const CIRCLE_MAX_FILES: usize = 3;

#[test]
fn no_circle_of_imports_is_larger_than_three_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut sources = Vec::new();
    find_sources(root, &mut sources).expect("the workspace can be read");
    assert!(sources.len() >= 4, "the crates of the workspace are found: {sources:?}");
    let mut too_large = Vec::new();
    for folder in sources {
        let imports = graph::imports(&folder).expect("the crate can be read");
        let circles = graph::circles(&imports).into_iter().filter(|circle| circle.len() > CIRCLE_MAX_FILES);
        let named = circles.map(|circle| {
            let in_workspace =
                |file: &PathBuf| folder.join(file).strip_prefix(root).expect("a file of ours").to_owned();
            circle.iter().map(in_workspace).collect::<BTreeSet<PathBuf>>()
        });
        too_large.extend(named);
    }
    assert!(too_large.is_empty(), "files that import each other in a circle: {too_large:#?}");
}

/// The `src` folder of every crate that is shipped.
pub(crate) fn find_sources(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_left_out = name.to_string_lossy().starts_with('.') || name == "target" || name == "tests";
        if !entry.file_type()?.is_dir() || is_left_out {
            continue;
        }
        if name == "src" {
            found.push(entry.path());
        } else {
            find_sources(&entry.path(), found)?;
        }
    }
    Ok(())
}
