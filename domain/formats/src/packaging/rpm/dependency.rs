//! What an rpm that we write provides and requires.
//!
//! It does not require the shell of its scriptlets: every system that runs rpm has one, and Debian's dnf and rpm, whose
//! database knows no package with `/bin/sh`, would refuse the package. It is ordered after the shell all the same, which
//! matters where both are installed into an empty root.

#[cfg(test)]
mod tests;

use super::flags;
use crate::packaging::{
    accounts::Accounts, error::WritePackageError, rpm_header::Value, scripts::MaintainerScripts, spec::Spec,
};

/// The grammar of one line of `install.requires` in an rpm.
const EXPECTED: &str = "a package, file or capability, optionally with a version such as \"python3 >= 3.6\", \
                        or a rich dependency in parentheses";

/// The interpreter of every scriptlet.
pub(super) const SHELL: &str = "/bin/sh";

/// A name, and which versions of it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dependency {
    name: String,
    version: String,
    flags: u32,
}

impl Dependency {
    fn any(name: impl Into<String>) -> Self {
        Self::new(name, 0, "")
    }

    fn eq(name: impl Into<String>, version: &str) -> Self {
        Self::new(name, flags::EQUAL, version)
    }

    /// A capability of rpm itself, which also a later version has.
    fn rpmlib(name: &str, version: &str) -> Self {
        Self::new(format!("rpmlib({name})"), flags::RPMLIB | flags::LESS_OR_EQUAL, version)
    }

    fn config(name: &str, version: &str) -> Self {
        Self::new(format!("config({name})"), flags::CONFIG | flags::EQUAL, version)
    }

    fn new(name: impl Into<String>, flags: u32, version: &str) -> Self {
        Self { name: name.into(), version: version.to_owned(), flags }
    }
}

/// Itself, its configuration, and the owners it creates (other packages' files may have them).
pub(super) fn provides(spec: &Spec<'_>, evr: &str, has_configuration: bool) -> Vec<Dependency> {
    let name = spec.config.name.as_str();
    let mut provides = vec![Dependency::eq(name, evr)];
    let isa = match spec.architecture() {
        "x86_64" => Some("x86-64"),
        "i686" => Some("x86-32"),
        "aarch64" => Some("aarch-64"),
        _ => None,
    };
    provides.extend(isa.map(|isa| Dependency::eq(format!("{name}({isa})"), evr)));
    if has_configuration {
        provides.push(Dependency::config(name, evr));
    }
    let accounts = Accounts::of(spec);
    provides.extend(accounts.users.iter().map(|user| Dependency::any(format!("user({user})"))));
    provides.extend(accounts.groups.iter().map(|group| Dependency::any(format!("group({group})"))));
    sorted(provides)
}

/// What the config asks for, and what rpm must be able to do.
pub(super) fn requires(
    spec: &Spec<'_>,
    evr: &str,
    has_configuration: bool,
) -> Result<Vec<Dependency>, WritePackageError> {
    let asked = spec.config.install.requires.iter().map(|text| parse(text.trim()));
    let mut requires = asked.collect::<Result<Vec<_>, _>>()?;
    if requires.iter().any(|dependency| dependency.name.starts_with('(')) {
        requires.push(Dependency::rpmlib("RichDependencies", "4.12.0-1"));
    }
    requires.push(Dependency::rpmlib("CompressedFileNames", "3.0.4-1"));
    requires.push(Dependency::rpmlib("FileDigests", "4.6.0-1"));
    requires.push(Dependency::rpmlib("PayloadFilesHavePrefix", "4.0-1"));
    if has_configuration {
        requires.push(Dependency::config(spec.config.name.as_str(), evr));
    }
    Ok(sorted(requires))
}

/// What rpm installs first if it is in the same transaction.
pub(super) fn order_with_requires(scripts: &MaintainerScripts) -> Vec<Dependency> {
    let phases = [
        (&scripts.before_unpack, flags::SCRIPT_PRE),
        (&scripts.after_unpack, flags::SCRIPT_POST),
        (&scripts.before_removal, flags::SCRIPT_PREUN),
        (&scripts.after_removal, flags::SCRIPT_POSTUN),
    ];
    let used = phases.into_iter().filter(|(script, _)| script.is_some());
    used.map(|(_, flags)| Dependency::new(SHELL, flags, "")).collect()
}

fn parse(text: &str) -> Result<Dependency, WritePackageError> {
    let refuse = || WritePackageError::Dependency { text: text.to_owned(), expected: EXPECTED };
    if text.contains(char::is_control) || text.is_empty() {
        return Err(refuse());
    }
    if text.starts_with('(') {
        let balance = text.chars().filter(|c| *c == '(').count() == text.chars().filter(|c| *c == ')').count();
        return if balance && text.ends_with(')') { Ok(Dependency::any(text)) } else { Err(refuse()) };
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let name_start = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/');
    match words[..] {
        [name] if name.starts_with(name_start) && !name.contains(['<', '>', '=', ',']) => Ok(Dependency::any(name)),
        [name, operator, version]
            if name.starts_with(name_start)
                && !name.contains(['<', '>', '=', ','])
                && version.chars().all(|c| c.is_ascii_alphanumeric() || ".+~^_:-".contains(c)) =>
        {
            let flags = match operator {
                "<" => flags::LESS,
                "<=" | "=<" => flags::LESS_OR_EQUAL,
                "=" | "==" => flags::EQUAL,
                ">=" | "=>" => flags::GREATER_OR_EQUAL,
                ">" => flags::GREATER,
                _ => return Err(refuse()),
            };
            Ok(Dependency::new(name, flags, version))
        }
        _ => Err(refuse()),
    }
}

/// By name, as rpmbuild orders them.
fn sorted(mut dependencies: Vec<Dependency>) -> Vec<Dependency> {
    dependencies.sort();
    dependencies.dedup();
    dependencies
}

/// The header's three parallel arrays.
pub(super) fn values(tags: [u32; 3], dependencies: Vec<Dependency>) -> [(u32, Value); 3] {
    let (mut names, mut flags, mut versions) = (Vec::new(), Vec::new(), Vec::new());
    for dependency in dependencies {
        names.push(dependency.name);
        flags.push(dependency.flags);
        versions.push(dependency.version);
    }
    let [name, flag, version] = tags;
    [(name, Value::Texts(names)), (flag, Value::Int32(flags)), (version, Value::Texts(versions))]
}
