use super::*;

#[test]
fn an_error_never_shows_a_proxys_password() {
    let text = reason("fatal: unable to access\nvia http://user:s3cret@proxy:3128/: refused\n");
    assert_eq!(text, "fatal: unable to access via http://proxy:3128/: refused");
}

#[test]
fn a_deploy_key_is_the_only_key_offered() {
    let folder = tempfile::Builder::new().prefix("plain").tempdir().expect("a folder");
    let (key, _) = DeployKey::generate().expect("a key");
    let command = ssh_command(folder.path(), &Git::default(), Some(&key)).expect("plain paths");
    for option in ["StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "-F /dev/null"] {
        assert!(command.contains(option), "{command}");
    }
    assert!(command.ends_with(&format!("-i {}/deploy_key", folder.path().display())), "{command}");
    let odd = tempfile::Builder::new().prefix("$(id)").tempdir().expect("a folder");
    assert!(ssh_command(odd.path(), &Git::default(), Some(&key)).is_err());
}
