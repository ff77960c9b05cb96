//! Nothing that opens a door stands anywhere in clear.

use std::{fs, path::Path};

use crate::sample::Sample;

#[tokio::test(flavor = "multi_thread")]
async fn no_minted_secret_stands_in_the_data_folder_or_the_log() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    // Requests with and without success, so that whatever is logged about them is.
    sample.apt.get(&format!("dists/{}/InRelease", sample.apt.codename)).await;
    sample.yum.get("nothing").await;
    let tokens = [sample.team.token(), &sample.project.api_token, &sample.apt.key_secret, &sample.yum.key_secret];
    // A token's text is `pkd_<kind>_<id>_<secret>`: its last part alone must not stand anywhere either.
    let secrets: Vec<&str> = tokens.iter().map(|token| token.rsplit('_').next().unwrap_or(token)).collect();
    assert!(secrets.iter().all(|secret| secret.len() >= 27), "160 random bits take 27 characters of base62");

    let mut searched = 0;
    search(&sample.server.data(), &secrets, &mut searched);
    assert!(searched > 5, "the data folder holds the log, the read models, the secrets and blobs");
    for secret in secrets {
        assert!(!sample.server.log().contains(secret), "a secret stands in the server's log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_owner_can_read_the_data_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let sample = Sample::set_up().await;
    for path in [sample.server.data(), sample.server.data().join("secrets")] {
        let mode = fs::metadata(&path).expect("it exists").permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

fn search(folder: &Path, secrets: &[&str], searched: &mut usize) {
    for entry in fs::read_dir(folder).expect("a folder is readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            search(&path, secrets, searched);
        } else if path.is_file() {
            let bytes = fs::read(&path).expect("a file is readable");
            for secret in secrets {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "a secret stands in {}", path.display());
            }
            *searched += 1;
        }
    }
}
