//! Facts of rpms for tests.

use super::{FileList, RpmFacts};

/// The least an rpm says of itself.
#[must_use]
pub fn rpm_facts(name: &str, version: &str) -> RpmFacts {
    RpmFacts {
        name: name.into(),
        epoch: 0,
        version: version.into(),
        release: "1".into(),
        architecture: "x86_64".into(),
        summary: String::new(),
        description: String::new(),
        packager: String::new(),
        url: String::new(),
        license: "MIT".into(),
        vendor: String::new(),
        group: "Unspecified".into(),
        build_host: String::new(),
        source_rpm: String::new(),
        build_time: 0,
        installed_size_bytes: 0,
        archive_size_bytes: 0,
        header_start: 0,
        header_end: 0,
        provides: vec![],
        requires: vec![],
        conflicts: vec![],
        obsoletes: vec![],
        suggests: vec![],
        enhances: vec![],
        recommends: vec![],
        supplements: vec![],
        files: FileList::Inline(vec![]),
        changelogs: vec![],
    }
}
