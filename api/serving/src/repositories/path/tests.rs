use super::*;

fn decoded(raw: &str) -> Result<String, InvalidPath> {
    FilePath::decode(raw).map(|path| path.as_str().to_owned())
}

#[test]
fn a_path_is_decoded_once_and_plus_stays_plus() {
    for (raw, expected) in [
        ("pool/a_1.0~rc1+x.deb", "pool/a_1.0~rc1+x.deb"),
        ("pool/a_1.0%7erc1%2bx.deb", "pool/a_1.0~rc1+x.deb"),
        ("pool/a%252e.deb", "pool/a%2e.deb"),
        ("pool/%C3%A4.deb", "pool/ä.deb"),
        ("a..b/...", "a..b/..."),
    ] {
        assert_eq!(decoded(raw).as_deref(), Ok(expected), "{raw}");
    }
}

#[test]
fn a_point_is_one_segment_that_may_hold_a_slash() {
    for (raw, expected) in [
        ("hello@v1", Ok("hello@v1")),
        ("hello@release%2F1.0", Ok("hello@release/1.0")),
        ("hello%40release%2f1.0+x%25", Ok("hello@release/1.0+x%")),
        ("hello@%c3%a4", Ok("hello@ä")),
        ("hello@%252F", Ok("hello@%2F")),
        ("hello@%ff", Err(InvalidPath::BadCharacter)),
        ("hello@%2", Err(InvalidPath::BadEscape)),
    ] {
        assert_eq!(decode_point(raw).as_deref(), expected.as_ref().copied(), "{raw}");
    }
}

#[test]
fn a_path_that_can_name_no_file_is_refused_with_the_reason() {
    use InvalidPath::{BadCharacter, BadEscape, BadSegment, TooLong};
    let longest = "a".repeat(PATH_MAX_BYTES);
    assert_eq!(decoded(&longest), Ok(longest.clone()));
    let (long, longer) = (format!("{longest}a"), "%61".repeat(PATH_MAX_BYTES) + "a");
    for (raw, expected) in [
        ("", BadSegment),
        ("..", BadSegment),
        ("a/../b", BadSegment),
        ("a/%2e%2E/b", BadSegment),
        ("a/./b", BadSegment),
        ("a//b", BadSegment),
        ("/a", BadSegment),
        ("a/", BadSegment),
        ("a%2fb", BadCharacter),
        ("a%2F..%2Fb", BadCharacter),
        ("a\\b", BadCharacter),
        ("a%5cb", BadCharacter),
        ("a%00b", BadCharacter),
        ("a%0ab", BadCharacter),
        ("a%ff", BadCharacter),
        ("a%", BadEscape),
        ("a%2", BadEscape),
        ("a%zz", BadEscape),
        ("a%+1", BadEscape),
        (&long, TooLong),
        (&longer, TooLong),
    ] {
        assert_eq!(decoded(raw), Err(expected), "{raw}");
    }
}
