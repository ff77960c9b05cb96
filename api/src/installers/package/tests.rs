use std::process::Command;

use super::*;
use crate::repositories::testing::{key, repository};

fn packed(format: Format) -> InstallerPackage {
    pack(&repository("tools", format), key().id(), "echo installer\n", format).expect("a package")
}

/// What a tool says of the package file.
fn asked(package: &InstallerPackage, program: &str, options: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(&package.file_name);
    fs::write(&path, &package.bytes).expect("it is written");
    let output = Command::new(program).args(options).arg(&path).output().expect("the tool starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_same_key_gives_the_same_package_and_a_younger_one_a_higher_version() {
    for format in [Format::Deb, Format::Rpm] {
        assert_eq!(packed(format), packed(format));
    }
    let version = |id: u128| asked_version(&pack_with(Uuid::from_u128(id)));
    let old = version(0x019a_ab10_1000_7000_8000_0000_0000_0001);
    let young = version(0x019a_ab11_1000_7000_8000_0000_0000_0001);
    assert!(young > old && old > asked_version(&pack_with(Uuid::nil())), "{young} > {old}");
}

fn pack_with(key: Uuid) -> InstallerPackage {
    pack(&repository("tools", Format::Deb), key, "", Format::Deb).expect("a package")
}

fn asked_version(package: &InstallerPackage) -> i64 {
    let text = asked_field(package, "Version");
    text.trim().strip_prefix("1.0.").and_then(|seconds| seconds.parse().ok()).expect("1.0.<seconds>")
}

fn asked_field(package: &InstallerPackage, field: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.deb");
    fs::write(&path, &package.bytes).expect("it is written");
    let output = Command::new("dpkg-deb").arg("-f").arg(&path).arg(field).output().expect("dpkg-deb starts");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_deb_holds_the_secret_for_root_alone_and_has_no_configuration_files() {
    let deb = packed(Format::Deb);
    assert!(deb.file_name.starts_with("pkgdeploy-acme-tools_1.0.") && deb.file_name.ends_with("_all.deb"));
    let list = asked(&deb, "dpkg-deb", &["-c"]);
    let line = list.lines().find(|line| line.ends_with("/installer")).expect("the script");
    assert!(line.starts_with("-rw------- root/root"), "{line}");
    assert!(!list.contains("./etc"), "{list}");
    let about = asked(&deb, "dpkg-deb", &["-I"]);
    assert!(!about.contains("conffiles") && about.contains("postinst") && about.contains("prerm"), "{about}");
}

#[test]
fn an_rpm_runs_the_same_script() {
    let rpm = packed(Format::Rpm);
    assert!(rpm.file_name.starts_with("pkgdeploy-acme-tools-1.0.") && rpm.file_name.ends_with(".noarch.rpm"));
    let about = asked(&rpm, "rpm", &["-qp", "--nosignature", "--scripts"]);
    assert!(about.contains("--packaged") && about.contains("--uninstall"), "{about}");
    let list = asked(&rpm, "rpm", &["-qp", "--nosignature", "-lv"]);
    assert!(list.contains("-rw-------") && list.contains("/usr/share/pkgdeploy/pkgdeploy-acme-tools/installer"));
}

#[test]
fn a_name_too_long_for_a_package_is_an_answer_and_no_panic() {
    let long = repository(&"r".repeat(63), Format::Deb);
    let long = ServedRepository { organisation: "o".repeat(63).parse().expect("a name"), ..long };
    assert!(matches!(pack(&long, key().id(), "", Format::Deb), Err(InstallerPackageError::Name(_))));
}
