#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use chrono::DateTime;
use domain::{digest::Sha256, package::DebFacts, repository::Stated};

use super::*;
use crate::segmented_file::Measure;

#[test]
fn a_stanza_is_the_control_paragraph_and_where_the_file_is() {
    let facts = DebFacts {
        package: "hello".into(),
        version: "1.0".into(),
        architecture: "amd64".into(),
        control: "Package: hello\nVersion: 1.0\nArchitecture: amd64\nDescription: greets\n people".into(),
    };
    let sha256 = Sha256::of(b"deb");
    assert_eq!(
        packages::stanza(&facts, "pool/hello_1.0_amd64.deb", &sha256, 3),
        format!(
            "Package: hello\nVersion: 1.0\nArchitecture: amd64\nDescription: greets\n people\n\
             Filename: pool/hello_1.0_amd64.deb\nSize: 3\nSHA256: {sha256}\n\n"
        )
    );
}

#[test]
fn release_lists_each_file_with_digest_and_length() {
    let measure = Measure { sha256: Sha256::of(b""), size_bytes: 0 };
    let files = [("main/binary-amd64/Packages".into(), measure)];
    let release = release::Release {
        origin: "acme",
        label: "acme/apt",
        codename: "stable",
        date: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        architectures: &["amd64", "arm64"],
        files: &files,
        stated: &Stated::default(),
    };
    let text = release::render(&release);
    assert_eq!(
        text,
        "Origin: acme\nLabel: acme/apt\nSuite: stable\nCodename: stable\nDate: Tue, 14 Nov 2023 22:13:20 UTC\n\
         Acquire-By-Hash: yes\nNo-Support-for-Architecture-all: Packages\nArchitectures: amd64 arm64\n\
         Components: main\nSHA256:\n \
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages\n"
    );
    let stated = Stated {
        snapshots: Some("https://example.org/apt/acme/apt/at/@SNAPSHOTID@/".into()),
        checkpoint: Some("example.org/log/acme\n7\nAAAA\n\n— example.org/log/acme AAAA\n".into()),
    };
    let stating = release::render(&release::Release { stated: &stated, ..release });
    assert_eq!(
        stating.replace(
            "Snapshots: https://example.org/apt/acme/apt/at/@SNAPSHOTID@/\n\
             Log-Checkpoint:\n example.org/log/acme\n 7\n AAAA\n .\n — example.org/log/acme AAAA\n",
            ""
        ),
        text
    );
    assert_ne!(stating, text);
    for text in [text, stating] {
        assert!(text.lines().all(|line| line == line.trim_end()), "clear-signing drops blanks at a line's end");
    }
}
