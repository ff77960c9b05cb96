use super::*;

#[test]
fn the_first_byte_that_differs_is_named_with_its_line() {
    let named = |signed: &str, rendered: &str| difference(signed.as_bytes(), rendered.as_bytes());
    assert_eq!(named("a\nb\n", "a\nb\n"), None);
    let expected = "5, in line 3, signed as \"Size: 5\" and rendered as \"Sice: 5\"";
    assert_eq!(named("a\n\nSize: 5\n", "a\n\nSice: 5\n").as_deref(), Some(expected));
    let expected = "2, in line 2, signed as \"\" and rendered as \"b\"";
    assert_eq!(named("a\n", "a\nb").as_deref(), Some(expected));
    let long = "x".repeat(SHOWN_MAX_CHARS + 1);
    assert!(named(&long, "").is_some_and(|text| !text.contains(&long)));
}
