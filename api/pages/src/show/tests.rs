use super::*;

#[test]
fn the_past_is_told_in_its_largest_unit() {
    for (seconds, expected) in [
        (-5, "just now"),
        (9, "just now"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (7_200, "2 hours ago"),
        (86_400, "1 day ago"),
        (2_592_000, "1 month ago"),
        (63_072_000, "2 years ago"),
    ] {
        assert_eq!(ago(TimeDelta::seconds(seconds)), expected);
    }
}

#[test]
fn a_duration_has_two_figures_that_matter() {
    for (milliseconds, expected) in [
        (-1, "0 ms"),
        (40, "40 ms"),
        (1_250, "1.2 s"),
        (59_999, "59 s"),
        (185_000, "3 min 5 s"),
        (7_800_000, "2 h 10 min"),
    ] {
        assert_eq!(duration(TimeDelta::milliseconds(milliseconds)), expected);
    }
}

#[test]
fn a_size_is_told_in_its_largest_unit() {
    for (bytes, expected) in [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.5 KiB"), (21_076_378, "20.1 MiB")] {
        assert_eq!(size(bytes), expected);
    }
}

#[test]
fn a_moment_is_a_time_element_with_the_exact_time() {
    let moment = Moment::of(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::minutes(2));
    let expected = r#"<time datetime="1970-01-01T00:00:00Z" title="1970-01-01 00:00:00 UTC">2 minutes ago</time>"#;
    assert_eq!(moment.to_string(), expected);
}
