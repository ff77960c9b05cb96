#![allow(clippy::unwrap_used)]

use std::io::Write as _;

use domain::package::{Facts, Format};
use tar::EntryType;

use super::*;
use crate::packaging::{
    read_package,
    testing::{Sample, ar_archive, deb_with, run, stored, tar, text},
};

const CONTROL: &[u8] = b"Package: greeter\nVersion: 1:1.0-2\nArchitecture: all\nMaintainer: A <a@b>\nDescription: x\n";

fn read_bytes(bytes: &[u8]) -> Result<domain::package::Package, PackageFileError> {
    let folder = tempfile::tempdir().unwrap();
    read_package(&stored(folder.path(), bytes)).map(|read| read.package)
}

fn with_control_member(name: &str, member: &[u8]) -> Result<domain::package::Package, PackageFileError> {
    read_bytes(&ar_archive(&[("debian-binary", b"2.0\n"), (name, member), ("data.tar", b"")]))
}

fn malformed_place(result: Result<domain::package::Package, PackageFileError>) -> String {
    match result {
        Err(PackageFileError::Malformed { place, expected, .. }) => format!("{place}: {expected}"),
        other => panic!("expected a malformed package, got {other:?}"),
    }
}

#[test]
fn a_written_deb_has_the_facts_it_was_written_from() {
    let sample = Sample::new(Format::Deb);
    let written = sample.write();
    let package = read_package(&written.path).unwrap().package;
    assert_eq!(package.file_name, "greeter_1.2.0~rc1_amd64.deb");
    assert_eq!((package.sha256, package.size_bytes), (written.sha256, written.size_bytes));
    assert_eq!(package.name(), "greeter");
    assert_eq!(package.version(), "1.2.0~rc1");
    assert_eq!(package.architecture(), "amd64");
}

#[test]
fn a_deb_that_dpkg_deb_built_is_read_in_every_compression() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("DEBIAN")).unwrap();
    std::fs::write(root.join("DEBIAN/control"), CONTROL).unwrap();
    let path = folder.path().join("built.deb");
    for compression in ["none", "gzip", "xz", "zstd"] {
        let option = format!("-Z{compression}");
        run("dpkg-deb", &["--root-owner-group", "--uniform-compression", &option, "-b", text(&root), text(&path)]);
        let package = read_package(&path).unwrap().package;
        assert_eq!(package.file_name, "greeter_1.0-2_all.deb", "{compression}");
        assert_eq!(package.version(), "1:1.0-2");
        let Facts::Deb(facts) = package.facts else { panic!("a deb") };
        assert_eq!(facts.control.as_bytes(), &CONTROL[..CONTROL.len() - 1]);
    }
}

#[test]
fn a_deb_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = Sample::new(Format::Deb).bytes();
    for length in 0..bytes.len() {
        let result = read_package(&stored(folder.path(), &bytes[..length]));
        assert!(result.is_err(), "cut after {length} bytes");
    }
}

#[test]
fn a_deb_with_any_byte_changed_is_read_or_refused() {
    let bytes = deb_with(CONTROL);
    for position in 0..bytes.len() {
        // Most of a tar archive is zeros; one value is enough there.
        let values: &[u8] = if bytes[position] == 0 { b"7" } else { &[0, b' ', b'9', 0x80, 0xff] };
        for &value in values {
            let mut changed = bytes.clone();
            changed[position] = value;
            // Both answers are right; a panic or a hang is not.
            let _ = read(&mut Hashed::new(&changed[ar::MAGIC.len()..]));
        }
    }
}

#[test]
fn members_stand_in_order_and_nothing_follows() {
    let control = tar(&[("./control", EntryType::Regular, CONTROL)]);
    let [version, control, data] =
        [("debian-binary", &b"2.0\n"[..]), ("control.tar", &control[..]), ("data.tar", &b"x"[..])];
    assert!(read_bytes(&ar_archive(&[version, control, data])).is_ok());
    for members in [
        vec![control, data],
        vec![version, data, control],
        vec![version, control, control, data],
        vec![version, control, data, data],
        vec![version, control, data, ("_gpgorigin", b"x")],
        vec![("debian-binary", b"3.0\n"), control, data],
        vec![("debian-binary", b"2.0\nx"), control, data],
        vec![version, control, ("data.tar.evil", b"x")],
    ] {
        assert!(malformed_place(read_bytes(&ar_archive(&members))).starts_with("ar archive"));
    }
    assert!(matches!(read_bytes(&ar_archive(&[version, control])), Err(PackageFileError::Truncated)));
}

#[test]
fn a_member_s_size_is_decimal_and_not_longer_than_the_file() {
    let bytes = deb_with(CONTROL);
    for (size, expected) in [("-1", "ar archive"), ("0x10", "ar archive"), ("+4", "ar archive"), ("", "ar archive")] {
        let mut changed = bytes.clone();
        changed[8 + 48..8 + 58].copy_from_slice(format!("{size:<10}").as_bytes());
        assert!(malformed_place(read_bytes(&changed)).starts_with(expected), "{size}");
    }
    let data = bytes.len() - 1024 - 60;
    let mut changed = bytes;
    changed[data + 48..data + 58].copy_from_slice(b"9999999999");
    assert!(matches!(read_bytes(&changed), Err(PackageFileError::Truncated)));
}

#[test]
fn control_is_one_regular_file() {
    let refused =
        |entries: &[(&str, EntryType, &[u8])]| malformed_place(with_control_member("control.tar", &tar(entries)));
    for kind in [EntryType::Fifo, EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block] {
        assert!(refused(&[("./control", kind, b"")]).contains("regular files"), "{kind:?}");
    }
    assert!(refused(&[("./control", EntryType::Directory, b"")]).contains("regular files"));
    assert!(refused(&[]).contains("a file named control"));
    let twice: [(&str, EntryType, &[u8]); 2] =
        [("./control", EntryType::Regular, CONTROL), ("control", EntryType::Regular, CONTROL)];
    assert!(refused(&twice).contains("one control file"));
    for name in ["../control", "/control", "x/control", "././control"] {
        assert!(refused(&[(name, EntryType::Regular, CONTROL)]).contains("without a folder"), "{name}");
    }
}

#[test]
fn a_control_member_that_unpacks_to_more_than_the_limit_is_refused() {
    let bomb = |finish: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut unpacked = tar(&[("./control", EntryType::Regular, CONTROL)]);
        unpacked.resize(CONTROL_MEMBER_MAX_BYTES as usize + 1, 0);
        finish(&unpacked)
    };
    let gz = bomb(&|unpacked| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(unpacked).unwrap();
        encoder.finish().unwrap()
    });
    let xz = bomb(&|unpacked| {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
        encoder.write_all(unpacked).unwrap();
        encoder.finish().unwrap()
    });
    let zst = bomb(&|unpacked| zstd::encode_all(unpacked, 1).unwrap());
    for (name, member) in [("control.tar.gz", gz), ("control.tar.xz", xz), ("control.tar.zst", zst)] {
        assert!(member.len() < 1024 * 1024, "{name} is small while packed");
        let result = with_control_member(name, &member);
        assert!(
            matches!(result, Err(PackageFileError::TooLarge { limit: Limit::Bytes(CONTROL_MEMBER_MAX_BYTES), .. })),
            "{name}: {result:?}"
        );
    }
}

#[test]
fn a_control_file_longer_than_the_limit_is_refused() {
    let mut long = [CONTROL, b" "].concat();
    long.resize(CONTROL_FILE_MAX_BYTES as usize - 1, b'x');
    long.push(b'\n');
    assert!(read_bytes(&deb_with(&long)).is_ok());
    long.push(b'\n');
    let result = read_bytes(&deb_with(&long));
    assert!(
        matches!(result, Err(PackageFileError::TooLarge { limit: Limit::Bytes(CONTROL_FILE_MAX_BYTES), .. })),
        "{result:?}"
    );
}

#[test]
fn more_control_files_than_the_limit_are_refused() {
    let names: Vec<String> = (0..CONTROL_MAX_FILES).map(|number| format!("./{number}")).collect();
    let mut entries: Vec<(&str, EntryType, &[u8])> =
        names.iter().map(|name| (name.as_str(), EntryType::Regular, &b""[..])).collect();
    entries[0] = ("./control", EntryType::Regular, CONTROL);
    assert!(with_control_member("control.tar", &tar(&entries)).is_ok());
    entries.push(("./more", EntryType::Regular, b""));
    let result = with_control_member("control.tar", &tar(&entries));
    assert!(matches!(result, Err(PackageFileError::TooLarge { .. })), "{result:?}");
}

#[test]
fn a_broken_or_surplus_packed_stream_is_refused() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&tar(&[("./control", EntryType::Regular, CONTROL)])).unwrap();
    let member = encoder.finish().unwrap();
    assert!(with_control_member("control.tar.gz", &member).is_ok());
    let mut broken = member.clone();
    let checksum = broken.len() - 6;
    broken[checksum] ^= 1;
    assert!(with_control_member("control.tar.gz", &broken).is_err());
    let mut surplus = member;
    surplus.extend(b"surplus");
    assert!(with_control_member("control.tar.gz", &surplus).is_err());
    assert!(with_control_member("control.tar.xz", b"not xz").is_err());
    assert!(with_control_member("control.tar.bz2", b"").is_err());
}
