//! Writes a package of `other.xml`: its change log.

use std::fmt::Write as _;

use domain::package::RpmFacts;

use super::{PackageFile, primary, xml};

/// One `<package>` element.
///
/// Entries of the same second are moved apart, newest last, as createrepo_c does: yum shows them by time.
#[must_use]
pub fn package(facts: &RpmFacts, file: &PackageFile<'_>) -> String {
    let mut lines = String::new();
    let mut older: Option<(u64, u64)> = None;
    for entry in &facts.changelogs {
        let date = match older {
            Some((date, shown)) if entry.date >= date => entry.date.max(shown.saturating_add(1)),
            _ => entry.date,
        };
        older = Some((entry.date, date));
        let author = xml::attribute(entry.author.trim_end_matches(' '));
        let text = xml::text(&entry.text);
        // Writing to a String does not fail.
        let _ok = writeln!(lines, "  <changelog author=\"{author}\" date=\"{date}\">{text}</changelog>");
    }
    primary::short_package(facts, file, &lines)
}
