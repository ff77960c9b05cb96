use super::*;

#[test]
fn a_pattern_matches_what_a_shell_would_match() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("*", "v1/2", true),
        ("v*", "v1.2.3", true),
        ("v*", "1.2.3", false),
        ("v?", "v1", true),
        ("v?", "v", false),
        ("v1.*.0", "v1.2.3.0", true),
        ("v1.*.0", "v1.2.3.1", false),
        ("*-rc*", "v1-rc1", true),
        ("*rc", "v1-rcrc", true),
        ("refs/tags/v*", "refs/tags/v1", true),
        ("refs/tags/v*", "refs/heads/v1", false),
        ("v1", "v1", true),
        ("v1", "v10", false),
    ] {
        assert_eq!(pattern.parse::<TagPattern>().expect("a pattern").matches(text), expected, "{pattern} {text}");
    }
}

#[test]
fn a_pattern_of_many_stars_takes_no_time() {
    let pattern: TagPattern = "a*".repeat(TAG_PATTERN_MAX_CHARS / 2).parse().expect("a pattern");
    assert!(!pattern.matches(&format!("{}b", "a".repeat(255))) || pattern.as_str().ends_with('*'));
    assert!(!format!("{}c", "*a".repeat(60)).parse::<TagPattern>().expect("a pattern").matches(&"a".repeat(255)));
}

#[test]
fn a_pattern_has_a_limit_and_no_spaces() {
    assert!("v".repeat(TAG_PATTERN_MAX_CHARS).parse::<TagPattern>().is_ok());
    for bad in ["", "v *", "v\n", &"v".repeat(TAG_PATTERN_MAX_CHARS + 1)] {
        assert_eq!(bad.parse::<TagPattern>(), Err(InvalidTagPattern), "{bad}");
    }
}
