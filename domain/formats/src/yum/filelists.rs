//! Writes a package of `filelists.xml`: every path it installs.

use domain::package::{FileKind, PackagedFile, RpmFacts};

use super::{PackageFile, primary, xml};

/// One `<package>` element.
#[must_use]
pub fn package(facts: &RpmFacts, files: &[PackagedFile], file: &PackageFile<'_>) -> String {
    let lines: String = files.iter().map(|file| format!("  {}", element(file))).collect();
    primary::short_package(facts, file, &lines)
}

/// `<file>…</file>`, the same in `primary.xml`.
pub(super) fn element(file: &PackagedFile) -> String {
    let kind = match file.kind {
        FileKind::File => "",
        FileKind::Dir => " type=\"dir\"",
        FileKind::Ghost => " type=\"ghost\"",
    };
    format!("<file{kind}>{}</file>\n", xml::text(&file.path))
}
