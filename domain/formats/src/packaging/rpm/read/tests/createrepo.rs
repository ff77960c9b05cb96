//! The facts of rpms, ours and rpmbuild's, written as createrepo_c writes them and compared with what it writes.

use std::{fs, path::Path};

use domain::package::{Comparison, Dependency, Facts, FileKind, FileList, Format, RpmFacts};

use crate::packaging::{
    read_package,
    testing::{Sample, run, text},
};

const SPEC: &str = "
Name: odd
Epoch: 2
Version: 3.1
Release: 4.el9
Summary: Odd & <special>
License: MIT and others
URL: https://example.org/?a=1&b=2
Vendor: Acme
Packager: Ann <ann@example.org>
Requires: glibc >= 2.17, bash, config(x) = 1:2-3, plain < 7
Requires(pre): coreutils
Requires(post): sed
Requires(preun): grep
Provides: virtual = 1.0, other
Conflicts: enemy > 1
Obsoletes: old <= 2:3-4
Suggests: nice
Enhances: better
Recommends: good >= 1
Supplements: more
BuildArch: noarch
%description
Several lines
of \"text\".
%install
mkdir -p %{buildroot}/etc/odd %{buildroot}/usr/bin %{buildroot}/var/log
echo x > %{buildroot}/etc/odd/conf; echo y > %{buildroot}/usr/bin/odd; touch %{buildroot}/var/log/odd
ln -s odd %{buildroot}/usr/bin/oddlink
%post
echo hello
%files
%dir /etc/odd
%config(noreplace) /etc/odd/conf
/usr/bin/odd
/usr/bin/oddlink
%ghost /var/log/odd
%changelog
* Wed Mar 03 2021 Ann <ann@example.org> - 3.1-4
- newest & best
* Tue Mar 02 2021 Ann <ann@example.org> - 3.1-3
- c
* Tue Mar 02 2021 Ann <ann@example.org> - 3.1-2
- b
* Tue Mar 02 2021 Bob <bob@example.org> - 3.1-1
- a
";

#[test]
fn createrepo_c_finds_the_same_facts() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = folder.path().join("odd.spec");
    fs::write(&spec, SPEC).expect("a spec file");
    let top = format!("_topdir {}", text(folder.path()));
    run("rpmbuild", &["--quiet", "--define", &top, "-bb", text(&spec)]);
    let built = folder.path().join("RPMS/noarch/odd-3.1-4.el9.noarch.rpm");

    let mut sample = Sample::new(Format::Rpm);
    sample.config.install.requires = vec!["python3 >= 3.6".to_owned(), "(a or b)".to_owned()];
    for path in [built, sample.write().path] {
        compare(&path);
    }
}

fn compare(path: &Path) {
    let package = read_package(path).expect("a good rpm").package;
    let Facts::Rpm(facts) = &package.facts else { panic!("an rpm") };
    let repository = tempfile::tempdir().expect("a folder");
    fs::copy(path, repository.path().join(&package.file_name)).expect("a copy");
    run("createrepo_c", &["--quiet", "--no-database", text(repository.path())]);
    let document = |kind: &str| {
        let script = format!("zcat {}/repodata/*-{kind}.xml.gz", text(repository.path()));
        run("sh", &["-c", &script])
    };
    let primary = document("primary");
    for (what, expected) in [
        ("name", format!("<name>{}</name>", facts.name)),
        ("arch", format!("<arch>{}</arch>", facts.architecture)),
        (
            "version",
            format!("<version epoch=\"{}\" ver=\"{}\" rel=\"{}\"/>", facts.epoch, facts.version, facts.release),
        ),
        ("checksum", format!("pkgid=\"YES\">{}</checksum>", package.sha256)),
        ("summary", format!("<summary>{}</summary>", escaped(&facts.summary))),
        ("description", format!("<description>{}</description>", escaped(&facts.description))),
        ("packager", format!("<packager>{}</packager>", escaped(&facts.packager))),
        ("url", format!("<url>{}</url>", escaped(&facts.url))),
        ("build time", format!("build=\"{}\"/>", facts.build_time)),
        (
            "sizes",
            format!(
                "<size package=\"{}\" installed=\"{}\" archive=\"{}\"/>",
                package.size_bytes, facts.installed_size_bytes, facts.archive_size_bytes
            ),
        ),
        ("file name", format!("<location href=\"{}\"/>", package.file_name)),
        ("license", format!("<rpm:license>{}</rpm:license>", facts.license)),
        ("vendor", format!("<rpm:vendor>{}</rpm:vendor>", facts.vendor)),
        ("group", format!("<rpm:group>{}</rpm:group>", facts.group)),
        ("build host", format!("<rpm:buildhost>{}</rpm:buildhost>", facts.build_host)),
        ("source rpm", format!("<rpm:sourcerpm>{}</rpm:sourcerpm>", facts.source_rpm)),
        ("header", format!("<rpm:header-range start=\"{}\" end=\"{}\"/>", facts.header_start, facts.header_end)),
    ] {
        assert!(primary.contains(&expected), "{what}: {expected}\n{primary}");
    }
    for (kind, dependencies) in [
        ("provides", &facts.provides),
        ("requires", &facts.requires),
        ("conflicts", &facts.conflicts),
        ("obsoletes", &facts.obsoletes),
        ("suggests", &facts.suggests),
        ("enhances", &facts.enhances),
        ("recommends", &facts.recommends),
        ("supplements", &facts.supplements),
    ] {
        let start = primary.find(&format!("<rpm:{kind}>")).unwrap_or(primary.len());
        let end = primary.find(&format!("</rpm:{kind}>")).unwrap_or(primary.len());
        let found: Vec<&str> =
            primary[start..end].lines().skip(1).map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(found, shown(kind, dependencies, facts), "{kind}");
    }
    let files = document("filelists");
    let found: Vec<&str> = files.lines().map(str::trim).filter(|line| line.starts_with("<file")).skip(1).collect();
    let FileList::Inline(list) = &facts.files else { panic!("a short list") };
    let expected: Vec<String> = list
        .iter()
        .map(|file| match file.kind {
            FileKind::Dir => format!("<file type=\"dir\">{}</file>", file.path),
            FileKind::Ghost => format!("<file type=\"ghost\">{}</file>", file.path),
            FileKind::File => format!("<file>{}</file>", file.path),
        })
        .collect();
    assert_eq!(found, expected);
    let other = document("other");
    let found: Vec<&str> = other.lines().map(str::trim).filter(|line| line.starts_with("<changelog")).collect();
    let expected: Vec<String> = facts
        .changelogs
        .iter()
        .map(|entry| {
            let (author, text) = (escaped(&entry.author), escaped(&entry.text));
            format!("<changelog author=\"{author}\" date=\"{}\">{text}</changelog>", entry.date)
        })
        .collect();
    assert_eq!(found, expected);
}

/// With what createrepo_c leaves out left out: rpm's own features and what the package provides itself.
fn shown(kind: &str, dependencies: &[Dependency], facts: &RpmFacts) -> Vec<String> {
    let own = |dependency: &&Dependency| {
        kind == "requires"
            && (dependency.name.starts_with("rpmlib(")
                || facts.provides.iter().any(|provided| provided.name == dependency.name))
    };
    dependencies.iter().filter(|dependency| !own(dependency)).map(line).collect()
}

fn line(dependency: &Dependency) -> String {
    let mut line = format!("<rpm:entry name=\"{}\"", escaped(&dependency.name));
    if let Some(comparison) = dependency.comparison {
        let word = match comparison {
            Comparison::Lt => "LT",
            Comparison::Le => "LE",
            Comparison::Eq => "EQ",
            Comparison::Ge => "GE",
            Comparison::Gt => "GT",
        };
        let (epoch, rest) = dependency.evr.split_once(':').unwrap_or(("0", &dependency.evr));
        let (version, release) =
            rest.rsplit_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
        line += &format!(" flags=\"{word}\" epoch=\"{epoch}\" ver=\"{version}\"");
        line += &release.map(|release| format!(" rel=\"{release}\"")).unwrap_or_default();
    }
    line + if dependency.pre { " pre=\"1\"/>" } else { "/>" }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
