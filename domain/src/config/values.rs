//! The grammar of single values: names, words, modes, addresses.

use std::str::FromStr;

use url::Url;

use super::{
    Architecture,
    error::{ConfigError, breaks_line, quoted},
    fields::Place,
    limits::{DISTRIBUTION_MAX_CHARS, LINE_MAX_BYTES, MODE_MAX, TEXT_MAX_BYTES},
};
use crate::{
    names::{InvalidName, UserName},
    package::Format,
};

/// Text on one line: nothing in it can start a new field of a control file or a new line of a log.
pub(super) fn line<'a>(place: &Place<'a>) -> Result<&'a str, ConfigError> {
    let text = place.text()?;
    if text.len() > LINE_MAX_BYTES {
        let problem = format!("the text has {} bytes: expected at most {LINE_MAX_BYTES}", text.len());
        return Err(place.error(problem));
    }
    if text.contains(breaks_line) {
        let problem = format!("{} has a line break or control character: expected one line", quoted(text));
        return Err(place.error(problem));
    }
    Ok(text)
}

/// Text of any number of lines, without the line breaks at its end.
pub(super) fn paragraphs(place: &Place<'_>) -> Result<String, ConfigError> {
    let text = place.text()?.trim_end();
    if text.len() > TEXT_MAX_BYTES {
        let problem = format!("the text has {} bytes: expected at most {TEXT_MAX_BYTES}", text.len());
        return Err(place.error(problem));
    }
    if text.contains(|c: char| breaks_line(c) && !matches!(c, '\n' | '\t')) {
        return Err(place.error(format!("{} has a control character: expected text", quoted(text))));
    }
    Ok(text.to_owned())
}

/// A name by its own grammar.
pub(super) fn name<N: FromStr<Err = InvalidName>>(place: &Place<'_>) -> Result<N, ConfigError> {
    line(place)?.parse().map_err(|error: InvalidName| place.error(error.to_string()))
}

/// A user or a group.
pub(super) fn user(place: &Place<'_>) -> Result<String, ConfigError> {
    name::<UserName>(place).map(|name| name.to_string())
}

/// `deb` or `rpm`.
pub(super) fn format(place: &Place<'_>) -> Result<Format, ConfigError> {
    match line(place)? {
        "deb" => Ok(Format::Deb),
        "rpm" => Ok(Format::Rpm),
        other => Err(place.error(format!("{} is not a package format: expected deb or rpm", quoted(other)))),
    }
}

/// `64-bit` and its kin.
pub(super) fn architecture(place: &Place<'_>) -> Result<Architecture, ConfigError> {
    match line(place)? {
        "64-bit" => Ok(Architecture::Bits64),
        "32-bit" => Ok(Architecture::Bits32),
        "arm64" => Ok(Architecture::Arm64),
        "all" => Ok(Architecture::All),
        other => {
            let expected = "64-bit, 32-bit, arm64 or all";
            Err(place.error(format!("{} is not an architecture: expected {expected}", quoted(other))))
        }
    }
}

/// The name of a root filesystem. It may become a folder's name, so it holds no `/` and starts with no dot.
pub(super) fn distribution(place: &Place<'_>) -> Result<String, ConfigError> {
    let text = line(place)?;
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let valid = text.len() <= DISTRIBUTION_MAX_CHARS
        && text.starts_with(first)
        && text.chars().all(|c| first(c) || matches!(c, '.' | '-' | '_'));
    if !valid {
        let expected = format!("up to {DISTRIBUTION_MAX_CHARS} characters of a-z 0-9 . _ -, such as ubuntu22 or el9");
        return Err(place.error(format!("{} is not a distribution: expected {expected}", quoted(text))));
    }
    Ok(text.to_owned())
}

/// `Name <email>`.
pub(super) fn maintainer(place: &Place<'_>) -> Result<String, ConfigError> {
    let text = line(place)?;
    let valid = text.strip_suffix('>').and_then(|text| text.split_once(" <")).is_some_and(|(name, email)| {
        let address = email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        let inner = |c: char| !c.is_whitespace() && !matches!(c, '<' | '>' | '"' | ',');
        !name.trim().is_empty()
            && !name.contains(['<', '>'])
            && address
            && email.matches('@').count() == 1
            && email.chars().all(inner)
    });
    if !valid {
        return Err(place.error(format!("{} is not a valid maintainer: expected Name <email>", quoted(text))));
    }
    Ok(text.to_owned())
}

/// An http or https address.
pub(super) fn url(place: &Place<'_>) -> Result<String, ConfigError> {
    let text = line(place)?;
    if !is_web_address(text) {
        let expected = "an http:// or https:// address";
        return Err(place.error(format!("{} is not a URL: expected {expected}", quoted(text))));
    }
    Ok(text.to_owned())
}

/// What a build installs first: a package's name, which no package manager can take for an option, or its file's URL.
pub(super) fn build_requirement(place: &Place<'_>) -> Result<String, ConfigError> {
    let text = line(place)?;
    let inner = |c: char| c.is_ascii_alphanumeric() || ".+-_:=~^/()@".contains(c);
    let package = text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '@'))
        && text.chars().all(inner)
        && !text.contains("://");
    if !package && !is_web_address(text) {
        let expected = "a package's name or the http(s) URL of a package file";
        return Err(place.error(format!("{} is not a valid build requirement: expected {expected}", quoted(text))));
    }
    Ok(text.to_owned())
}

/// One run-time dependency in the format's own notation, such as `python3 (>= 3.9) | pypy3` or `openssl-libs >= 1:3.0`.
///
/// A comma would be a second dependency in a deb and part of a name in an rpm.
pub(super) fn dependency(place: &Place<'_>) -> Result<String, ConfigError> {
    let text = line(place)?;
    let valid = text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '('))
        && text.chars().all(|c| (c.is_ascii_graphic() || c == ' ') && c != ',');
    if !valid {
        let expected = "one package, with the versions it may have, in the format's own notation";
        return Err(place.error(format!("{} is not a valid dependency: expected {expected}", quoted(text))));
    }
    Ok(text.trim_end().to_owned())
}

/// Octal digits with any number of leading zeros that five digits have room for, quoted or not.
pub(super) fn permissions(place: &Place<'_>) -> Result<u32, ConfigError> {
    let text = line(place)?;
    let octal = (3..=5).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let mode = if octal { u32::from_str_radix(text, 8).ok() } else { None };
    mode.filter(|mode| *mode <= MODE_MAX)
        .ok_or_else(|| place.error(format!("{} is not a file mode: expected octal digits such as 755", quoted(text))))
}

fn is_web_address(text: &str) -> bool {
    // The parser drops white space and repairs slashes; what is stored here must be what was checked.
    let written = text.starts_with("http://") || text.starts_with("https://");
    written && !text.contains(char::is_whitespace) && Url::parse(text).is_ok_and(|url| url.has_host())
}
