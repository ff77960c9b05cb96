//! Formats times, durations, sizes and states for people.

#[cfg(test)]
mod tests;

use std::fmt;

use askama::{Template, filters::HtmlSafe};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use projections::dashboard::{Release, ReleaseState};

/// A point in time: how long ago, and exactly when.
#[derive(Template)]
#[template(source = r#"<time datetime="{{ machine }}" title="{{ exact }}">{{ ago }}</time>"#, ext = "html")]
pub(super) struct Moment {
    machine: String,
    pub(super) exact: String,
    ago: String,
}

impl HtmlSafe for Moment {}

impl Moment {
    pub(super) fn of(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self {
            machine: at.to_rfc3339_opts(SecondsFormat::Secs, true),
            exact: at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            ago: ago(now - at),
        }
    }
}

/// `3 minutes ago`.
fn ago(past: TimeDelta) -> String {
    let (count, unit) = match past.num_seconds() {
        ..10 => return "just now".to_owned(),
        seconds @ ..60 => (seconds, "second"),
        seconds @ ..3_600 => (seconds / 60, "minute"),
        seconds @ ..86_400 => (seconds / 3_600, "hour"),
        seconds @ ..2_592_000 => (seconds / 86_400, "day"),
        seconds @ ..31_536_000 => (seconds / 2_592_000, "month"),
        seconds => (seconds / 31_536_000, "year"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// `40 ms`, `1.2 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) fn duration(length: TimeDelta) -> String {
    let milliseconds = length.num_milliseconds().max(0);
    let seconds = milliseconds / 1_000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..10 => format!("{seconds}.{} s", milliseconds % 1_000 / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// `512 B`, `1.5 KiB`, `20.1 MiB`.
pub(super) fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(unit, _)| bytes >= *unit);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(unit, name)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    )
}

/// A state as a coloured label. The label is clear without its colour.
pub(super) struct Badge(pub(super) &'static str);

impl Badge {
    pub(super) fn of(state: ReleaseState) -> Self {
        Self(state.as_str())
    }
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<span class="badge {0}">{0}</span>"#, self.0)
    }
}

impl askama::FastWritable for Badge {
    fn write_into(&self, dest: &mut dyn fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        Ok(write!(dest, "{self}")?)
    }
}

impl HtmlSafe for Badge {}

/// How long a release took, or has been running.
pub(super) fn took(release: &Release, now: DateTime<Utc>) -> String {
    duration(release.finished_at.unwrap_or(now) - release.received_at)
}
