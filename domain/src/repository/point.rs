//! Points in a repository's past: `…/at/20261122T100001Z/…` is the repository as it was then.

#[cfg(test)]
mod tests;

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
        "not a point in time: expected a time such as 20261122T100001Z or 2026-11-22T10:00:01Z, a project and its tag such as hello@v1.2.3, a position of this server's event log, a release's id, a snapshot's name, or newest"
    )]
    Unlike,
    /// It looks like a project and its tag, but one of them is not valid.
    #[error("not a point in time: {0}")]
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
