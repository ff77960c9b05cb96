//! Writes `Provides`, `Requires` and their kin in `primary.xml`. Source: createrepo_c's `parsehdr.c`.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

use domain::package::{Comparison, Dependency, PackagedFile, RpmFacts};

use super::{primary::is_primary_file, xml};

/// All lists of a package, in createrepo_c's order.
pub(super) fn render(facts: &RpmFacts, files: &[PackagedFile]) -> String {
    let mut out = String::new();
    list(&mut out, "provides", unique(&facts.provides));
    list(&mut out, "requires", needed(facts, files));
    list(&mut out, "conflicts", unique(&facts.conflicts));
    list(&mut out, "obsoletes", unique(&facts.obsoletes));
    list(&mut out, "suggests", unique(&facts.suggests));
    list(&mut out, "enhances", unique(&facts.enhances));
    list(&mut out, "recommends", unique(&facts.recommends));
    list(&mut out, "supplements", unique(&facts.supplements));
    out
}

fn unique(dependencies: &[Dependency]) -> Vec<&Dependency> {
    let mut seen = HashSet::new();
    let key = |d: &Dependency| (d.name.clone(), d.comparison.map(word), d.evr.clone(), d.pre);
    dependencies.iter().filter(|d| seen.insert(key(d))).collect()
}

/// What a package needs from others: not from rpm itself, nor what it brings along.
///
/// Of the many `libc.so.6(GLIBC_…)` only the highest is written, at the end: it implies the others.
fn needed<'a>(facts: &'a RpmFacts, files: &[PackagedFile]) -> Vec<&'a Dependency> {
    let provided: HashSet<_> =
        facts.provides.iter().map(|d| (d.name.as_str(), d.comparison.map(word), &d.evr)).collect();
    let own_files: HashSet<&str> =
        files.iter().map(|file| file.path.as_str()).filter(|path| is_primary_file(path)).collect();
    let mut last_of_name: HashMap<&str, &Dependency> = HashMap::new();
    let mut libc: Option<&Dependency> = None;
    let mut needed = Vec::new();
    for dependency in &facts.requires {
        let name = dependency.name.as_str();
        if name.starts_with("rpmlib(")
            || own_files.contains(name)
            || provided.contains(&(name, dependency.comparison.map(word), &dependency.evr))
            || last_of_name.get(name).is_some_and(|last| *last == dependency)
        {
            continue;
        }
        if name.starts_with("libc.so.6") {
            if libc.is_none_or(|highest| glibc_version(&highest.name) < glibc_version(name)) {
                libc = Some(dependency);
            }
            continue;
        }
        last_of_name.insert(name, dependency);
        needed.push(dependency);
    }
    needed.extend(libc);
    needed
}

/// `[2, 34]` of `libc.so.6(GLIBC_2.34)(64bit)`; nothing of `libc.so.6()(64bit)`.
fn glibc_version(name: &str) -> Vec<u32> {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inner, _)| inner);
    inner.trim_start_matches("GLIBC_").split('.').filter_map(|part| part.parse().ok()).collect()
}

fn list(out: &mut String, tag: &str, dependencies: Vec<&Dependency>) {
    if dependencies.is_empty() {
        return;
    }
    // Writing to a String does not fail.
    let _ok = writeln!(out, "    <rpm:{tag}>");
    for dependency in dependencies {
        out.push_str(&entry(dependency));
    }
    let _ok = writeln!(out, "    </rpm:{tag}>");
}

fn entry(dependency: &Dependency) -> String {
    let mut out = format!("      <rpm:entry name=\"{}\"", xml::attribute(&dependency.name));
    if let Some(comparison) = dependency.comparison {
        let (epoch, version, release) = split_evr(&dependency.evr);
        let (epoch, version) = (xml::attribute(epoch), xml::attribute(version));
        let _ok = write!(out, " flags=\"{}\" epoch=\"{epoch}\" ver=\"{version}\"", word(comparison));
        if let Some(release) = release {
            let _ok = write!(out, " rel=\"{}\"", xml::attribute(release));
        }
    }
    if dependency.pre {
        out.push_str(" pre=\"1\"");
    }
    out + "/>\n"
}

/// `[epoch:]version[-release]`; a missing epoch is 0.
fn split_evr(evr: &str) -> (&str, &str, Option<&str>) {
    let (epoch, rest) = evr.split_once(':').unwrap_or(("0", evr));
    match rest.rsplit_once('-') {
        Some((version, release)) => (epoch, version, Some(release)),
        None => (epoch, rest, None),
    }
}

fn word(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Lt => "LT",
        Comparison::Le => "LE",
        Comparison::Eq => "EQ",
        Comparison::Ge => "GE",
        Comparison::Gt => "GT",
    }
}
