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
    let ours: BTreeSet<String> = packages.iter().map(name).collect();

    let mut edges = BTreeSet::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let (from, to) = (name(package), name(dependency));
            // A crate may depend on itself for its tests' sake.
            if ours.contains(&to) && from != to {
                edges.insert(format!("{to} <- {from}"));
            }
        }
    }
    let allowed =
        ["commands <- api", "domain <- api", "domain <- commands", "domain <- projections", "projections <- api"];
    assert_eq!(edges, allowed.map(str::to_owned).into(), "a new edge needs a decision record, not a line here");
}
