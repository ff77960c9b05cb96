#![allow(clippy::unwrap_used)]

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    time::{Duration, SystemTime},
};

use domain::{digest::Sha256, package::Format, size::Limit};

use super::*;
use crate::packaging::{
    check::{TREE_MAX_BYTES, TREE_MAX_ENTRIES},
    testing::Sample,
    tree::Content,
};

const FORMATS: [Format; 2] = [Format::Deb, Format::Rpm];

#[test]
fn the_same_spec_gives_the_same_bytes_wherever_and_whenever_it_is_written() {
    for format in FORMATS {
        let first = Sample::new(format);
        let second = Sample::new(format);
        for entry in second.tree.entries.values() {
            if let Content::File { source, .. } = &entry.content {
                let file = File::options().write(true).open(source).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
                fs::set_permissions(source, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        let (first, second) = (first.write(), second.write());
        assert_ne!(first.path, second.path);
        assert_eq!(fs::read(&first.path).unwrap(), fs::read(&second.path).unwrap(), "{format}");
        assert_eq!((first.sha256, first.size_bytes), (second.sha256, second.size_bytes), "{format}");
    }
}

#[test]
fn two_paths_from_one_built_file_are_two_files() {
    for format in FORMATS {
        let mut apart = Sample::empty(format);
        apart.file("/opt/a", "same", 0o644, "root");
        apart.file("/opt/b", "same", 0o644, "root");
        let mut shared = Sample::empty(format);
        shared.file("/opt/a", "same", 0o644, "root");
        let content = shared.tree.entries["/opt/a"].content.clone();
        shared.add("/opt/b", 0o644, "root", content);
        assert_eq!(apart.bytes(), shared.bytes(), "{format}");
    }
}

#[test]
fn a_time_in_the_future_stays_what_it_is() {
    for format in FORMATS {
        let mut sample = Sample::new(format);
        sample.source_date = 4_000_000_000;
        assert!(sample.bytes() == sample.bytes(), "{format}");
    }
    let mut sample = Sample::new(Format::Rpm);
    sample.source_date = 4_000_000_000;
    let path = sample.write().path;
    let built = crate::packaging::testing::run("rpm", &["-qp", "--qf", "%{BUILDTIME}", path.to_str().unwrap()]);
    assert_eq!(built, "4000000000");
}

#[test]
fn the_answer_describes_the_file() {
    for (format, name) in
        [(Format::Deb, "greeter_1.2.0~rc1_amd64.deb"), (Format::Rpm, "greeter-1.2.0~rc1-1.x86_64.rpm")]
    {
        let sample = Sample::new(format);
        let written = sample.write();
        let bytes = fs::read(&written.path).unwrap();
        assert_eq!(written.path, sample.folder.path().join(name));
        assert_eq!(written.size_bytes, bytes.len() as u64);
        assert_eq!(written.sha256, Sha256::of(&bytes));
    }
}

#[test]
fn nothing_is_left_in_the_folder_when_writing_fails() {
    for format in FORMATS {
        let mut sample = Sample::empty(format);
        let source = sample.folder.path().join("missing");
        sample.add("/opt/x", 0o644, "root", Content::File { source, size_bytes: 1 });
        assert!(matches!(sample.try_write(), Err(WritePackageError::Source { .. })), "{format}");
        assert_eq!(fs::read_dir(sample.folder.path()).unwrap().count(), 0, "{format}");
    }
}

#[test]
fn a_built_file_that_changed_or_is_not_a_file_is_refused() {
    for format in FORMATS {
        for (found, expected) in [("longer", 3), ("sh", 3)] {
            let mut sample = Sample::empty(format);
            sample.file("/opt/x", found, 0o644, "root");
            let Content::File { source, .. } = sample.tree.entries["/opt/x"].content.clone() else { unreachable!() };
            sample.add("/opt/x", 0o644, "root", Content::File { source, size_bytes: expected });
            assert!(matches!(sample.try_write(), Err(WritePackageError::Source { .. })), "{format} {found}");
        }
        let mut sample = Sample::empty(format);
        let link = sample.folder.path().join("link");
        std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
        let size_bytes = fs::metadata("/etc/hostname").unwrap().len();
        sample.add("/opt/x", 0o644, "root", Content::File { source: link, size_bytes });
        assert!(matches!(sample.try_write(), Err(WritePackageError::Source { .. })), "{format}: a link");
    }
}

#[test]
fn texts_that_would_break_the_package_are_refused() {
    let refused = |change: fn(&mut Sample)| {
        for format in FORMATS {
            let mut sample = Sample::new(format);
            change(&mut sample);
            let result = sample.try_write();
            assert!(
                matches!(&result, Err(WritePackageError::Field { .. } | WritePackageError::Entry { .. })),
                "{format}: {result:?}"
            );
        }
    };
    refused(|sample| sample.version = "1.0-1".to_owned());
    refused(|sample| sample.version = "v1.0".to_owned());
    refused(|sample| sample.version = format!("1{}", "0".repeat(96)));
    refused(|sample| sample.version = "1/../../x".to_owned());
    refused(|sample| sample.config.maintainer = "A <a@b>\nDepends: evil".to_owned());
    refused(|sample| sample.config.url = Some("https://x\n".to_owned()));
    refused(|sample| sample.config.license = "MIT\0".to_owned());
    refused(|sample| sample.config.description = "x\u{1b}[1m".to_owned());
    refused(|sample| sample.scripts.after_upgrade = Some("\0".to_owned()));
    refused(|sample| sample.config.install.user = Some("a; rm -rf /".to_owned()));
    refused(|sample| sample.config.install.group = Some("-x".to_owned()));
    refused(|sample| sample.file("/opt/a\nb", "x", 0o644, "root"));
    refused(|sample| sample.file("/opt/../etc/passwd", "x", 0o644, "root"));
    refused(|sample| sample.file("opt/x", "x", 0o644, "root"));
    refused(|sample| sample.file("/opt//x", "x", 0o644, "root"));
    refused(|sample| sample.file("/opt/x/", "x", 0o644, "root"));
    refused(|sample| sample.file("/opt/x", "x", 0o10000, "root"));
    refused(|sample| sample.file("/opt/x", "x", 0o644, "a; rm -rf /"));
    refused(|sample| sample.file("/usr/bin/hello/below-a-link", "x", 0o644, "root"));
}

#[test]
fn a_bad_dependency_is_refused() {
    for format in FORMATS {
        let mut sample = Sample::new(format);
        sample.config.install.requires.push("two words".to_owned());
        assert!(matches!(sample.try_write(), Err(WritePackageError::Dependency { .. })), "{format}");
    }
}

#[test]
fn a_tree_has_limits() {
    for format in FORMATS {
        let mut sample = Sample::empty(format);
        for number in 0..=TREE_MAX_ENTRIES {
            sample.add(&format!("/opt/{number}"), 0o755, "root", Content::Directory);
        }
        let result = sample.try_write();
        assert!(matches!(result, Err(WritePackageError::TooLarge { found: Limit::Count(_), .. })), "{format}");

        let mut sample = Sample::empty(format);
        let source = sample.folder.path().join("never-read");
        sample.add("/opt/a", 0o644, "root", Content::File { source: source.clone(), size_bytes: TREE_MAX_BYTES });
        assert!(matches!(sample.try_write(), Err(WritePackageError::Source { .. })), "{format}");
        sample.add("/opt/b", 0o644, "root", Content::File { source, size_bytes: 1 });
        let result = sample.try_write();
        assert!(matches!(result, Err(WritePackageError::TooLarge { found: Limit::Bytes(_), .. })), "{format}");
    }
}
