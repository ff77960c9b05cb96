use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::*;
use crate::repositories::testing::{key, trusted};

/// The script of the repository `acme/debs` or `acme/rpms`, from a server at `url` with so many keys.
fn script_of(format: Format, url: &str, brings: Brings<'_>, epochs: u32) -> String {
    let name = if format == Format::Deb { "debs" } else { "rpms" };
    let (organisation, repository) = ("acme".parse().expect("a name"), name.parse().expect("a name"));
    let about = About { organisation: &organisation, repository: &repository, format, codename: "stable" };
    let trusted: Vec<_> = (1..=epochs).map(trusted).collect();
    write(about, brings, &trusted, &url.parse().expect("a URL")).expect("a script")
}

fn script_at(format: Format, url: &str) -> String {
    script_of(format, url, Brings::Key(&key()), 1)
}

fn script(format: Format) -> String {
    script_at(format, "https://packages.example.com:8443")
}

/// What lies in the repository after so many keys.
fn renewing(format: Format, epochs: u32) -> String {
    script_of(format, "https://packages.example.com:8443", Brings::NoKey { generation: 2 }, epochs)
}

/// A certificate as rpm gets it.
fn block(certificate: &TrustedCertificate) -> String {
    armored_certificates(&certificate.binary, Some(&certificate.fingerprint.as_str().to_lowercase())).expect("armored")
}

/// Pipes the script into dash, as `curl … | sh -s --` does, with `root` as the machine.
fn run(script: &str, root: &Path, options: &[&str]) -> Output {
    let mut shell = Command::new("dash")
        .arg("-s")
        .arg("--")
        .args(options)
        .env("PKGDEPLOY_ROOT", root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dash starts");
    // A script that ends early closes the pipe.
    let _ = shell.stdin.take().expect("a pipe").write_all(script.as_bytes());
    shell.wait_with_output().expect("dash ends")
}

fn files(root: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.extend(files(&path).into_iter().map(|(below, mode)| (format!("{name}/{below}"), mode)));
        } else {
            let mode = path.metadata().expect("a file").permissions().mode() & 0o7777;
            found.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), mode));
        }
    }
    found.sort();
    found
}

fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).expect(path)
}

#[test]
fn every_shell_at_hand_can_read_the_script() {
    for script in [script(Format::Deb), script(Format::Rpm), renewing(Format::Deb, 2), renewing(Format::Rpm, 2)] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("script");
        fs::write(&path, script).expect("it is written");
        for shell in ["dash", "bash"] {
            let output = Command::new(shell).arg("-n").arg(&path).output().expect("the shell starts");
            assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
        }
    }
}

#[test]
fn an_apt_machine_gets_its_key_its_source_and_secret_credentials() {
    let root = tempfile::tempdir().expect("a folder");
    let output = run(&script(Format::Deb), root.path(), &[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        files(root.path()),
        [
            ("etc/apt/auth.conf.d/pkgdeploy-acme-debs.conf".to_owned(), 0o600),
            ("etc/apt/keyrings/pkgdeploy-acme-debs.asc".to_owned(), 0o644),
            ("etc/apt/sources.list.d/pkgdeploy-acme-debs.sources".to_owned(), 0o644),
            ("var/lib/pkgdeploy/pkgdeploy-acme-debs.folders".to_owned(), 0o644),
        ]
    );
    let certificates = read(root.path(), "etc/apt/keyrings/pkgdeploy-acme-debs.asc");
    assert_eq!(certificates, armored_certificates(b"packets 1", None).expect("armored"));
    assert_eq!(
        read(root.path(), "etc/apt/auth.conf.d/pkgdeploy-acme-debs.conf"),
        format!(
            "machine packages.example.com:8443/apt/acme/debs/ login {} password {}\n",
            id_text(key().id()),
            key().text()
        )
    );
    assert_eq!(
        read(root.path(), "etc/apt/sources.list.d/pkgdeploy-acme-debs.sources"),
        "Types: deb\nURIs: https://packages.example.com:8443/apt/acme/debs/\nSuites: stable\nComponents: main\n\
         Signed-By: /etc/apt/keyrings/pkgdeploy-acme-debs.asc\n"
    );
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&key().text()), "the key is not printed");
}

#[test]
fn without_tls_the_credentials_name_the_scheme() {
    let root = tempfile::tempdir().expect("a folder");
    run(&script_at(Format::Deb, "http://127.0.0.1:8080"), root.path(), &[]);
    let line = read(root.path(), "etc/apt/auth.conf.d/pkgdeploy-acme-debs.conf");
    assert!(line.starts_with("machine http://127.0.0.1:8080/apt/acme/debs/ login "), "{line}");
}

#[test]
fn a_dnf_machine_gets_one_secret_repo_file_and_the_key() {
    let root = tempfile::tempdir().expect("a folder");
    let output = run(&script(Format::Rpm), root.path(), &[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        files(root.path()),
        [
            ("etc/pki/rpm-gpg/RPM-GPG-KEY-pkgdeploy-acme-rpms".to_owned(), 0o644),
            ("etc/yum.repos.d/pkgdeploy-acme-rpms.repo".to_owned(), 0o600),
            ("var/lib/pkgdeploy/pkgdeploy-acme-rpms.folders".to_owned(), 0o644),
        ]
    );
    assert_eq!(
        read(root.path(), "etc/yum.repos.d/pkgdeploy-acme-rpms.repo"),
        format!(
            "[pkgdeploy-acme-rpms]\nname=acme/rpms by pkgdeploy\n\
             mirrorlist=https://packages.example.com:8443/yum/acme/rpms/key/1/mirrorlist\n\
             username={}\npassword={}\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\nmetadata_expire=300\n\
             gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-pkgdeploy-acme-rpms\n",
            id_text(key().id()),
            key().text()
        )
    );
}

#[test]
fn a_zypper_machine_gets_its_credentials_apart_from_the_source() {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(root.path().join("usr/bin")).expect("a folder");
    let zypper = root.path().join("usr/bin/zypper");
    fs::write(&zypper, "").expect("a file");
    fs::set_permissions(&zypper, fs::Permissions::from_mode(0o755)).expect("it may run");
    assert!(run(&script(Format::Rpm), root.path(), &[]).status.success());
    let source = read(root.path(), "etc/zypp/repos.d/pkgdeploy-acme-rpms.repo");
    assert!(!source.contains(&key().text()), "{source}");
    assert!(source.contains("/yum/acme/rpms/key/1/?credentials=pkgdeploy-acme-rpms\n"), "{source}");
    assert!(files(root.path()).contains(&("etc/zypp/credentials.d/pkgdeploy-acme-rpms".to_owned(), 0o600)));
    run(&script(Format::Rpm), root.path(), &["--uninstall"]);
    assert_eq!(files(root.path()), [("usr/bin/zypper".to_owned(), 0o755)]);
}

#[test]
fn installing_again_replaces_and_uninstalling_leaves_nothing_of_ours() {
    for format in [Format::Deb, Format::Rpm] {
        let root = tempfile::tempdir().expect("a folder");
        run(&script_at(format, "http://old.example.com"), root.path(), &[]);
        run(&script(format), root.path(), &[]);
        let all: String = files(root.path()).iter().map(|(path, _)| read(root.path(), path)).collect();
        assert!(!all.contains("old.example.com") && all.contains("packages.example.com"), "{all}");
        let output = run(&script(format), root.path(), &["--uninstall"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(files(root.path()), []);
        assert!(run(&script(format), root.path(), &["--uninstall"]).status.success(), "twice is no error");
    }
}

#[test]
fn uninstalling_keeps_what_others_wrote_into_the_one_file_of_old_apts() {
    let root = tempfile::tempdir().expect("a folder");
    let auth = root.path().join("etc/apt/auth.conf");
    fs::create_dir_all(auth.parent().expect("a folder")).expect("it is made");
    let other = "machine example.com login a password b\n";
    fs::write(&auth, format!("{other}machine packages.example.com:8443/apt/acme/debs/ login x password y\n"))
        .expect("it is written");
    run(&script(Format::Deb), root.path(), &["--uninstall"]);
    assert_eq!(fs::read_to_string(&auth).expect("it stays"), other);
}

#[test]
fn an_unknown_option_changes_nothing() {
    let root = tempfile::tempdir().expect("a folder");
    let output = run(&script(Format::Deb), root.path(), &["--unistall"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("--unistall"));
    assert_eq!(files(root.path()), []);
}

#[test]
fn a_script_that_is_cut_on_its_way_does_nothing() {
    let whole = script(Format::Deb);
    let end = whole.trim_end().len();
    let last_bytes = end - 100..end;
    for cut in (0..end - 100).step_by(53).chain(last_bytes) {
        let root = tempfile::tempdir().expect("a folder");
        run(&whole[..cut], root.path(), &["--uninstall"]);
        run(&whole[..cut], root.path(), &[]);
        assert_eq!(files(root.path()), [], "cut after {cut} of {end} bytes");
    }
    let root = tempfile::tempdir().expect("a folder");
    run(&whole[..end], root.path(), &[]);
    assert_eq!(files(root.path()).len(), 4, "the whole script does its work");
}

#[test]
fn only_what_others_made_is_left_after_an_uninstallation_folders_too() {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(root.path().join("etc/apt/keyrings")).expect("a folder");
    run(&script(Format::Deb), root.path(), &[]);
    run(&script(Format::Deb), root.path(), &["--uninstall"]);
    assert!(root.path().join("etc/apt/keyrings").is_dir(), "it was there before");
    assert!(!root.path().join("etc/apt/auth.conf.d").exists(), "it was made by the script");
}

#[test]
fn an_installation_that_is_wanted_once_leaves_credentials_alone() {
    for format in [Format::Deb, Format::Rpm] {
        let root = tempfile::tempdir().expect("a folder");
        run(&script_at(format, "http://old.example.com"), root.path(), &["--once"]);
        let before: Vec<_> = files(root.path()).iter().map(|(path, _)| read(root.path(), path)).collect();
        let output = run(&script(format), root.path(), &["--once"]);
        assert!(String::from_utf8_lossy(&output.stdout).contains("is installed already"), "{output:?}");
        let after: Vec<_> = files(root.path()).iter().map(|(path, _)| read(root.path(), path)).collect();
        assert_eq!(before, after);
    }
}

#[test]
fn a_script_without_a_key_brings_new_certificates_and_keeps_what_cannot_be_renewed() {
    for (format, certificates) in [
        (Format::Deb, "etc/apt/keyrings/pkgdeploy-acme-debs.asc"),
        (Format::Rpm, "etc/pki/rpm-gpg/RPM-GPG-KEY-pkgdeploy-acme-rpms"),
    ] {
        let root = tempfile::tempdir().expect("a folder");
        run(&script_at(format, "http://127.0.0.1:1"), root.path(), &[]);
        let renewing = script_of(format, "http://127.0.0.1:1", Brings::NoKey { generation: 2 }, 2);
        let output = run(&renewing, root.path(), &["--packaged"]);
        assert!(output.status.success(), "a package manager's work goes on: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("could not be renewed"), "{said}");
        let all: String = files(root.path()).iter().map(|(path, _)| read(root.path(), path)).collect();
        assert!(all.contains(&key().text()), "{all}");
        let expected = match format {
            Format::Deb => armored_certificates(b"packets 1packets 2", None).expect("armored"),
            Format::Rpm => [1, 2].map(|epoch| block(&trusted(epoch))).concat(),
        };
        assert_eq!(read(root.path(), certificates), expected);
        let alone = run(&renewing, root.path(), &["--renew"]);
        assert!(!alone.status.success(), "the failure is reported");
    }
}

#[test]
fn renewing_keeps_what_an_administrator_changed() {
    let root = tempfile::tempdir().expect("a folder");
    run(&script_at(Format::Rpm, "http://127.0.0.1:1"), root.path(), &[]);
    let path = root.path().join("etc/yum.repos.d/pkgdeploy-acme-rpms.repo");
    let changed = fs::read_to_string(&path).expect("it is there").replace("enabled=1", "enabled=0\npriority=7");
    fs::write(&path, &changed).expect("it is written");
    run(
        &script_of(Format::Rpm, "http://127.0.0.1:1", Brings::NoKey { generation: 2 }, 2),
        root.path(),
        &["--packaged"],
    );
    assert_eq!(fs::read_to_string(&path).expect("it is there"), changed.replace("/key/1/", "/key/2/"));
}

#[test]
fn without_credentials_there_is_nothing_to_renew() {
    let root = tempfile::tempdir().expect("a folder");
    let output = run(&renewing(Format::Deb, 1), root.path(), &["--packaged"]);
    assert!(output.status.success() && files(root.path()).is_empty(), "{output:?}");
}

#[test]
fn an_enrolment_key_is_written_nowhere() {
    let root = tempfile::tempdir().expect("a folder");
    let script = script_of(Format::Deb, "http://127.0.0.1:1", Brings::EnrolmentKey(&key()), 1);
    let output = run(&script, root.path(), &[]);
    assert!(!output.status.success() && files(root.path()).is_empty(), "{output:?}");
}

#[test]
fn a_script_without_a_key_differs_by_generation_and_certificates_alone() {
    let script = |generation, epochs| {
        script_of(Format::Deb, "https://packages.example.com", Brings::NoKey { generation }, epochs)
    };
    assert_eq!(script(1, 1), script(1, 1));
    assert_ne!(script(1, 1), script(2, 1));
    assert_ne!(script(1, 1), script(1, 2));
    assert!(!script(1, 1).contains("pkd_key"), "it holds no key");
}

#[test]
fn nothing_that_needs_quoting_gets_into_a_script() {
    let (organisation, repository) = ("acme".parse().expect("a name"), "debs".parse().expect("a name"));
    for codename in ["", "a b", "a'b", "$(id)", "a\nb", "`id`", "a\"b", "a\\b", "ä"] {
        let about = About { organisation: &organisation, repository: &repository, format: Format::Deb, codename };
        let url = "https://packages.example.com".parse().expect("a URL");
        assert!(write(about, Brings::Key(&key()), &[trusted(1)], &url).is_err(), "{codename:?}");
    }
}
