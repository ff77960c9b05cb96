#![allow(clippy::unwrap_used)]

use std::fs;

use domain::package::Format;

use crate::packaging::{
    read_package,
    testing::{Sample, run, text},
    tree::Content,
};

fn control_files(sample: &Sample) -> std::path::PathBuf {
    let path = sample.write().path;
    let folder = sample.folder.path().join("control-files");
    run("dpkg-deb", &["--control", text(&path), text(&folder)]);
    folder
}

#[test]
fn dpkg_shows_the_config_s_fields() {
    let mut sample = Sample::new(Format::Deb);
    sample.config.install.requires = vec!["libc6 (>= 2.28)".to_owned(), "mawk | gawk".to_owned()];
    let path = sample.write().path;
    let shown = run("dpkg-deb", &["--field", text(&path)]);
    let expected = "Package: greeter
Version: 1.2.0~rc1
Architecture: amd64
Maintainer: Ann Example <ann@example.org>
Installed-Size: 14
Pre-Depends: passwd
Depends: libc6 (>= 2.28), mawk | gawk
Section: misc
Priority: optional
Homepage: https://example.org/greeter
Description: Greets the world
 First paragraph & <xml>.
 .
 Second one.
";
    assert_eq!(shown, expected);
    let domain::package::Facts::Deb(facts) = read_package(&path).unwrap().package.facts else { panic!("a deb") };
    assert_eq!(facts.control + "\n", expected);
}

#[test]
fn dpkg_lists_every_entry_with_its_owner_and_mode() {
    let mut sample = Sample::new(Format::Deb);
    let target = "t".repeat(150);
    sample.add("/opt/link", 0o777, "root", Content::Symlink(target.clone()));
    let shown = run("dpkg-deb", &["--contents", text(&sample.write().path)]);
    let lines: Vec<String> = shown
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(words[3..5], ["2023-11-14", "22:13"]);
            format!("{} {} {}", words[0], words[1], words[5..].join(" "))
        })
        .collect();
    let (a, b) = ("a".repeat(120), "b".repeat(30));
    assert_eq!(
        lines,
        [
            "drwxr-xr-x root/root ./".to_owned(),
            "drwxr-xr-x root/root ./etc/".to_owned(),
            "drwxr-xr-x root/root ./etc/greeter/".to_owned(),
            "-rw-r----- greeter/greeter ./etc/greeter/greet.conf".to_owned(),
            "drwxr-xr-x root/root ./opt/".to_owned(),
            "drwxr-xr-x root/root ./opt/greeter/".to_owned(),
            format!("drwxr-xr-x root/root ./opt/greeter/{a}/"),
            format!("-rw-r--r-- root/root ./opt/greeter/{a}/{b}"),
            format!("lrwxrwxrwx root/root ./opt/link -> {target}"),
            "drwxr-xr-x root/root ./usr/".to_owned(),
            "drwxr-xr-x root/root ./usr/bin/".to_owned(),
            "-rwxr-xr-x root/root ./usr/bin/greet".to_owned(),
            "lrwxrwxrwx root/root ./usr/bin/hello -> greet".to_owned(),
            "drwxr-xr-x root/root ./var/".to_owned(),
            "drwxr-xr-x root/root ./var/lib/".to_owned(),
            "drwxr-x--- greeter/greeter ./var/lib/greeter/".to_owned(),
        ]
    );
}

#[test]
fn dpkg_unpacks_what_was_put_in() {
    let sample = Sample::new(Format::Deb);
    let root = sample.folder.path().join("root");
    run("dpkg-deb", &["--extract", text(&sample.write().path), text(&root)]);
    assert_eq!(fs::read_to_string(root.join("usr/bin/hello")).unwrap(), "#!/bin/sh\necho hello\n");
    let deep = format!("opt/greeter/{}/{}", "a".repeat(120), "b".repeat(30));
    assert_eq!(fs::read_to_string(root.join(deep)).unwrap(), "deep\n");
}

#[test]
fn files_under_etc_are_configuration_and_every_file_has_its_digest() {
    let mut sample = Sample::new(Format::Deb);
    sample.add("/etc/greeter/link", 0o777, "root", Content::Symlink("greet.conf".to_owned()));
    let folder = control_files(&sample);
    assert_eq!(fs::read_to_string(folder.join("conffiles")).unwrap(), "/etc/greeter/greet.conf\n");
    let root = sample.folder.path().join("root");
    run("dpkg-deb", &["--extract", text(&sample.write().path), text(&root)]);
    let script = format!("cd {} && md5sum --check --strict {}", text(&root), text(&folder.join("md5sums")));
    assert_eq!(run("sh", &["-c", &script]).lines().count(), 3);
}

#[test]
fn a_package_without_anything_is_a_package() {
    let sample = Sample::empty(Format::Deb);
    let folder = control_files(&sample);
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["control"]);
}

#[test]
fn a_description_keeps_its_lines() {
    let mut sample = Sample::empty(Format::Deb);
    sample.config.description = "\n  Summary  \r\n\r\n  indented\n.\nlast\n\n".to_owned();
    let shown = run("dpkg-deb", &["--field", text(&sample.write().path), "Description"]);
    assert_eq!(shown, "Summary\n   indented\n .\n last\n");
    sample.config.description = String::new();
    assert_eq!(run("dpkg-deb", &["--field", text(&sample.write().path), "Description"]), "greeter\n");
}
