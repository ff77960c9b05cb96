//! From an rpm's headers to what YUM metadata says about it. Source of the rules: createrepo_c, tried on the same files.

use ::rpm::{DependencyFlags as Flags, IndexSignatureTag as Signature, IndexTag as Tag};
use domain::{
    digest::Sha256,
    package::{Changelog, Comparison, Dependency, FileKind, FileList, PackagedFile, RpmFacts},
};

use super::header::Header;
use crate::packaging::error::PackageFileError;

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
const GHOST: u64 = 1 << 6;
/// Sizes of 64 bits.
const LONG_SIZE: u32 = 5009;
const LONG_ARCHIVE_SIZE: u32 = 271;

/// Where the header stands in the file.
pub(super) struct Place {
    pub(super) header_start: u64,
    pub(super) header_end: u64,
}

/// The facts, and the JSON text of a file list too long to be among them.
pub(super) fn facts(
    signature: &Header,
    header: &Header,
    place: Place,
) -> Result<(RpmFacts, Option<Vec<u8>>), PackageFileError> {
    let is_source = header.has(Tag::RPMTAG_SOURCEPACKAGE as u32) || !header.has(Tag::RPMTAG_SOURCERPM as u32);
    let (files, attached) = file_list(files(header, is_source)?)?;
    let text = |tag: Tag| free_text(header, tag as u32);
    let first_of = |long: Option<u64>, short: Option<u64>| long.or(short).unwrap_or_default();
    let archive_size = signature.number(Signature::RPMSIGTAG_PAYLOADSIZE as u32)?;
    let dependencies = |tags| dependencies(header, tags);
    let facts = RpmFacts {
        name: word(header, Tag::RPMTAG_NAME, "._+-", "letters, digits and . _ + -, at most 96 characters")?,
        epoch: u32::try_from(header.number(Tag::RPMTAG_EPOCH as u32)?.unwrap_or_default())
            .map_err(|_| header.malformed(Tag::RPMTAG_EPOCH as u32, "a number of 32 bits"))?,
        version: word(header, Tag::RPMTAG_VERSION, "._+~^", VERSION_EXPECTED)?,
        release: word(header, Tag::RPMTAG_RELEASE, "._+~^", VERSION_EXPECTED)?,
        architecture: match is_source {
            true => "src".to_owned(),
            false => word(header, Tag::RPMTAG_ARCH, "_", "letters, digits and _, at most 96 characters")?,
        },
        summary: text(Tag::RPMTAG_SUMMARY)?,
        description: text(Tag::RPMTAG_DESCRIPTION)?,
        packager: text(Tag::RPMTAG_PACKAGER)?,
        url: text(Tag::RPMTAG_URL)?,
        license: text(Tag::RPMTAG_LICENSE)?,
        vendor: text(Tag::RPMTAG_VENDOR)?,
        group: match header.has(Tag::RPMTAG_GROUP as u32) {
            true => text(Tag::RPMTAG_GROUP)?,
            false => "Unspecified".to_owned(),
        },
        build_host: text(Tag::RPMTAG_BUILDHOST)?,
        source_rpm: text(Tag::RPMTAG_SOURCERPM)?,
        build_time: header.number(Tag::RPMTAG_BUILDTIME as u32)?.unwrap_or_default(),
        installed_size_bytes: first_of(header.number(LONG_SIZE)?, header.number(Tag::RPMTAG_SIZE as u32)?),
        archive_size_bytes: first_of(signature.number(LONG_ARCHIVE_SIZE)?, archive_size),
        header_start: place.header_start,
        header_end: place.header_end,
        provides: dependencies([Tag::RPMTAG_PROVIDENAME, Tag::RPMTAG_PROVIDEFLAGS, Tag::RPMTAG_PROVIDEVERSION])?,
        requires: dependencies([Tag::RPMTAG_REQUIRENAME, Tag::RPMTAG_REQUIREFLAGS, Tag::RPMTAG_REQUIREVERSION])?,
        conflicts: dependencies([Tag::RPMTAG_CONFLICTNAME, Tag::RPMTAG_CONFLICTFLAGS, Tag::RPMTAG_CONFLICTVERSION])?,
        obsoletes: dependencies([Tag::RPMTAG_OBSOLETENAME, Tag::RPMTAG_OBSOLETEFLAGS, Tag::RPMTAG_OBSOLETEVERSION])?,
        suggests: dependencies([Tag::RPMTAG_SUGGESTNAME, Tag::RPMTAG_SUGGESTFLAGS, Tag::RPMTAG_SUGGESTVERSION])?,
        enhances: dependencies([Tag::RPMTAG_ENHANCENAME, Tag::RPMTAG_ENHANCEFLAGS, Tag::RPMTAG_ENHANCEVERSION])?,
        recommends: dependencies([
            Tag::RPMTAG_RECOMMENDNAME,
            Tag::RPMTAG_RECOMMENDFLAGS,
            Tag::RPMTAG_RECOMMENDVERSION,
        ])?,
        supplements: dependencies([
            Tag::RPMTAG_SUPPLEMENTNAME,
            Tag::RPMTAG_SUPPLEMENTFLAGS,
            Tag::RPMTAG_SUPPLEMENTVERSION,
        ])?,
        files,
        changelogs: changelogs(header)?,
    };
    Ok((facts, attached))
}

const VERSION_EXPECTED: &str = "letters, digits and . _ + ~ ^, at most 96 characters";

/// A text that becomes part of a file name and of URLs.
fn word(header: &Header, tag: Tag, also: &str, expected: &'static str) -> Result<String, PackageFileError> {
    let text = header.text(tag as u32)?.unwrap_or_default();
    let is_valid = (1..=WORD_MAX_BYTES).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    if is_valid { Ok(text.to_owned()) } else { Err(header.malformed(tag as u32, expected)) }
}

/// A text for people; XML has no form for control characters.
fn free_text(header: &Header, tag: u32) -> Result<String, PackageFileError> {
    checked(header, tag, header.text(tag)?.unwrap_or_default()).map(str::to_owned)
}

fn checked<'a>(header: &Header, tag: u32, text: &'a str) -> Result<&'a str, PackageFileError> {
    let forbidden =
        |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) {
        return Err(header.malformed(tag, "text without control characters"));
    }
    Ok(text)
}

fn dependencies(header: &Header, [name, flags, version]: [Tag; 3]) -> Result<Vec<Dependency>, PackageFileError> {
    let (name, flags, version) = (name as u32, flags as u32, version as u32);
    let (names, all_flags, versions) = (header.texts(name)?, header.numbers(flags)?, header.texts(version)?);
    if names.len() != all_flags.len() || names.len() != versions.len() {
        return Err(header.malformed(name, "as many flags and versions as names"));
    }
    let rows = names.into_iter().zip(all_flags).zip(versions);
    rows.map(|((dependency, all_flags), evr)| {
        let all_flags = Flags::from_bits_retain(all_flags as u32);
        let comparison = match all_flags & (Flags::LESS | Flags::GREATER | Flags::EQUAL) {
            Flags::LESS => Some(Comparison::Lt),
            Flags::LE => Some(Comparison::Le),
            Flags::EQUAL => Some(Comparison::Eq),
            Flags::GE => Some(Comparison::Ge),
            Flags::GREATER => Some(Comparison::Gt),
            _ => None,
        };
        let evr = checked(header, version, evr)?;
        Ok(Dependency {
            name: checked(header, name, dependency)?.to_owned(),
            comparison,
            evr: comparison.map(|_| evr.to_owned()).unwrap_or_default(),
            // Only of requirements; createrepo_c does not count %preun and %postun.
            pre: name == Tag::RPMTAG_REQUIRENAME as u32
                && all_flags.intersects(Flags::PREREQ | Flags::SCRIPT_PRE | Flags::SCRIPT_POST),
        })
    })
    .collect()
}

fn files(header: &Header, is_source: bool) -> Result<Vec<PackagedFile>, PackageFileError> {
    let tag = Tag::RPMTAG_BASENAMES as u32;
    let base_names = header.texts(tag)?;
    let folders = header.texts(Tag::RPMTAG_DIRNAMES as u32)?;
    let indexes = header.numbers(Tag::RPMTAG_DIRINDEXES as u32)?;
    let modes = header.numbers(Tag::RPMTAG_FILEMODES as u32)?;
    let flags = header.numbers(Tag::RPMTAG_FILEFLAGS as u32)?;
    if [indexes.len(), modes.len(), flags.len()] != [base_names.len(); 3] {
        return Err(header.malformed(tag, "as many folders, modes and flags as files"));
    }
    let mut paths_bytes = 0;
    let mut files = Vec::with_capacity(base_names.len());
    for (((base_name, index), mode), flags) in base_names.into_iter().zip(indexes).zip(modes).zip(flags) {
        let folder = usize::try_from(index).ok().and_then(|index| folders.get(index));
        let folder = folder.ok_or_else(|| header.malformed(Tag::RPMTAG_DIRINDEXES as u32, "indexes of folders"))?;
        paths_bytes += folder.len() + base_name.len();
        if paths_bytes > FILE_LIST_MAX_BYTES {
            let limit = FILE_LIST_MAX_BYTES as u64;
            return Err(PackageFileError::TooLarge { what: "the rpm's file list", limit });
        }
        let path = format!("{folder}{base_name}");
        if !(path.starts_with('/') || is_source) || path.contains(|c: char| c.is_control()) {
            return Err(header.malformed(tag, "absolute paths without control characters"));
        }
        let kind = match mode & FILE_TYPE_MASK {
            DIRECTORY => FileKind::Dir,
            _ if flags & GHOST != 0 => FileKind::Ghost,
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

/// The newest ten, oldest first. Entries of one second are told apart by adding seconds, as createrepo_c does: readers
/// of `other.xml` key them by date.
fn changelogs(header: &Header) -> Result<Vec<Changelog>, PackageFileError> {
    let tags = [Tag::RPMTAG_CHANGELOGNAME as u32, Tag::RPMTAG_CHANGELOGTEXT as u32];
    let (authors, texts) = (header.texts(tags[0])?, header.texts(tags[1])?);
    let dates = header.numbers(Tag::RPMTAG_CHANGELOGTIME as u32)?;
    if [texts.len(), dates.len()] != [authors.len(); 2] {
        return Err(header.malformed(tags[0], "as many texts and dates as authors"));
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
