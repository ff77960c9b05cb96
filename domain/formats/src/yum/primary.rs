//! Writes a package of `primary.xml`: what dependencies are solved with.

use domain::package::{PackagedFile, RpmFacts};

use super::{PackageFile, dependencies, filelists, xml};

/// One `<package>` element.
#[must_use]
pub fn package(facts: &RpmFacts, files: &[PackagedFile], file: &PackageFile<'_>) -> String {
    let PackageFile { path, sha256, size_bytes, added_at } = file;
    format!(
        "<package type=\"rpm\">\n  <name>{name}</name>\n  <arch>{arch}</arch>\n  {version}\n  \
         <checksum type=\"sha256\" pkgid=\"YES\">{sha256}</checksum>\n  \
         <summary>{summary}</summary>\n  <description>{description}</description>\n  \
         <packager>{packager}</packager>\n  <url>{url}</url>\n  \
         <time file=\"{added_at}\" build=\"{build_time}\"/>\n  \
         <size package=\"{size_bytes}\" installed=\"{installed}\" archive=\"{archive}\"/>\n  \
         <location href=\"{href}\"/>\n  <format>\n    \
         <rpm:license>{license}</rpm:license>\n    <rpm:vendor>{vendor}</rpm:vendor>\n    \
         <rpm:group>{group}</rpm:group>\n    <rpm:buildhost>{build_host}</rpm:buildhost>\n    \
         <rpm:sourcerpm>{source_rpm}</rpm:sourcerpm>\n    \
         <rpm:header-range start=\"{header_start}\" end=\"{header_end}\"/>\n\
         {dependencies}{primary_files}  </format>\n</package>\n",
        name = xml::text(&facts.name),
        arch = xml::text(&facts.architecture),
        version = version(facts),
        summary = xml::text(&facts.summary),
        description = xml::text(&facts.description),
        packager = xml::text(&facts.packager),
        url = xml::text(&facts.url),
        build_time = facts.build_time,
        installed = facts.installed_size_bytes,
        archive = facts.archive_size_bytes,
        href = xml::attribute(path),
        license = xml::text(&facts.license),
        vendor = xml::text(&facts.vendor),
        group = xml::text(&facts.group),
        build_host = xml::text(&facts.build_host),
        source_rpm = xml::text(&facts.source_rpm),
        header_start = facts.header_start,
        header_end = facts.header_end,
        dependencies = dependencies::render(facts, files),
        primary_files = files
            .iter()
            .filter(|file| is_primary_file(&file.path))
            .map(|file| format!("    {}", filelists::element(file)))
            .collect::<String>(),
    )
}

/// `<version …/>`, the same in all three documents.
pub(super) fn version(facts: &RpmFacts) -> String {
    let (version, release) = (xml::attribute(&facts.version), xml::attribute(&facts.release));
    format!("<version epoch=\"{}\" ver=\"{version}\" rel=\"{release}\"/>", facts.epoch)
}

/// `<package …>` of the other two documents, with the version below it.
pub(super) fn short_package(facts: &RpmFacts, file: &PackageFile<'_>, lines: &str) -> String {
    let (name, arch) = (xml::attribute(&facts.name), xml::attribute(&facts.architecture));
    let PackageFile { sha256, .. } = file;
    let version = version(facts);
    format!("<package pkgid=\"{sha256}\" name=\"{name}\" arch=\"{arch}\">\n  {version}\n{lines}</package>\n")
}

/// Files that others may require without reading `filelists.xml`.
pub(super) fn is_primary_file(path: &str) -> bool {
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail"
}
