use super::*;

#[test]
fn a_slug_is_a_lower_case_label() {
    for good in ["a", "acme", "acme-2", "2go"] {
        assert!(good.parse::<OrganisationName>().is_ok(), "{good}");
    }
    let long = "a".repeat(SLUG_MAX_CHARS + 1);
    for bad in ["", "-a", "a-", "Acme", "a b", "a/b", "..", "ä", long.as_str()] {
        assert!(bad.parse::<OrganisationName>().is_err(), "{bad}");
    }
}

#[test]
fn a_package_name_follows_debian_policy() {
    assert!("libstdc++6".parse::<PackageName>().is_ok());
    let long = "a".repeat(PACKAGE_NAME_MAX_CHARS + 1);
    for bad in ["a", "-ab", "Ab", "a_b", "a b", "a\nb", long.as_str()] {
        assert!(bad.parse::<PackageName>().is_err(), "{bad}");
    }
}

#[test]
fn a_machine_may_be_called_by_its_host_name() {
    let long = "a".repeat(MACHINE_NAME_MAX_CHARS);
    for good in ["web-1", "Web_1.example.com", "7", long.as_str()] {
        assert!(good.parse::<MachineName>().is_ok(), "{good}");
    }
    let longer = format!("{long}a");
    for bad in ["", "a b", "a/b", "a\nb", "ä", "a\"", longer.as_str()] {
        assert!(bad.parse::<MachineName>().is_err(), "{bad}");
    }
}

#[test]
fn a_snapshots_name_is_no_other_point() {
    let long = "a".repeat(SNAPSHOT_NAME_MAX_CHARS);
    for good in ["golden", "before-the-fix", "v1.2", "a", "release-20261122", long.as_str()] {
        assert!(good.parse::<SnapshotName>().is_ok(), "{good}");
    }
    let (longer, id) = (format!("{long}a"), "abcdef01-6f0a-7c3e-8d54-2f6a9b1c0d3e");
    let other_points = ["42", "20261122T100001Z", "20261122t100001z", id, "newest", "on", "enable", "false"];
    for bad in ["", "A", "a_b", "a/b", "a b", ".a", "a.", "-a", "a-", "ä", &longer].iter().chain(&other_points) {
        assert!(bad.parse::<SnapshotName>().is_err(), "{bad}");
    }
}

#[test]
fn a_tag_name_cannot_be_an_option_or_leave_its_folder() {
    assert!("release/v1.2.3-rc1".parse::<TagName>().is_ok());
    for bad in ["", "--upload-pack=x", "a..b", "a b", "a:b", "a\0b", "/a", "a/", "x.lock", ".a", "@"] {
        assert!(bad.parse::<TagName>().is_err(), "{bad}");
    }
}
