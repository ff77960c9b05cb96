//! Configs the grammar refuses, each with the one line its author gets to read.

use super::{FILE, parse, with};

#[track_caller]
fn refused(configs: &[(String, &str)]) {
    for (text, expected) in configs {
        match parse(text) {
            Ok(config) => panic!("taken: {text:?} as {config:?}"),
            Err(error) => assert_eq!(error.to_string(), format!("{FILE}:{expected}"), "for {text:?}"),
        }
    }
}

/// A whole file and its error.
fn whole<'a>(text: &str, error: &'a str) -> (String, &'a str) {
    (text.to_owned(), error)
}

/// Lines below a minimal config, from line 3 on, and their error.
fn below<'a>(lines: &str, error: &'a str) -> (String, &'a str) {
    (with(lines), error)
}

#[test]
fn a_file_is_one_yaml_mapping() {
    refused(&[
        whole("", "1: the file is empty: expected keys such as name and format"),
        whole("# only a comment\n", "1: the file is empty: expected keys such as name and format"),
        whole("just text\n", "1: found text: expected a mapping with keys such as name"),
        whole("- name: tool\n", "1: found a list: expected a mapping with keys such as name"),
        whole(
            "name: tool\nformat: deb\n---\nname: other\nformat: rpm\n",
            "3: a second document starts: expected one document a file",
        ),
        whole(
            "name: tool\n\tformat: deb\n",
            "2: while scanning a plain scalar, found a tab: expected well-formed YAML",
        ),
        whole("name: \"tool\nformat: deb\n", "1: unclosed quote: expected well-formed YAML"),
        whole(
            "name: tool\n format: deb\n",
            "2: mapping values are not allowed in this context: expected well-formed YAML",
        ),
        whole("name: [tool\nformat: deb\n", "2: illegal placement of ':' indicator: expected well-formed YAML"),
        below("copy: *nothing\n", "3: while parsing node, found unknown anchor: expected well-formed YAML"),
        below(
            "build: &b\n  commands: [*b]\n",
            "4: the alias refers to no value that has ended: expected a value that ends before the alias",
        ),
        below("? [a]\n: b\n", "3: a list, mapping or alias in the place of a key: expected a word"),
        below("*x : b\n", "3: while parsing node, found unknown anchor: expected well-formed YAML"),
        below("description: !!str text\n", "3: the value has a YAML tag: expected none, every value is text"),
        below("build: !include other.yml\n", "3: the value has a YAML tag: expected none, every value is text"),
        below(
            "<<: {url: x}\n",
            "3: <<: unknown key: expected one of name, format, distribution, architecture, description, url, license, maintainer, build, install, before_install, after_install, before_upgrade, after_upgrade, before_uninstall, after_uninstall",
        ),
    ]);
}

#[test]
fn a_key_is_known_there_once_and_of_the_right_kind() {
    refused(&[
        whole("format: deb\n", "1: name: missing: expected a value"),
        whole("name: tool\n", "1: format: missing: expected a value"),
        whole("name:\nformat: deb\n", "1: name: missing: expected a value"),
        whole("# a comment\n\nname: tool\n", "3: format: missing: expected a value"),
        below(
            "fromat: rpm\n",
            "3: fromat: unknown key: expected one of name, format, distribution, architecture, description, url, license, maintainer, build, install, before_install, after_install, before_upgrade, after_upgrade, before_uninstall, after_uninstall",
        ),
        below("name: tool2\n", "3: name: the key is there twice: expected it once"),
        below(
            "build:\n  comands: make\n",
            "4: build.comands: unknown key: expected one of directory, requires, user, group, commands",
        ),
        below(
            "build:\n  commands: make\n  user: app\n  commands: make\n",
            "6: build.commands: the key is there twice: expected it once",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: /a\n      mode: 755\n",
            "7: install.copy[0].mode: unknown key: expected one of source, destination, user, group, permissions",
        ),
        below("build:\n  - commands: make\n", "4: build: found a list: expected a mapping with keys such as directory"),
        below("build: make\n", "3: build: found text: expected a mapping with keys such as directory"),
        below("install:\n  requires: curl\n", "4: install.requires: found text: expected a list"),
        below("url: [a]\n", "3: url: found a list: expected text"),
        below("license:\n  spdx: MIT\n", "4: license: found a mapping: expected text"),
        below("description: ''\n", "3: description: the text is empty: expected some"),
        below(
            "\"bad\\nkey\": x\n",
            "3: bad\\nkey: unknown key: expected one of name, format, distribution, architecture, description, url, license, maintainer, build, install, before_install, after_install, before_upgrade, after_upgrade, before_uninstall, after_uninstall",
        ),
    ]);
}

#[test]
fn a_name_or_word_is_one_of_its_grammar() {
    refused(&[
        whole(
            "name: Tool\nformat: deb\n",
            "1: name: \"Tool\" is not a package name: expected 2 to 128 characters of a-z 0-9 . + -, a letter or digit first",
        ),
        whole(
            "name: t\nformat: deb\n",
            "1: name: \"t\" is not a package name: expected 2 to 128 characters of a-z 0-9 . + -, a letter or digit first",
        ),
        whole(
            "name: ../tool\nformat: deb\n",
            "1: name: \"../tool\" is not a package name: expected 2 to 128 characters of a-z 0-9 . + -, a letter or digit first",
        ),
        whole(
            "name: \"tool\\nDepends: evil\"\nformat: deb\n",
            "1: name: \"tool\\nDepends: evil\" has a line break or control character: expected one line",
        ),
        whole("name: tool\nformat: apk\n", "2: format: \"apk\" is not a package format: expected deb or rpm"),
        whole("name: tool\nformat: DEB\n", "2: format: \"DEB\" is not a package format: expected deb or rpm"),
        below(
            "architecture: amd64\n",
            "3: architecture: \"amd64\" is not an architecture: expected 64-bit, 32-bit, arm64 or all",
        ),
        below(
            "architecture: 64\n",
            "3: architecture: \"64\" is not an architecture: expected 64-bit, 32-bit, arm64 or all",
        ),
        below(
            "distribution: ../root\n",
            "3: distribution: \"../root\" is not a distribution: expected up to 63 characters of a-z 0-9 . _ -, such as ubuntu22 or el9",
        ),
        below(
            "distribution: Ubuntu 22.04\n",
            "3: distribution: \"Ubuntu 22.04\" is not a distribution: expected up to 63 characters of a-z 0-9 . _ -, such as ubuntu22 or el9",
        ),
        below(
            "build:\n  user: Root\n",
            "4: build.user: \"Root\" is not a user or group name: expected 1 to 32 characters of a-z 0-9 _ -, a letter or _ first",
        ),
        below(
            "build:\n  group: 1000\n",
            "4: build.group: \"1000\" is not a user or group name: expected 1 to 32 characters of a-z 0-9 _ -, a letter or _ first",
        ),
        below(
            "install:\n  user: 'app:app'\n",
            "4: install.user: \"app:app\" is not a user or group name: expected 1 to 32 characters of a-z 0-9 _ -, a letter or _ first",
        ),
        below(
            "install:\n  group: -g\n",
            "4: install.group: \"-g\" is not a user or group name: expected 1 to 32 characters of a-z 0-9 _ -, a letter or _ first",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: /a\n      user: 'a b'\n",
            "7: install.copy[0].user: \"a b\" is not a user or group name: expected 1 to 32 characters of a-z 0-9 _ -, a letter or _ first",
        ),
    ]);
}

#[test]
fn a_field_of_the_package_is_one_line_of_its_kind() {
    refused(&[
        below("url: example.org\n", "3: url: \"example.org\" is not a URL: expected an http:// or https:// address"),
        below(
            "url: ftp://example.org/\n",
            "3: url: \"ftp://example.org/\" is not a URL: expected an http:// or https:// address",
        ),
        below(
            "url: javascript:alert(1)\n",
            "3: url: \"javascript:alert(1)\" is not a URL: expected an http:// or https:// address",
        ),
        below(
            "url: 'http:// example.org'\n",
            "3: url: \"http:// example.org\" is not a URL: expected an http:// or https:// address",
        ),
        below(
            "url: \"https://example.org/\\nLicense: evil\"\n",
            "3: url: \"https://example.org/\\nLicense: evil\" has a line break or control character: expected one line",
        ),
        below("url: 'https://'\n", "3: url: \"https://\" is not a URL: expected an http:// or https:// address"),
        below(
            "license: |\n  MIT\n  Depends: evil\n",
            "4: license: \"MIT\\nDepends: evil\\n\" has a line break or control character: expected one line",
        ),
        below("maintainer: Ann\n", "3: maintainer: \"Ann\" is not a valid maintainer: expected Name <email>"),
        below(
            "maintainer: <ann@example.org>\n",
            "3: maintainer: \"<ann@example.org>\" is not a valid maintainer: expected Name <email>",
        ),
        below(
            "maintainer: Ann <ann>\n",
            "3: maintainer: \"Ann <ann>\" is not a valid maintainer: expected Name <email>",
        ),
        below(
            "maintainer: Ann <a@b> <c@d>\n",
            "3: maintainer: \"Ann <a@b> <c@d>\" is not a valid maintainer: expected Name <email>",
        ),
        below(
            "maintainer: \"Ann\\nDepends: evil <ann@example.org>\"\n",
            "3: maintainer: \"Ann\\nDepends: evil <ann@example.org>\" has a line break or control character: expected one line",
        ),
        below(
            "maintainer: \"Ann\\u2028 <ann@example.org>\"\n",
            "3: maintainer: \"Ann\\u{2028} <ann@example.org>\" has a line break or control character: expected one line",
        ),
        below("description: \"bell \\a\"\n", "3: description: \"bell \\u{7}\" has a control character: expected text"),
    ]);
}

#[test]
fn a_requirement_is_one_package_and_no_option() {
    refused(&[
        below(
            "build:\n  requires:\n    - make\n    - --allow-unauthenticated\n",
            "6: build.requires[1]: \"--allow-unauthenticated\" is not a valid build requirement: expected a package's name or the http(s) URL of a package file",
        ),
        below(
            "build:\n  requires: ['make; rm -rf /']\n",
            "4: build.requires[0]: \"make; rm -rf /\" is not a valid build requirement: expected a package's name or the http(s) URL of a package file",
        ),
        below(
            "build:\n  requires: ['file:///etc/passwd']\n",
            "4: build.requires[0]: \"file:///etc/passwd\" is not a valid build requirement: expected a package's name or the http(s) URL of a package file",
        ),
        below("build:\n  requires:\n    - make:\n", "5: build.requires[0]: found a mapping: expected text"),
        below("build:\n  requires:\n    -\n", "5: build.requires[0]: found nothing: expected text"),
        below(
            "install:\n  requires:\n    - curl\n    - \"libc6\\nRecommends: evil\"\n",
            "6: install.requires[1]: \"libc6\\nRecommends: evil\" has a line break or control character: expected one line",
        ),
        below(
            "install:\n  requires:\n    - libc6, evil\n",
            "5: install.requires[0]: \"libc6, evil\" is not a valid dependency: expected one package, with the versions it may have, in the format's own notation",
        ),
        below(
            "install:\n  requires:\n    - -e\n",
            "5: install.requires[0]: \"-e\" is not a valid dependency: expected one package, with the versions it may have, in the format's own notation",
        ),
    ]);
}

#[test]
fn a_path_stays_where_it_belongs_and_a_mode_is_octal() {
    refused(&[
        below(
            "build:\n  directory: opt/app\n",
            "4: build.directory: \"opt/app\" is not a build directory: expected an absolute path without .., such as /opt/app",
        ),
        below(
            "build:\n  directory: /opt/../etc\n",
            "4: build.directory: \"/opt/../etc\" is not a build directory: expected an absolute path without .., such as /opt/app",
        ),
        below(
            "build:\n  directory: /\n",
            "4: build.directory: \"/\" is not a build directory: expected an absolute path without .., such as /opt/app",
        ),
        below(
            "build:\n  directory: \"/opt/a\\0b\"\n",
            "4: build.directory: \"/opt/a\\u{0}b\" has a line break or control character: expected one line",
        ),
        below(
            "install:\n  copy:\n    - destination: /opt/app\n",
            "5: install.copy[0].source: missing: expected a value",
        ),
        below("install:\n  copy:\n    - source: ./\n", "5: install.copy[0].destination: missing: expected a value"),
        below(
            "install:\n  copy:\n    - source: ../secrets\n      destination: /opt\n",
            "5: install.copy[0].source: \"../secrets\" is not the path of a source: expected a path inside the checkout, such as dist/app or ./",
        ),
        below(
            "install:\n  copy:\n    - source: /etc/shadow\n      destination: /opt\n",
            "5: install.copy[0].source: \"/etc/shadow\" is not the path of a source: expected a path inside the checkout, such as dist/app or ./",
        ),
        below(
            "install:\n  copy:\n    - source: a/../../b\n      destination: /opt\n",
            "5: install.copy[0].source: \"a/../../b\" is not the path of a source: expected a path inside the checkout, such as dist/app or ./",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: opt\n",
            "6: install.copy[0].destination: \"opt\" is not a destination: expected an absolute path without .., such as /usr/bin/ or /etc/app.conf",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: /opt/../etc/\n",
            "6: install.copy[0].destination: \"/opt/../etc/\" is not a destination: expected an absolute path without .., such as /usr/bin/ or /etc/app.conf",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: \"/opt/a\\nb\"\n",
            "6: install.copy[0].destination: \"/opt/a\\nb\" has a line break or control character: expected one line",
        ),
        below(
            "install:\n  copy:\n    - ./\n",
            "5: install.copy[0]: found text: expected a mapping with keys such as source",
        ),
        below(
            "install:\n  copy:\n    source: ./\n    destination: /opt\n",
            "5: install.copy: found a mapping: expected a list",
        ),
        below(
            "install:\n  copy:\n    - {source: a, destination: /a}\n    - {source: b, destination: /b}\n    - source: c\n      destination: /c\n      permissions: rwx\n",
            "9: install.copy[2].permissions: \"rwx\" is not a file mode: expected octal digits such as 755",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: /a\n      permissions: 789\n",
            "7: install.copy[0].permissions: \"789\" is not a file mode: expected octal digits such as 755",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: /a\n      permissions: 17777\n",
            "7: install.copy[0].permissions: \"17777\" is not a file mode: expected octal digits such as 755",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: /a\n      permissions: 0o755\n",
            "7: install.copy[0].permissions: \"0o755\" is not a file mode: expected octal digits such as 755",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: /a\n      permissions: -755\n",
            "7: install.copy[0].permissions: \"-755\" is not a file mode: expected octal digits such as 755",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: /a\n      permissions: 7\n",
            "7: install.copy[0].permissions: \"7\" is not a file mode: expected octal digits such as 755",
        ),
        below(
            "install:\n  copy:\n    - source: a\n      destination: /a\n      permissions: [755]\n",
            "7: install.copy[0].permissions: found a list: expected text",
        ),
    ]);
}

#[test]
fn a_command_is_text_or_a_file_of_the_repository() {
    refused(&[
        below(
            "build:\n  commands:\n    - make\n",
            "5: build.commands[0]: found text: expected a mapping with keys such as run",
        ),
        below(
            "build:\n  commands:\n    - run: make\n      file: build.sh\n",
            "5: build.commands[0]: the entry does not have exactly one key: expected either run or file",
        ),
        below(
            "build:\n  commands:\n    - {}\n",
            "5: build.commands[0]: the entry does not have exactly one key: expected either run or file",
        ),
        below(
            "build:\n  commands:\n    - exec: make\n",
            "5: build.commands[0].exec: unknown key: expected one of run, file",
        ),
        below("build:\n  commands:\n    - run:\n", "5: build.commands[0].run: missing: expected a value"),
        below(
            "build:\n  commands:\n    - run: make\n    - run: [make, test]\n",
            "6: build.commands[1].run: found a list: expected text",
        ),
        below(
            "build:\n  commands:\n    run: make\n",
            "5: build.commands: found a mapping: expected text or a list of run: and file:",
        ),
        below("install:\n  commands: \"\"\n", "4: install.commands: the text is empty: expected some"),
        below(
            "after_install:\n  - file: ../evil.sh\n",
            "4: after_install[0].file: \"../evil.sh\" is not the path of a command file: expected the path of a file in the repository, such as .pkgdeploy/build.sh",
        ),
        below(
            "after_install:\n  - run: ldconfig\n  - file: /etc/evil.sh\n",
            "5: after_install[1].file: \"/etc/evil.sh\" is not the path of a command file: expected the path of a file in the repository, such as .pkgdeploy/build.sh",
        ),
        below(
            "before_uninstall:\n  - file: scripts/\n",
            "4: before_uninstall[0].file: \"scripts/\" is not the path of a command file: expected the path of a file in the repository, such as .pkgdeploy/build.sh",
        ),
        below(
            "before_uninstall:\n  - file: ./\n",
            "4: before_uninstall[0].file: \"./\" is not the path of a command file: expected the path of a file in the repository, such as .pkgdeploy/build.sh",
        ),
        below(
            "after_upgrade:\n  - file: \"a\\nb\"\n",
            "4: after_upgrade[0].file: \"a\\nb\" has a line break or control character: expected one line",
        ),
        below(
            "before_upgrade: \"echo \\e[2J\"\n",
            "3: before_upgrade: \"echo \\u{1b}[2J\" has a control character: expected text",
        ),
        below("before_install: 5\nbefore_install: 6\n", "4: before_install: the key is there twice: expected it once"),
    ]);
}
