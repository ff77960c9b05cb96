//! Tests against createrepo_c, which renders the metadata of real rpms, and dnf, which reads our metadata.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    fs,
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use domain::{
    digest::Sha256,
    package::{Changelog, Comparison, Dependency, FileKind, FileList, PackagedFile, RpmFacts, testing::rpm_facts},
    recorded::Revision,
    repository::Stated,
};
use rpm::{DependencyFlags, FileFlags, FileType, IndexSignatureTag, PackageMetadata};

use super::{Document, PackageFile, filelists, other, primary, repomd};
use crate::segmented_file::{Codec, Piece, Segmented};

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn dependencies(all: Vec<rpm::Dependency>, requires: bool) -> Vec<Dependency> {
    use DependencyFlags as F;
    let one = |d: rpm::Dependency| Dependency {
        comparison: match d.flags & (F::LESS | F::GREATER | F::EQUAL) {
            F::EQUAL => Some(Comparison::Eq),
            F::LE => Some(Comparison::Le),
            F::GE => Some(Comparison::Ge),
            F::LESS => Some(Comparison::Lt),
            F::GREATER => Some(Comparison::Gt),
            _ => None,
        },
        pre: requires && d.flags.intersects(F::PREREQ | F::SCRIPT_PRE | F::SCRIPT_POST),
        name: d.name,
        evr: d.version,
    };
    all.into_iter().map(one).collect()
}

fn facts_of(bytes: &[u8]) -> RpmFacts {
    let m = PackageMetadata::parse(&mut &bytes[..]).unwrap();
    let offsets = m.get_package_segment_offsets();
    let kind = |entry: &rpm::FileEntry| match (entry.file_type(), entry.flags()) {
        (FileType::Dir, _) => FileKind::Dir,
        (_, flags) if flags.contains(FileFlags::GHOST) => FileKind::Ghost,
        _ => FileKind::File,
    };
    let file = |entry: rpm::FileEntry| PackagedFile { path: entry.path().to_str().unwrap().into(), kind: kind(&entry) };
    let mut changelogs: Vec<Changelog> = m
        .get_changelog_entries()
        .unwrap()
        .into_iter()
        .take(10)
        .map(|entry| Changelog { author: entry.name, date: entry.timestamp, text: entry.description })
        .collect();
    changelogs.reverse();
    RpmFacts {
        epoch: m.get_epoch().unwrap_or(0),
        release: m.get_release().unwrap().into(),
        architecture: m.get_arch().unwrap().into(),
        summary: m.get_summary().unwrap_or_default().into(),
        description: m.get_description().unwrap_or_default().into(),
        packager: m.get_packager().unwrap_or_default().into(),
        url: m.get_url().unwrap_or_default().into(),
        license: m.get_license().unwrap().into(),
        vendor: m.get_vendor().unwrap_or_default().into(),
        group: m.get_group().unwrap_or("Unspecified").into(),
        build_host: m.get_build_host().unwrap_or_default().into(),
        source_rpm: m.get_source_rpm().unwrap_or_default().into(),
        build_time: m.get_build_time().unwrap(),
        installed_size_bytes: m.get_installed_size().unwrap(),
        archive_size_bytes: m.signature.get_entry_data_as_u32(IndexSignatureTag::RPMSIGTAG_PAYLOADSIZE).unwrap().into(),
        header_start: offsets.header,
        header_end: offsets.payload,
        provides: dependencies(m.get_provides().unwrap(), false),
        requires: dependencies(m.get_requires().unwrap(), true),
        conflicts: dependencies(m.get_conflicts().unwrap(), false),
        obsoletes: dependencies(m.get_obsoletes().unwrap(), false),
        suggests: dependencies(m.get_suggests().unwrap(), false),
        enhances: dependencies(m.get_enhances().unwrap(), false),
        recommends: dependencies(m.get_recommends().unwrap(), false),
        supplements: dependencies(m.get_supplements().unwrap(), false),
        files: FileList::Inline(m.get_file_entries().unwrap().into_iter().map(file).collect()),
        changelogs,
        ..rpm_facts(m.get_name().unwrap(), m.get_version().unwrap())
    }
}

/// What we write of a package, by document.
fn render(facts: &RpmFacts, file: &PackageFile<'_>) -> [String; 3] {
    let FileList::Inline(files) = &facts.files else { panic!() };
    [primary::package(facts, files, file), filelists::package(facts, files, file), other::package(facts, file)]
}

fn build_rpms(folder: &Path) -> Vec<PathBuf> {
    let packages = folder.join("packages");
    fs::create_dir(&packages).unwrap();
    run(Command::new("rpmbuild")
        .args(["-bb", "--quiet", "--define", "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"])
        .args(["--define", &format!("_topdir {}", folder.join("rpmbuild").display())])
        .args(["--define", &format!("_rpmdir {}", packages.display())])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/yum/odd-one.spec")));
    let mut built: Vec<PathBuf> = fs::read_dir(&packages).unwrap().map(|entry| entry.unwrap().path()).collect();
    built.sort();
    assert_eq!(built.len(), 2);
    built
}

#[test]
fn real_rpms_are_described_byte_for_byte_as_createrepo_c_does() {
    let folder = tempfile::tempdir().unwrap();
    let rpms = build_rpms(folder.path());
    run(Command::new("createrepo_c").args(["--no-database", "--quiet"]).arg(folder.path()));

    let mut ours = [String::new(), String::new(), String::new()];
    for rpm in &rpms {
        let bytes = fs::read(rpm).unwrap();
        let path = format!("packages/{}", rpm.file_name().unwrap().to_str().unwrap());
        let (sha256, size_bytes) = (Sha256::of(&bytes), bytes.len() as u64);
        let added_at = fs::metadata(rpm).unwrap().mtime();
        let file = PackageFile { path: &path, sha256: &sha256, size_bytes, added_at };
        for (ours, fragment) in ours.iter_mut().zip(render(&facts_of(&bytes), &file)) {
            ours.push_str(&fragment);
        }
    }
    let mut described = Vec::new();
    for (document, ours) in Document::ALL.into_iter().zip(ours) {
        let ending = format!("-{}.xml.gz", document.name());
        let repodata = fs::read_dir(folder.path().join("repodata")).unwrap();
        let theirs = repodata.map(|entry| entry.unwrap().path()).find(|path| path.to_str().unwrap().ends_with(&ending));
        let packed = fs::read(theirs.unwrap()).unwrap();
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
        let frame = document.frame(rpms.len());
        assert_eq!(format!("{}{ours}{}", frame.head, frame.foot), text, "{}", document.name());
        let measure =
            |bytes: &[u8]| crate::segmented_file::Measure { sha256: Sha256::of(bytes), size_bytes: bytes.len() as u64 };
        described.push((document, repomd::Described { packed: measure(&packed), open: measure(text.as_bytes()) }));
    }
    let theirs = fs::read_to_string(folder.path().join(repomd::PATH)).unwrap();
    let revision = theirs.split(['<', '>']).skip_while(|part| *part != "revision").nth(1).unwrap().parse().unwrap();
    let at = chrono::DateTime::from_timestamp(revision, 0).unwrap();
    assert_eq!(repomd::render(at, &described, &Stated::default()), theirs);
}

#[test]
fn dnf_reads_documents_of_several_gz_members() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("repodata")).unwrap();
    let mut segmented_files = [Segmented::default(), Segmented::default(), Segmented::default()];
    let len = crate::segmented_file::SEGMENT_ENTRIES * 2 + 1;
    for n in 0..len {
        let (path, sha256) = (format!("packages/hello-1.{n}-1.x86_64.rpm"), Sha256::of(&n.to_be_bytes()));
        let file = PackageFile { path: &path, sha256: &sha256, size_bytes: 1, added_at: 1 };
        let facts = rpm_facts("hello", &format!("1.{n}"));
        for (segmented_file, fragment) in segmented_files.iter_mut().zip(render(&facts, &file)) {
            segmented_file.push(Revision(n as u64), &fragment);
        }
    }
    let mut described = Vec::new();
    for (document, segmented_file) in Document::ALL.into_iter().zip(&mut segmented_files) {
        let frame = document.frame(len);
        segmented_file.prepare(len, Codec::Gz);
        let packed = segmented_file.pack(len, &frame, Codec::Gz);
        let mut blobs = packed.new_blobs.iter();
        let bytes: Vec<u8> = packed
            .manifest
            .pieces
            .iter()
            .flat_map(|piece| match piece {
                Piece::Inline(bytes) => bytes.clone(),
                Piece::Blob { .. } => blobs.next().unwrap().clone(),
            })
            .collect();
        fs::write(folder.path().join(document.path(&packed.measure.sha256)), bytes).unwrap();
        described
            .push((document, repomd::Described { packed: packed.measure, open: segmented_file.measure(len, &frame) }));
    }
    fs::write(
        folder.path().join(repomd::PATH),
        repomd::render(chrono::DateTime::UNIX_EPOCH, &described, &Stated::default()),
    )
    .unwrap();
    let found = run(Command::new("dnf")
        .arg("--quiet")
        .arg(format!("--installroot={}/root", folder.path().display()))
        .arg(format!("--repofrompath=ours,file://{}", folder.path().display()))
        .args(["--repo=ours", "--releasever=9", "--setopt=reposdir=/dev/null"])
        .arg(format!("--setopt=cachedir={}/cache", folder.path().display()))
        .args(["repoquery", "--qf", "%{version}"]));
    assert_eq!(found.lines().filter(|line| line.starts_with("1.")).count(), len, "{found}");
}
