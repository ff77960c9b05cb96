//! Facts flow one way: which crate may name which.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

#[test]
fn the_workspaces_crates_depend_on_each_other_in_one_direction() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--locked", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let name = |package: &Value| package["name"].as_str().expect("a name").to_owned();
    let is_for_tests = |package: &&Value| package["manifest_path"].as_str().expect("a path").contains("/tests/");
    let (for_tests, product): (Vec<&Value>, Vec<&Value>) = packages.iter().partition(is_for_tests);
    let ours: BTreeSet<String> = product.iter().map(|package| name(package)).collect();
    let for_tests: BTreeSet<String> = for_tests.into_iter().map(name).collect();

    let mut edges = BTreeSet::new();
    for package in product {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let (from, to) = (name(package), name(dependency));
            // A crate may depend on itself for its tests' sake.
            if ours.contains(&to) && from != to {
                edges.insert(format!("{to} <- {from}"));
            }
            let is_shipped = dependency["kind"] != "dev";
            assert!(!(is_shipped && for_tests.contains(&to)), "{from} would ship {to}, which is for tests");
        }
    }
    let allowed =
        ["commands <- api", "domain <- api", "domain <- commands", "domain <- projections", "projections <- api"];
    assert_eq!(edges, allowed.map(str::to_owned).into(), "a new edge needs a decision record, not a line here");
}
