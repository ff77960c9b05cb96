use super::*;

#[test]
fn one_block_holds_several_certificates_and_gpg_reads_them_all() {
    let keys = [TestKey::make(Algorithm::Ed25519Legacy), TestKey::make(Algorithm::Ed25519Legacy)];
    let packets: Vec<u8> = keys.iter().flat_map(|key| key.certificate().binary().iter().copied()).collect();
    let armored = armored_certificates(&packets, Some("two of them")).expect("armored");
    assert!(armored.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: two of them\n\n"), "{armored}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys.asc");
    std::fs::write(&file, armored).expect("it is written");
    let shown = Command::new("gpg")
        .args(["--batch", "--homedir"])
        .arg(folder.path())
        .args(["--with-colons", "--show-keys"])
        .arg(&file)
        .output();
    let shown = String::from_utf8(shown.expect("gpg starts").stdout).expect("UTF-8");
    for key in &keys {
        assert!(shown.contains(key.certificate().fingerprint().as_str()), "{shown}");
    }
}
