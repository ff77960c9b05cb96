//! Points in a repository's past: `…/at/20261122T100001Z/…` is the repository as it was then.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDateTime, Utc};
use uuid::Uuid;

use crate::{
    ids::ReleaseId,
    names::{InvalidName, ProjectName, SLUG_MAX_CHARS, SnapshotName, TAG_NAME_MAX_BYTES, TagName},
    recorded::Position,
};

/// Compact ISO 8601, as in apt's snapshot ids.
const COMPACT: &str = "%Y%m%dT%H%M%SZ";
/// The word for the publication that is the newest at the time of the request.
pub const NEWEST: &str = "newest";
/// What separates a project from its tag: no other point contains it, and neither has a project's name.
const TAGGED: char = '@';
/// Longest text worth parsing.
const POINT_MAX_BYTES: usize = SLUG_MAX_CHARS + TAGGED.len_utf8() + TAG_NAME_MAX_BYTES;
/// Longest text of any other point than a tag.
const UNTAGGED_MAX_BYTES: usize = 64;
/// A hyphenated UUID.
const UUID_CHARS: usize = 36;

/// Which publication of a repository is meant. No text means two of them: a project and its tag have an `@` between
/// them; of what has none, a position is all digits, a time begins with a digit and holds a `T`, an id is a hyphenated
/// UUID, and a name begins with a letter and is not one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PointInTime {
    /// The newest there is.
    Newest,
    /// The newest there was at this time.
    At(DateTime<Utc>),
    /// The newest there was when this log had come to this position. Positions differ between logs: a point for the
    /// auditor of one log, and in no address that a server gives to clients (see decision 0003).
    Position(Position),
    /// The first one with everything that this release put into the repository.
    Release(ReleaseId),
    /// The same for the newest release of this tag of which something is published there. A project is one of the
    /// repository's organisation.
    Tag(ProjectName, TagName),
    /// The one that was given this name.
    Snapshot(SnapshotName),
}

/// The text names no point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPoint {
    /// It has none of the known forms.
    #[error(
        "no such point: expected a time such as 20261122T100001Z or 2026-11-22T10:00:01Z, a project and its tag such as hello@v1.2.3, a position of this server's log, a release's id, a snapshot's name, or newest"
    )]
    Unlike,
    /// It looks like a project and its tag, but one of them is not valid.
    #[error("no such point: {0}")]
    Tagged(#[from] InvalidName),
}

impl FromStr for PointInTime {
    type Err = InvalidPoint;

    fn from_str(text: &str) -> Result<Self, InvalidPoint> {
        match text.split_once(TAGGED) {
            _ if text.is_empty() || text.len() > POINT_MAX_BYTES => Err(InvalidPoint::Unlike),
            Some((project, tag)) => Ok(Self::Tag(project.parse()?, tag.parse()?)),
            None if text.len() > UNTAGGED_MAX_BYTES => Err(InvalidPoint::Unlike),
            None => untagged(text).ok_or(InvalidPoint::Unlike),
        }
    }
}

fn untagged(text: &str) -> Option<PointInTime> {
    if text == NEWEST {
        return Some(PointInTime::Newest);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(|position| PointInTime::Position(Position(position)));
    }
    if text.len() == UUID_CHARS
        && let Ok(id) = Uuid::try_parse(text)
    {
        return Some(PointInTime::Release(ReleaseId(id)));
    }
    let compact = || NaiveDateTime::parse_from_str(text, COMPACT).ok().map(|time| time.and_utc());
    let rfc_3339 = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    let named = || text.parse().ok().map(PointInTime::Snapshot);
    compact().or_else(rfc_3339).map(PointInTime::At).or_else(named)
}

impl PointInTime {
    /// Why a repository has no such point, as far as holders of an access key may know: which projects and tags the
    /// organisation has besides is not theirs to know.
    #[must_use]
    pub fn absence(&self) -> &'static str {
        match self {
            Self::Newest => "nothing is published in it yet",
            Self::At(_) | Self::Position(_) => "nothing was published in it by then",
            Self::Release(_) => "nothing of that release is published in it",
            Self::Tag(..) => "nothing of a release of that tag of that project is published in it",
            Self::Snapshot(_) => "none of its publications has that name",
        }
    }
}

impl fmt::Display for PointInTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str(NEWEST),
            Self::At(time) => Compact(*time).fmt(f),
            Self::Position(position) => position.0.fmt(f),
            Self::Release(release) => release.fmt(f),
            Self::Tag(project, tag) => write!(f, "{project}{TAGGED}{tag}"),
            Self::Snapshot(name) => name.fmt(f),
        }
    }
}

/// A time in the form used in URLs, in whole seconds.
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_one_point_or_none(
            any in any::<String>(),
            like in "[0-9a-zTZ.:@/+-]{0,70}",
            tagged in "[a-z]{1,3}@[0-9a-zA-Z@/.+%#-]{0,20}",
        ) {
            for text in [any, like, tagged] {
                if let Ok(point) = text.parse::<PointInTime>() {
                    prop_assert_eq!(matches!(point, PointInTime::Tag(..)), text.contains(TAGGED), "{}", text);
                    let is_written_alike = matches!(point, PointInTime::Tag(..) | PointInTime::Snapshot(_) | PointInTime::Newest);
                    prop_assert!(!is_written_alike || point.to_string() == text, "{} is written {}", text, point);
                }
            }
        }
    }

    #[test]
    fn a_point_in_time_has_either_notation_and_survives_the_way_through_a_url() {
        let time = Utc.with_ymd_and_hms(2026, 11, 22, 10, 0, 1).single().expect("a time");
        for text in ["20261122T100001Z", "2026-11-22T10:00:01Z", "2026-11-22T11:00:01+01:00"] {
            assert_eq!(text.parse(), Ok(PointInTime::At(time)), "{text}");
        }
        assert_eq!(Compact(time).to_string(), "20261122T100001Z");
    }

    #[test]
    fn digits_are_a_position_a_uuid_is_a_release_and_the_rest_is_a_name() {
        assert_eq!("20261122".parse(), Ok(PointInTime::Position(Position(20_261_122))));
        let id = "abcdef01-6f0a-7c3e-8d54-2f6a9b1c0d3e";
        assert_eq!(id.parse(), Ok(PointInTime::Release(id.parse().expect("an id"))));
        assert_eq!("newest".parse(), Ok(PointInTime::Newest));
        assert_eq!("golden".parse(), Ok(PointInTime::Snapshot("golden".parse().expect("a name"))));
        for text in ["newest", "42", id, "20261122T100001Z", "golden"] {
            assert_eq!(text.parse::<PointInTime>().map(|point| point.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn a_project_and_its_tag_are_split_at_the_first_at_sign_whatever_the_tag_looks_like() {
        let id = "abcdef01-6f0a-7c3e-8d54-2f6a9b1c0d3e";
        for tag in ["v1.2.3", "42", "newest", "20261122T100001Z", id, "release/1.0", "hello@1.0", "100%", "ä#+&"] {
            let text = format!("hello@{tag}");
            let point = PointInTime::Tag("hello".parse().expect("a name"), tag.parse().expect("a tag"));
            assert_eq!(text.parse().as_ref(), Ok(&point));
            assert_eq!(point.to_string(), text);
        }
        let longest = format!("{}@{}", "a".repeat(SLUG_MAX_CHARS), "b".repeat(TAG_NAME_MAX_BYTES));
        assert_eq!(longest.len(), POINT_MAX_BYTES);
        assert!(longest.parse::<PointInTime>().is_ok());
        assert_eq!(format!("{longest}b").parse::<PointInTime>(), Err(InvalidPoint::Unlike));
    }

    #[test]
    fn what_is_no_project_or_no_tag_is_named() {
        for (text, word) in [
            ("Hello@v1", "\"Hello\" is not a project name"),
            ("@v1", "\"\" is not a project name"),
            ("hello@", "\"\" is not a tag name"),
            ("hello@v1..2", "\"v1..2\" is not a tag name"),
            ("hello@../x", "\"../x\" is not a tag name"),
            ("hello@a\nb", "is not a tag name"),
        ] {
            let refused = text.parse::<PointInTime>().expect_err(text).to_string();
            assert!(refused.starts_with("no such point: ") && refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn anything_else_is_no_point() {
        let long = format!("2026-11-22T10:00:01.{}Z", "0".repeat(100));
        let bad = ["", "Newest", "20261322T100001Z", "2026-11-22 10:00:01", "20261122T100001", "+1", "-1", &long];
        for bad in bad.into_iter().chain(["18446744073709551616", "{abcdef01-6f0a-7c3e-8d54-2f6a9b1c0d3e}"]) {
            assert_eq!(bad.parse::<PointInTime>(), Err(InvalidPoint::Unlike), "{bad}");
        }
    }
}
