//! Writing a deb's control paragraph.

#[cfg(test)]
mod tests;

use crate::packaging::{accounts::Accounts, error::WritePackageError, spec::Spec};

/// The grammar of one line of `install.requires` in a deb.
const EXPECTED: &str = "a package name, optionally with a version such as \"libc6 (>= 2.28)\", \
                        or several with \"|\" between them";

/// The whole file, LF at its end. `installed_size_kib` as dpkg-gencontrol counts it.
///
/// There is no field for the licence.
pub(super) fn text(spec: &Spec<'_>, installed_size_kib: u64) -> Result<String, WritePackageError> {
    let config = spec.config;
    let mut lines = vec![
        format!("Package: {}", config.name),
        format!("Version: {}", spec.version),
        format!("Architecture: {}", spec.architecture()),
        format!("Maintainer: {}", config.maintainer),
        format!("Installed-Size: {installed_size_kib}"),
    ];
    if !Accounts::of(spec).groups.is_empty() {
        // preinst calls useradd; only a pre-dependency is unpacked and configured before it.
        lines.push("Pre-Depends: passwd".to_owned());
    }
    if !config.install.requires.is_empty() {
        let relations = config.install.requires.iter().map(|text| relation(text)).collect::<Result<Vec<_>, _>>()?;
        lines.push(format!("Depends: {}", relations.join(", ")));
    }
    lines.push("Section: misc".to_owned());
    lines.push("Priority: optional".to_owned());
    lines.extend(config.url.as_ref().map(|url| format!("Homepage: {url}")));
    lines.push(format!("Description: {}", description(spec)));
    Ok(lines.join("\n") + "\n")
}

/// A summary line; below it every line starts with a blank, and an empty one is ` .`.
fn description(spec: &Spec<'_>) -> String {
    let mut lines = spec.config.description.trim().lines().map(str::trim_end);
    let summary = lines.next().filter(|line| !line.is_empty()).unwrap_or(spec.config.name.as_str());
    let below = lines.skip_while(|line| line.is_empty()).map(|line| match line {
        "" => "\n .".to_owned(),
        line => format!("\n {line}"),
    });
    std::iter::once(summary.to_owned()).chain(below).collect()
}

/// Checks one dependency: dpkg would refuse to install a package with a bad one.
fn relation(text: &str) -> Result<&str, WritePackageError> {
    if text.split('|').all(|alternative| is_alternative(alternative.trim())) {
        Ok(text.trim())
    } else {
        Err(WritePackageError::Dependency { text: text.to_owned(), expected: EXPECTED })
    }
}

fn is_alternative(text: &str) -> bool {
    let (name, restriction) = match text.split_once('(') {
        Some((name, rest)) => (name.trim_end(), Some(rest)),
        None => (text, None),
    };
    let (name, architecture) = name.split_once(':').unwrap_or((name, "any"));
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.chars().all(is_word)
        && !architecture.is_empty()
        && architecture.chars().all(is_word)
        && restriction.is_none_or(is_restriction)
}

fn is_restriction(text: &str) -> bool {
    let Some(inner) = text.strip_suffix(')') else {
        return false;
    };
    let version = inner.trim_start().trim_start_matches(['<', '>', '=']);
    let operator = &inner.trim_start()[..inner.trim_start().len() - version.len()];
    matches!(operator, "<<" | "<=" | "=" | ">=" | ">>") && super::paragraph::is_version(version.trim())
}
