#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use ::rpm::{
    Header as Written, HeaderEntry, IndexData, IndexSignatureTag as Signature, IndexTag as Tag, PackageMetadata,
};
use domain::{
    digest::Sha256 as Digest256,
    package::{Comparison, Facts, FileKind, FileList, Format, PackagedFile},
    size::Limit,
};

use super::{super::facts::FILE_LIST_MAX_BYTES, *};
use crate::packaging::{
    ReadPackage,
    read::FACTS_MAX_BYTES,
    read_package,
    rpm_header::header::{HEADER_MAX_TAGS, TAG_MAX_ELEMENTS},
    testing::{Sample, stored},
};

fn read_bytes(bytes: &[u8]) -> Result<ReadPackage, PackageFileError> {
    let folder = tempfile::tempdir().unwrap();
    read_package(&stored(folder.path(), bytes))
}

fn facts_of(bytes: &[u8]) -> RpmFacts {
    match read_bytes(bytes).unwrap().package.facts {
        Facts::Rpm(facts) => *facts,
        Facts::Deb(_) => panic!("an rpm"),
    }
}

/// The headers of a package without anything, written once.
fn empty() -> PackageMetadata {
    static EMPTY: LazyLock<Vec<u8>> = LazyLock::new(|| Sample::empty(Format::Rpm).bytes());
    PackageMetadata::parse(&mut &EMPTY[..]).unwrap()
}

/// Reads without a file, which is faster: the answer does not matter, a panic, a hang or gigabytes of memory do.
fn survive(bytes: &[u8]) {
    let _ = read(&mut &*bytes, &[]);
}

/// An rpm with an empty payload whose header is these bytes, with the right digests.
fn sealed(header: &[u8]) -> Vec<u8> {
    let mut metadata = empty();
    metadata.signature = Written::from_entries(
        [
            HeaderEntry::new(Signature::RPMSIGTAG_SHA256 as u32, IndexData::StringTag(digest::<Sha256>(header))),
            HeaderEntry::new(Signature::RPMSIGTAG_MD5 as u32, IndexData::Bin(Md5::digest(header).to_vec())),
        ],
        Signature::HEADER_SIGNATURES,
    );
    let length_without = metadata.header_bytes().unwrap().len();
    let mut bytes = Vec::new();
    metadata.write(&mut bytes).unwrap();
    bytes.truncate(bytes.len() - length_without);
    bytes.extend(header);
    bytes
}

/// The smallest header that is a package's, with some tags changed or added.
fn header_with(changes: Vec<(Tag, IndexData)>) -> Vec<u8> {
    let text = |text: &str| IndexData::StringTag(text.to_owned());
    let mut entries = vec![
        (Tag::RPMTAG_NAME, text("greeter")),
        (Tag::RPMTAG_VERSION, text("1.0")),
        (Tag::RPMTAG_RELEASE, text("1")),
        (Tag::RPMTAG_ARCH, text("noarch")),
        (Tag::RPMTAG_SOURCERPM, text("greeter-1.0-1.src.rpm")),
    ];
    for (tag, data) in changes {
        entries.retain(|(known, _)| *known != tag);
        entries.push((tag, data));
    }
    let entries = entries.into_iter().map(|(tag, data)| HeaderEntry::new(tag as u32, data));
    let header = Written::from_entries(entries, Tag::RPMTAG_HEADERIMMUTABLE);
    let mut metadata = empty();
    metadata.header = header;
    metadata.header_bytes().unwrap()
}

fn with(changes: Vec<(Tag, IndexData)>) -> Result<ReadPackage, PackageFileError> {
    read_bytes(&sealed(&header_with(changes)))
}

fn texts(texts: &[&str]) -> IndexData {
    IndexData::StringArray(texts.iter().map(|&text| text.to_owned()).collect())
}

/// Where the parts of an rpm begin.
fn offsets(bytes: &[u8]) -> (usize, usize) {
    let offsets = PackageMetadata::parse(&mut &bytes[..]).unwrap().get_package_segment_offsets();
    (offsets.header as usize, offsets.payload as usize)
}

#[test]
fn an_rpm_we_wrote_says_what_it_was_written_from() {
    let mut sample = Sample::new(Format::Rpm);
    sample.config.install.requires = vec!["python3 >= 3.6".to_owned()];
    let written = sample.write();
    let ReadPackage { package, attached } = read_package(&written.path).unwrap();
    assert_eq!(package.file_name, "greeter-1.2.0~rc1-1.x86_64.rpm");
    assert_eq!((package.sha256, package.size_bytes), (written.sha256, written.size_bytes));
    assert_eq!(attached, None);
    let Facts::Rpm(facts) = &package.facts else { panic!("an rpm") };
    assert_eq!(
        (package.name(), package.version().as_str(), package.architecture()),
        ("greeter", "1.2.0~rc1-1", "x86_64")
    );
    assert_eq!((facts.summary.as_str(), facts.license.as_str()), ("Greets the world", "MIT"));
    assert_eq!((facts.build_time, facts.installed_size_bytes), (1_700_000_000, 46));
    let python = facts.requires.iter().find(|dependency| dependency.name == "python3").unwrap();
    assert_eq!((python.comparison, python.evr.as_str(), python.pre), (Some(Comparison::Ge), "3.6", false));
    let FileList::Inline(files) = &facts.files else { panic!("a short list") };
    assert_eq!(files.len(), 5);
    assert_eq!(files[4], PackagedFile { path: "/var/lib/greeter".to_owned(), kind: FileKind::Dir });
    assert_eq!(files[0], PackagedFile { path: "/etc/greeter/greet.conf".to_owned(), kind: FileKind::File });
}

#[test]
fn a_long_file_list_becomes_a_blob_of_its_own() {
    let mut sample = Sample::empty(Format::Rpm);
    for number in 0..2000 {
        sample.add(
            &format!("/opt/greeter/some-folder-{number}"),
            0o755,
            "root",
            crate::packaging::tree::Content::Directory,
        );
    }
    let ReadPackage { package, attached } = read_package(&sample.write().path).unwrap();
    let attached = attached.expect("the list is longer than 64 KiB");
    let Facts::Rpm(facts) = package.facts else { panic!("an rpm") };
    assert_eq!(facts.files, FileList::Blob(Digest256::of(&attached)));
    let files: Vec<PackagedFile> = serde_json::from_slice(&attached).unwrap();
    assert_eq!(files.len(), 2000);
}

#[test]
fn an_rpm_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = Sample::new(Format::Rpm).bytes();
    for length in 0..bytes.len() {
        let result = read_package(&stored(folder.path(), &bytes[..length]));
        assert!(result.is_err(), "cut after {length} bytes");
    }
}

#[test]
fn an_rpm_with_any_byte_of_its_header_or_payload_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = Sample::new(Format::Rpm).bytes();
    for position in offsets(&bytes).0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 0x41;
        assert!(read_package(&stored(folder.path(), &changed)).is_err(), "byte {position}");
    }
}

#[test]
fn an_rpm_with_any_byte_changed_and_its_digests_made_anew_is_read_or_refused() {
    let bytes = Sample::new(Format::Rpm).bytes();
    let (start, end) = offsets(&bytes);
    for position in 0..end {
        for value in [0, 1, 0x7f, 0xff] {
            let mut changed = bytes.clone();
            changed[position] = value;
            match position < start {
                true => survive(&changed),
                false => survive(&sealed(&changed[start..end])),
            }
        }
    }
}

#[test]
fn a_payload_must_have_a_digest() {
    let header = header_with(Vec::new());
    assert!(read_bytes(&sealed(&header)).is_ok());
    let mut metadata = PackageMetadata::parse(&mut &sealed(&header)[..]).unwrap();
    metadata.signature = Written::from_entries(
        [HeaderEntry::new(Signature::RPMSIGTAG_SHA256 as u32, IndexData::StringTag(digest::<Sha256>(&header)))],
        Signature::HEADER_SIGNATURES,
    );
    let mut bytes = Vec::new();
    metadata.write(&mut bytes).unwrap();
    let error = read_bytes(&bytes).unwrap_err().to_string();
    assert_eq!(error, "the package file is not valid (rpm header): expected a digest of the payload, found none");
    metadata.signature = Written::from_entries([], Signature::HEADER_SIGNATURES);
    bytes.clear();
    metadata.write(&mut bytes).unwrap();
    assert!(read_bytes(&bytes).unwrap_err().to_string().contains("a SHA-256 or SHA-1 digest of the header"));
}

#[test]
fn a_header_that_promises_too_much_is_refused_unread() {
    let mut bytes = sealed(&header_with(Vec::new()));
    let start = offsets(&bytes).0;
    bytes[start + 8..start + 12].copy_from_slice(&(HEADER_MAX_TAGS as u32 + 1).to_be_bytes());
    assert!(matches!(
        read_bytes(&bytes),
        Err(PackageFileError::TooLarge { what: "the number of tags in an rpm header", .. })
    ));
    bytes[start + 8..start + 16].copy_from_slice(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(read_bytes(&bytes), Err(PackageFileError::TooLarge { what: "the size of an rpm header", .. })));
    bytes[start + 12..start + 16].copy_from_slice(&(1_u32 << 24).to_be_bytes());
    assert!(matches!(read_bytes(&bytes), Err(PackageFileError::Truncated)));
}

#[test]
fn tags_with_more_elements_than_the_limit_are_refused() {
    let names = IndexData::StringArray(vec![String::new(); TAG_MAX_ELEMENTS + 1]);
    let result = with(vec![(Tag::RPMTAG_BASENAMES, names)]);
    assert!(matches!(result, Err(PackageFileError::TooLarge { what: "the number of values of one rpm tag", .. })));
}

#[test]
fn a_few_bytes_cannot_make_a_long_file_list() {
    let count = FILE_LIST_MAX_BYTES / 4000 + 1;
    let folder = format!("/{}/", "x".repeat(4000));
    let result = with(vec![
        (Tag::RPMTAG_BASENAMES, IndexData::StringArray(vec!["a".to_owned(); count])),
        (Tag::RPMTAG_DIRNAMES, texts(&[&folder])),
        (Tag::RPMTAG_DIRINDEXES, IndexData::Int32(vec![0; count])),
        (Tag::RPMTAG_FILEMODES, IndexData::Int16(vec![0o100_644; count])),
        (Tag::RPMTAG_FILEFLAGS, IndexData::Int32(vec![0; count])),
    ]);
    assert!(matches!(result, Err(PackageFileError::TooLarge { what: "the size of the rpm's file list", .. })));
}

#[test]
fn facts_that_fit_no_event_are_refused() {
    let long = IndexData::I18NString(vec!["x".repeat(FACTS_MAX_BYTES as usize)]);
    let result = with(vec![(Tag::RPMTAG_DESCRIPTION, long)]);
    assert!(matches!(result, Err(PackageFileError::TooLarge { limit: Limit::Bytes(FACTS_MAX_BYTES), .. })));
}

#[test]
fn words_that_become_file_names_follow_rpm_s_grammar() {
    let text = |text: &str| IndexData::StringTag(text.to_owned());
    for (tag, bad) in [
        (Tag::RPMTAG_NAME, "../../x"),
        (Tag::RPMTAG_NAME, "<&\">"),
        (Tag::RPMTAG_NAME, ""),
        (Tag::RPMTAG_NAME, "-x"),
        (Tag::RPMTAG_NAME, "a b"),
        (Tag::RPMTAG_VERSION, "1-0"),
        (Tag::RPMTAG_VERSION, "1/0"),
        (Tag::RPMTAG_RELEASE, "1-el9"),
        (Tag::RPMTAG_ARCH, "x86-64"),
        (Tag::RPMTAG_ARCH, "../x"),
    ] {
        let error = with(vec![(tag, text(bad))]).unwrap_err().to_string();
        assert!(error.contains(&format!("tag {}", tag as u32)), "{bad}: {error}");
    }
    assert!(with(vec![(Tag::RPMTAG_NAME, text(&"x".repeat(97)))]).is_err());
    assert!(with(vec![(Tag::RPMTAG_NAME, text("libstdc++_x.y")), (Tag::RPMTAG_VERSION, text("1~rc1^git"))]).is_ok());
}

#[test]
fn texts_are_utf_8_without_control_characters() {
    for tag in [Tag::RPMTAG_SUMMARY, Tag::RPMTAG_DESCRIPTION, Tag::RPMTAG_VENDOR, Tag::RPMTAG_URL] {
        let error = with(vec![(tag, IndexData::StringTag("\u{1b}[31m".to_owned()))]).unwrap_err().to_string();
        assert!(error.contains("text without control characters"), "{error}");
    }
    let header = header_with(vec![(Tag::RPMTAG_SUMMARY, IndexData::StringTag("J__rg".to_owned()))]);
    let position = header.windows(5).position(|window| window == b"J__rg").unwrap();
    let mut latin_1 = header;
    latin_1[position + 1] = 0xf6;
    let error = read_bytes(&sealed(&latin_1)).unwrap_err().to_string();
    assert!(error.contains("UTF-8 text"), "{error}");
}

#[test]
fn file_paths_are_absolute_and_their_arrays_agree() {
    let list = |folder: &str, index: u32, modes: usize| {
        with(vec![
            (Tag::RPMTAG_BASENAMES, texts(&["a"])),
            (Tag::RPMTAG_DIRNAMES, texts(&[folder])),
            (Tag::RPMTAG_DIRINDEXES, IndexData::Int32(vec![index])),
            (Tag::RPMTAG_FILEMODES, IndexData::Int16(vec![0o100_644; modes])),
            (Tag::RPMTAG_FILEFLAGS, IndexData::Int32(vec![0])),
        ])
    };
    assert!(list("/opt/", 0, 1).is_ok());
    assert!(list("opt/", 0, 1).is_err());
    assert!(list("/o\npt/", 0, 1).is_err());
    assert!(list("/opt/", 1, 1).is_err());
    assert!(list("/opt/", 0, 2).is_err());
    let unequal = vec![
        (Tag::RPMTAG_PROVIDENAME, texts(&["a", "b"])),
        (Tag::RPMTAG_PROVIDEFLAGS, IndexData::Int32(vec![0])),
        (Tag::RPMTAG_PROVIDEVERSION, texts(&["", ""])),
    ];
    assert!(with(unequal).unwrap_err().to_string().contains("as many flags and versions"));
}

#[test]
fn tags_of_another_type_are_refused() {
    for (tag, data) in [
        (Tag::RPMTAG_NAME, IndexData::Int32(vec![1])),
        (Tag::RPMTAG_BUILDTIME, IndexData::StringTag("x".to_owned())),
        (Tag::RPMTAG_EPOCH, IndexData::Int64(vec![1 << 40])),
        (Tag::RPMTAG_BASENAMES, IndexData::Bin(vec![0])),
    ] {
        let error = with(vec![(tag, data)]).unwrap_err().to_string();
        assert!(error.contains(&format!("tag {}", tag as u32)), "{error}");
    }
}

#[test]
fn a_tag_outside_the_signed_region_or_twice_is_refused() {
    let header = header_with(Vec::new());
    let mut without_region = header.clone();
    without_region[16..20].copy_from_slice(&64_u32.to_be_bytes());
    assert!(read_bytes(&sealed(&without_region)).unwrap_err().to_string().contains("one region"));
    let mut outside = header.clone();
    let entries = u32::from_be_bytes(outside[8..12].try_into().unwrap());
    outside[8..12].copy_from_slice(&(entries + 1).to_be_bytes());
    let vendor = [Tag::RPMTAG_VENDOR as u32, 6, 0, 1].map(u32::to_be_bytes).concat();
    let end_of_index = 16 + 16 * entries as usize;
    outside.splice(end_of_index..end_of_index, vendor);
    assert!(read_bytes(&sealed(&outside)).unwrap_err().to_string().contains("one region"));
    let mut twice = header;
    let (first, second) = (16 + 16, 16 + 32);
    let tag: [u8; 4] = twice[first..first + 4].try_into().unwrap();
    twice[second..second + 4].copy_from_slice(&tag);
    assert!(read_bytes(&sealed(&twice)).unwrap_err().to_string().contains("each tag once"));
}

#[test]
fn a_source_package_is_told_from_others() {
    let facts = facts_of(&sealed(&header_with(vec![(Tag::RPMTAG_SOURCEPACKAGE, IndexData::Int32(vec![1]))])));
    assert_eq!(facts.architecture, "src");
}

mod createrepo;
