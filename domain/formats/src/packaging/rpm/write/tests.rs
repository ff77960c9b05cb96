#![allow(clippy::unwrap_used)]

use std::fs;

use domain::{digest::Sha256, package::Format};

use crate::packaging::testing::{Sample, run, text};

fn query(sample: &Sample, format: &str) -> String {
    run("rpm", &["-qp", "--qf", format, text(&sample.write().path)])
}

#[test]
fn rpm_shows_the_config_s_fields() {
    let sample = Sample::new(Format::Rpm);
    let format = "%{NAME}|%{EPOCH}|%{VERSION}|%{RELEASE}|%{ARCH}|%{OS}|%{SUMMARY}|%{DESCRIPTION}|%{URL}|%{LICENSE}|\
                  %{PACKAGER}|%{VENDOR}|%{GROUP}|%{BUILDHOST}|%{BUILDTIME}|%{SOURCERPM}|%{PAYLOADCOMPRESSOR}|%{SIZE}";
    assert_eq!(
        query(&sample, format),
        "greeter|(none)|1.2.0~rc1|1|x86_64|linux|Greets the world|First paragraph & <xml>.\n\nSecond one.|\
         https://example.org/greeter|MIT|Ann Example <ann@example.org>|Ann Example|Unspecified|pkgdeploy|1700000000|\
         greeter-1.2.0~rc1-1.src.rpm|gzip|46"
    );
}

#[test]
fn rpm_finds_every_digest_right() {
    let shown = run("rpm", &["-Kv", text(&Sample::new(Format::Rpm).write().path)]);
    for digest in ["Header SHA256 digest: OK", "Header SHA1 digest: OK", "Payload SHA256 digest: OK", "MD5 digest: OK"]
    {
        assert!(shown.contains(digest), "{digest}: {shown}");
    }
    assert!(!shown.to_lowercase().contains("signature"), "{shown}");
}

#[test]
fn rpm_lists_every_entry_with_its_owner_mode_and_flags() {
    let sample = Sample::new(Format::Rpm);
    let shown = query(
        &sample,
        "[%{FILENAMES}|%{FILEMODES:perms}|%{FILEUSERNAME}|%{FILEGROUPNAME}|%{FILEFLAGS:fflags}|%{FILEMTIMES}\n]",
    );
    let deep = format!("/opt/greeter/{}/{}", "a".repeat(120), "b".repeat(30));
    assert_eq!(
        shown,
        format!(
            "/etc/greeter/greet.conf|-rw-r-----|greeter|greeter|cn|1700000000\n\
             {deep}|-rw-r--r--|root|root||1700000000\n\
             /usr/bin/greet|-rwxr-xr-x|root|root||1700000000\n\
             /usr/bin/hello|lrwxrwxrwx|root|root||1700000000\n\
             /var/lib/greeter|drwxr-x---|greeter|greeter||1700000000\n"
        )
    );
}

#[test]
fn rpm_unpacks_what_was_put_in() {
    let mut sample = Sample::new(Format::Rpm);
    // As root rpm would create the owner; the sample's own scripts stay out of the test machine.
    sample.scripts = Default::default();
    for entry in sample.tree.entries.values_mut() {
        (entry.user, entry.group) = ("root".to_owned(), "root".to_owned());
    }
    let root = sample.folder.path().join("root");
    fs::create_dir(&root).unwrap();
    let path = sample.write().path;
    run("rpm", &["--root", text(&root), "--dbpath", "/db", "--nodeps", "--noscripts", "-i", text(&path)]);
    assert_eq!(fs::read_to_string(root.join("usr/bin/hello")).unwrap(), "#!/bin/sh\necho hello\n");
    assert_eq!(fs::read_to_string(root.join("etc/greeter/greet.conf")).unwrap(), "greeting=hello\n");
    run("rpm", &["--root", text(&root), "--dbpath", "/db", "--nodeps", "-V", "greeter"]);
}

#[test]
fn rpm_shows_dependencies_as_the_config_has_them() {
    let mut sample = Sample::new(Format::Rpm);
    sample.config.install.requires = vec!["python3 >= 3.6".to_owned(), "bash".to_owned(), "(dnf or yum)".to_owned()];
    let path = sample.write().path;
    let sorted = |shown: String| {
        let mut lines: Vec<String> = shown.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(
        sorted(run("rpm", &["-qp", "--requires", text(&path)])),
        [
            "(dnf or yum)",
            "bash",
            "config(greeter) = 1.2.0~rc1-1",
            "python3 >= 3.6",
            "rpmlib(CompressedFileNames) <= 3.0.4-1",
            "rpmlib(FileDigests) <= 4.6.0-1",
            "rpmlib(PayloadFilesHavePrefix) <= 4.0-1",
            "rpmlib(RichDependencies) <= 4.12.0-1",
        ]
    );
    assert_eq!(
        sorted(run("rpm", &["-qp", "--provides", text(&path)])),
        [
            "config(greeter) = 1.2.0~rc1-1",
            "greeter = 1.2.0~rc1-1",
            "greeter(x86-64) = 1.2.0~rc1-1",
            "group(greeter)",
            "user(greeter)",
        ]
    );
}

#[test]
fn the_shell_is_installed_first_but_not_required() {
    let sample = Sample::new(Format::Rpm);
    assert_eq!(query(&sample, "[%{ORDERNAME}:%{ORDERFLAGS:deptype} ]"), "/bin/sh:pre /bin/sh:post ");
    assert_eq!(query(&Sample::empty(Format::Rpm), "[%{ORDERNAME} ]"), "");
}

#[test]
fn rpm_shows_the_scripts_with_their_interpreter() {
    let mut sample = Sample::new(Format::Rpm);
    sample.scripts.before_uninstall = Some("echo 'going'".to_owned());
    let shown = run("rpm", &["-qp", "--scripts", text(&sample.write().path)]);
    for expected in [
        "preinstall scriptlet (using /bin/sh):",
        "useradd --system --gid greeter",
        "postinstall scriptlet (using /bin/sh):",
        "preuninstall scriptlet (using /bin/sh):",
        "echo '\\''going'\\''",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains("postuninstall"), "{shown}");
}

#[test]
fn a_package_without_anything_is_a_package() {
    let sample = Sample::empty(Format::Rpm);
    let path = sample.write().path;
    assert_eq!(run("rpm", &["-qpl", text(&path)]), "(contains no files)\n");
    assert!(run("rpm", &["-K", text(&path)]).contains("digests OK"));
}

/// Changes with the compressor too: an update of it shows here that the same version built again has other bytes.
#[test]
fn the_bytes_of_a_package_stay_the_same() {
    let mut sample = Sample::new(Format::Rpm);
    sample.config.install.requires = vec!["python3 >= 3.6".to_owned(), "(dnf or yum)".to_owned()];
    sample.scripts.before_uninstall = Some("echo going".to_owned());
    let digests = [sample, Sample::empty(Format::Rpm)].map(|sample| Sha256::of(&sample.bytes()).to_string());
    assert_eq!(
        digests,
        [
            "d366554cd4197f359b0033220d2f9d2fd9ec239e1fd0edfe2feb9be7f263c0c6",
            "eec5074723f3600cc92cf525a4f008eb9e51fcad5451bdd2ffabdae78da7596d",
        ]
    );
}
