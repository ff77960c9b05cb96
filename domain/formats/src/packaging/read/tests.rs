#![allow(clippy::unwrap_used)]

use std::{fs::File, io};

use super::*;
use crate::packaging::{
    reader::Limited,
    testing::{deb_with, run, stored, text},
};

#[test]
fn what_is_neither_a_deb_nor_an_rpm_is_not_a_package() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [&b""[..], b"!<arch>", b"!<arch>x", b"\xed\xab\xee", b"PK\x03\x04 a zip archive"] {
        let result = read_package(&stored(folder.path(), bytes));
        assert!(matches!(result, Err(PackageFileError::NotAPackage)), "{bytes:?}: {result:?}");
    }
}

#[test]
fn only_regular_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read_package(folder.path()), Err(PackageFileError::NotAPackage)));
    let fifo = folder.path().join("fifo");
    run("mkfifo", &[text(&fifo)]);
    assert!(matches!(read_package(&fifo), Err(PackageFileError::NotAPackage)));
    assert!(matches!(read_package(&folder.path().join("missing")), Err(PackageFileError::Read(_))));
}

#[test]
fn a_file_longer_than_the_limit_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let path = stored(folder.path(), b"!<arch>\n");
    // A sparse file: it takes no space.
    File::options().write(true).open(&path).unwrap().set_len(PACKAGE_MAX_BYTES + 1).unwrap();
    assert!(matches!(
        read_package(&path),
        Err(PackageFileError::TooLarge { limit: Limit::Bytes(PACKAGE_MAX_BYTES), .. })
    ));
    File::options().write(true).open(&path).unwrap().set_len(PACKAGE_MAX_BYTES).unwrap();
    assert!(matches!(read_package(&path), Err(PackageFileError::Malformed { .. })));
}

#[test]
fn latin_1_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let control = b"Package: greeter\nVersion: 1\nArchitecture: all\nMaintainer: J\xf6rg <j@b>\nDescription: x\n";
    let error = read_package(&stored(folder.path(), &deb_with(control))).expect_err("it is not UTF-8");
    assert_eq!(
        error.to_string(),
        "the package file is not valid (control file): expected UTF-8 text, found other bytes"
    );
}

#[test]
fn a_limit_travels_through_other_readers() {
    let mut endless = BufReader::new(Limited::new(io::repeat(b'x'), "the test", 10));
    let error = io::copy(&mut endless, &mut io::sink()).expect_err("the limit");
    assert!(matches!(
        PackageFileError::read(error),
        PackageFileError::TooLarge { what: "the test", limit: Limit::Bytes(10) }
    ));
    let mut exact = Limited::new(&[0; 10][..], "the test", 10);
    assert_eq!(exact.read_to_end(&mut Vec::new()).unwrap(), 10);
}
