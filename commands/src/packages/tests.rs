use std::fs;

use chrono::DateTime;
use domain::{config::PackageConfig, digest::Sha256};
use formats::packaging::{ScriptTexts, Spec, tree::PackageTree, write_package};
use signing::{Algorithm, generate};
use tempfile::TempDir;

use super::*;

/// A key that was made long before any of these tests runs.
fn signer() -> Arc<Signer> {
    let made_at = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
    let key = generate(Algorithm::Ed25519Legacy, "Acme <packages@acme.example>", made_at, None).expect("a key");
    Arc::new(Signer::load(&key.secret).expect("our own key"))
}

/// An empty package, as a build writes it.
pub(crate) fn built(format: Format, folder: &TempDir) -> PathBuf {
    let config = format!("name: hello\nformat: {format}\narchitecture: all\n");
    let config = PackageConfig::parse(".pkgdeploy/config.yml", &config).expect("a config");
    let (scripts, tree) = (ScriptTexts::default(), PackageTree::default());
    let spec = Spec { config: &config, version: "1.0", source_date: 1_700_000_000, scripts: &scripts, tree: &tree };
    write_package(&spec, folder.path()).expect("written").path
}

/// The second attempt of a release must not meet a repository that holds other bytes of the first.
#[tokio::test]
async fn an_rpm_is_signed_at_the_time_of_the_key_so_that_it_is_the_same_whenever_it_is_signed() {
    let folder = TempDir::new().expect("a folder");
    let (signer, file) = (signer(), built(Format::Rpm, &folder));
    let finished = finish(file.clone(), signer.clone()).await.expect("finished");
    let expected = folder.path().join("expected");
    signer.sign_rpm(&file, &expected, signer.certificate().created_at()).expect("signed");
    assert_eq!(finished.package.sha256, Sha256::of(&fs::read(expected).expect("a file")));
    assert_eq!(finished.key_fingerprint, Some(signer.fingerprint()));
}

#[tokio::test]
async fn a_finished_package_is_stored_under_the_digest_that_it_names() {
    for format in [Format::Deb, Format::Rpm] {
        let folder = TempDir::new().expect("a folder");
        let blobs = Blobs::local(folder.path().join("blobs")).expect("a store");
        let finished = finish(built(format, &folder), signer()).await.expect("finished");
        assert_eq!(finished.package.format(), format);
        assert!(!blobs.contains(finished.package.sha256).await.expect("known"));
        finished.store(&blobs).await.expect("stored");
        assert_eq!(blobs.size(finished.package.sha256).await.expect("stored"), finished.package.size_bytes);
    }
}

#[tokio::test]
async fn a_deb_stays_as_it_was_built() {
    let folder = TempDir::new().expect("a folder");
    let file = built(Format::Deb, &folder);
    let finished = finish(file.clone(), signer()).await.expect("finished");
    assert_eq!(finished.package.sha256, Sha256::of(&fs::read(file).expect("a file")));
    assert_eq!(finished.key_fingerprint, None);
}

#[tokio::test]
async fn what_is_no_package_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("package");
    fs::write(&file, "hello").expect("written");
    assert!(matches!(finish(file, signer()).await.err(), Some(FinishError::Read(PackageFileError::NotAPackage))));
}
