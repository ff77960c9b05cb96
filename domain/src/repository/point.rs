//! Points in a repository's past: `…/at/20261122T100001Z/…` is the repository as it was then.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDateTime, Utc};
use uuid::Uuid;

use crate::{ids::ReleaseId, names::SnapshotName, recorded::Position};

/// Compact ISO 8601, as in apt's snapshot ids.
const COMPACT: &str = "%Y%m%dT%H%M%SZ";
/// The word for the publication that is newest when the question comes.
pub const NEWEST: &str = "newest";
/// Longest text worth parsing.
const POINT_MAX_CHARS: usize = 64;
/// A hyphenated UUID.
const UUID_CHARS: usize = 36;

/// Which publication of a repository is meant. No text means two of them: a position is all digits, a time begins with a
/// digit and holds a `T`, an id is a hyphenated UUID, and a name begins with a letter and is none of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Point {
    /// The newest there is.
    Newest,
    /// The newest there was at this time.
    At(DateTime<Utc>),
    /// The newest there was when this log had come to this position. Positions differ between logs: a point for the
    /// auditor of one log, and in no address that a server gives to clients (see decision 0003).
    Position(Position),
    /// The first one with everything that this release put into the repository.
    Release(ReleaseId),
    /// The one that was given this name.
    Snapshot(SnapshotName),
}

/// The text names no point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such point: expected a time such as 20261122T100001Z or 2026-11-22T10:00:01Z, a position of this server's log, a release's id, a snapshot's name, or newest"
)]
pub struct InvalidPoint;

impl FromStr for Point {
    type Err = InvalidPoint;

    fn from_str(text: &str) -> Result<Self, InvalidPoint> {
        if text.is_empty() || text.len() > POINT_MAX_CHARS {
            return Err(InvalidPoint);
        }
        if text == NEWEST {
            return Ok(Self::Newest);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(|position| Self::Position(Position(position))).map_err(|_| InvalidPoint);
        }
        if text.len() == UUID_CHARS
            && let Ok(id) = Uuid::try_parse(text)
        {
            return Ok(Self::Release(ReleaseId(id)));
        }
        let compact = || NaiveDateTime::parse_from_str(text, COMPACT).ok().map(|time| time.and_utc());
        let rfc_3339 = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
        let named = || text.parse().ok().map(Self::Snapshot);
        compact().or_else(rfc_3339).map(Self::At).or_else(named).ok_or(InvalidPoint)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str(NEWEST),
            Self::At(time) => Compact(*time).fmt(f),
            Self::Position(position) => position.0.fmt(f),
            Self::Release(release) => release.fmt(f),
            Self::Snapshot(name) => name.fmt(f),
        }
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
    fn a_point_in_time_has_either_notation_and_survives_the_way_through_a_url() {
        let time = Utc.with_ymd_and_hms(2026, 11, 22, 10, 0, 1).single().expect("a time");
        for text in ["20261122T100001Z", "2026-11-22T10:00:01Z", "2026-11-22T11:00:01+01:00"] {
            assert_eq!(text.parse(), Ok(Point::At(time)), "{text}");
        }
        assert_eq!(Compact(time).to_string(), "20261122T100001Z");
    }

    #[test]
    fn digits_are_a_position_a_uuid_is_a_release_and_the_rest_is_a_name() {
        assert_eq!("20261122".parse(), Ok(Point::Position(Position(20_261_122))));
        let id = "abcdef01-6f0a-7c3e-8d54-2f6a9b1c0d3e";
        assert_eq!(id.parse(), Ok(Point::Release(id.parse().expect("an id"))));
        assert_eq!("newest".parse(), Ok(Point::Newest));
        assert_eq!("golden".parse(), Ok(Point::Snapshot("golden".parse().expect("a name"))));
        for text in ["newest", "42", id, "20261122T100001Z", "golden"] {
            assert_eq!(text.parse::<Point>().map(|point| point.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn anything_else_is_no_point() {
        let long = format!("2026-11-22T10:00:01.{}Z", "0".repeat(100));
        let bad = ["", "Newest", "20261322T100001Z", "2026-11-22 10:00:01", "20261122T100001", "+1", "-1", &long];
        for bad in bad.into_iter().chain(["18446744073709551616", "{abcdef01-6f0a-7c3e-8d54-2f6a9b1c0d3e}"]) {
            assert_eq!(bad.parse::<Point>(), Err(InvalidPoint), "{bad}");
        }
    }
}
