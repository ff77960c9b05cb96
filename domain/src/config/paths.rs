//! Paths in the checkout and on the machine. No path may leave the folder it is meant for.

use super::{
    error::{ConfigError, quoted},
    fields::Place,
    values::line,
};

/// `install.copy[].source`: in the checkout, a trailing `/` is significant, `./` means all of it.
pub(super) fn source(place: &Place<'_>) -> Result<String, ConfigError> {
    let text = line(place)?;
    let expected = "a path inside the checkout, such as dist/app or ./";
    let relative = relative(text)
        .ok_or_else(|| place.error(format!("{} is not the path of a source: expected {expected}", quoted(text))))?;
    Ok(if relative.is_empty() { "./".to_owned() } else { relative })
}

/// The path of a command's file in the repository.
pub(super) fn repository_file(place: &Place<'_>) -> Result<String, ConfigError> {
    let text = line(place)?;
    relative(text).filter(|path| !path.is_empty() && !path.ends_with('/')).ok_or_else(|| {
        let expected = "the path of a file in the repository, such as .pkgdeploy/build.sh";
        place.error(format!("{} is not the path of a command file: expected {expected}", quoted(text)))
    })
}

/// `install.copy[].destination`: absolute; a trailing `/` is significant, because it means a folder.
pub(super) fn destination(place: &Place<'_>) -> Result<String, ConfigError> {
    let text = line(place)?;
    absolute(text).ok_or_else(|| {
        let expected = "an absolute path without .., such as /usr/bin/ or /etc/app.conf";
        place.error(format!("{} is not a destination: expected {expected}", quoted(text)))
    })
}

/// `build.directory`: absolute, below the root, without a trailing `/`.
pub(super) fn directory(place: &Place<'_>) -> Result<String, ConfigError> {
    let text = line(place)?;
    let path = absolute(text).map(|path| path.trim_end_matches('/').to_owned());
    path.filter(|path| !path.is_empty()).ok_or_else(|| {
        let expected = "an absolute path without .., such as /opt/app";
        place.error(format!("{} is not a build directory: expected {expected}", quoted(text)))
    })
}

fn absolute(text: &str) -> Option<String> {
    Some(format!("/{}", normal(text.strip_prefix('/')?)?))
}

fn relative(text: &str) -> Option<String> {
    if text.starts_with('/') { None } else { normal(text) }
}

/// `text` without `.` and empty parts, but with its trailing `/`; none if it has a part `..`.
///
/// Not even `a/../b` is let through: `a` may be a symbolic link, and then it leaves the folder.
fn normal(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return None;
    }
    let folder = text.ends_with('/') || text.ends_with("/.");
    let slash = if folder && !parts.is_empty() { "/" } else { "" };
    Some(parts.join("/") + slash)
}
