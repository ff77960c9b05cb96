//! Hides parts of the host's root filesystem from a build, by files in its layer.
//!
//! On the host's own root only the programs' folders are left, and in those nothing that other users may not
//! read: packages of `build.requires` run their scripts as root, so a file's mode alone would not keep them out.

use std::{
    fs::{self, FileType, Metadata},
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType as NodeType, Mode, XattrFlags, getxattr, mknodat, setxattr};

use super::Root;

/// The folders of the host's root that a build sees. Everything else there is an empty folder.
const VISIBLE: [&str; 10] = ["bin", "etc", "lib", "lib32", "lib64", "libx32", "opt", "sbin", "usr", "var"];
/// The folders of the host's `/var` that a build sees.
const VISIBLE_IN_VAR: [&str; 2] = ["cache", "lib"];
/// Of those, the ones that are searched for unreadable files.
const SEARCHED: [&str; 5] = ["/etc", "/opt", "/usr/local", "/var/cache", "/var/lib"];
/// Files and folders looked at, at most: a root with more is no root but a file server.
const SEARCHED_MAX_ENTRIES: u64 = 2_000_000;
/// Folders that must be on the root's own file system, since overlayfs shows one file system alone.
const ON_ONE_FILE_SYSTEM: [&str; 4] = ["/etc", "/usr", "/var", "/var/lib"];
/// How a folder of an upper layer says that nothing below it shows. Source: the kernel's overlayfs.rst.
const OPAQUE: &str = "trusted.overlay.opaque";

/// Fills the empty layer `upper` of `root`; `hide` are folders of this machine.
pub(super) fn seed(upper: &Path, root: &Root, hide: &[PathBuf]) -> io::Result<()> {
    let layer = Layer { lower: root.folder(), upper };
    for name in ["/tmp", "/run"] {
        layer.empty(Path::new(name))?;
    }
    if let Root::Host { .. } = root {
        layer.hide_host(hide)?;
    }
    layer.replace("/etc/resolv.conf", &fs::read("/etc/resolv.conf").unwrap_or_default(), 0o644)?;
    layer.replace("/etc/hostname", b"build\n", 0o644)?;
    let mut hosts = fs::read("/etc/hosts").unwrap_or_else(|_| b"127.0.0.1 localhost\n".to_vec());
    hosts.extend_from_slice(b"\n127.0.1.1 build\n");
    layer.replace("/etc/hosts", &hosts, 0o644)
}

struct Layer<'a> {
    lower: &'a Path,
    upper: &'a Path,
}

impl Layer<'_> {
    fn hide_host(&self, hide: &[PathBuf]) -> io::Result<()> {
        let device = fs::metadata(self.lower)?.dev();
        for path in ON_ONE_FILE_SYSTEM {
            if fs::metadata(path)?.dev() != device {
                return Err(io::Error::other(format!(
                    "the host's {path} is a separate file system, so its root cannot be built on: map a root filesystem"
                )));
            }
        }
        for (folder, visible) in [("/", &VISIBLE[..]), ("/var", &VISIBLE_IN_VAR[..])] {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if !visible.iter().any(|name| entry.file_name() == *name) {
                    self.conceal(&entry.path(), entry.file_type()?)?;
                }
            }
        }
        let mut left = SEARCHED_MAX_ENTRIES;
        for folder in SEARCHED {
            self.search(Path::new(folder), device, &mut left)?;
        }
        for path in hide {
            if let Ok(path) = fs::canonicalize(path)
                && !path.ancestors().any(|parent| self.is_emptied(parent))
            {
                self.conceal(&path, fs::symlink_metadata(&path)?.file_type())?;
            }
        }
        self.make_accounts()?;
        // apt stops if it cannot log.
        self.make(Path::new("/var/log/apt"), 0o755)
    }

    /// Conceals what other users may not read, below `folder`.
    fn search(&self, folder: &Path, device: u64, left: &mut u64) -> io::Result<()> {
        let Ok(entries) = fs::read_dir(folder) else {
            return Ok(());
        };
        for entry in entries {
            let entry = entry?;
            *left = left
                .checked_sub(1)
                .ok_or_else(|| io::Error::other("the host's root holds too many files to be built on"))?;
            // A file that was removed meanwhile needs no hiding.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let kind = metadata.file_type();
            if kind.is_symlink() || metadata.dev() != device {
                continue;
            }
            if !is_public(&metadata) {
                self.conceal(&entry.path(), kind)?;
            } else if kind.is_dir() {
                self.search(&entry.path(), device, left)?;
            }
        }
        Ok(())
    }

    fn conceal(&self, path: &Path, kind: FileType) -> io::Result<()> {
        match kind {
            kind if kind.is_symlink() => Ok(()),
            kind if kind.is_dir() => self.empty(path),
            _ => self.remove(path),
        }
    }

    /// Shows an empty folder, with the mode and owner of the real one, at `path`.
    fn empty(&self, path: &Path) -> io::Result<()> {
        if !self.make_parents(path)? || !is_folder(&self.below(self.lower, path)) {
            return Ok(());
        }
        let upper = self.below(self.upper, path);
        self.make_like_lower(path)?;
        Ok(setxattr(&upper, OPAQUE, b"y", XattrFlags::empty())?)
    }

    fn is_emptied(&self, path: &Path) -> bool {
        getxattr(self.below(self.upper, path), OPAQUE, &mut [0; 1]).is_ok()
    }

    /// Shows nothing at `path`: overlayfs takes the device 0:0 for a hole.
    fn remove(&self, path: &Path) -> io::Result<()> {
        if !self.make_parents(path)? {
            return Ok(());
        }
        Ok(mknodat(CWD, self.below(self.upper, path), NodeType::CharacterDevice, Mode::empty(), 0)?)
    }

    /// Shows `bytes` at `path`, whatever was there.
    fn replace(&self, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        let path = Path::new(path);
        if !self.make_parents(path)? {
            return Ok(());
        }
        let upper = self.below(self.upper, path);
        if fs::symlink_metadata(&upper).is_ok_and(|there| there.file_type().is_char_device()) {
            fs::remove_file(&upper)?;
        }
        fs::write(&upper, bytes)?;
        fs::set_permissions(&upper, fs::Permissions::from_mode(mode))
    }

    /// The real account files hold hashes of passwords; those made here allow no login.
    fn make_accounts(&self) -> io::Result<()> {
        for (names, secrets, rest) in
            [("/etc/passwd", "/etc/shadow", ":*:19000:0:99999:7:::\n"), ("/etc/group", "/etc/gshadow", ":*::\n")]
        {
            let text = fs::read_to_string(names)?;
            let locked: String =
                text.lines().filter_map(|line| line.split(':').next()).flat_map(|name| [name, rest]).collect();
            self.replace(secrets, locked.as_bytes(), 0o640)?;
        }
        Ok(())
    }

    fn make(&self, path: &Path, mode: u32) -> io::Result<()> {
        if self.make_parents(path)? {
            let upper = self.below(self.upper, path);
            fs::create_dir_all(&upper)?;
            fs::set_permissions(&upper, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    /// Makes the folders above `path`; false if one of them is not a folder, so that `path` cannot exist anyway.
    fn make_parents(&self, path: &Path) -> io::Result<bool> {
        let mut parents: Vec<&Path> = path.ancestors().skip(1).filter(|parent| *parent != Path::new("/")).collect();
        parents.reverse();
        for parent in parents {
            if fs::symlink_metadata(self.below(self.upper, parent)).is_ok() {
                continue;
            }
            if !is_folder(&self.below(self.lower, parent)) {
                return Ok(false);
            }
            self.make_like_lower(parent)?;
        }
        Ok(true)
    }

    fn make_like_lower(&self, path: &Path) -> io::Result<()> {
        let real = fs::symlink_metadata(self.below(self.lower, path))?;
        let upper = self.below(self.upper, path);
        match fs::create_dir(&upper) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        chown(&upper, Some(real.uid()), Some(real.gid()))?;
        fs::set_permissions(&upper, fs::Permissions::from_mode(real.mode() & 0o7777))
    }

    fn below(&self, root: &Path, path: &Path) -> PathBuf {
        root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// May every user read it? A folder that can be listed but not entered shows nothing either.
fn is_public(metadata: &Metadata) -> bool {
    let needed = if metadata.is_dir() { 0o005 } else { 0o004 };
    metadata.mode() & needed == needed
}
