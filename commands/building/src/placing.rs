//! One line of `install.copy`: its source, its destination, and the modes and owners.

use std::{
    ffi::OsStr,
    fs::{self, Metadata},
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Component, Path, PathBuf},
};

use domain::config::Copy;
use formats::packaging::tree::{Content, Entry};

use super::{
    BuildError, Step,
    inside::{self, Escape},
};

/// Longest path in a package.
pub(super) const PATH_MAX_BYTES: usize = 2048;

/// Who owns what is added, and with which mode.
pub(super) struct Rule<'a> {
    pub(super) user: &'a str,
    pub(super) group: &'a str,
    pub(super) permissions: Option<u32>,
}

pub(super) fn locate(built: &Path, copy: &Copy) -> Result<PathBuf, BuildError> {
    let located = if copies_contents(copy) {
        inside::locate_folder(built, &copy.source)
    } else {
        inside::locate(built, &copy.source)
    };
    located.map_err(|escape| match escape {
        Escape::Missing => {
            BuildError::OutputMissing { source_path: copy.source.clone(), destination: copy.destination.clone() }
        }
        escape => refused(&copy.source, escape.to_string()),
    })
}

/// `dist/` and `./` mean what is in the folder; `dist` means the folder itself.
fn copies_contents(copy: &Copy) -> bool {
    copy.source.ends_with('/') || copy.source.ends_with("/.") || matches!(copy.source.as_str(), "" | ".")
}

/// The path of the source in the package: below a destination that ends in `/`, else the destination itself.
pub(super) fn destination(copy: &Copy) -> Result<String, BuildError> {
    let expected =
        || refused(&copy.destination, "expected an absolute path without `..` as the destination".to_owned());
    let mut path = String::new();
    for component in Path::new(&copy.destination).components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(part) => {
                let part = name(part, &path)?;
                path = format!("{path}/{part}");
            }
            Component::ParentDir | Component::Prefix(_) => return Err(expected()),
        }
    }
    if !copy.destination.starts_with('/') {
        return Err(expected());
    }
    if copy.destination.ends_with('/') && !copies_contents(copy) {
        let file_name = Path::new(&copy.source).file_name().ok_or_else(expected)?;
        path = format!("{path}/{}", name(file_name, &path)?);
    }
    Ok(path)
}

pub(super) fn name(name: &OsStr, parent: &str) -> Result<String, BuildError> {
    let shown = format!("{parent}/{}", name.to_string_lossy().escape_debug());
    let text = name.to_str().filter(|text| !text.contains(char::is_control));
    let text = text.ok_or_else(|| refused(&shown, "its name is not UTF-8, or holds a control character".to_owned()))?;
    if parent.len() + 1 + text.len() > PATH_MAX_BYTES {
        return Err(refused(&shown, format!("its path is longer than {PATH_MAX_BYTES} bytes")));
    }
    Ok(text.to_owned())
}

pub(super) fn entry(real: &Path, path: &str, metadata: &Metadata, rule: &Rule<'_>) -> Result<Entry, BuildError> {
    let kind = metadata.file_type();
    // Set-uid and similar bits are set by the config, not by files that a build leaves.
    let built_mode = metadata.mode() & 0o777;
    let (mode, content) = if kind.is_dir() {
        (rule.permissions.map_or(built_mode, folder_mode), Content::Directory)
    } else if kind.is_symlink() {
        let target = fs::read_link(real).map_err(|source| unreadable(real, source))?;
        let target = target.to_str().filter(|target| !target.contains(char::is_control));
        let target =
            target.ok_or_else(|| refused(path, "its target is not UTF-8, or holds a control character".to_owned()))?;
        (0o777, Content::Symlink(target.to_owned()))
    } else if kind.is_file() {
        (rule.permissions.unwrap_or(built_mode), Content::File { source: real.to_owned(), size_bytes: metadata.len() })
    } else {
        let what = match () {
            () if kind.is_fifo() => "a named pipe",
            () if kind.is_socket() => "a socket",
            () => "a device",
        };
        return Err(refused(path, format!("it is {what}")));
    };
    Ok(Entry { mode, user: rule.user.to_owned(), group: rule.group.to_owned(), content })
}

/// `permissions` of a copy line, for its folders: who may read may also enter, and no special bits.
fn folder_mode(permissions: u32) -> u32 {
    (permissions & 0o777) | ((permissions & 0o444) >> 2)
}

pub(super) fn refused(path: &str, reason: String) -> BuildError {
    BuildError::OutputRefused { path: path.to_owned(), reason }
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> BuildError {
    BuildError::Machine { step: Step::Building, action: "read", path: path.to_owned(), source }
}
