//! `Range` of one piece of a file (RFC 9110, section 14): what resumes a broken download.

#[cfg(test)]
mod tests;

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
