use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_key_survives_being_sealed_and_is_never_shown() {
    let (key, public) = DeployKey::generate().expect("a key");
    assert!(public.starts_with("ssh-ed25519 AAAA"), "{public}");
    assert_eq!(DeployKey::parse(key.expose()).expect("the same").expose(), key.expose());
    assert!(DeployKey::parse(b"-----BEGIN nothing").is_err());
    assert!(!format!("{key:?}").contains("BEGIN"));
}

#[test]
fn only_the_server_can_read_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    DeployKey::generate().expect("a key").0.write(&path).expect("written");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
}
