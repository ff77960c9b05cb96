//! Writes the `Release` file: what apt reads first, and what is signed.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use domain::repository::Stated;

use crate::segmented_file::Measure;

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
    /// What is said beside the packages.
    pub stated: &'a Stated,
}

/// The text of `Release`: LF only, no blank at the end of a line, as clear-signing needs it.
///
/// `No-Support-for-Architecture-all: Packages` informs apt that packages for every machine are in each
/// architecture's list, and that there is no `binary-all` to ask for.
#[must_use]
pub fn render(release: &Release<'_>) -> String {
    let Release { origin, label, codename, date, architectures, files, stated } = release;
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
         {stated}SHA256:\n",
        date = date.format("%a, %d %b %Y %H:%M:%S UTC"),
        architectures = architectures.join(" "),
        stated = fields(stated),
    );
    for (path, measure) in *files {
        // Writing to a String does not fail.
        let _ok = writeln!(text, " {} {} {path}", measure.sha256, measure.size_bytes);
    }
    text
}

/// `Snapshots` informs apt, since 2.7, where earlier states are; the other field belongs to this product, and apt
/// ignores it.
fn fields(stated: &Stated) -> String {
    let Stated { snapshots, checkpoint } = stated;
    let mut fields = String::new();
    if let Some(address) = snapshots {
        // Writing to a String does not fail.
        let _ok = writeln!(fields, "Snapshots: {address}");
    }
    if let Some(note) = checkpoint {
        fields.push_str("Log-Checkpoint:\n");
        for line in note.lines() {
            // An empty line would end the paragraph. Source: Debian policy, 5.6.13.
            let _ok = writeln!(fields, " {}", if line.is_empty() { "." } else { line });
        }
    }
    fields
}
