//! Conditional requests (RFC 9110, section 13): whether to send a file, a part of it, or only that it has not changed.

#[cfg(test)]
mod tests;

use std::{
    ops::Range,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use chrono::{DateTime, Utc};

use super::range::{Wanted, wanted};

/// What is known of a file before its bytes are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// Strong entity tag, quotes included: the digest of the bytes.
    pub etag: HeaderValue,
    /// Whole seconds; a fraction is cut off.
    pub modified_at: Option<DateTime<Utc>>,
    /// Length of the whole file.
    pub size_bytes: u64,
}

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// 200.
    Whole,
    /// 206.
    Piece(Range<u64>),
    /// 304.
    NotModified,
    /// 412.
    PreconditionFailed,
    /// 416.
    Unsatisfiable,
}

impl Validators {
    /// Applies the conditions of a GET or HEAD in the order of RFC 9110, 13.2.2.
    #[must_use]
    pub fn judge(&self, method: &Method, headers: &HeaderMap) -> Verdict {
        if self.precondition_fails(headers) {
            return Verdict::PreconditionFailed;
        }
        if self.is_already_there(headers) {
            return Verdict::NotModified;
        }
        // Range is defined for GET alone (14.2).
        if method != Method::GET || !self.if_range_holds(headers) {
            return Verdict::Whole;
        }
        match wanted(headers.get(header::RANGE), self.size_bytes) {
            Wanted::Whole => Verdict::Whole,
            Wanted::Piece(range) => Verdict::Piece(range),
            Wanted::Unsatisfiable => Verdict::Unsatisfiable,
        }
    }

    /// `If-Match`, and without it `If-Unmodified-Since`.
    fn precondition_fails(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::IF_MATCH) {
            return !self.any_tag_matches(headers, &header::IF_MATCH, |tag| tag);
        }
        match (date(headers, &header::IF_UNMODIFIED_SINCE), self.modified_seconds()) {
            (Some(since), Some(modified)) => modified > since,
            _ => false,
        }
    }

    /// `If-None-Match`, and without it `If-Modified-Since`.
    fn is_already_there(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::IF_NONE_MATCH) {
            return self.any_tag_matches(headers, &header::IF_NONE_MATCH, |tag| tag.strip_prefix("W/").unwrap_or(tag));
        }
        match (date(headers, &header::IF_MODIFIED_SINCE), self.modified_seconds()) {
            (Some(since), Some(modified)) => modified <= since,
            _ => false,
        }
    }

    /// `If-Range`: the piece fits what the client has only if the file is exactly the one it knows (13.1.5).
    fn if_range_holds(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(header::IF_RANGE) else { return true };
        if value.as_bytes().starts_with(b"\"") {
            return value == self.etag;
        }
        date(headers, &header::IF_RANGE).is_some_and(|date| Some(date) == self.modified_seconds())
    }

    fn any_tag_matches(&self, headers: &HeaderMap, name: &HeaderName, weakened: fn(&str) -> &str) -> bool {
        let ours = self.etag.to_str().unwrap_or_default();
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            // Our tags hold no comma, so a foreign one that does is cut into pieces that cannot match.
            .flat_map(|value| value.split(','))
            .map(|tag| tag.trim_matches([' ', '\t']))
            .any(|tag| tag == "*" || weakened(tag) == ours)
    }

    fn modified_seconds(&self) -> Option<i64> {
        self.modified_at.map(|at| at.timestamp())
    }
}

/// The value of `Last-Modified`. A time before 1970 counts as 1970, one after 9999 as 9999.
#[must_use]
pub(crate) fn http_date(at: DateTime<Utc>) -> HeaderValue {
    const LAST_SECOND: u64 = 253_402_300_799;
    let seconds = u64::try_from(at.timestamp()).unwrap_or(0).min(LAST_SECOND);
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    HeaderValue::from_str(&text).expect("an HTTP date is ASCII")
}

/// The date in a header that stands there once and is valid; any other is ignored (13.1.3).
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let mut values = headers.get_all(name).iter();
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    let at: SystemTime = httpdate::parse_http_date(only.to_str().ok()?).ok()?;
    i64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}
