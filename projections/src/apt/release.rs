//! Writes the `Release` file: what apt reads first, and what is signed.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::rope::Measure;

/// What `Release` says.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// Never changes: apt stops and asks when it does.
    pub origin: &'a str,
    /// Never changes.
    pub label: &'a str,
    /// Never changes. The suite has the same name.
    pub codename: &'a str,
    /// Of the publication, whole seconds.
    pub date: DateTime<Utc>,
    /// Sorted.
    pub architectures: &'a [&'a str],
    /// Paths relative to the folder of `Release`, and what they hold; the uncompressed files too.
    pub files: &'a [(String, Measure)],
}

/// The text of `Release`: LF only, no blank at the end of a line, as clear-signing needs it.
///
/// `No-Support-for-Architecture-all: Packages` tells apt that packages for every machine are in each
/// architecture's list, and that there is no `binary-all` to ask for.
#[must_use]
pub fn render(release: &Release<'_>) -> String {
    let Release { origin, label, codename, date, architectures, files } = release;
    let mut text = format!(
        "Origin: {origin}\n\
         Label: {label}\n\
         Suite: {codename}\n\
         Codename: {codename}\n\
         Date: {date}\n\
         Acquire-By-Hash: yes\n\
         No-Support-for-Architecture-all: Packages\n\
         Architectures: {architectures}\n\
         Components: main\n\
         SHA256:\n",
        date = date.format("%a, %d %b %Y %H:%M:%S UTC"),
        architectures = architectures.join(" "),
    );
    for (path, measure) in *files {
        // Writing to a String does not fail.
        let _ok = writeln!(text, " {} {} {path}", measure.sha256, measure.size_bytes);
    }
    text
}
