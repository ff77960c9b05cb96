//! `Range` of one piece of a file (RFC 9110, section 14): what resumes a broken download.

use std::ops::Range;

use axum::http::HeaderValue;

/// What a `Range` header asks of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Everything: no range, one in an unknown unit, a malformed one, or several, which may be ignored (14.2).
    Whole,
    /// These bytes, never none.
    Piece(Range<u64>),
    /// Bytes that the file does not have.
    Unsatisfiable,
}

/// Reads the header against a file of `size_bytes`.
#[must_use]
pub fn wanted(header: Option<&HeaderValue>, size_bytes: u64) -> Wanted {
    header.and_then(|value| value.to_str().ok()).and_then(|text| parse(text, size_bytes)).unwrap_or(Wanted::Whole)
}

/// `None` if the text is not one well-formed range of bytes.
fn parse(text: &str, size_bytes: u64) -> Option<Wanted> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim_matches([' ', '\t']).split_once('-')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let piece = if first.is_empty() {
        size_bytes.saturating_sub(number(last)?)..size_bytes
    } else {
        let first = number(first)?;
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        if last < first {
            return None;
        }
        first..last.saturating_add(1).min(size_bytes)
    };
    Some(if piece.is_empty() { Wanted::Unsatisfiable } else { Wanted::Piece(piece) })
}

/// Digits only; a number too large to exist means "past every end".
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_understood_and_everything_else_means_the_whole_file() {
        use Wanted::{Piece, Unsatisfiable, Whole};
        for (header, expected) in [
            ("bytes=0-0", Piece(0..1)),
            ("bytes=2-5", Piece(2..6)),
            ("Bytes=2-5", Piece(2..6)),
            ("bytes=2-", Piece(2..10)),
            ("bytes=2-99", Piece(2..10)),
            ("bytes=0-18446744073709551615", Piece(0..10)),
            ("bytes=-3", Piece(7..10)),
            ("bytes=-99", Piece(0..10)),
            ("bytes=-99999999999999999999999", Piece(0..10)),
            ("bytes=-0", Unsatisfiable),
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-12", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=5-2", Whole),
            ("bytes=0-1,4-5", Whole),
            ("bytes=-", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=a-b", Whole),
            ("bytes", Whole),
            ("", Whole),
            ("pages=1-2", Whole),
        ] {
            let value = HeaderValue::from_str(header).expect("a header value");
            assert_eq!(wanted(Some(&value), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Whole);
        assert_eq!(wanted(Some(&HeaderValue::from_static("bytes=0-")), 0), Unsatisfiable);
        assert_eq!(wanted(Some(&HeaderValue::from_static("bytes=-1")), 0), Unsatisfiable);
    }
}
