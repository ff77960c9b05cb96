use std::process::Command;

use chrono::TimeZone as _;
use domain::version::{compare_deb, compare_rpm_evr};

use super::*;

pub(in crate::installers) fn of(format: Format) -> InstallerOf {
    let (organisation, name): (OrganisationName, RepositoryName) =
        ("acme".parse().expect("a name"), "tools".parse().expect("a name"));
    InstallerOf {
        repository: RepositoryId::named(&organisation, &name),
        organisation,
        name,
        format,
        codename: "stable".to_owned(),
        dated: Utc.with_ymd_and_hms(2026, 11, 25, 20, 0, 0).single().expect("a time"),
    }
}

struct Packed {
    file_name: String,
    bytes: Vec<u8>,
}

fn packed(format: Format, number: u32, holds: Holds) -> Packed {
    let folder = tempfile::tempdir().expect("a folder");
    let written = pack(&of(format), number, holds, "echo installer\n", folder.path()).expect("a package");
    let file_name = written.path.file_name().expect("a name").to_string_lossy().into_owned();
    Packed { file_name, bytes: fs::read(&written.path).expect("it is there") }
}

/// What a tool says of the package file.
fn asked(package: &Packed, program: &str, options: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(&package.file_name);
    fs::write(&path, &package.bytes).expect("it is written");
    let output = Command::new(program).args(options).arg(&path).output().expect("the tool starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_same_script_gives_the_same_package() {
    for format in [Format::Deb, Format::Rpm] {
        for holds in [Holds::NoKey, Holds::Key { issued_at: 1_763_000_000 }] {
            assert_eq!(packed(format, 1, holds).bytes, packed(format, 1, holds).bytes);
        }
    }
}

#[test]
fn every_upgrade_leads_from_what_holds_a_key_to_what_lies_in_the_repository_and_on() {
    let ascending = ["1.0~1763000000", "1.1~1763000000", "1.1~1763000001", "1.1", "1.2~1763000002", "1.2", "1.10"];
    assert!(ascending.is_sorted_by(|a, b| compare_deb(a, b).expect("versions").is_lt()));
    assert!(ascending.is_sorted_by(|a, b| compare_rpm_evr(&format!("{a}-1"), &format!("{b}-1")).is_lt()));
    assert_eq!(packed(Format::Deb, 1, Holds::NoKey).file_name, "pkgdeploy-acme-tools_1.1_all.deb");
    assert_eq!(
        packed(Format::Rpm, 1, Holds::Key { issued_at: 1_763_000_000 }).file_name,
        "pkgdeploy-acme-tools-1.1~1763000000-1.noarch.rpm"
    );
}

#[test]
fn a_deb_holds_a_key_for_root_alone_and_has_no_configuration_files() {
    for (holds, mode) in [(Holds::Key { issued_at: 1 }, "-rw-------"), (Holds::NoKey, "-rw-r--r--")] {
        let deb = packed(Format::Deb, 1, holds);
        let list = asked(&deb, "dpkg-deb", &["-c"]);
        let line = list.lines().find(|line| line.ends_with("/installer")).expect("the script");
        assert!(line.starts_with(&format!("{mode} root/root")), "{line}");
        assert!(!list.contains("./etc"), "{list}");
        let about = asked(&deb, "dpkg-deb", &["-I"]);
        assert!(!about.contains("conffiles") && about.contains("postinst") && about.contains("prerm"), "{about}");
    }
}

#[test]
fn an_rpm_runs_the_same_script() {
    let rpm = packed(Format::Rpm, 1, Holds::Key { issued_at: 1 });
    let about = asked(&rpm, "rpm", &["-qp", "--nosignature", "--scripts"]);
    assert!(about.contains("--packaged") && about.contains("--uninstall"), "{about}");
    let list = asked(&rpm, "rpm", &["-qp", "--nosignature", "-lv"]);
    assert!(list.contains("-rw-------") && list.contains("/usr/share/pkgdeploy/pkgdeploy-acme-tools/installer"));
}

#[test]
fn a_name_too_long_for_a_package_is_an_answer_and_no_panic() {
    let long = InstallerOf {
        organisation: "o".repeat(63).parse().expect("a name"),
        name: "r".repeat(63).parse().expect("a name"),
        ..of(Format::Deb)
    };
    let folder = tempfile::tempdir().expect("a folder");
    let answer = pack(&long, 1, Holds::NoKey, "", folder.path());
    assert!(matches!(answer, Err(InstallerPackageError::Name(_))));
}
