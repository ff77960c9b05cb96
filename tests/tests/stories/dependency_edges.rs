//! Facts flow one way: which crate may name which.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

/// What each crate of the product may name. A crate below another one in this table may name it, if its line says so: there is
/// no circle. `docs/decisions/0036-a-crate-for-each-subject.md` says why the lines are where they are.
const MAY_KNOW: [(&str, &[&str]); 23] = [
    ("domain", &[]),
    ("formats", &["domain"]),
    ("ports", &["domain"]),
    ("event_log", &["domain", "ports"]),
    ("eventstoredb", &["domain", "event_log"]),
    ("workers", &["domain", "event_log"]),
    ("stores", &["domain", "event_log", "ports"]),
    ("signing", &["domain", "event_log", "formats", "ports", "stores"]),
    ("building", &["domain", "formats", "stores"]),
    ("commands", &["building", "domain", "event_log", "formats", "ports", "signing", "stores", "workers"]),
    ("projections", &["domain", "ports"]),
    ("index", &["domain", "formats", "ports", "projections"]),
    ("api_http", &["domain", "event_log", "projections", "stores"]),
    ("audit", &["api_http", "domain", "event_log", "projections", "stores"]),
    ("archive", &["domain", "event_log", "formats", "ports", "signing", "stores"]),
    (
        "serving",
        &["api_http", "commands", "domain", "event_log", "formats", "index", "projections", "signing", "stores"],
    ),
    (
        "ingest",
        &["api_http", "building", "commands", "domain", "event_log", "formats", "index", "projections", "stores"],
    ),
    (
        "graphql",
        &[
            "api_http",
            "audit",
            "building",
            "commands",
            "domain",
            "event_log",
            "index",
            "projections",
            "signing",
            "stores",
        ],
    ),
    ("pages", &["api_http", "audit", "commands", "domain", "event_log", "index", "projections", "stores"]),
    ("verify", &["domain", "event_log", "formats", "projections", "signing", "stores"]),
    (
        "composition",
        &["api_http", "commands", "domain", "event_log", "index", "ports", "projections", "signing", "stores"],
    ),
    (
        "replica",
        &[
            "api_http",
            "archive",
            "commands",
            "domain",
            "event_log",
            "formats",
            "projections",
            "serving",
            "signing",
            "stores",
        ],
    ),
    ("pkgdeploy-verify", &[]),
];
/// The binary puts everything together: it may name every crate but the independent verifier.
const BINARY: &str = "api";

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
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let for_tests: BTreeSet<String> = for_tests.into_iter().map(name).collect();

    let mut known = BTreeMap::new();
    for package in product {
        let from = name(package);
        let shipped = package["dependencies"].as_array().expect("dependencies").iter();
        // Tests may stand on more: they are not shipped.
        let shipped = shipped.filter(|dependency| dependency["kind"] != "dev").map(name);
        let knows: BTreeSet<String> = shipped.filter(|to| ours.contains(to)).collect();
        assert!(knows.is_disjoint(&for_tests), "{from} would ship what is for tests: {knows:?}");
        if from == BINARY {
            assert!(!knows.contains("pkgdeploy-verify"), "the verifier stands alone");
        } else {
            known.insert(from, knows);
        }
    }
    let allowed = MAY_KNOW.map(|(from, to)| (from.to_owned(), to.iter().map(|to| (*to).to_owned()).collect()));
    assert_eq!(known, BTreeMap::from(allowed), "a new edge needs a decision record, not a line here");
}

#[test]
fn architecture_md_has_the_same_table() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../ARCHITECTURE.md")).expect("a page");
    for (from, to) in MAY_KNOW {
        let start = format!("| `{from}` | ");
        let row = page.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("a row for {from}"));
        let listed = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        let listed: BTreeSet<&str> = listed.split(", ").filter(|name| *name != "–").collect();
        assert_eq!(listed, to.iter().copied().collect(), "what {from} may know, in ARCHITECTURE.md");
    }
}
