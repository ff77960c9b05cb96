//! Whether the double is like the original, asked by Kurrent's own client in another language.

use std::{path::PathBuf, process::Command};

use eventstoredb_double::{Double, Options};

/// Where `scripts/test/kurrentdb-client` has put the client.
fn python() -> PathBuf {
    let folder = std::env::var_os("PKGDEPLOY_KURRENTDB_CLIENT").map_or_else(beside_this, PathBuf::from);
    let python = folder.join("bin/python");
    assert!(
        python.is_file(),
        "there is no {}: run scripts/test/kurrentdb-client {}",
        python.display(),
        folder.display()
    );
    python
}

fn beside_this() -> PathBuf {
    let this = std::env::current_exe().expect("the test's own path");
    this.ancestors().nth(3).expect("tests lie in <target>/<profile>/deps").join("kurrentdb-client")
}

#[tokio::test(flavor = "multi_thread")]
async fn kurrents_client_for_python_finds_what_it_expects_of_a_server() {
    for nodes in [1, 3] {
        let double = Double::start(Options { nodes, ..Options::default() }).await;
        let url = double.url();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/second_opinion.py");
        let ran = tokio::task::spawn_blocking(move || Command::new(python()).args([script, &url]).output());
        let ran = ran.await.expect("the script is run").expect("python starts");
        assert!(ran.status.success(), "{nodes} nodes: {}", String::from_utf8_lossy(&ran.stderr));
    }
}
