//! Configs the grammar takes, and what they mean.

use super::{FILE, parse, with};
use crate::{
    config::{Architecture, Build, Command, Copy, Install, PackageConfig, Scripts, script_text},
    package::Format,
};

fn run(text: &str) -> Command {
    Command::Run(text.to_owned())
}

fn file(path: &str) -> Command {
    Command::File(path.to_owned())
}

fn taken(text: &str) -> PackageConfig {
    parse(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_name_and_a_format_are_enough() {
    let expected = PackageConfig {
        file: FILE.to_owned(),
        name: "tool".parse().expect("a package name"),
        format: Format::Deb,
        distribution: "ubuntu18".to_owned(),
        architecture: Architecture::Bits64,
        description: "tool".to_owned(),
        url: None,
        license: "Unknown".to_owned(),
        maintainer: "Unknown <unknown@pkgdeploy.com>".to_owned(),
        build: Build::default(),
        install: Install::default(),
        scripts: Scripts::default(),
    };
    assert_eq!(taken("name: tool\nformat: deb\n"), expected);
    assert_eq!(taken("name: tool\nformat: rpm\n").distribution, "centos7");
}

#[test]
fn every_key_has_its_place() {
    let config = taken(
        "
name: libtool++
format: rpm
distribution: el9
architecture: arm64
description: |
  A tool.

  It does things:
    - many
url: https://example.org/tool?a=b#c
license: MIT OR Apache-2.0
maintainer: Ann O'Neill <ann.o+neill@example.org>
build:
  directory: /opt/tool/
  requires: [make, '@development-tools', gcc-c++, https://example.org/libx-1.0.rpm]
  user: builder
  group: builders
  commands:
    - run: ./configure
    - file: ./scripts//build.sh
    - run: |
        cat <<EOF > made
        text
        EOF
install:
  requires:
    - openssl-libs >= 1:3.0
    - (python3 or pypy3)
    - /bin/sh
  user: _tool
  group: tool-1
  copy:
    - source: ./
      destination: /opt/tool
    - source: ./dist/./bin/
      destination: //usr/./bin/
      user: root
      group: root
      permissions: 4755
  commands: mkdir -p var/lib/tool
before_install: echo before install
after_install:
  - run: echo after install
before_upgrade:
  - file: scripts/before_upgrade
after_upgrade: echo after upgrade
before_uninstall: echo before uninstall
after_uninstall: >
  echo after
  uninstall
",
    );
    let expected = PackageConfig {
        file: FILE.to_owned(),
        name: "libtool++".parse().expect("a package name"),
        format: Format::Rpm,
        distribution: "el9".to_owned(),
        architecture: Architecture::Arm64,
        description: "A tool.\n\nIt does things:\n  - many".to_owned(),
        url: Some("https://example.org/tool?a=b#c".to_owned()),
        license: "MIT OR Apache-2.0".to_owned(),
        maintainer: "Ann O'Neill <ann.o+neill@example.org>".to_owned(),
        build: Build {
            directory: Some("/opt/tool".to_owned()),
            requires: ["make", "@development-tools", "gcc-c++", "https://example.org/libx-1.0.rpm"]
                .map(str::to_owned)
                .to_vec(),
            user: Some("builder".to_owned()),
            group: Some("builders".to_owned()),
            commands: vec![run("./configure"), file("scripts/build.sh"), run("cat <<EOF > made\ntext\nEOF")],
        },
        install: Install {
            requires: ["openssl-libs >= 1:3.0", "(python3 or pypy3)", "/bin/sh"].map(str::to_owned).to_vec(),
            user: Some("_tool".to_owned()),
            group: Some("tool-1".to_owned()),
            copy: vec![
                Copy {
                    source: "./".to_owned(),
                    destination: "/opt/tool".to_owned(),
                    user: None,
                    group: None,
                    permissions: None,
                },
                Copy {
                    source: "dist/bin/".to_owned(),
                    destination: "/usr/bin/".to_owned(),
                    user: Some("root".to_owned()),
                    group: Some("root".to_owned()),
                    permissions: Some(0o4755),
                },
            ],
            commands: vec![run("mkdir -p var/lib/tool")],
        },
        scripts: Scripts {
            before_install: vec![run("echo before install")],
            after_install: vec![run("echo after install")],
            before_upgrade: vec![file("scripts/before_upgrade")],
            after_upgrade: vec![run("echo after upgrade")],
            before_uninstall: vec![run("echo before uninstall")],
            after_uninstall: vec![run("echo after uninstall")],
        },
    };
    assert_eq!(config, expected);
}

#[test]
fn a_python_virtualenv_is_built_where_it_is_installed() {
    let config = taken(
        "
name: app
format: deb
distribution: debian12
build:
  directory: /opt/app
  requires:
    - python3-venv
  commands: |
    python3 -m venv .
    bin/pip install -r requirements.txt
install:
  requires:
    - python3 (>= 3.9) | pypy3
  user: app
  copy:
    - source: ./
      destination: /opt/app
      permissions: 755
",
    );
    assert_eq!(config.build.directory.as_deref(), Some("/opt/app"));
    assert_eq!(config.build.commands, [run("python3 -m venv .\nbin/pip install -r requirements.txt")]);
    let copy = &config.install.copy[0];
    assert_eq!((copy.source.as_str(), copy.destination.as_str()), ("./", "/opt/app"));
    assert_eq!(copy.permissions, Some(0o755));
}

#[test]
fn permissions_are_octal_however_they_are_written() {
    for (written, mode) in [
        ("755", 0o755),
        ("0755", 0o755),
        ("\"0755\"", 0o755),
        ("'755'", 0o755),
        ("07777", 0o7777),
        ("640", 0o640),
        ("000", 0),
    ] {
        let entry = format!("install:\n  copy:\n    - {{source: a, destination: /a, permissions: {written}}}\n");
        assert_eq!(taken(&with(&entry)).install.copy[0].permissions, Some(mode), "{written}");
    }
}

#[test]
fn every_architecture_has_a_word_in_both_formats() {
    for (written, deb, rpm) in [
        ("64-bit", "amd64", "x86_64"),
        ("32-bit", "i386", "i686"),
        ("arm64", "arm64", "aarch64"),
        ("all", "all", "noarch"),
    ] {
        let architecture = taken(&with(&format!("architecture: {written}\n"))).architecture;
        assert_eq!(architecture.in_format(Format::Deb), deb);
        assert_eq!(architecture.in_format(Format::Rpm), rpm);
    }
}

#[test]
fn a_value_is_the_text_that_was_written() {
    let config = taken(&with("description: no\nlicense: 1.10\nmaintainer: 007 <0x7@example.org>\nurl: ~\n"));
    assert_eq!((config.description.as_str(), config.license.as_str()), ("no", "1.10"));
    assert_eq!(config.maintainer, "007 <0x7@example.org>");
    assert_eq!(config.url, None, "a key without a value is a key that is not there");
    assert_eq!(taken(&with("license: 'null'\n")).license, "null", "quotes make a text of it");
}

#[test]
fn empty_sections_are_sections_that_are_not_there() {
    let config = taken(&with("build:\ninstall:\n  # copy:\n  requires: []\nafter_install: []\n"));
    assert_eq!((config.build, config.install), (Build::default(), Install::default()));
    assert_eq!(config.scripts, Scripts::default());
}

#[test]
fn an_alias_repeats_what_its_anchor_marks() {
    let config = taken(&with(
        "after_install: &restart\n  - run: systemctl restart tool\n  - file: notify.sh\nafter_upgrade: *restart\n",
    ));
    assert_eq!(config.scripts.after_upgrade, [run("systemctl restart tool"), file("notify.sh")]);
    assert_eq!(config.scripts.after_upgrade, config.scripts.after_install);
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_no_content() {
    let config = taken("\u{feff}name: tool\r\nformat: deb\r\nbuild:\r\n  commands: |\r\n    a\r\n    b\r\n");
    assert_eq!(config.build.commands, [run("a\nb")]);
}

#[test]
fn many_comments_are_no_content() {
    assert_eq!(taken(&with(&"# a comment\n".repeat(1_000))), taken(&with("")));
}

#[test]
fn a_script_holds_commands_and_files_in_their_order() {
    let commands = [run("one"), file("two.sh"), run("three\nthree")];
    let read = |path: &str| Ok::<_, ()>(format!("#!/bin/sh\ntext of {path}\n"));
    let expected = "one\n#!/bin/sh\ntext of two.sh\nthree\nthree\n";
    assert_eq!(script_text(&commands, read).as_deref(), Ok(expected));
}

#[test]
fn a_script_without_commands_is_empty() {
    assert_eq!(script_text(&[], |_| Err(())).as_deref(), Ok(""));
    assert_eq!(script_text(&[file("empty")], |_| Ok::<_, ()>(String::new())).as_deref(), Ok(""));
}

#[test]
fn a_script_is_not_made_if_a_file_cannot_be_read() {
    let read = |path: &str| {
        if path == "there" { Ok(String::new()) } else { Err(format!("no {path}")) }
    };
    assert_eq!(script_text(&[file("there"), file("gone"), file("later")], read), Err("no gone".to_owned()));
}
