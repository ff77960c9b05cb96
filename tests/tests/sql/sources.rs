//! The product's source files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::TokenStream;

use crate::statements::{Statement, in_tokens};

const FOLDERS: [&str; 4] = ["domain", "commands", "projections", "api"];
/// Folders and files, by their names without an end, that are only for tests.
const FOR_TESTS: [&str; 5] = ["tests", "testing", "conformance", "benches", "examples"];

/// One source file.
pub(crate) struct File {
    /// From the root of the workspace.
    path: PathBuf,
    tokens: TokenStream,
}

impl File {
    /// The SQL in it.
    pub(crate) fn statements(&self) -> Vec<Statement> {
        in_tokens(&self.path, &self.tokens)
    }
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace")
}

/// Every source file of the product.
pub(crate) fn files() -> Vec<File> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut files);
    }
    files
}

fn collect(folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.file_stem().is_some_and(|stem| FOR_TESTS.iter().any(|name| stem == *name)) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let tokens = fs::read_to_string(&path).expect("a source file").parse().expect("a source file is Rust");
            files.push(File { path: path.strip_prefix(root()).expect("a path below the root").to_owned(), tokens });
        }
    }
}
