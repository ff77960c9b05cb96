//! The path of a file inside a repository: percent-decoded exactly once, and only if it can name a file.

use std::borrow::Cow;

/// The maximum length of a decoded path inside a repository. Source: the longest file names are hashed index files below
/// `by-hash`, about 200; pool paths hold a package's file name of at most 255.
pub const PATH_MAX_BYTES: usize = 1024;

/// A path that may name a file: segments joined by `/`, none of them empty, `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath<'a>(Cow<'a, str>);

/// Why a path cannot name a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Over [`PATH_MAX_BYTES`].
    #[error("the path is too long: expected at most {PATH_MAX_BYTES} bytes")]
    TooLong,
    /// `%` without two hexadecimal digits.
    #[error("the path contains a % without two hexadecimal digits after it")]
    BadEscape,
    /// A slash written as `%2F`, a backslash, a control character, or bytes that are not UTF-8.
    #[error("the path contains a character that is not allowed: an encoded slash, a backslash or a control character")]
    BadCharacter,
    /// `//`, `.` or `..`.
    #[error("the path contains an empty part, \".\" or \"..\"")]
    BadSegment,
}

impl<'a> FilePath<'a> {
    /// Parses a path from a request, without the leading slash. `+` is a plus, since this is not a form.
    ///
    /// # Errors
    /// It cannot name a file.
    pub fn decode(raw: &'a str) -> Result<Self, InvalidPath> {
        if raw.len() > 3 * PATH_MAX_BYTES {
            return Err(InvalidPath::TooLong);
        }
        let path = if raw.contains('%') { Cow::Owned(unescape(raw)?) } else { Cow::Borrowed(raw) };
        if path.len() > PATH_MAX_BYTES {
            return Err(InvalidPath::TooLong);
        }
        if path.contains(|c: char| c.is_control() || c == '\\') || has_encoded_slash(raw) {
            return Err(InvalidPath::BadCharacter);
        }
        if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(InvalidPath::BadSegment);
        }
        Ok(Self(path))
    }

    /// The decoded path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Decodes a point in a URL: one segment, in which a slash is written as `%2F`. The result is parsed as a point later.
///
/// # Errors
/// `BadEscape`, and `BadCharacter` for bytes that are not UTF-8.
pub(super) fn decode_point(raw: &str) -> Result<String, InvalidPath> {
    unescape(raw)
}

fn unescape(raw: &str) -> Result<String, InvalidPath> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            decoded.push(*first);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_first_chunk::<2>().ok_or(InvalidPath::BadEscape)?;
        let mut byte = [0];
        hex::decode_to_slice(digits, &mut byte).map_err(|_| InvalidPath::BadEscape)?;
        decoded.push(byte[0]);
        rest = tail;
    }
    String::from_utf8(decoded).map_err(|_| InvalidPath::BadCharacter)
}

fn has_encoded_slash(raw: &str) -> bool {
    raw.as_bytes().windows(3).any(|bytes| bytes.eq_ignore_ascii_case(b"%2f"))
}

#[cfg(test)]
mod tests {
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
}
