use domain::version::PACKAGE_VERSION_MAX_CHARS;

use super::*;

const GOOD: &str = "Version: 1.0\nPackage: greeter\nArchitecture: amd64\nMaintainer: A <a@b>\nX-Odd!: 1\n\
                    Description: greets\n in two lines\n .\n\tand a tab\nDepends:\n a,\n b\n";

fn refusal(text: &str) -> String {
    facts(text).expect_err(text).to_string()
}

#[test]
fn a_paragraph_keeps_its_words_and_order_but_for_the_package_first() {
    let facts = facts(&(GOOD.to_owned() + "\n\n")).expect("a good paragraph");
    assert_eq!(
        (facts.package.as_str(), facts.version.as_str(), facts.architecture.as_str()),
        ("greeter", "1.0", "amd64")
    );
    assert_eq!(
        facts.control,
        "Package: greeter\nVersion: 1.0\nArchitecture: amd64\nMaintainer: A <a@b>\nX-Odd!: 1\n\
         Description: greets\n in two lines\n .\n\tand a tab\nDepends:\n a,\n b"
    );
}

#[test]
fn blanks_at_the_ends_of_lines_go() {
    let facts = facts(&GOOD.replace('\n', " \t\n")).expect("a good paragraph");
    assert!(!facts.control.contains(" \n") && !facts.control.contains("\t\n"));
}

#[test]
fn required_fields_must_be_there_and_follow_their_grammar() {
    for field in ["Package", "Version", "Architecture", "Maintainer", "Description"] {
        let missing: String =
            GOOD.lines().filter(|line| !line.starts_with(field)).map(|line| format!("{line}\n")).collect();
        assert!(
            refusal(&missing.replace("\n in two", "\nX: y\n in two")).contains(&format!("field {field}")),
            "{field}"
        );
    }
    for (good, bad) in [
        ("Package: greeter", "Package: ../../x"),
        ("Package: greeter", "Package: Greeter"),
        ("Package: greeter", "Package: a b"),
        ("Version: 1.0", "Version: v1.0"),
        ("Version: 1.0", "Version: 1.0/../.."),
        ("Version: 1.0", "Version: 1.0-"),
        ("Version: 1.0", "Version: x:1.0"),
        ("Version: 1.0", "Version: 1:2:3"),
        ("Version: 1.0", "Version: 99999999999:1"),
        ("Version: 1.0", "Version: 1.0 2"),
        ("Architecture: amd64", "Architecture: any"),
        ("Architecture: amd64", "Architecture: linux-any"),
        ("Architecture: amd64", "Architecture: amd64 i386"),
        ("Architecture: amd64", "Architecture: ../x"),
        ("Architecture: amd64", "Architecture: source"),
        ("Description: greets", "Description:"),
    ] {
        assert!(refusal(&GOOD.replace(good, bad)).contains("field "), "{bad}");
    }
    let long = GOOD.replace("1.0", &format!("1{}", "0".repeat(PACKAGE_VERSION_MAX_CHARS)));
    assert!(refusal(&long).contains("field Version"));
}

#[test]
fn versions_and_architectures_of_debian_are_accepted() {
    for version in ["0", "1.0-1", "2:1.2.3-4+deb12u1~bpo11+1", "2024-01-02-3"] {
        assert!(is_version(version), "{version}");
    }
    for architecture in ["all", "amd64", "kfreebsd-amd64", "musl-linux-arm64"] {
        assert!(is_architecture(architecture), "{architecture}");
    }
}

#[test]
fn fields_that_an_index_adds_are_refused_in_any_case() {
    for field in ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "fileNAME", "md5SUM"] {
        assert!(refusal(&format!("{GOOD}{field}: x\n")).contains("index adds"), "{field}");
    }
}

#[test]
fn each_field_stands_once_in_any_case() {
    assert!(refusal(&format!("{GOOD}package: other\n")).contains("each field once"));
    assert!(refusal(&format!("{GOOD}x-odd!: other\n")).contains("each field once"));
}

#[test]
fn there_is_one_paragraph_of_fields() {
    assert!(refusal(&format!("{GOOD}\nPackage: other\n")).contains("one paragraph"));
    assert!(refusal(&GOOD.replace("\n in two", "\n \n in two")).contains("one paragraph"));
    assert!(refusal(&format!("\n{GOOD}")).contains("one paragraph"));
    assert!(refusal("").contains("one paragraph"));
    assert!(refusal(&format!(" x\n{GOOD}")).contains("a field on the first line"));
    for line in ["no colon", "# comment: x", "-x: y", ": y", "a b: y", "ä: y"] {
        assert!(refusal(&format!("{GOOD}{line}\n")).contains("Field: value"), "{line}");
    }
}

#[test]
fn control_characters_are_refused() {
    for bad in ["\0", "\r\n", "\u{1b}[31m", "\u{85}", "\u{7f}"] {
        assert!(refusal(&GOOD.replace("greets", &format!("gre{bad}ets"))).contains("control characters"), "{bad:?}");
    }
}
