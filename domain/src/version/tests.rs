//! Which tags are versions, and which versions are newer, by the package managers' own answers.

use std::cmp::Ordering::{self, Equal, Greater, Less};

use proptest::prelude::*;

use super::*;
use crate::{names::TagName, version::release::RELEASE_VERSION_MAX_CHARS};

fn version_of(tag: &str) -> Result<String, String> {
    let tag: TagName = tag.parse().expect("a tag git allows");
    ReleaseVersion::from_tag(&tag).map(|version| version.to_string()).map_err(|error| error.to_string())
}

#[test]
fn a_tag_is_a_version_with_or_without_a_v() {
    for (tag, version) in [
        ("v1.2.3", "1.2.3"),
        ("1.2.3", "1.2.3"),
        ("1", "1"),
        ("2026.11.22", "2026.11.22"),
        ("1.2.3a", "1.2.3a"),
        ("v1.2.3-rc1", "1.2.3~rc1"),
        ("1.2.3-rc.1", "1.2.3~rc.1"),
        ("1.2.3-beta-2", "1.2.3~beta.2"),
        ("2026-11-22", "2026~11.22"),
        ("1.2.3+build.5", "1.2.3+build.5"),
        ("1.2.3-rc1+git-abc", "1.2.3~rc1+git.abc"),
        ("1.2.3+git-abc-def", "1.2.3+git.abc.def"),
    ] {
        assert_eq!(version_of(tag).as_deref(), Ok(version), "{tag}");
    }
}

#[test]
fn a_tag_that_is_no_version_in_both_formats_is_refused() {
    for tag in [
        "vv1",
        "v",
        "V1.0",
        "release",
        "release-1.0",
        "release/1.0",
        "v1/2",
        "1_2_3",
        "1.0-rc_1",
        "1.0-",
        "1.0+",
        "1.0--rc",
        "1.0.-rc",
        "1.0+-a",
        "1.0++a",
        "1.0é",
        "1.0!",
        "-",
        "1,0",
        "1.0=1",
        "1.0\u{661}",
    ] {
        if let Ok(name) = tag.parse::<TagName>() {
            assert!(ReleaseVersion::from_tag(&name).is_err(), "{tag}");
        }
    }
    let expected = "\"release/1.0\" is not a tag with a version: expected at most 64 letters and digits joined by \
                    single . + or -, a digit first after an optional v, such as v1.2.3-rc1";
    assert_eq!(version_of("release/1.0"), Err(expected.to_owned()));
}

#[test]
fn a_release_version_has_at_most_64_characters() {
    assert_eq!(version_of(&format!("v{}", "1".repeat(RELEASE_VERSION_MAX_CHARS))).map(|text| text.len()), Ok(64));
    assert!(version_of(&"1".repeat(RELEASE_VERSION_MAX_CHARS + 1)).is_err());
}

#[test]
fn a_release_version_is_stored_as_its_text() {
    let tag: TagName = "v1.2.3-rc1".parse().expect("a tag git allows");
    let version = ReleaseVersion::from_tag(&tag).expect("a version");
    assert_eq!(
        (version.deb_version(), version.rpm_version(), version.as_str()),
        ("1.2.3~rc1", "1.2.3~rc1", "1.2.3~rc1")
    );
    let json = serde_json::to_string(&version).expect("a string");
    assert_eq!(json, "\"1.2.3~rc1\"");
    assert_eq!(serde_json::from_str::<ReleaseVersion>(&json).ok(), Some(version));
    for bad in ["", "v1", "1-2", "1~a~b", "1..2", "~1", "1~", "1_2", "1:2", "1^2", "1 2", "1\n"] {
        assert!(bad.parse::<ReleaseVersion>().is_err(), "{bad}");
        assert!(serde_json::from_str::<ReleaseVersion>(&serde_json::json!(bad).to_string()).is_err(), "{bad}");
    }
}

#[test]
fn a_pre_release_is_older_than_its_release_in_both_formats() {
    let oldest_first = ["1.2.2", "1.2.3-alpha", "1.2.3-rc.2", "1.2.3-rc.10", "1.2.3", "1.2.3+build.1", "1.2.10"];
    let versions = oldest_first.map(|tag| version_of(tag).expect("a version"));
    for pair in versions.windows(2) {
        assert_eq!(compare_deb(&pair[0], &pair[1]), Ok(Less), "{pair:?}");
        assert_eq!(compare_rpm_evr(&pair[0], &pair[1]), Less, "{pair:?}");
    }
}

#[test]
fn a_deb_version_follows_debian_policy() {
    for good in ["1", "1.0", "1:1.0", "0:1", "1.0-1", "1.0-1-2", "1.0~rc1+b-1~bpo12+1", "2147483647:1", "1."] {
        assert_eq!(valid_deb_version(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "a",
        "~1",
        ":1",
        "a:1",
        "-1:1",
        "+1:1",
        "1:",
        "1:a",
        "2147483648:1",
        "99999999999:1",
        "1-",
        "1.0-",
        "1_0",
        "1^0",
        "1 0",
        "1\n",
        "1:2:3",
        "1/0",
        "1é",
        "\u{661}",
        "\u{661}:1",
    ] {
        assert!(valid_deb_version(bad).is_err(), "{bad}");
        assert!(compare_deb(bad, "1").is_err() && compare_deb("1", bad).is_err(), "{bad}");
    }
}

#[test]
fn an_rpm_version_or_release_follows_rpm() {
    for good in ["1", "1.0", "1.el9", "a", "1_0", "1^git", "1~rc1", "1+b", "0.1.el9_4"] {
        assert_eq!(valid_rpm_version_part(good), Ok(()), "{good}");
    }
    for bad in ["", "1-0", "1:0", "1..0", "1 0", "1\n", "1/0", "1%0", "1é"] {
        assert!(valid_rpm_version_part(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_package_version_has_at_most_128_characters() {
    let longest = "1".repeat(PACKAGE_VERSION_MAX_CHARS);
    assert_eq!((valid_deb_version(&longest), valid_rpm_version_part(&longest)), (Ok(()), Ok(())));
    let longer = format!("{longest}1");
    assert!(valid_deb_version(&longer).is_err() && valid_rpm_version_part(&longer).is_err());
}

#[test]
fn an_error_about_a_version_is_one_short_line() {
    let error = valid_deb_version(&format!("1\n{}", "x".repeat(10_000))).expect_err("no version").to_string();
    assert!(error.starts_with("\"1\\nxxx") && error.len() < 400, "{error}");
}

#[test]
fn debs_are_ordered_as_dpkg_orders_them() {
    // Each line is an answer of dpkg 1.21 --compare-versions.
    for (a, order, b) in [
        ("1.0", Equal, "1.0"),
        ("1.0", Equal, "0:1.0"),
        ("1.0", Equal, "1.0-0"),
        ("1.0", Equal, "1.00"),
        ("1.0", Less, "1.0-1"),
        ("1.9", Less, "1.10"),
        ("1.0~rc1", Less, "1.0"),
        ("1.0~", Less, "1.0"),
        ("1.0~~", Less, "1.0~"),
        ("1.0~~a", Less, "1.0~"),
        ("1.0~rc", Equal, "1.0~rc0"),
        ("1.", Equal, "1.0"),
        ("1.0-a", Equal, "1.0-a0"),
        ("1.0", Less, "1.0a"),
        ("1.0a", Less, "1.0+"),
        ("1.0+", Less, "1.0-1-1"),
        ("1.0Z", Less, "1.0a"),
        ("1.0+git1", Less, "1.0.1"),
        ("9:1.0", Less, "10:1.0"),
        ("2.0", Less, "1:1.0"),
        ("1.0-1", Less, "1.0-1+b1"),
        ("1.0-1~bpo12+1", Less, "1.0-1"),
        ("1.0-1", Less, "1.0-1.1"),
        ("1.99999999999999999999", Less, "1.100000000000000000000"),
    ] {
        assert_eq!(compare_deb(a, b), Ok(order), "{a} {b}");
        assert_eq!(compare_deb(b, a), Ok(order.reverse()), "{b} {a}");
    }
}

#[test]
fn rpms_are_ordered_as_rpm_orders_them() {
    // Versions from rpm's own tests/rpmvercmp.at; epochs and releases from rpm 4.18.
    for (a, order, b) in [
        ("1.0", Equal, "1.0"),
        ("1.0", Less, "2.0"),
        ("2.0", Less, "2.0.1"),
        ("2.0.1", Less, "2.0.1a"),
        ("5.5p1", Less, "5.5p10"),
        ("10xyz", Less, "10.1xyz"),
        ("xyz10", Less, "xyz10.1"),
        ("xyz.4", Less, "8"),
        ("5.5p2", Less, "5.6p1"),
        ("6.0", Less, "6.0.rc1"),
        ("10a2", Less, "10b2"),
        ("1.0a", Less, "1.0.aa"),
        ("10.0001", Equal, "10.1"),
        ("10.0001", Less, "10.0039"),
        ("20101121", Less, "20101122"),
        ("2_0", Equal, "2.0"),
        ("a+", Equal, "a_"),
        ("1.0~rc1", Less, "1.0"),
        ("1.0~rc1", Less, "1.0~rc2"),
        ("1.0~rc1~git123", Less, "1.0~rc1"),
        ("1.0", Less, "1.0^"),
        ("1.0^git1", Less, "1.0.1"),
        ("1.0^git1", Less, "1.01"),
        ("1.0^git1", Less, "1.0^git2"),
        ("1.0^20160101", Less, "1.0.1"),
        ("1.0~rc1", Less, "1.0~rc1^git1"),
        ("1.0^git1~pre", Less, "1.0^git1"),
        ("1.0-1", Equal, "0:1.0-1"),
        ("2.0-1", Less, "1:1.0-1"),
        ("9:1.0-1", Less, "10:1.0-1"),
        ("1.0-1.el9", Less, "1.0-2.el9"),
        ("1.0-9", Less, "1.0-10"),
        ("1.0-2", Less, "1.1-1"),
    ] {
        assert_eq!(compare_rpm_evr(a, b), order, "{a} {b}");
        assert_eq!(compare_rpm_evr(b, a), order.reverse(), "{b} {a}");
    }
}

/// Few parts, so that equal beginnings and equal versions are common.
const DEB: &str = "([01]:)?[01](\\.|~|\\+|a|Z|0|1|12|-1){0,6}";
const RPM: &str = "([01]:)?(\\.|~|\\^|_|\\+|a|Z|0|1|12|-){1,7}";

fn is_an_order(x: &str, y: &str, z: &str, compare: impl Fn(&str, &str) -> Ordering) {
    assert_eq!(compare(x, x), Equal, "{x} is itself");
    assert_eq!(compare(x, y), compare(y, x).reverse(), "{x} and {y} either way around");
    if compare(x, y) != Greater && compare(y, z) != Greater {
        assert_ne!(compare(x, z), Greater, "{x} <= {y} <= {z}");
    }
    if compare(x, y) == Equal {
        assert_eq!(compare(x, z), compare(y, z), "{x} = {y} beside {z}");
    }
}

proptest! {
    #[test]
    fn debs_have_one_order(x in DEB, y in DEB, z in DEB) {
        is_an_order(&x, &y, &z, |a, b| compare_deb(a, b).expect("only versions are generated"));
    }

    #[test]
    fn rpms_have_one_order(x in RPM, y in RPM, z in RPM) {
        is_an_order(&x, &y, &z, compare_rpm_evr);
    }

    #[test]
    fn any_text_is_a_version_or_refused(a in any::<String>(), b in "[0-9a-z.~^+:_-]{0,40}") {
        for text in [&a, &b] {
            let _ = text.parse::<ReleaseVersion>();
            let _ = compare_rpm_evr(&a, text);
            prop_assert_eq!(valid_deb_version(text).is_ok(), compare_deb(text, "1").is_ok());
            prop_assert_eq!(valid_deb_version(text).is_ok(), compare_deb("1", text).is_ok());
        }
    }

    #[test]
    fn a_release_version_is_a_version_of_a_deb_and_of_an_rpm(tag in "v?[0-9][0-9a-z.+-]{0,30}") {
        if let Ok(version) = tag.parse().map(|tag: TagName| ReleaseVersion::from_tag(&tag))
            && let Ok(version) = version
        {
            prop_assert_eq!(valid_deb_version(version.deb_version()), Ok(()));
            prop_assert_eq!(valid_rpm_version_part(version.rpm_version()), Ok(()));
            prop_assert_eq!(version.as_str().parse::<ReleaseVersion>(), Ok(version.clone()));
        }
    }
}

/// Is `text` an rpm's `Version` or `Release`? Source: rpm, `build/parsePreamble.c`, `rpmCharCheck`.
fn valid_rpm_version_part(text: &str) -> Result<(), InvalidVersion> {
    let expected = "1 to 128 letters, digits and . _ + ~ ^, without ..";
    let valid = (1..=PACKAGE_VERSION_MAX_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~^".contains(&b))
        && !text.contains("..");
    if valid { Ok(()) } else { Err(InvalidVersion::new(text, "an rpm's version or release", expected)) }
}
