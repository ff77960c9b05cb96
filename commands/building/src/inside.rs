//! Reads a tree that a build wrote, from outside, without following any link in it.

#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

/// A path that is not what it seems.
#[derive(Debug, thiserror::Error)]
pub(super) enum Escape {
    /// Nothing is there.
    #[error("there is no such file or folder")]
    Missing,
    /// A link on the way could lead anywhere.
    #[error("{0} is a symbolic link, which is not followed here")]
    Link(String),
    /// `..`, or nothing at all.
    #[error("the path contains `..`, which is not allowed")]
    NotNormal,
    /// The disk failed.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The real path of `path` below `root`, every folder on the way being a folder.
///
/// The last component may be a link: it is named, not followed. A leading `/` means `root`.
pub(super) fn locate(root: &Path, path: &str) -> Result<PathBuf, Escape> {
    let mut real = root.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => {
                if real != root {
                    folder(root, &real)?;
                }
                real.push(name);
            }
            Component::ParentDir | Component::Prefix(_) => return Err(Escape::NotNormal),
        }
    }
    kind(&real)?;
    Ok(real)
}

/// Like [`locate`], for a path that must be a folder itself.
pub(super) fn locate_folder(root: &Path, path: &str) -> Result<PathBuf, Escape> {
    let real = locate(root, path)?;
    if real != root {
        folder(root, &real)?;
    }
    Ok(real)
}

/// Refuses `path` if it, or a folder on the way to it, is a link. It need not exist.
pub(super) fn refuse_links(root: &Path, path: &Path) -> Result<(), Escape> {
    let mut real = root.to_owned();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => continue,
            Component::Normal(name) => real.push(name),
            Component::ParentDir | Component::Prefix(_) => return Err(Escape::NotNormal),
        }
        match kind(&real) {
            Ok(kind) if kind.is_symlink() => return Err(Escape::Link(shown(root, &real))),
            Ok(_) => {}
            Err(Escape::Missing) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn shown(root: &Path, real: &Path) -> String {
    format!("/{}", real.strip_prefix(root).unwrap_or(real).display())
}

fn folder(root: &Path, real: &Path) -> Result<(), Escape> {
    let kind = kind(real)?;
    if kind.is_symlink() {
        return Err(Escape::Link(shown(root, real)));
    }
    if kind.is_dir() { Ok(()) } else { Err(Escape::Missing) }
}

fn kind(real: &Path) -> Result<fs::FileType, Escape> {
    match fs::symlink_metadata(real) {
        Ok(metadata) => Ok(metadata.file_type()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(Escape::Missing)
        }
        Err(error) => Err(Escape::Io(error)),
    }
}
