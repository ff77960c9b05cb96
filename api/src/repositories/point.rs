//! Points in a repository's past: `…/at/20261122T100001Z/…` is the repository as it was then, for ever.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDateTime, Utc};

/// Compact ISO 8601, as in apt's snapshot ids.
const COMPACT: &str = "%Y%m%dT%H%M%SZ";
/// Longest text worth parsing; RFC 3339 with nanoseconds and an offset has 35.
const POINT_MAX_CHARS: usize = 40;

/// Which publication of a repository is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The newest there is.
    Newest,
    /// The newest there was at this time.
    At(DateTime<Utc>),
}

/// The text names no point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such point: expected a time such as 20261122T100001Z or 2026-11-22T10:00:01Z")]
pub struct InvalidPoint;

impl FromStr for Point {
    type Err = InvalidPoint;

    fn from_str(text: &str) -> Result<Self, InvalidPoint> {
        if text.len() > POINT_MAX_CHARS {
            return Err(InvalidPoint);
        }
        let compact = || NaiveDateTime::parse_from_str(text, COMPACT).ok().map(|time| time.and_utc());
        let rfc_3339 = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
        compact().or_else(rfc_3339).map(Point::At).ok_or(InvalidPoint)
    }
}

/// A time as it stands in a URL, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compact(pub DateTime<Utc>);

impl fmt::Display for Compact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format(COMPACT).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    #[test]
    fn a_point_is_a_time_in_either_notation_and_survives_the_way_through_a_url() {
        let time = Utc.with_ymd_and_hms(2026, 11, 22, 10, 0, 1).single().expect("a time");
        for text in ["20261122T100001Z", "2026-11-22T10:00:01Z", "2026-11-22T11:00:01+01:00"] {
            assert_eq!(text.parse(), Ok(Point::At(time)), "{text}");
        }
        assert_eq!(Compact(time).to_string(), "20261122T100001Z");
    }

    #[test]
    fn anything_else_is_no_point() {
        let long = format!("2026-11-22T10:00:01.{}Z", "0".repeat(100));
        for bad in ["", "newest", "20261122", "20261322T100001Z", "2026-11-22 10:00:01", "20261122T100001", &long] {
            assert_eq!(bad.parse::<Point>(), Err(InvalidPoint), "{bad}");
        }
    }
}
