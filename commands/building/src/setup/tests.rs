use tempfile::TempDir;

use super::*;

#[test]
fn names_are_installed_together_and_package_files_alone_in_order() {
    let list = ["a", "b", "https://h/c.deb", "d"].map(str::to_owned);
    let script = requires(&list).expect("a script");
    let tail = &script[script.rfind("\nrefresh\ninstall_names 'a'").expect("first names")..];
    assert_eq!(tail, "\nrefresh\ninstall_names 'a' 'b'\ninstall_url 'https://h/c.deb'\nrefresh\ninstall_names 'd'\n");
}

#[test]
fn nothing_required_is_an_option_or_a_shell_command() {
    assert!(requires(&["--allow-unauthenticated".to_owned()]).is_err());
    let script = requires(&["$(id)'; id".to_owned()]).expect("quoted");
    assert!(script.ends_with("install_names '$(id)'\\''; id'\n"), "{script}");
}

#[test]
fn no_build_is_inside_a_system_folder() {
    assert_eq!(directory(None).as_deref(), Ok("/build"));
    assert_eq!(directory(Some("/opt/shop/")).as_deref(), Ok("/opt/shop"));
    for bad in ["", "/", "relative", "/opt/../etc", "/etc", "/usr/", "/proc/1", "/run/pkgdeploy", "/a//b", "/a\nb"] {
        assert!(directory(Some(bad)).is_err(), "{bad}");
    }
}

#[test]
fn root_does_not_build() {
    let root = TempDir::new().expect("a temporary folder");
    fs::create_dir(root.path().join("etc")).expect("a folder");
    let accounts = "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nann:x:1000:100::/:/bin/sh\n";
    fs::write(root.path().join("etc/passwd"), accounts).expect("a file");
    fs::write(root.path().join("etc/group"), "wheel:x:0:\ndev:x:1001:\n").expect("a file");
    assert_eq!(identity(root.path(), "ann", None), Ok(RunAs::User { uid: 1000, gid: 100 }));
    assert_eq!(identity(root.path(), "ann", Some("dev")), Ok(RunAs::User { uid: 1000, gid: 1001 }));
    for (user, group) in [("toor", None), ("ann", Some("wheel")), ("nobody", None), ("ann", Some("none"))] {
        assert!(identity(root.path(), user, group).is_err(), "{user} {group:?}");
    }
}
