//! From an rpm's headers to what YUM metadata says about it. Source of the rules: createrepo_c, tried on the same files.

use domain::{
    digest::Sha256,
    package::{Changelog, Comparison, Dependency, FileKind, FileList, PackagedFile, RpmFacts},
    size::Limit,
};

use super::flags::{self, EQUAL, GREATER, GREATER_OR_EQUAL, LESS, LESS_OR_EQUAL};
use crate::packaging::{
    error::{PackageFileError, quoted},
    rpm_header::{Header, Headers, signature_tag, tag},
};

/// Longest file list, as JSON text, that stays in the facts.
pub(super) const FILE_LIST_INLINE_MAX_BYTES: usize = 64 * 1024;
/// Longest file list, as the sum of all paths.
pub(super) const FILE_LIST_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most change log entries kept, the newest.
const CHANGELOGS_MAX: usize = 10;
/// Longest name, version and release, in bytes: together they are a file name.
const WORD_MAX_BYTES: usize = 96;

const FILE_TYPE_MASK: u64 = 0o170_000;
const DIRECTORY: u64 = 0o040_000;
/// The facts, and the JSON text of a file list too long to be among them.
pub(super) fn facts(headers: &Headers) -> Result<(RpmFacts, Option<Vec<u8>>), PackageFileError> {
    let Headers { signature, header, .. } = headers;
    let is_source = header.has(tag::SOURCEPACKAGE) || !header.has(tag::SOURCERPM);
    let (files, attached) = file_list(files(header, is_source)?)?;
    let text = |tag| free_text(header, tag);
    let first_of = |long: Option<u64>, short: Option<u64>| long.or(short).unwrap_or_default();
    let archive_size = signature.number(signature_tag::PAYLOADSIZE)?;
    let dependencies = |tags| dependencies(header, tags);
    let facts = RpmFacts {
        name: word(header, tag::NAME, "._+-", "letters, digits and . _ + -, at most 96 characters")?,
        epoch: u32::try_from(header.number(tag::EPOCH)?.unwrap_or_default())
            .map_err(|_| header.malformed(tag::EPOCH, "a number of 32 bits", "a larger one"))?,
        version: word(header, tag::VERSION, "._+~^", VERSION_EXPECTED)?,
        release: word(header, tag::RELEASE, "._+~^", VERSION_EXPECTED)?,
        architecture: match is_source {
            true => "src".to_owned(),
            false => word(header, tag::ARCH, "_", "letters, digits and _, at most 96 characters")?,
        },
        summary: text(tag::SUMMARY)?,
        description: text(tag::DESCRIPTION)?,
        packager: text(tag::PACKAGER)?,
        url: text(tag::URL)?,
        license: text(tag::LICENSE)?,
        vendor: text(tag::VENDOR)?,
        group: match header.has(tag::GROUP) {
            true => text(tag::GROUP)?,
            false => "Unspecified".to_owned(),
        },
        build_host: text(tag::BUILDHOST)?,
        source_rpm: text(tag::SOURCERPM)?,
        build_time: header.number(tag::BUILDTIME)?.unwrap_or_default(),
        installed_size_bytes: first_of(header.number(tag::LONGSIZE)?, header.number(tag::SIZE)?),
        archive_size_bytes: first_of(signature.number(signature_tag::LONGARCHIVESIZE)?, archive_size),
        header_start: headers.header_start(),
        header_end: headers.header_end(),
        provides: dependencies([tag::PROVIDENAME, tag::PROVIDEFLAGS, tag::PROVIDEVERSION])?,
        requires: dependencies([tag::REQUIRENAME, tag::REQUIREFLAGS, tag::REQUIREVERSION])?,
        conflicts: dependencies([tag::CONFLICTNAME, tag::CONFLICTFLAGS, tag::CONFLICTVERSION])?,
        obsoletes: dependencies([tag::OBSOLETENAME, tag::OBSOLETEFLAGS, tag::OBSOLETEVERSION])?,
        suggests: dependencies([tag::SUGGESTNAME, tag::SUGGESTFLAGS, tag::SUGGESTVERSION])?,
        enhances: dependencies([tag::ENHANCENAME, tag::ENHANCEFLAGS, tag::ENHANCEVERSION])?,
        recommends: dependencies([tag::RECOMMENDNAME, tag::RECOMMENDFLAGS, tag::RECOMMENDVERSION])?,
        supplements: dependencies([tag::SUPPLEMENTNAME, tag::SUPPLEMENTFLAGS, tag::SUPPLEMENTVERSION])?,
        files,
        changelogs: changelogs(header)?,
    };
    Ok((facts, attached))
}

const VERSION_EXPECTED: &str = "letters, digits and . _ + ~ ^, at most 96 characters";

/// A text that becomes part of a file name and of URLs.
fn word(header: &Header, tag: u32, also: &str, expected: &'static str) -> Result<String, PackageFileError> {
    let text = header.text(tag)?.unwrap_or_default();
    let is_valid = (1..=WORD_MAX_BYTES).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    if is_valid { Ok(text.to_owned()) } else { Err(header.malformed(tag, expected, quoted(text))) }
}

/// A text for people; XML has no form for control characters.
fn free_text(header: &Header, tag: u32) -> Result<String, PackageFileError> {
    checked(header, tag, header.text(tag)?.unwrap_or_default()).map(str::to_owned)
}

fn checked<'a>(header: &Header, tag: u32, text: &'a str) -> Result<&'a str, PackageFileError> {
    let forbidden =
        |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) {
        return Err(header.malformed(tag, "text without control characters", quoted(text)));
    }
    Ok(text)
}

fn dependencies(header: &Header, [name, flags, version]: [u32; 3]) -> Result<Vec<Dependency>, PackageFileError> {
    let (names, all_flags, versions) = (header.texts(name)?, header.numbers(flags)?, header.texts(version)?);
    if names.len() != all_flags.len() || names.len() != versions.len() {
        let found = format!("{} names, {} flags and {} versions", names.len(), all_flags.len(), versions.len());
        return Err(header.malformed(name, "as many flags and versions as names", found));
    }
    let rows = names.into_iter().zip(all_flags).zip(versions);
    rows.map(|((dependency, all_flags), evr)| {
        let all_flags = all_flags as u32;
        let comparison = match all_flags & (LESS | GREATER | EQUAL) {
            LESS => Some(Comparison::Lt),
            LESS_OR_EQUAL => Some(Comparison::Le),
            EQUAL => Some(Comparison::Eq),
            GREATER_OR_EQUAL => Some(Comparison::Ge),
            GREATER => Some(Comparison::Gt),
            _ => None,
        };
        let evr = checked(header, version, evr)?;
        Ok(Dependency {
            name: checked(header, name, dependency)?.to_owned(),
            comparison,
            evr: comparison.map(|_| evr.to_owned()).unwrap_or_default(),
            // Only of requirements; createrepo_c does not count %preun and %postun.
            pre: name == tag::REQUIRENAME && all_flags & (flags::PREREQ | flags::SCRIPT_PRE | flags::SCRIPT_POST) != 0,
        })
    })
    .collect()
}

fn files(header: &Header, is_source: bool) -> Result<Vec<PackagedFile>, PackageFileError> {
    let tag = tag::BASENAMES;
    let base_names = header.texts(tag)?;
    let folders = header.texts(tag::DIRNAMES)?;
    let indexes = header.numbers(tag::DIRINDEXES)?;
    let modes = header.numbers(tag::FILEMODES)?;
    let flags = header.numbers(tag::FILEFLAGS)?;
    if [indexes.len(), modes.len(), flags.len()] != [base_names.len(); 3] {
        let [folders, modes, flags] = [indexes.len(), modes.len(), flags.len()];
        let found = format!("{} files, {folders} folders, {modes} modes and {flags} flags", base_names.len());
        return Err(header.malformed(tag, "as many folders, modes and flags as files", found));
    }
    let mut paths_bytes = 0;
    let mut files = Vec::with_capacity(base_names.len());
    for (((base_name, index), mode), flags) in base_names.into_iter().zip(indexes).zip(modes).zip(flags) {
        let folder = usize::try_from(index).ok().and_then(|index| folders.get(index));
        let folder =
            folder.ok_or_else(|| header.malformed(tag::DIRINDEXES, "indexes of folders", index.to_string()))?;
        paths_bytes += folder.len() + base_name.len();
        if paths_bytes > FILE_LIST_MAX_BYTES {
            let limit = Limit::Bytes(FILE_LIST_MAX_BYTES as u64);
            return Err(PackageFileError::TooLarge { what: "the size of the rpm's file list", limit });
        }
        let path = format!("{folder}{base_name}");
        if !(path.starts_with('/') || is_source) || path.contains(|c: char| c.is_control()) {
            return Err(header.malformed(tag, "absolute paths without control characters", quoted(&path)));
        }
        let kind = match mode & FILE_TYPE_MASK {
            DIRECTORY => FileKind::Dir,
            _ if flags & u64::from(flags::file::GHOST) != 0 => FileKind::Ghost,
            _ => FileKind::File,
        };
        files.push(PackagedFile { path, kind });
    }
    Ok(files)
}

fn file_list(files: Vec<PackagedFile>) -> Result<(FileList, Option<Vec<u8>>), PackageFileError> {
    let json = serde_json::to_vec(&files).map_err(|error| PackageFileError::Read(error.into()))?;
    if json.len() <= FILE_LIST_INLINE_MAX_BYTES {
        return Ok((FileList::Inline(files), None));
    }
    Ok((FileList::Blob(Sha256::of(&json)), Some(json)))
}

/// The newest ten, oldest first. Entries of one second are distinguished by adding seconds, as createrepo_c does: readers
/// of `other.xml` key them by date.
fn changelogs(header: &Header) -> Result<Vec<Changelog>, PackageFileError> {
    let tags = [tag::CHANGELOGNAME, tag::CHANGELOGTEXT];
    let (authors, texts) = (header.texts(tags[0])?, header.texts(tags[1])?);
    let dates = header.numbers(tag::CHANGELOGTIME)?;
    if [texts.len(), dates.len()] != [authors.len(); 2] {
        let found = format!("{} authors, {} texts and {} dates", authors.len(), texts.len(), dates.len());
        return Err(header.malformed(tags[0], "as many texts and dates as authors", found));
    }
    let mut changelogs: Vec<Changelog> = Vec::new();
    let mut date_before = None;
    let newest_first: Vec<_> = authors.into_iter().zip(texts).zip(dates).take(CHANGELOGS_MAX).collect();
    for ((author, text), date) in newest_first.into_iter().rev() {
        let author = checked(header, tags[0], author)?.trim_end_matches(' ').to_owned();
        let text = checked(header, tags[1], text)?.to_owned();
        let shown = match changelogs.last() {
            Some(before) if date_before == Some(date) || before.date == date => before.date.saturating_add(1),
            _ => date,
        };
        date_before = Some(date);
        changelogs.push(Changelog { author, date: shown, text });
    }
    Ok(changelogs)
}
