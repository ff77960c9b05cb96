//! The grammar of a control paragraph that may enter an index. Source: Debian Policy 5.1, 5.6.

#[cfg(test)]
mod tests;

use domain::{names::PackageName, package::DebFacts, version::valid_deb_version};

use crate::packaging::error::{PackageFileError, quoted};

/// Fields that an index adds about the file: a package must not bring its own.
const RESERVED: [&str; 6] = ["filename", "size", "md5sum", "sha1", "sha256", "sha512"];

/// Checks a control file and takes out what a repository needs.
pub(super) fn facts(text: &str) -> Result<DebFacts, PackageFileError> {
    let fields = parse(text)?;
    let required = |name: &'static str, grammar: fn(&str) -> bool, expected| {
        let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        let Some(value) = field.map(Field::value) else {
            return Err(PackageFileError::malformed(format!("control file, field {name}"), expected, "no such field"));
        };
        match grammar(&value) {
            true => Ok(value),
            false => Err(PackageFileError::malformed(format!("control file, field {name}"), expected, quoted(&value))),
        }
    };
    let package =
        required("Package", is_package_name, "2 to 128 characters of a-z 0-9 . + -, a letter or digit first")?;
    let version =
        required("Version", is_version, "[epoch:]upstream[-revision], a digit first, at most 128 characters")?;
    let architecture = required("Architecture", is_architecture, "all, or one architecture such as amd64")?;
    required("Maintainer", |value| !value.is_empty(), "a name and an address")?;
    required("Description", |value| !value.is_empty(), "a summary line")?;

    let mut ordered: Vec<&Field> = fields.iter().collect();
    // A stable sort: the others keep their order.
    ordered.sort_by_key(|field| !field.name.eq_ignore_ascii_case("Package"));
    let control = ordered.iter().map(|field| field.lines.join("\n")).collect::<Vec<_>>().join("\n");
    Ok(DebFacts { package, version, architecture, control })
}

struct Field<'a> {
    name: &'a str,
    /// As written, without blanks at their ends.
    lines: Vec<&'a str>,
}

impl Field<'_> {
    /// The first line's.
    fn value(&self) -> String {
        let first = self.lines.first().copied().unwrap_or_default();
        first.split_once(':').map_or("", |(_, value)| value.trim()).to_owned()
    }
}

fn parse(text: &str) -> Result<Vec<Field<'_>>, PackageFileError> {
    let malformed = |expected, found: &str| Err(PackageFileError::malformed("control file", expected, found));
    if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
        return malformed("text without control characters", "a control character");
    }
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for line in text.trim_end_matches('\n').split('\n').map(|line| line.trim_end_matches([' ', '\t'])) {
        if line.is_empty() {
            return malformed("one paragraph without empty lines", "an empty line");
        }
        if line.starts_with([' ', '\t']) {
            match fields.last_mut() {
                Some(field) => field.lines.push(line),
                None => return malformed("a field on the first line", &quoted(line)),
            }
            continue;
        }
        let Some((name, _)) = line.split_once(':').filter(|(name, _)| is_field_name(name)) else {
            return malformed("lines like \"Field: value\"", &quoted(line));
        };
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&lower.as_str()) {
            let expected = "none of the fields that an index adds (Filename, Size, MD5sum, SHA1, SHA256, SHA512)";
            return malformed(expected, &quoted(line));
        }
        if !names.insert(lower) {
            return Err(PackageFileError::malformed(
                format!("control file, field {name}"),
                "each field once",
                "it twice",
            ));
        }
        fields.push(Field { name, lines: vec![line] });
    }
    Ok(fields)
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['#', '-'])
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

fn is_package_name(text: &str) -> bool {
    text.parse::<PackageName>().is_ok()
}

/// `[epoch:]upstream[-revision]`, without the colons that Policy allows inside an upstream version.
pub(super) fn is_version(text: &str) -> bool {
    valid_deb_version(text).is_ok()
}

/// A concrete architecture, as a built package has one.
fn is_architecture(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= 64 && text != "source" && text.split('-').all(|part| is_part(part) && part != "any")
}
