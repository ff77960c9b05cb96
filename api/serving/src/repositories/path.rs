//! The path of a file inside a repository: percent-decoded exactly once, and only if it can name a file.

#[cfg(test)]
mod tests;

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
    #[error("the URL's path is too long: expected at most {PATH_MAX_BYTES} bytes")]
    TooLong,
    /// `%` without two hexadecimal digits.
    #[error("the URL's path has a % that is not followed by two hexadecimal digits")]
    BadEscape,
    /// A slash written as `%2F`, a backslash, a control character, or bytes that are not UTF-8.
    #[error(
        "the URL's path has a character that no file name has: an encoded slash, a backslash or a control character"
    )]
    BadCharacter,
    /// `//`, `.` or `..`.
    #[error("the URL's path has an empty part, \".\" or \"..\"")]
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
