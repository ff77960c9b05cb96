use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use super::*;
use crate::repositories::testing::{ARMORED, certificate, key, repository};

fn script_at(format: Format, url: &str) -> String {
    let name = if format == Format::Deb { "debs" } else { "rpms" };
    let entered = Entered { repository: Arc::new(repository(name, format)), key: key() };
    write(&entered, &certificate(), &url.parse().expect("a URL")).expect("a script")
}

fn script(format: Format) -> String {
    script_at(format, "https://packages.example.com:8443")
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
    for format in [Format::Deb, Format::Rpm] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("script");
        fs::write(&path, script(format)).expect("it is written");
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
        ]
    );
    assert_eq!(read(root.path(), "etc/apt/keyrings/pkgdeploy-acme-debs.asc"), ARMORED);
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
        ]
    );
    assert_eq!(
        read(root.path(), "etc/yum.repos.d/pkgdeploy-acme-rpms.repo"),
        format!(
            "[pkgdeploy-acme-rpms]\nname=acme/rpms by pkgdeploy\n\
             mirrorlist=https://packages.example.com:8443/yum/acme/rpms/mirrorlist\n\
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
    assert!(!source.contains(&key().text()) && source.contains("?credentials=pkgdeploy-acme-rpms\n"), "{source}");
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
    assert_eq!(files(root.path()).len(), 3, "the whole script does its work");
}

#[test]
fn nothing_that_needs_quoting_gets_into_a_script() {
    for codename in ["", "a b", "a'b", "$(id)", "a\nb", "`id`", "a\"b", "a\\b", "ä"] {
        let repository =
            crate::repositories::ServedRepository { codename: codename.to_owned(), ..repository("debs", Format::Deb) };
        let entered = Entered { repository: Arc::new(repository), key: key() };
        let url = "https://packages.example.com".parse().expect("a URL");
        assert!(write(&entered, &certificate(), &url).is_err(), "{codename:?}");
    }
}
