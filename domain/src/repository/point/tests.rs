use chrono::TimeZone as _;
use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_text_is_one_point_or_none(
        any in any::<String>(),
        like in "[0-9a-zTZ.:@/+-]{0,70}",
        tagged in "[a-z]{1,3}@[0-9a-zA-Z@/.+%#-]{0,20}",
    ) {
        for text in [any, like, tagged] {
            if let Ok(point) = text.parse::<PointInTime>() {
                prop_assert_eq!(matches!(point, PointInTime::Tag(..)), text.contains(TAGGED), "{}", text);
                let is_written_alike = matches!(point, PointInTime::Tag(..) | PointInTime::Snapshot(_) | PointInTime::Newest);
                prop_assert!(!is_written_alike || point.to_string() == text, "{} is written {}", text, point);
            }
        }
    }
}

#[test]
fn a_point_in_time_has_either_notation_and_survives_the_way_through_a_url() {
    let time = Utc.with_ymd_and_hms(2026, 11, 22, 10, 0, 1).single().expect("a time");
    for text in ["20261122T100001Z", "2026-11-22T10:00:01Z", "2026-11-22T11:00:01+01:00"] {
        assert_eq!(text.parse(), Ok(PointInTime::At(time)), "{text}");
    }
    assert_eq!(Compact(time).to_string(), "20261122T100001Z");
}

#[test]
fn digits_are_a_position_a_uuid_is_a_release_and_the_rest_is_a_name() {
    assert_eq!("20261122".parse(), Ok(PointInTime::Position(Position(20_261_122))));
    let id = "abcdef01-6f0a-7c3e-8d54-2f6a9b1c0d3e";
    assert_eq!(id.parse(), Ok(PointInTime::Release(id.parse().expect("an id"))));
    assert_eq!("newest".parse(), Ok(PointInTime::Newest));
    assert_eq!("golden".parse(), Ok(PointInTime::Snapshot("golden".parse().expect("a name"))));
    for text in ["newest", "42", id, "20261122T100001Z", "golden"] {
        assert_eq!(text.parse::<PointInTime>().map(|point| point.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn a_project_and_its_tag_are_split_at_the_first_at_sign_whatever_the_tag_looks_like() {
    let id = "abcdef01-6f0a-7c3e-8d54-2f6a9b1c0d3e";
    for tag in ["v1.2.3", "42", "newest", "20261122T100001Z", id, "release/1.0", "hello@1.0", "100%", "ä#+&"] {
        let text = format!("hello@{tag}");
        let point = PointInTime::Tag("hello".parse().expect("a name"), tag.parse().expect("a tag"));
        assert_eq!(text.parse().as_ref(), Ok(&point));
        assert_eq!(point.to_string(), text);
    }
    let longest = format!("{}@{}", "a".repeat(SLUG_MAX_CHARS), "b".repeat(TAG_NAME_MAX_BYTES));
    assert_eq!(longest.len(), POINT_MAX_BYTES);
    assert!(longest.parse::<PointInTime>().is_ok());
    assert_eq!(format!("{longest}b").parse::<PointInTime>(), Err(InvalidPoint::Unlike));
}

#[test]
fn what_is_no_project_or_no_tag_is_named() {
    for (text, word) in [
        ("Hello@v1", "\"Hello\" is not a project name"),
        ("@v1", "\"\" is not a project name"),
        ("hello@", "\"\" is not a tag name"),
        ("hello@v1..2", "\"v1..2\" is not a tag name"),
        ("hello@../x", "\"../x\" is not a tag name"),
        ("hello@a\nb", "is not a tag name"),
    ] {
        let refused = text.parse::<PointInTime>().expect_err(text).to_string();
        assert!(refused.starts_with("not a point in time: ") && refused.contains(word), "{refused}");
    }
}

#[test]
fn anything_else_is_no_point() {
    let long = format!("2026-11-22T10:00:01.{}Z", "0".repeat(100));
    let bad = ["", "Newest", "20261322T100001Z", "2026-11-22 10:00:01", "20261122T100001", "+1", "-1", &long];
    for bad in bad.into_iter().chain(["18446744073709551616", "{abcdef01-6f0a-7c3e-8d54-2f6a9b1c0d3e}"]) {
        assert_eq!(bad.parse::<PointInTime>(), Err(InvalidPoint::Unlike), "{bad}");
    }
}
